"""A CNN for 32-pixel images that a CPU trains in minutes, after airbench (Jordan 2024) and ResNet-9 (Page 2018)."""

from collections.abc import Sequence

from torch import Tensor, nn

LOGIT_SCALE = 0.125  # Page 2018: keeps the untrained softmax soft, so that high learning rates are stable


class FastCNN(nn.Module):
    """A 2×2 patch layer, then three stages that each halve the image, then a global maximum and a linear head.

    From airbench (arXiv:2404.00498): the patch layer, and the pooling straight after a convolution, so that norms and
    ReLUs see a quarter of the pixels. ReLU instead of its GELU, which costs a CPU a fifth of the step.

    Args:
        widths: channels of the patch layer and of the three stages. Multiples of 16 run at full speed in bf16.
        dropout: probability in [0, 1) on the pooled feature.
    """

    def __init__(
        self,
        num_classes: int,
        in_channels: int = 3,
        widths: Sequence[int] = (32, 48, 96, 192),
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if len(widths) != 4:
            raise ValueError(f"widths must be 4 integers (patch layer and three stages), got {list(widths)}.")
        patch, first, second, third = widths
        self.body = nn.Sequential(
            nn.Sequential(nn.Conv2d(in_channels, patch, kernel_size=2), nn.ReLU(inplace=True)),
            _conv_block(patch, first, pool=True),
            _conv_block(first, second, pool=True),
            _conv_block(second, second),
            _conv_block(second, third, pool=True),
            _conv_block(third, third),
        )
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(third, num_classes, bias=False)

    def forward(self, image: Tensor) -> Tensor:
        """Logits (B, num_classes) from images (B, in_channels, H, W), H and W at least 9."""
        features = self.body(image).amax(dim=(2, 3))  # (B, widths[-1])
        return self.head(self.dropout(features)) * LOGIT_SCALE


def _conv_block(in_channels: int, out_channels: int, pool: bool = False) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, kernel_size=3, padding=1, bias=False),
        nn.MaxPool2d(2) if pool else nn.Identity(),
        nn.BatchNorm2d(out_channels),
        nn.ReLU(inplace=True),
    )
