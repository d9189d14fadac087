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
        """(B, out_channels, ⌈H/stride⌉, ⌈W/stride⌉) from (B, in_channels, H, W), float32."""
        return self.relu(self.branch_range(self.residual(image)) + self.shortcut_range(self.shortcut(image)))


class QuantizedBasicBlock(BasicBlock):  # type: ignore[misc]  # torchvision carries no types
    """torchvision's block of ResNet-18 and 34, which rounds both branches before their sum."""

    ranges: ClassVar[tuple[str, ...]] = ("branch_range", "shortcut_range")
    branch_range: nn.Module
    shortcut_range: nn.Module

    def forward(self, x: Tensor) -> Tensor:
        """(B, planes, ⌈H/stride⌉, ⌈W/stride⌉) from (B, inplanes, H, W), float32."""
        branch = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        shortcut = x if self.downsample is None else self.downsample(x)
        return self.relu(self.branch_range(branch) + self.shortcut_range(shortcut))


class QuantizedBottleneck(Bottleneck):  # type: ignore[misc]
    """torchvision's block of ResNet-50, which rounds both branches before their sum."""

    ranges: ClassVar[tuple[str, ...]] = ("branch_range", "shortcut_range")
    branch_range: nn.Module
    shortcut_range: nn.Module

    def forward(self, x: Tensor) -> Tensor:
        """(B, 4 · planes, ⌈H/stride⌉, ⌈W/stride⌉) from (B, inplanes, H, W), float32."""
        branch = self.relu(self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x))))))
        shortcut = x if self.downsample is None else self.downsample(x)
        return self.relu(self.branch_range(self.bn3(self.conv3(branch))) + self.shortcut_range(shortcut))


class QuantizedInvertedResidual(InvertedResidual):
    """The block of EfficientNet-Lite, which rounds both branches before their sum."""

    ranges: ClassVar[tuple[str, ...]] = ("branch_range", "shortcut_range")
    branch_range: nn.Module
    shortcut_range: nn.Module

    def forward(self, image: Tensor) -> Tensor:
        """(B, C, H, W) from (B, C, H, W), float32."""
        return self.branch_range(self.residual(image)) + self.shortcut_range(image)


class QuantizedCifarResNet(CifarResNet):
    """Rounds what its mean over the pixels is taken of."""

    ranges: ClassVar[tuple[str, ...]] = ("pool_range",)
    pool_range: nn.Module

    def features(self, image: Tensor) -> Tensor:
        """Pooled features (B, num_features) from images (B, in_channels, H, W)."""
        return self.pool_range(self.stages(self.stem(image))).mean(dim=(2, 3))


class QuantizedAvgPool2d(nn.AdaptiveAvgPool2d):
    """Rounds what its means are taken of."""

    ranges: ClassVar[tuple[str, ...]] = ("pool_range",)
    pool_range: nn.Module

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002  # what torch calls it
        """Means (B, C, h, w) over equal parts of (B, C, H, W), as many parts as ``output_size`` says."""
        return super().forward(self.pool_range(input))


SUMMING: dict[type[nn.Module], type[nn.Module]] = {
    ResidualBlock: QuantizedResidualBlock,
    BasicBlock: QuantizedBasicBlock,
    Bottleneck: QuantizedBottleneck,
    InvertedResidual: QuantizedInvertedResidual,
    CifarResNet: QuantizedCifarResNet,
    nn.AdaptiveAvgPool2d: QuantizedAvgPool2d,
}
