from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch.nn.functional import cross_entropy

from lightning_modules.networks.cifar_resnet import CifarResNet, ResidualBlock

SHIPPED_BYTES = 3 * 10**6  # what a repository may carry


@pytest.mark.parametrize("image_size_px", [16, 32, 45])
def test_features_are_pooled_to_num_features_at_any_size_from_16_pixels(image_size_px: int) -> None:
    network = CifarResNet(num_classes=5, in_channels=1, widths=(4, 8, 12), blocks=(1, 2, 1))
    features = network.features(torch.randn(2, 1, image_size_px, image_size_px))
    assert features.shape == (2, 12) == (2, network.num_features)


def test_logits_are_the_head_of_the_features() -> None:
    torch.manual_seed(0)
    network = CifarResNet(num_classes=5, widths=(4, 8), blocks=(1, 1)).eval()
    images = torch.randn(3, 3, 32, 32)
    assert torch.equal(network(images), network.head(network.features(images)))


def test_resnet_20_has_the_papers_parameters_plus_its_projections() -> None:
    network = CifarResNet(num_classes=10, widths=(16, 32, 64), blocks=(3, 3, 3))
    projections = 16 * 32 + 2 * 32 + 32 * 64 + 2 * 64
    assert sum(value.numel() for value in network.parameters()) == 269_722 + projections  # 0.27M in their table 6


def test_stages_after_the_first_halve_the_image() -> None:
    network = CifarResNet(num_classes=5, widths=(4, 8, 12), blocks=(1, 1, 1))
    assert network.stages(network.stem(torch.randn(1, 3, 32, 32))).shape == (1, 12, 8, 8)


def test_a_block_whose_residual_is_zero_passes_positive_input_through() -> None:
    block = ResidualBlock(in_channels=4, out_channels=4, stride=1)
    block.state_dict()["residual.4.weight"].zero_()
    image = torch.rand(2, 4, 6, 6)
    assert torch.equal(block(image), image)


def test_every_parameter_gets_a_gradient() -> None:
    torch.manual_seed(0)
    network = CifarResNet(num_classes=3, widths=(8, 16), blocks=(2, 2))
    cross_entropy(network(torch.randn(8, 3, 16, 16)), torch.arange(8) % 3).backward()
    without = [name for name, value in network.named_parameters() if value.grad is None or not value.grad.any()]
    assert not without


def test_the_defaults_fit_in_a_repository_as_fp16(tmp_path: Path) -> None:
    half = {name: value.half() for name, value in CifarResNet(num_classes=10).state_dict().items()}
    save_file(half, tmp_path / "weights.safetensors")
    assert (tmp_path / "weights.safetensors").stat().st_size <= SHIPPED_BYTES


def test_blocks_that_do_not_match_the_widths_are_refused() -> None:
    with pytest.raises(ValueError, match=r"got \[16, 32\] and \[3\]"):
        CifarResNet(num_classes=10, widths=(16, 32), blocks=(3,))
