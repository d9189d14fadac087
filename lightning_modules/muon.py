"""Muon: momentum whose updates are orthogonalised (Jordan et al. 2024, kellerjordan.github.io/posts/muon)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

# A quintic iteration that brings singular values near 1 in few steps: 0.7…1.2, which serves as well as 1 (ibid.).
COEFFICIENTS = (3.4445, -4.7750, 2.0315)
ITERATIONS = 5
ADAM_RMS = 0.2  # what an entry moves by in a typical AdamW step, in learning rates (Liu et al. 2025, arXiv:2502.16982)


class Muon(Optimizer):
    """Nesterov momentum; each update is replaced by the nearest orthogonal matrix, at the size of an AdamW update.

    A weight (out, …) counts as a matrix of ``out`` rows, a vector as one row, whose update is thereby normalised. So
    convolutions are covered, which torch.optim.Muon leaves out, and learning rates are those of AdamW.

    Args:
        momentum: in [0, 1).
        weight_decay: decoupled, as AdamW's.
        dtype: of the orthogonalisation; bfloat16 is enough (ibid.) where the hardware has it.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float,
        momentum: float = 0.95,
        weight_decay: float = 0.0,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})
        self.dtype = dtype

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """One update of every parameter that has a gradient."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for parameter in (p for p in group["params"] if p.grad is not None):
                state = self.state[parameter]
                if not state:
                    state["momentum"] = torch.zeros_like(parameter)
                average = state["momentum"].lerp_(parameter.grad, 1 - group["momentum"])
                update = parameter.grad.lerp(average, group["momentum"])
                matrix = update.flatten(1) if update.ndim > 1 else update[None]
                size = ADAM_RMS * max(matrix.shape) ** 0.5
                parameter.mul_(1 - group["lr"] * group["weight_decay"])
                parameter.add_(orthogonalize(matrix.to(self.dtype)).reshape(update.shape), alpha=-group["lr"] * size)
        return loss


def orthogonalize(matrix: Tensor) -> Tensor:
    """About the nearest matrix (m, n) whose rows, or columns if these are fewer, are orthonormal."""
    if matrix.shape[0] > matrix.shape[1]:
        return orthogonalize(matrix.T).T
    x = matrix / (matrix.norm() + 1e-7)
    a, b, c = COEFFICIENTS
    for _ in range(ITERATIONS):
        gram = x @ x.T
        x = torch.addmm(x, torch.addmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x
