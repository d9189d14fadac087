"""Random augmentation of a whole batch on its device, with parameters drawn per image."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from datamodules.preprocessing import central, padded_width


def random_flip(images: Tensor) -> Tensor:
    """Mirror each image of (B, C, H, W) left to right with probability one half."""
    flip = torch.rand(len(images), 1, 1, 1, device=images.device) < 0.5
    return torch.where(flip, images.flip(3), images)


def random_crop(images: Tensor, size_px: int, padding_px: int) -> Tensor:
    """A square of ``size_px`` at its own random place in each image of (B, C, H, W), after reflecting at the border.

    The batch may be uint8 or floating point.
    """
    rows = images.permute(0, 2, 3, 1).contiguous()
    count, height, width, channels = rows.shape
    padded = (side + 2 * padding_px - size_px + 1 for side in (height, width))
    top, left = (torch.randint(places, (count, 1), device=rows.device) for places in padded)
    if padding_px:
        rows = _widen(rows, padding_px)
    # Padding at the top and bottom need not exist: a line of a crop that lies in it is one of those that it reflects.
    line = (top + torch.arange(size_px, device=rows.device) - padding_px).abs()
    line = torch.minimum(line, 2 * (height - 1) - line)
    image = torch.arange(count, device=rows.device)[:, None]
    first = ((image * height + line) * rows.shape[2] + left) * channels
    # Every run of values that a line can be, as a view: what is copied are whole lines, not single pixels.
    length = size_px * channels
    runs = rows.as_strided((rows.numel() - length + 1, length), (1, 1))
    crops = runs.index_select(0, first.flatten())
    return crops.view(count, size_px, size_px, channels).permute(0, 3, 1, 2)


def _widen(rows: Tensor, padding_px: int) -> Tensor:
    """Reflect (B, H, W, C) at the left and right without repeating the border; ``F.pad`` refuses uint8."""
    count, height, width, channels = rows.shape
    padded = rows.new_empty(count, height, width + 2 * padding_px, channels)
    padded[:, :, padding_px:-padding_px] = rows
    for pixel in range(1, padding_px + 1):  # many times as fast as ``flip``
        padded[:, :, padding_px - pixel] = rows[:, :, pixel]
        padded[:, :, padding_px + width - 1 + pixel] = rows[:, :, -1 - pixel]
    return padded


def random_resized_crop(images: Tensor, size_px: int, min_area: float) -> Tensor:
    """A random part of each image (Szegedy et al. 2014), resized to ``size_px`` square with bilinear sampling.

    Args:
        images: uint8 or float (B, C, H, W).
        min_area: smallest share of the image's area that is kept, in (0, 1]; aspect ratios lie between 3/4 and 4/3.

    Returns:
        float32 (B, C, size_px, size_px), in the same value range.
    """
    count, device = len(images), images.device
    area = torch.empty(count, device=device).uniform_(min_area, 1.0)
    ratio = torch.empty(count, device=device).uniform_(-1, 1).mul_(math.log(4 / 3)).exp_().sqrt_()
    scale = torch.stack([(area.sqrt() * ratio).clamp(max=1), (area.sqrt() / ratio).clamp(max=1)], dim=1)
    shift = (torch.rand(count, 2, device=device) * 2 - 1) * (1 - scale)
    theta = torch.cat([torch.diag_embed(scale), shift[:, :, None]], dim=2)
    grid = F.affine_grid(theta, [count, images.shape[1], size_px, size_px], align_corners=False)
    return F.grid_sample(images.float(), grid, padding_mode="reflection", align_corners=False)


def rotate(images: Tensor, degrees: Tensor) -> Tensor:
    """Turn each image counter-clockwise about its middle by its own angle, with bilinear sampling; corners are black.

    Args:
        images: uint8 or float (B, C, H, W).
        degrees: float32 (B,).

    Returns:
        float32 (B, C, H, W), in the same value range.
    """
    cos, sin = torch.deg2rad(degrees).cos(), torch.deg2rad(degrees).sin()
    aspect = images.shape[2] / images.shape[3]  # a grid's coordinates run over -1…1 along either side
    across = torch.stack([cos, -sin * aspect, torch.zeros_like(cos)], dim=1)
    down = torch.stack([sin / aspect, cos, torch.zeros_like(cos)], dim=1)
    grid = F.affine_grid(torch.stack([across, down], dim=1), list(images.shape), align_corners=False)
    return F.grid_sample(images.float(), grid, align_corners=False)


def delete_tokens(input_ids: Tensor, attention_mask: Tensor, share: float) -> tuple[Tensor, Tensor]:
    """Take each token out of its text with probability ``share``, but never a text's first; the rest move up.

    Args:
        input_ids, attention_mask: int64 (B, T), right-padded.
        share: in [0, 1).

    Returns:
        Both as int64 (B, T'), T' enough for the longest text that is left (see `padded_width`) and at most T; on a GPU
        T itself, as the lengths would have to be waited for.
    """
    kept = (torch.rand(input_ids.shape, device=input_ids.device) >= share) & attention_mask.bool()
    kept[:, 0] = True
    width = padded_width(int(kept.sum(1).max())) if input_ids.device.type == "cpu" else input_ids.shape[1]
    order = torch.argsort(kept.logical_not().byte(), dim=1, stable=True)[:, :width]
    return input_ids.gather(1, order), kept.gather(1, order).long()


def center_crop(images: Tensor, size_px: int) -> Tensor:
    """The central square of (B, C, H, W)."""
    return images[:, :, central(images.shape[2], size_px), central(images.shape[3], size_px)]
