"""TF-IDF is what scikit-learn computes, out of padded ids."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from sklearn.feature_extraction.text import TfidfVectorizer
from torch import Tensor

from lightning_modules.networks.edits.fake_quantize import fake_quantize
from lightning_modules.networks.tfidf_classifier import TfidfClassifier
from lightsmith.exports.int8 import quantize_weights
from lightsmith.exports.onnx_file import write_onnx
from lightsmith.exports.onnx_network import OnnxNetwork

WORDS, BUCKETS = 20, 100_003  # so many that no two pairs share one


def texts() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    lengths = torch.randint(1, 15, (40,), generator=generator)
    mask = (torch.arange(16) < lengths[:, None]).long()
    return torch.randint(1, WORDS, (40, 16), generator=generator) * mask, mask


def network(seed: int = 0) -> TfidfClassifier:
    """With votes of chance, as if it had learnt something."""
    torch.manual_seed(seed)
    made = TfidfClassifier(2, WORDS, BUCKETS)
    torch.nn.init.normal_(made.votes.weight)
    ids, mask = texts()
    made.count([(ids[:10], mask[:10]), (ids[10:], mask[10:])])
    return made.eval()


def test_features_weigh_what_scikit_learn_gives_them() -> None:
    ids, mask = texts()
    words = [" ".join(f"w{i}" for i in row[kept.bool()].tolist()) for row, kept in zip(ids, mask, strict=True)]
    expected = TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True).fit_transform(words)
    made = network()
    with torch.no_grad():  # one vote a feature: the sum of its weight in all texts
        made.votes.weight.copy_(torch.ones(2))
    sums = (made(ids, mask) - made.bias)[:, 0].detach().numpy()
    np.testing.assert_allclose(sums, np.asarray(expected.sum(1))[:, 0], rtol=1e-5)


def test_a_text_is_read_alike_whatever_its_padding_and_its_company() -> None:
    ids, mask = texts()
    together = network()(ids, mask)
    alone = torch.cat([network()(ids[i : i + 1, :n], mask[i : i + 1, :n]) for i, n in enumerate(mask.sum(1).tolist())])
    torch.testing.assert_close(together, alone, rtol=0, atol=1e-6)


def test_pairs_tell_orders_apart_and_a_text_without_known_features_is_told_by_the_bias_alone() -> None:
    made = network()
    ids, mask = torch.tensor([[3, 4, 3], [4, 3, 3]]), torch.ones(2, 3, dtype=torch.int64)
    first, second = (made.distinct(ids[i : i + 1], mask[i : i + 1])[0] for i in range(2))
    assert not torch.equal(first, second)
    assert torch.equal(made(torch.zeros(1, 4, dtype=torch.int64), torch.zeros(1, 4, dtype=torch.int64))[0], made.bias)


def test_counting_is_done_once_for_all_and_part_of_the_state() -> None:
    made, fresh = network(), TfidfClassifier(2, WORDS, BUCKETS)
    assert made.counted
    assert not fresh.counted
    fresh.load_state_dict(made.state_dict())
    assert fresh.counted


@pytest.mark.parametrize(("argument", "sizes"), [("num_classes", (0, 9, 9)), ("pair_buckets", (2, 9, 0))])
def test_an_argument_out_of_range_is_named(argument: str, sizes: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match=f"{argument} is {min(sizes)}; use"):
        TfidfClassifier(*sizes)


@pytest.mark.slow
def test_an_export_says_the_same_and_int8_nearly_what_training_for_it_said(tmp_path: Path) -> None:
    made, (ids, mask) = network(), texts()
    path = tmp_path / "model.onnx"
    write_onnx(made, {"input_ids": ids[:2], "attention_mask": mask[:2]}, path)
    exact = OnnxNetwork(path.read_bytes())(ids, mask)
    torch.testing.assert_close(exact, made(ids, mask), rtol=0, atol=1e-5)
    assert not {"Loop", "Scan"} & {node.op_type for node in onnx.load(path).graph.node}
    quantize_weights(path)
    rounded = OnnxNetwork(path.read_bytes())(ids, mask)
    fake_quantize(made)
    made.train()(ids, mask).sum().backward()
    assert made.votes.weight.grad is not None
    assert 0 < (rounded - exact).abs().max() < 0.02 * exact.abs().max()
    assert (rounded - made.eval()(ids, mask)).abs().max() < 0.5 * (rounded - exact).abs().max()
