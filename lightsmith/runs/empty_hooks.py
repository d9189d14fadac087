"""Hooks that a callback does not use cost nothing at a batch."""

from __future__ import annotations

from collections.abc import Sequence

from lightning.pytorch import Callback

IN_A_STEP = (
    *("on_train_batch_start", "on_before_zero_grad", "on_before_backward", "on_after_backward"),
    *("on_before_optimizer_step", "on_train_batch_end"),
)
EVERY_BATCH = (*IN_A_STEP, "on_validation_batch_start", "on_validation_batch_end")


def skip_empty_hooks(callbacks: Sequence[Callback]) -> None:
    """Leave out of every batch what callbacks inherit and do not fill: Lightning passes over a hook that is None.

    It calls each hook of each callback otherwise, and makes up a name for the profiler before.
    """
    for callback in callbacks:
        for name in EVERY_BATCH:
            if not fills(callback, name):
                setattr(callback, name, None)


def fills(callback: Callback, name: str) -> bool:
    """Return whether a callback does something in a hook."""
    hook = getattr(callback, name)
    return hook is not None and hook != getattr(Callback, name).__get__(callback)
