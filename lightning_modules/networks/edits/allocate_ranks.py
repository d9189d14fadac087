"""Ranks shared out among AdaLoRA's adapters by what each direction is worth (Zhang et al. 2023, arXiv:2303.10512)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

SMOOTHING = 0.85  # of sensitivity and of uncertainty, the paper's β₁ and β₂


class RankAllocation:
    """The directions of all adapters, each a row of A, a column of B and a factor in E that can be set to zero.

    A direction's importance is s(E) + mean s(A) + mean s(B), with s the smoothed sensitivity |weight · gradient| times
    its smoothed uncertainty (their equations 8 to 11).

    Args:
        network: one with adapters of ``add_adapters(method="adalora")``.

    Attributes:
        adapters: how many there are.
        start: how many directions they have together.
        kept: bool (start,), which are left; all at first.
    """

    def __init__(self, network: nn.Module) -> None:
        self._triplets = {
            name: (layer.lora_E["default"], layer.lora_A["default"], layer.lora_B["default"])
            for name, layer in network.named_modules()
            if hasattr(layer, "lora_E")
        }
        factors = self._factors()
        self.adapters = len(factors)
        self.start = sum(map(len, factors))
        self.kept = torch.ones(self.start, dtype=torch.bool, device=factors[0].device)
        self._sensitivity = [torch.zeros_like(weight) for weight in self._weights()]
        self._uncertainty = [torch.zeros_like(weight) for weight in self._weights()]

    def state_dict(self) -> dict[str, Any]:
        """All that a resumed training needs to go on exactly: tensors by adapter, E, A, B in turn."""
        return {"kept": self.kept, "sensitivity": self._sensitivity, "uncertainty": self._uncertainty}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from another's ``state_dict`` of the same adapters."""
        device = self.kept.device
        self.kept = state["kept"].to(device)
        self._sensitivity = [tensor.to(device) for tensor in state["sensitivity"]]
        self._uncertainty = [tensor.to(device) for tensor in state["uncertainty"]]

    @torch.no_grad()
    def observe(self) -> None:
        """Take in the gradients of a step; a weight without a finite gradient, of a step left out, stays as it was."""
        for place, weight in enumerate(self._weights()):
            if weight.grad is None:
                continue
            now = (weight * weight.grad).abs()
            sensitivity = self._sensitivity[place].lerp(now, 1 - SMOOTHING)
            uncertainty = self._uncertainty[place].lerp((now - sensitivity).abs(), 1 - SMOOTHING)
            finite = now.isfinite()
            self._sensitivity[place] = torch.where(finite, sensitivity, self._sensitivity[place])
            self._uncertainty[place] = torch.where(finite, uncertainty, self._uncertainty[place])

    def keep(self, budget: int) -> None:
        """Keep the most important directions of all adapters together, and set the factors of the others to zero."""
        best = self._importance().argsort(descending=True, stable=True)[:budget]
        self.kept = torch.zeros_like(self.kept)
        self.kept[best] = True
        self.hold()

    @torch.no_grad()
    def hold(self) -> None:
        """Set the factors of all directions that are not kept to zero again, as a step may have moved them."""
        for factor, kept in zip(self._factors(), self._kept_by_adapter(), strict=True):
            factor.mul_(kept.unsqueeze(1))

    def overlap(self) -> Tensor:
        """Measure how far the directions are from orthonormal: the mean of ‖A Aᵀ - I‖ and ‖Bᵀ B - I‖.

        The importance of single directions only means something where these are distinct. Their equation 4, as the
        authors' code has it: Frobenius norms, not their squares.
        """
        directions = [side for _, rows, columns in self._triplets.values() for side in (rows, columns.T)]
        return torch.stack([_distance(side) for side in directions]).mean()

    def masks(self) -> dict[str, Tensor]:
        """The kept directions of each factor, bool (rank, 1), by its name within the network."""
        return {
            f"{name}.lora_E.default": kept.unsqueeze(1)
            for name, kept in zip(self._triplets, self._kept_by_adapter(), strict=True)
        }

    def ranks(self) -> dict[str, int]:
        """The number of directions left in each adapted layer, by the layer's name."""
        return {name: int(kept.sum()) for name, kept in zip(self._triplets, self._kept_by_adapter(), strict=True)}

    def _importance(self) -> Tensor:
        """float32 (start,)."""
        scores = [a * b for a, b in zip(self._sensitivity, self._uncertainty, strict=True)]
        parts = zip(scores[::3], scores[1::3], scores[2::3], strict=True)
        return torch.cat([factor.squeeze(1) + rows.mean(1) + columns.mean(0) for factor, rows, columns in parts])

    def _kept_by_adapter(self) -> tuple[Tensor, ...]:
        return self.kept.split([len(factor) for factor in self._factors()])

    def _factors(self) -> list[Tensor]:
        return [factor for factor, _, _ in self._triplets.values()]

    def _weights(self) -> list[Tensor]:
        return [weight for triplet in self._triplets.values() for weight in triplet]


def budget_at(step: int, start: int, target: int, first: int, last: int) -> int:
    """Count the directions to keep after a step: ``start`` up to ``first``, along a cubic to ``target`` at ``last``."""
    if step >= last:
        return target
    left = 1 - max(0, step - first) / (last - first)
    return round(target + (start - target) * left**3)


def _distance(directions: Tensor) -> Tensor:
    """‖D Dᵀ - I‖ of directions (rank, width)."""
    identity = torch.eye(len(directions), device=directions.device, dtype=directions.dtype)
    return (directions @ directions.T - identity).norm()
