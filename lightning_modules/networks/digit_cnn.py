"""A CNN for small grey images that a CPU trains in a minute, after airbench (Jordan 2024)."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

OUTPUT_SCALE = 0.125  # Page 2018: keeps the untrained softmax soft, so that high learning rates are stable


class DigitCNN(nn.Module):
    """A 5×5 convolution that halves the image, three 3×3 ones of which two are pooled, a last pool, a linear head.

    Strokes are thick: a first layer with stride 2 saves most of the time. Pooling comes straight after a convolution,
    so that norms and ReLUs see a quarter of the pixels. The 3×3 ones begin as the identity. Both are airbench's.

    Args:
        num_outputs: classes, or values to predict.
        widths: channels of the four convolutions. Multiples of 16 run at full speed on a CPU.
        places: side of the grid of parts that the last pool takes the maximum of. With 1, a feature counts wherever it
            stands. 3 keeps all of a 28-pixel image's last map, which tells an angle better (docs/decisions.md).
    """

    def __init__(
        self,
        num_outputs: int,
        in_channels: int = 1,
        widths: Sequence[int] = (16, 32, 64, 128),
        places: int = 1,
    ) -> None:
        super().__init__()
        if len(widths) != 4 or min(widths) < 1:
            raise ValueError(f"widths must be 4 integers from 1 on, one a convolution, got {list(widths)}.")
        first, second, third, fourth = widths
        self.places = places
        halved = nn.Conv2d(in_channels, first, kernel_size=5, stride=2, padding=2, bias=False)
        self.body = nn.Sequential(
            nn.Sequential(halved, nn.BatchNorm2d(first), nn.ReLU(inplace=True)),
            _conv_block(first, second, pool=True),
            _conv_block(second, third, pool=True),
            _conv_block(third, fourth),
        )
        self.head = nn.Linear(fourth * places**2, num_outputs)

    def forward(self, image: Tensor) -> Tensor:
        """(B, num_outputs) from normalised images (B, in_channels, H, W), H and W at least 8 times ``places``."""
        features = self.body(image)  # (B, widths[-1], ⌊H/8⌋, ⌊W/8⌋)
        height, width = (side // self.places for side in features.shape[2:])
        pooled = F.max_pool2d(features, (height, width))[:, :, : self.places, : self.places]
        return self.head(pooled.flatten(1)) * OUTPUT_SCALE


def _conv_block(in_channels: int, out_channels: int, pool: bool = False) -> nn.Sequential:
    conv = nn.Conv2d(in_channels, out_channels, kernel_size=3, padding=1, bias=False)
    with torch.no_grad():
        nn.init.dirac_(conv.weight[:in_channels])
    return nn.Sequential(
        conv,
        nn.MaxPool2d(2) if pool else nn.Identity(),
        nn.BatchNorm2d(out_channels),
        nn.ReLU(inplace=True),
    )
