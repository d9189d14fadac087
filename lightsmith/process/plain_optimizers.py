"""torch's optimizers without what they do in case that somebody compiles their steps."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import torch
from torch.optim import SGD, Adam, AdamW, Optimizer, RMSprop

METHODS = ("state_dict", "load_state_dict", "zero_grad", "add_param_group")


def keep_from_compiler() -> None:
    """Let optimizers step without importing torch's compiler, only to tell it what it is not to compile.

    A run compiles its network alone. What is computed stays the same.
    """
    for name in METHODS:
        plain = vars(Optimizer)[name].__wrapped__
        setattr(plain, "__dynamo_disable", plain)  # where torch's wrapper looks for what it is to call
    for kind in (SGD, RMSprop, Adam, AdamW):
        step: Any = vars(kind).get("step")
        if step is not None and not hasattr(step, "hooked"):  # as torch marks those that have made a step
            kind.step = _plain_step(step.__wrapped__)  # type: ignore[method-assign]


def _plain_step(step: Callable[..., object]) -> Callable[..., Any]:
    """Wrap a step as torch does, without the breaks that it puts into a graph to be compiled."""

    @wraps(step)
    def stepped(optimizer: Optimizer, *arguments: object, **options: object) -> Any:
        with torch.set_grad_enabled(optimizer.defaults["differentiable"]):
            return step(optimizer, *arguments, **options)

    return stepped
