"""A block that rounds what it adds up is the plain block where nothing is rounded."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torchvision.models.resnet import BasicBlock, Bottleneck

from lightning_modules.networks.cifar_resnet import CifarResNet, ResidualBlock
from lightning_modules.networks.layers.quantized_sums import SUMMING

SHRINK = nn.Sequential(nn.Conv2d(8, 16, 1, stride=2, bias=False), nn.BatchNorm2d(16))
WHOLE: dict[str, Callable[[], nn.Module]] = {
    "residual": lambda: ResidualBlock(8, 16, 2),
    "basic": lambda: BasicBlock(8, 16, 2, SHRINK),
    "basic, same shape": lambda: BasicBlock(8, 8),
    "bottleneck": lambda: Bottleneck(8, 2),
    "network": lambda: CifarResNet(3, widths=(8, 16), blocks=(1, 1)),
    "mean": lambda: nn.AdaptiveAvgPool2d(1),
}


class Record(nn.Module):
    """Passes its input on, and remembers it."""

    def forward(self, value: Tensor) -> Tensor:
        self.seen = value
        return value


@pytest.mark.parametrize("build", WHOLE.values(), ids=WHOLE)
def test_without_rounding_it_computes_the_same_and_every_range_sees_what_is_added(
    build: Callable[[], nn.Module],
) -> None:
    torch.manual_seed(0)
    network = build().eval()
    image = torch.randn(2, 3 if isinstance(network, CifarResNet) else 8, 8, 8)
    with torch.no_grad():
        expected = network(image)
        rounding = SUMMING[type(network)]
        network.__class__ = rounding
        ranges = rounding.ranges  # type: ignore[attr-defined]
        for name in ranges:
            setattr(network, name, Record())
        assert torch.equal(network(image), expected)
    assert all(torch.is_tensor(getattr(network, name).seen) for name in ranges)
