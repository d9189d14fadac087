"""Memory that a run holds stays close to what it uses, even if every batch has another shape."""

from __future__ import annotations

import ctypes
import sys
from typing import Any

from lightning.pytorch import Callback


def c_function(name: str) -> Any:
    """A function of the C library; None where it has none of that name, or is not Linux's."""
    return getattr(ctypes.CDLL(None), name, None) if sys.platform == "linux" else None


class ReturnFreedMemory(Callback):
    """Hands freed memory back to the system (malloc_trim(3)) every few batches, where the C library can.

    Batches of texts, each of another length, fragment the heap: without this, a BERT run grows to several times what it
    needs. It changes no result.

    Args:
        every_n_batches: of training, validation and testing alike; at least 1.
    """

    def __init__(self, every_n_batches: int = 2) -> None:
        if every_n_batches < 1:
            raise ValueError(f"every_n_batches={every_n_batches} must be at least 1")
        self.every_n_batches = every_n_batches
        self._batches = 0
        self._trim = c_function("malloc_trim")

    def _count(self, *_: Any, **__: Any) -> None:
        self._batches += 1
        if self._trim is not None and self._batches % self.every_n_batches == 0:
            self._trim(0)

    on_train_batch_end = on_validation_batch_end = on_test_batch_end = _count
