"""Random augmentation of a whole batch on its device, with parameters drawn per image."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor


def random_flip(images: Tensor) -> Tensor:
    """Mirror each image of (B, C, H, W) left to right with probability one half."""
    flip = torch.rand(len(images), 1, 1, 1, device=images.device) < 0.5
    return torch.where(flip, images.flip(3), images)


def random_crop(images: Tensor, size_px: int, padding_px: int) -> Tensor:
    """A square of ``size_px`` at its own random place in each image of (B, C, H, W), after reflecting at the border.

    The batch may be uint8 or floating point.
    """
    if padding_px:
        images = _reflect(images, padding_px)
    count, _, height, width = images.shape
    top = torch.randint(height - size_px + 1, (count, 1), device=images.device)
    left = torch.randint(width - size_px + 1, (count, 1), device=images.device)
    span = torch.arange(size_px, device=images.device)
    rows, columns = (top + span)[:, :, None], (left + span)[:, None, :]
    which = torch.arange(count, device=images.device)[:, None, None]
    return images.permute(0, 2, 3, 1)[which, rows, columns].permute(0, 3, 1, 2)


def _reflect(images: Tensor, padding_px: int) -> Tensor:
    """Reflection padding by index, since ``F.pad`` refuses uint8."""
    height, width = images.shape[2:]
    rows = torch.arange(-padding_px, height + padding_px, device=images.device).abs()
    columns = torch.arange(-padding_px, width + padding_px, device=images.device).abs()
    rows = torch.where(rows < height, rows, 2 * (height - 1) - rows)
    columns = torch.where(columns < width, columns, 2 * (width - 1) - columns)
    return images[:, :, rows][:, :, :, columns]


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


def delete_tokens(input_ids: Tensor, attention_mask: Tensor, share: float) -> tuple[Tensor, Tensor]:
    """Take each token out of its text with probability ``share``, but never a text's first; the rest move up.

    Args:
        input_ids, attention_mask: int64 (B, T), right-padded.
        share: in [0, 1).

    Returns:
        Both as int64 (B, T'), T' the longest text that is left.
    """
    kept = (torch.rand(input_ids.shape, device=input_ids.device) >= share) & attention_mask.bool()
    kept[:, 0] = True
    longest = int(kept.sum(1).max())
    order = torch.argsort(kept.logical_not().byte(), dim=1, stable=True)[:, :longest]
    return input_ids.gather(1, order), kept.gather(1, order).long()


def center_crop(images: Tensor, size_px: int) -> Tensor:
    """The central square of (B, C, H, W)."""
    top, left = (images.shape[2] - size_px) // 2, (images.shape[3] - size_px) // 2
    return images[:, :, top : top + size_px, left : left + size_px]
