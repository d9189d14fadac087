"""The side of a service that knows the model, as seen from the side that knows HTTP."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np

from lightning_modules.training.answer import Answer
from lightsmith.exports.reference import Reference
from lightsmith.serving.admission import Admission
from lightsmith.serving.bodies import Item


@dataclass(frozen=True)
class Served:
    """A model as far as it can be described without its network.

    Args:
        folder: where it lies.
        answer: what its outputs mean.
        takes: the kind of an item, image or text.
        description: what /model answers.
        reference: how the test split is distributed; empty where the export does not say.
    """

    folder: Path
    answer: Answer
    takes: str
    description: dict[str, Any]
    reference: Reference

    @property
    def proof(self) -> dict[str, Any]:
        """What `export` proved."""
        proof: dict[str, Any] = self.description["proof"]
        return proof


class Outcome(NamedTuple):
    """A prediction for an item.

    Args:
        prediction: float32 (columns,).
        width: columns of a text that it took.
        decoding_s: seconds.
        traits: of the item, to be compared with the test split.
    """

    prediction: np.ndarray
    width: int
    decoding_s: float
    traits: dict[str, float]


class BatchReport(NamedTuple):
    """A batch that was computed: its columns, the seconds that each item waited for it, and its own seconds."""

    width: int
    queue_s: list[float]
    inference_s: float


class BatchObserver(Protocol):
    """Is told what became of items."""

    def note_batch(self, report: BatchReport) -> None:
        """A batch was computed."""

    def note_abandoned(self) -> None:
        """An item was left out, as its client went away."""


class Backend(Protocol):
    """Answers items, in this process or through others."""

    served: Served
    admission: Admission

    @property
    def ready(self) -> int:
        """Processes that answer items now."""

    async def predict(self, item: Item, deadline: float) -> Outcome:
        """Answer an admitted item.

        Raises:
            ProblemError: it cannot be read, comes too late, or the model fails on it.
        """

    async def close(self) -> None:
        """Let go of everything; nothing may be waiting."""
