"""Masks of a network's smallest weights, those to be zero."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

Scope = Literal["global", "layer"]


def prunable_weights(
    network: nn.Module, patterns: Sequence[str] = ("*",), embeddings: bool = False
) -> dict[str, nn.Parameter]:
    """The weights, by name, of linear and recurrent layers, convolutions and bags; no norms and no biases.

    Adapters are left out: zeros in one are none in the layer that it is folded into.

    Args:
        patterns: of the names (fnmatch); one that matches is enough.
        embeddings: take embeddings too.
    """
    kinds: tuple[type[nn.Module], ...] = (
        nn.Linear,
        nn.Conv2d,
        nn.RNNBase,
        nn.EmbeddingBag,
        *([nn.Embedding] if embeddings else []),
    )
    found = {
        f"{module_name}.{name}".lstrip("."): parameter
        for module_name, module in network.named_modules()
        if isinstance(module, kinds)
        for name, parameter in module.named_parameters(recurse=False)
        if parameter.ndim > 1 and ".lora_" not in f".{module_name}"
    }
    return {name: p for name, p in found.items() if any(fnmatchcase(name, pattern) for pattern in patterns)}


@torch.no_grad()
def masks_of_largest(
    weights: Sequence[Tensor], sparsity: float, scope: Scope = "global", kept_of: tuple[int, int] | None = None
) -> list[Tensor]:
    """Masks of the weights' shapes and memory formats, bool, False for exactly round(sparsity · n) smallest magnitudes.

    Args:
        weights: each of two dimensions or more, output first, then input.
        sparsity: share of zeros, 0…1.
        scope: whether n counts all weights together or those of each tensor by itself.
        kept_of: (N, M): the N largest of every M neighbours along the input are kept in any case, where M divides it;
            at a sparsity of 1 - N/M nothing else is.
    """
    scores = [_spare_largest(w.abs().float(), *kept_of) if kept_of else w.abs().float() for w in weights]
    if scope == "layer":
        flat = [_largest(score.flatten(), sparsity) for score in scores]
    else:
        together = torch.cat([score.flatten() for score in scores])
        flat = list(_largest(together, sparsity).split([w.numel() for w in weights]))
    like = [torch.empty_like(weight, dtype=torch.bool) for weight in weights]
    return [mask.copy_(kept.view(mask.shape)) for mask, kept in zip(like, flat, strict=True)]


def _largest(scores: Tensor, sparsity: float) -> Tensor:
    """Bool (n,); of equal scores at the limit, the first ones are kept."""
    count = round(sparsity * len(scores))
    if count == 0:
        return torch.ones_like(scores, dtype=torch.bool)
    limit = scores.sort().values[count - 1]  # kthvalue is not deterministic on every device
    kept = scores > limit
    equal = (scores == limit).nonzero().flatten()
    kept[equal[: int(len(scores) - count - kept.sum())]] = True
    return kept


def _spare_largest(scores: Tensor, n: int, m: int) -> Tensor:
    """Scores in which the n largest of every m neighbours along the second dimension are infinite."""
    last = scores.movedim(1, -1)
    groups = last.reshape(-1, m)
    largest = groups.topk(n, dim=1).indices
    return groups.scatter(1, largest, torch.inf).view(last.shape).movedim(-1, 1)


def pack(mask: Tensor) -> Tensor:
    """Pack a bool tensor into uint8 (⌈n/8⌉,), a bit an element."""
    return torch.from_numpy(np.packbits(mask.cpu().contiguous().view(-1).numpy()))


def unpack(packed: Tensor, like: Tensor) -> Tensor:
    """Undo ``pack``: a mask on the device and in the memory format of ``like``, which has its shape.

    Raises:
        ValueError: it had another number of elements.
    """
    count = like.numel()
    if packed.dtype != torch.uint8 or packed.shape != ((count + 7) // 8,):
        raise ValueError(f"a mask of {packed.dtype} {tuple(packed.shape)} is not one of {count} elements")
    bits = torch.from_numpy(np.unpackbits(packed.cpu().numpy(), count=count)).bool()
    return torch.empty_like(like, dtype=torch.bool).copy_(bits.view(like.shape))
