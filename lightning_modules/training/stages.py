"""Declared places in a training step, so that no order of callbacks matters."""

from __future__ import annotations

from collections import UserDict
from collections.abc import Callable
from typing import Any

# What a batch goes through before the network sees it: first nothing, while what the step may have to go back to is
# kept; each image alone, images together, then what the network itself decides on, which has to see what it is given.
BATCH_STAGES = ("keep", "augment", "mix", "attack")
# What the task's loss goes through: another objective takes a share of it, then come terms on other inputs, which keep
# the weight that they were asked for; last what depends on no input.
LOSS_STAGES = ("distill", "attack", "regularize")


class Stages(UserDict[str, Callable[..., Any]]):
    """Changes that callbacks make at the stages of a training step, one callback at each.

    Args:
        names: of the stages, in order.

    Raises:
        ValueError: when one is set that does not exist, or that something else was set for.
    """

    def __init__(self, names: tuple[str, ...]) -> None:
        super().__init__()
        self.names = names

    def __setitem__(self, stage: str, change: Callable[..., object]) -> None:
        if stage not in self.names:
            raise ValueError(f"a training step has no stage {stage!r}, only {', '.join(self.names)}")
        if _owner(self.get(stage, change)) != _owner(change):
            both = " and ".join(type(_owner(each)).__name__ for each in (self[stage], change))
            raise ValueError(f"trainer.callbacks: {both} both take the stage {stage!r} of a step: keep one of them")
        super().__setitem__(stage, change)

    def in_order(self) -> list[Callable[..., Any]]:
        """The changes that were set, by stage."""
        return [self[stage] for stage in self.names if stage in self]


def _owner(change: Callable[..., object]) -> Any:
    """The object whose method this is, also with arguments given already (functools.partial)."""
    return getattr(getattr(change, "func", change), "__self__", change)
