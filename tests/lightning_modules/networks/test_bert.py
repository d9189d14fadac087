import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel

from lightning_modules.networks.bert import BertClassifier, build_bert, build_bert_from_config
from lightning_modules.networks.layers.attention import NAME

SIZES = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
FAMILIES = {
    "bert": SIZES,
    "roberta": SIZES | {"pad_token_id": 0},
    "electra": SIZES | {"embedding_size": 16},
    "distilbert": {"dim": 16, "n_layers": 2, "n_heads": 2, "hidden_dim": 32},
}
DROPOUT_FIELDS = {"distilbert": ("dropout", "attention_dropout")}


def tiny_config(family: str) -> dict[str, Any]:
    return {"model_type": family, "vocab_size": 40, "max_position_embeddings": 24, **FAMILIES[family]}


def save_checkpoint(folder: Path, family: str = "bert") -> str:
    torch.manual_seed(0)
    AutoModel.from_config(AutoConfig.for_model(**tiny_config(family))).save_pretrained(folder)
    return str(folder)


def tiny_batch() -> tuple[Tensor, Tensor]:
    input_ids = torch.tensor([[2, 5, 6, 7, 3], [2, 8, 3, 0, 0]])
    return input_ids, (input_ids > 0).long()


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_loads_with_its_dropouts_set_and_the_fast_attention(family: str, tmp_path: Path) -> None:
    network = build_bert(save_checkpoint(tmp_path, family), num_classes=3, dropout=0.2, attention_dropout=0.3)

    fields = DROPOUT_FIELDS.get(family, ("hidden_dropout_prob", "attention_probs_dropout_prob"))
    assert [getattr(network.encoder.config, field) for field in fields] == [0.2, 0.3]
    assert {module.p for module in network.modules() if isinstance(module, nn.Dropout)} <= {0.2, 0.3}
    assert network.encoder.config._attn_implementation == NAME
    assert network(*tiny_batch()).shape == (2, 3)


@pytest.mark.parametrize("family", FAMILIES)
def test_every_parameter_gets_a_gradient(family: str, tmp_path: Path) -> None:
    network = build_bert(save_checkpoint(tmp_path, family), num_classes=3)
    network(*tiny_batch()).square().sum().backward()
    assert [name for name, parameter in network.named_parameters() if parameter.grad is None] == []


@pytest.mark.parametrize("pooling", ["mean", "cls"])
@pytest.mark.parametrize("family", FAMILIES)
def test_logits_do_not_depend_on_how_far_a_batch_is_padded(family: str, pooling: str) -> None:
    network = build_bert_from_config(tiny_config(family), 3, pooling=pooling).eval()  # type: ignore[arg-type]
    input_ids, mask = tiny_batch()
    padded = nn.functional.pad(input_ids, (0, 12)), nn.functional.pad(mask, (0, 12))
    torch.testing.assert_close(network(*padded), network(input_ids, mask), rtol=0, atol=1e-6)


def test_a_text_without_tokens_gets_finite_logits() -> None:
    network = build_bert_from_config(tiny_config("bert"), 3)
    assert network(torch.zeros(1, 4, dtype=torch.long), torch.zeros(1, 4, dtype=torch.long)).isfinite().all()


@pytest.mark.parametrize("family", FAMILIES)
def test_a_saved_config_and_state_rebuild_the_network_without_its_folder(family: str, tmp_path: Path) -> None:
    trained = build_bert(save_checkpoint(tmp_path, family), num_classes=3).eval()

    config = json.loads(json.dumps(trained.config))
    rebuilt = build_bert_from_config(config, num_classes=3).eval()
    rebuilt.load_state_dict(trained.state_dict())

    assert torch.equal(rebuilt(*tiny_batch()), trained(*tiny_batch()))
    assert rebuilt.encoder.config._attn_implementation == NAME
    assert str(tmp_path) not in json.dumps(config)


@pytest.mark.parametrize(
    ("argument", "value"),
    [("num_classes", 0), ("dropout", 1.0), ("attention_dropout", -0.1), ("pooling", "max")],
)
def test_an_argument_out_of_range_is_named_with_its_value(argument: str, value: object) -> None:
    arguments: dict[str, object] = {"config": tiny_config("bert"), "num_classes": 2, argument: value}
    with pytest.raises(ValueError, match=f"{argument} is {value!r}; use"):
        build_bert_from_config(**arguments)  # type: ignore[arg-type]


def test_a_config_without_model_type_is_refused() -> None:
    with pytest.raises(ValueError, match=r"model_type 'None'; use BertClassifier\.config"):
        build_bert_from_config({"hidden_size": 16}, num_classes=2)


def test_overfits_one_batch_under_bf16_autocast() -> None:
    torch.manual_seed(0)
    network: BertClassifier = build_bert_from_config(tiny_config("bert"), num_classes=2, dropout=0.0).train()
    input_ids, mask = tiny_batch()
    labels = torch.tensor([0, 1])
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-2)
    for _ in range(30):
        with torch.autocast("cpu", torch.bfloat16):
            loss = nn.functional.cross_entropy(network(input_ids, mask).float(), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss < 0.05


@pytest.mark.parametrize("pooling", ["mean", "cls"])
@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_weights_of_another_precision_give_nearly_the_same_logits(dtype: torch.dtype, pooling: str) -> None:
    torch.manual_seed(0)
    network = build_bert_from_config(tiny_config("bert"), 3, pooling=pooling).eval()  # type: ignore[arg-type]
    expected = network(*tiny_batch())
    logits = network.to(dtype)(*tiny_batch())
    logits.sum().backward()
    assert logits.dtype == dtype
    torch.testing.assert_close(logits.float(), expected, rtol=0, atol=1e-2)
