"""A CNN for 32-pixel images that a CPU trains in minutes, after airbench (Jordan 2024) and ResNet-9 (Page 2018)."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

# Standard deviations of the patch layer's components on normalised CIFAR-10 (train): natural images are alike in them.
COLOUR_STD = (3.2, 0.9, 0.4)  # grey, red against blue, green against magenta
SPATIAL_STD = (1.0, 0.2, 0.2, 0.07)  # mean, horizontal, vertical, diagonal, relative to the mean
NOISE_STD = 0.1  # bounds the gain on components that hold little but JPEG noise
LOGIT_SCALE = 0.125  # Page 2018: keeps the untrained softmax soft, so that high learning rates are stable


class FastCNN(nn.Module):
    """Fixed 2×2 whitening patches, then three stages that each halve the image, a global maximum and a linear head.

    From airbench (arXiv:2404.00498): the whitened patches, the identity-like initialisation, and the pooling straight
    after a convolution, so that norms and ReLUs see a quarter of the pixels. ReLU instead of its GELU, which is no more
    accurate here and slower in int8 (docs/decisions.md). Its whitening is computed from the data; here it is the fixed
    basis that comes out of it.

    Args:
        widths: channels of the three stages. Multiples of 16 run at full speed in bf16.
        dropout: probability in [0, 1) on the pooled feature.
    """

    def __init__(
        self,
        num_classes: int,
        in_channels: int = 3,
        widths: Sequence[int] = (64, 128, 256),
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if len(widths) != 3:
            raise ValueError(f"widths must be 3 integers, one a stage, got {list(widths)}.")
        first, second, third = widths
        patches = _whitening_conv(in_channels)
        self.body = nn.Sequential(
            nn.Sequential(patches, nn.ReLU(inplace=True)),
            _conv_block(patches.out_channels, first, pool=True),
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


def _whitening_conv(in_channels: int) -> nn.Conv2d:
    """2×2 patches on a colour × Hadamard basis, each component scaled to about unit variance, with both signs for ReLU.

    It is fixed. A learnt bias (airbench's) was no more accurate, and costs gradients of the largest feature maps.
    """
    spatial = torch.tensor([[1, 1, 1, 1], [1, -1, 1, -1], [1, 1, -1, -1], [1, -1, -1, 1]]) / 2
    colour, colour_std = torch.eye(in_channels), torch.ones(in_channels)
    if in_channels == 3:
        colour = nn.functional.normalize(torch.tensor([[1.0, 1, 1], [1, 0, -1], [1, -2, 1]]))
        colour_std = torch.tensor(COLOUR_STD)
    std = torch.outer(colour_std, torch.tensor(SPATIAL_STD)).square().add(NOISE_STD**2).sqrt()
    basis = torch.einsum("ac,bp->abcp", colour, spatial) / std[:, :, None, None]
    basis = basis.reshape(-1, in_channels, 2, 2)
    conv = nn.Conv2d(in_channels, 2 * len(basis), kernel_size=2, bias=False)
    conv.weight = nn.Parameter(torch.cat([basis, -basis]), requires_grad=False)
    return conv


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
