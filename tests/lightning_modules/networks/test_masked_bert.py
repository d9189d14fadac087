import json
from pathlib import Path

import pytest
import torch
from torch import Tensor
from transformers import AutoModelForMaskedLM

from lightning_modules.networks.masked_bert import MaskedBert, build_masked_bert, build_masked_bert_from_config
from tests.tiny_bert import FAMILIES, MASK_ID, SPECIAL_IDS, WORDS, save_tiny_bert, tiny_config


def tiny_batch() -> tuple[Tensor, Tensor]:
    input_ids = torch.tensor([[2, 7, 8, 9, 10, 11, 12, 13, 14, 3], [2, 20, 21, 3, 0, 0, 0, 0, 0, 0]])
    return input_ids, (input_ids > 0).long()


def surprise_by_transformers(folder: str, network: MaskedBert) -> Tensor:
    """What transformers' own head makes of the texts that a network in evaluation mode hides tokens of, (B, 2)."""
    reference = AutoModelForMaskedLM.from_pretrained(folder, dtype=torch.float32).eval()
    ids, mask = tiny_batch()
    hidden = network.masking(ids, mask)
    logits = reference(input_ids=hidden.input_ids, attention_mask=mask).logits
    wanted = torch.full_like(ids, -100).scatter(1, hidden.positions, ids.gather(1, hidden.positions))
    wanted = wanted.where(torch.zeros_like(ids, dtype=torch.bool).scatter(1, hidden.positions, hidden.chosen), -100)
    nats = torch.nn.functional.cross_entropy(logits.flatten(0, 1), wanted.flatten(), reduction="none").view_as(ids)
    return torch.stack([nats.sum(1), (wanted >= 0).sum(1).float()], dim=1)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_checkpoints_own_head_is_taken_and_says_what_transformers_says(family: str, tmp_path: Path) -> None:
    folder = save_tiny_bert(tmp_path, family)
    network = build_masked_bert(folder, masked_share=0.4).eval()
    torch.testing.assert_close(network(*tiny_batch()), surprise_by_transformers(folder, network), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("family", FAMILIES)
def test_every_parameter_gets_a_gradient(family: str, tmp_path: Path) -> None:
    network = build_masked_bert(save_tiny_bert(tmp_path, family)).train()
    network(*tiny_batch())[:, 0].sum().backward()
    assert [name for name, parameter in network.named_parameters() if parameter.grad is None] == []


def test_a_new_head_begins_tied_to_the_token_vectors_and_knows_nothing(tmp_path: Path) -> None:
    network = build_masked_bert(save_tiny_bert(tmp_path, head=False)).eval()
    assert all("embeddings.word" in name for name, p in network.named_parameters() if p.shape == (40, 16))
    assert not network.head.bias.any()
    nats, count = network(*tiny_batch()).T
    assert nats.isfinite().all()
    assert count.tolist() == [1, 1]


@pytest.mark.parametrize("family", FAMILIES)
def test_the_surprise_at_a_text_does_not_depend_on_how_far_its_batch_is_padded(family: str) -> None:
    network = build_masked_bert_from_config(tiny_config(family), masked_share=0.4).eval()
    batch = tiny_batch()
    padded = tuple(torch.nn.functional.pad(part, (0, 12)) for part in batch)
    torch.testing.assert_close(network(*padded), network(*batch), rtol=0, atol=1e-5)


def test_a_text_without_tokens_has_no_surprise() -> None:
    network = build_masked_bert_from_config(tiny_config()).eval()
    nothing = torch.zeros(1, 16, dtype=torch.long)
    network.masking.special[0] = True
    assert network(nothing, nothing).tolist() == [[0, 0]]


def test_a_saved_config_and_state_rebuild_network_and_masking_without_the_folder(tmp_path: Path) -> None:
    trained = build_masked_bert(save_tiny_bert(tmp_path), masked_share=0.4, whole_words=True).eval()
    config = json.loads(json.dumps(trained.config))
    rebuilt = build_masked_bert_from_config(config, masked_share=0.4, whole_words=True).eval()
    rebuilt.load_state_dict(trained.state_dict())
    assert torch.equal(rebuilt(*tiny_batch()), trained(*tiny_batch()))
    assert str(tmp_path) not in json.dumps(config)


def test_it_learns_to_guess_what_always_stands_together() -> None:
    torch.manual_seed(0)
    network = build_masked_bert_from_config(tiny_config(), dropout=0.0, masked_share=0.3).train()
    network.masking.know_tokens(WORDS, MASK_ID, SPECIAL_IDS)
    ids, mask = (part[:1] for part in tiny_batch())
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-2)
    for _ in range(60):
        nats, count = network(ids, mask).T
        optimizer.zero_grad()
        (nats / count).mean().backward()
        optimizer.step()
    nats, count = network.eval()(ids, mask).T
    assert nats / count < 1


def test_a_tokenizer_without_a_mask_token_is_refused(tmp_path: Path) -> None:
    folder = save_tiny_bert(tmp_path)
    settings = json.loads((tmp_path / "tokenizer_config.json").read_text())
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({**settings, "mask_token": None}))
    with pytest.raises(ValueError, match="tokenizer has no mask token"):
        build_masked_bert(folder)
