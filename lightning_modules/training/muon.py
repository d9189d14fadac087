"""Muon: momentum whose updates are orthogonalised (Jordan et al. 2024, kellerjordan.github.io/posts/muon)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

# A quintic iteration that brings singular values near 1 in few steps: 0.7…1.2, which serves as well as 1 (ibid.).
COEFFICIENTS = (3.4445, -4.7750, 2.0315)
ITERATIONS = 4
CONVOLUTION_MOMENTUM = 0.6  # airbench's
CONVOLUTION_LR = 1 / 6  # relative to everything else's; chosen on CIFAR-10's validation split


class Muon(Optimizer):
    """Muon on convolutions and Nesterov SGD on everything else, divided as in airbench (Jordan 2024).

    A convolution's weight counts as a matrix (out, in · height · width). Each step scales it to the norm √out, which
    only a normalisation after the convolution makes harmless, and adds an orthogonal matrix. torch.optim.Muon takes
    plain matrices only.

    Args:
        momentum: of SGD, in [0, 1).
        weight_decay: of SGD, added to the gradient; convolutions have none, as their norm is fixed.
        dtype: of the orthogonalisation; bfloat16 is enough (ibid.) where the hardware has it.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float,
        momentum: float = 0.9,
        weight_decay: float = 0.0,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})
        self.dtype = dtype

    @torch.no_grad()
    def step(self, closure: Callable[[], object] | None = None) -> Any:
        """One update of every parameter that has a gradient."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for parameter in (p for p in group["params"] if p.grad is not None):
                if parameter.ndim == 4:
                    self._turn(parameter, parameter.grad, group["lr"])
                else:
                    gradient = parameter.grad.add(parameter, alpha=group["weight_decay"])
                    parameter.sub_(self._average(parameter, gradient, group["momentum"]), alpha=group["lr"])
        return loss

    def _turn(self, weight: Tensor, gradient: Tensor, lr: float) -> None:
        update = self._average(weight, gradient, CONVOLUTION_MOMENTUM)
        update = orthogonalize(update.flatten(1).to(self.dtype)).reshape(update.shape)
        weight.mul_(len(weight) ** 0.5 / weight.norm()).sub_(update, alpha=CONVOLUTION_LR * lr)

    def _average(self, parameter: Tensor, gradient: Tensor, momentum: float) -> Tensor:
        """The running sum of gradients, looked ahead by one step as Nesterov's."""
        state = self.state[parameter]
        if not state:
            state["momentum"] = torch.zeros_like(parameter)
        return gradient.add(state["momentum"].mul_(momentum).add_(gradient), alpha=momentum)


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
