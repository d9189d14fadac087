import pytest
import torch
from torch import nn

from lightning_modules.networks.edits.masks import masks_of_largest, pack, prunable_weights, unpack


def test_the_weights_that_can_be_pruned_are_no_norms_and_no_biases() -> None:
    layers = [nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.LSTM(2, 3), nn.LayerNorm((2, 3)), nn.Linear(3, 3)]
    network = nn.Sequential(*layers, nn.Embedding(3, 3))
    names = ["0.weight", "2.weight_ih_l0", "2.weight_hh_l0", "4.weight"]
    assert list(prunable_weights(network)) == names
    assert list(prunable_weights(network, embeddings=True)) == [*names, "5.weight"]
    assert list(prunable_weights(network, ["2.*", "4.*"])) == names[1:]


@pytest.mark.parametrize("scope", ["global", "layer"])
@pytest.mark.parametrize("sparsity", [0.0, 0.5, 0.61, 1.0])
def test_equal_magnitudes_are_pruned_to_the_exact_count_too(scope: str, sparsity: float) -> None:
    weights = [torch.ones(4, 5), torch.tensor([[1.0, -1.0, 0.0]])]
    masks = masks_of_largest(weights, sparsity, scope)  # type: ignore[arg-type]
    counts = [int((~mask).sum()) for mask in masks]
    assert (
        sum(counts) == round(sparsity * 23) if scope == "global" else counts == [round(sparsity * n) for n in (20, 3)]
    )


def test_the_largest_of_each_group_are_kept_before_larger_ones_elsewhere() -> None:
    weight = torch.tensor([[1.0, 2, 3, 4, 50, 60, 70, 80]])
    assert masks_of_largest([weight], 0.5, kept_of=(2, 4))[0].int().tolist() == [[0, 0, 1, 1, 0, 0, 1, 1]]
    assert masks_of_largest([weight], 0.25, kept_of=(2, 4))[0].int().tolist() == [[0, 0, 1, 1, 1, 1, 1, 1]]


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_a_packed_mask_is_unpacked_as_it_was(memory_format: torch.memory_format) -> None:
    weight = torch.randn(3, 5, 3, 3).to(memory_format=memory_format)
    (mask,) = masks_of_largest([weight], 0.4)
    packed = pack(mask)
    assert packed.shape == (17,)  # 135 bits
    assert torch.equal(unpack(packed, weight), mask)
    assert unpack(packed, weight).stride() == mask.stride() == weight.stride()


def test_a_mask_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match=r"a mask of torch.uint8 \(17,\) is not one of 3 elements"):
        unpack(torch.zeros(17, dtype=torch.uint8), torch.zeros(3))
