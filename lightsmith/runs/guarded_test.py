"""A test whose result no callback can cost."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from lightning.pytorch import Callback

from callbacks.guard_numerics import NonFiniteError
from lightsmith.runs.out_of_memory import ran_out_of_memory
from lightsmith.terminal import one_line

HOOKS = [name for name in vars(Callback) if name.startswith("on_test_")]


@contextmanager
def guard_test(trainer: Any) -> Iterator[list[str]]:
    """Leave a callback that fails in the test out of the rest of it: the test's own figures need none of them.

    Running out of memory, and what is not finite, still end the test. So does, with several processes, a callback that
    fails before the test's end: the others may be waiting for what it was about to send.

    Yields:
        A line about each callback that failed, filled in as they do.
    """
    failed: list[Callback] = []
    lines: list[str] = []

    def call(callback: Callback, name: str, *arguments: object) -> None:
        if callback in failed:
            return
        try:
            getattr(type(callback), name)(callback, *arguments)
        except Exception as error:
            awaited = trainer.world_size > 1 and name != "on_test_end"
            if awaited or isinstance(error, NonFiniteError) or ran_out_of_memory(error):
                raise
            failed.append(callback)
            lines.append(f"{type(callback).__name__} failed in the test: {one_line(error)}")

    hooks = [(callback, name) for callback in trainer.callbacks for name in HOOKS if _overrides(callback, name)]
    for callback, name in hooks:
        setattr(callback, name, partial(call, callback, name))
    try:
        yield lines
    finally:
        for callback, name in hooks:
            delattr(callback, name)


def _overrides(callback: Callback, name: str) -> bool:
    return getattr(type(callback), name) is not getattr(Callback, name)
