"""The first layer of an image network."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class Normalize(nn.Module):
    """uint8 or float (B, C, H, W) in 0…255 to float32 with the given mean and standard deviation per channel.

    Part of the network, so that a checkpoint or an exported file takes images as they are.

    Args:
        mean, std: per channel, in units of the full range (0…1).
    """

    def __init__(self, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        self.register_buffer("scale", 1 / (255 * torch.tensor(std).view(1, -1, 1, 1)))
        self.register_buffer("shift", -(torch.tensor(mean) / torch.tensor(std)).view(1, -1, 1, 1))
        self.scale: Tensor
        self.shift: Tensor

    def forward(self, images: Tensor) -> Tensor:
        return (images * self.scale).add_(self.shift)  # addcmul takes three times as long on one channel
