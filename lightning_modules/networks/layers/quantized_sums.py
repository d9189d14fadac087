"""Residual blocks, and the means of their networks, that round what they add up, as int8 kernels do."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor, nn
from torchvision.models.resnet import BasicBlock, Bottleneck

from lightning_modules.networks.cifar_resnet import CifarResNet, ResidualBlock
from lightning_modules.networks.efficientnet_lite import InvertedResidual


class QuantizedResidualBlock(ResidualBlock):
    """Rounds both branches before their sum."""

    ranges: ClassVar[tuple[str, ...]] = ("branch_range", "shortcut_range")
    branch_range: nn.Module
    shortcut_range: nn.Module

    def forward(self, image: Tensor) -> Tensor:
        """As ``ResidualBlock``."""
        return self.relu(self.branch_range(self.residual(image)) + self.shortcut_range(self.shortcut(image)))


class QuantizedBasicBlock(BasicBlock):  # type: ignore[misc]  # torchvision carries no types
    """torchvision's block of ResNet-18 and 34, which rounds both branches before their sum."""

    ranges: ClassVar[tuple[str, ...]] = ("branch_range", "shortcut_range")
    branch_range: nn.Module
    shortcut_range: nn.Module

    def forward(self, x: Tensor) -> Tensor:
        """As ``BasicBlock``."""
        branch = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        shortcut = x if self.downsample is None else self.downsample(x)
        return self.relu(self.branch_range(branch) + self.shortcut_range(shortcut))


class QuantizedBottleneck(Bottleneck):  # type: ignore[misc]
    """torchvision's block of ResNet-50, which rounds both branches before their sum."""

    ranges: ClassVar[tuple[str, ...]] = ("branch_range", "shortcut_range")
    branch_range: nn.Module
    shortcut_range: nn.Module

    def forward(self, x: Tensor) -> Tensor:
        """As ``Bottleneck``."""
        branch = self.relu(self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x))))))
        shortcut = x if self.downsample is None else self.downsample(x)
        return self.relu(self.branch_range(self.bn3(self.conv3(branch))) + self.shortcut_range(shortcut))


class QuantizedInvertedResidual(InvertedResidual):
    """The block of EfficientNet-Lite, which rounds both branches before their sum."""

    ranges: ClassVar[tuple[str, ...]] = ("branch_range", "shortcut_range")
    branch_range: nn.Module
    shortcut_range: nn.Module

    def forward(self, image: Tensor) -> Tensor:
        """As ``InvertedResidual``."""
        return self.branch_range(self.residual(image)) + self.shortcut_range(image)


class QuantizedCifarResNet(CifarResNet):
    """Rounds what its mean over the pixels is taken of."""

    ranges: ClassVar[tuple[str, ...]] = ("pool_range",)
    pool_range: nn.Module

    def features(self, image: Tensor) -> Tensor:
        """As ``CifarResNet``."""
        return self.pool_range(self.stages(self.stem(image))).mean(dim=(2, 3))


class QuantizedAvgPool2d(nn.AdaptiveAvgPool2d):
    """Rounds what its means are taken of."""

    ranges: ClassVar[tuple[str, ...]] = ("pool_range",)
    pool_range: nn.Module

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002  # what torch calls it
        """As ``nn.AdaptiveAvgPool2d``."""
        return super().forward(self.pool_range(input))


SUMMING: dict[type[nn.Module], type[nn.Module]] = {
    ResidualBlock: QuantizedResidualBlock,
    BasicBlock: QuantizedBasicBlock,
    Bottleneck: QuantizedBottleneck,
    InvertedResidual: QuantizedInvertedResidual,
    CifarResNet: QuantizedCifarResNet,
    nn.AdaptiveAvgPool2d: QuantizedAvgPool2d,
}
