"""Residual networks for small images (He et al. 2015, arXiv:1512.03385, §4.2)."""

from collections.abc import Sequence

from torch import Tensor, nn


class CifarResNet(nn.Module):
    """A 3×3 convolution, stages of residual blocks that halve the image from the second on, a global mean, a head.

    Differs from §4.2 only in the shortcut where the shape changes: a 1×1 convolution (their option B) instead of zero
    padding. `widths=(16, 32, 64), blocks=(3, 3, 3)` is their ResNet-20.

    Args:
        widths: channels of each stage.
        blocks: residual blocks of each stage.
        dropout: probability in [0, 1) on the pooled feature.

    Attributes:
        num_features: D, the width of the pooled feature.
        head: the linear layer from it to the logits; replace it to transfer.
    """

    def __init__(
        self,
        num_classes: int,
        in_channels: int = 3,
        widths: Sequence[int] = (32, 64, 128),
        blocks: Sequence[int] = (2, 2, 2),
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if not widths or len(widths) != len(blocks):
            raise ValueError(f"widths and blocks must be as long as each other, got {list(widths)} and {list(blocks)}.")
        self.stem = nn.Sequential(_conv3x3(in_channels, widths[0]), nn.BatchNorm2d(widths[0]), nn.ReLU(inplace=True))
        stages = []
        fan_in = widths[0]
        for position, (width, depth) in enumerate(zip(widths, blocks, strict=True)):
            stages.append(_stage(fan_in, width, depth, stride=1 if position == 0 else 2))
            fan_in = width
        self.stages = nn.Sequential(*stages)
        self.num_features = fan_in
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(self.num_features, num_classes)
        self.apply(_init_conv)

    def features(self, image: Tensor) -> Tensor:
        """Pooled features (B, num_features) from images (B, in_channels, H, W), H and W at least 16."""
        return self.stages(self.stem(image)).mean(dim=(2, 3))

    def forward(self, image: Tensor) -> Tensor:
        """Logits (B, num_classes) from images (B, in_channels, H, W), H and W at least 16."""
        return self.head(self.dropout(self.features(image)))


class ResidualBlock(nn.Module):
    """Two 3×3 convolutions and a shortcut, ReLU after the sum (their figure 2)."""

    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        self.residual = nn.Sequential(
            _conv3x3(in_channels, out_channels, stride),
            nn.BatchNorm2d(out_channels),
            nn.ReLU(inplace=True),
            _conv3x3(out_channels, out_channels),
            nn.BatchNorm2d(out_channels),
        )
        self.shortcut = nn.Sequential()
        if stride != 1 or in_channels != out_channels:
            projection = nn.Conv2d(in_channels, out_channels, kernel_size=1, stride=stride, bias=False)
            self.shortcut = nn.Sequential(projection, nn.BatchNorm2d(out_channels))
        self.relu = nn.ReLU(inplace=True)

    def forward(self, image: Tensor) -> Tensor:
        """(B, out_channels, ⌈H/stride⌉, ⌈W/stride⌉) from (B, in_channels, H, W)."""
        return self.relu(self.residual(image) + self.shortcut(image))


def _stage(in_channels: int, out_channels: int, depth: int, stride: int) -> nn.Sequential:
    first = ResidualBlock(in_channels, out_channels, stride)
    return nn.Sequential(first, *(ResidualBlock(out_channels, out_channels, stride=1) for _ in range(depth - 1)))


def _conv3x3(in_channels: int, out_channels: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(in_channels, out_channels, kernel_size=3, stride=stride, padding=1, bias=False)


def _init_conv(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
