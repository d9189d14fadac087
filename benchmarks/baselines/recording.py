"""The record that every baseline writes, so that contenders can be laid side by side."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from datamodules.sources.source import Examples


def first(examples: Examples, count: int | None) -> Examples:
    """The first ``count`` examples, so that nothing is encoded that a shortened race does not see; all when unset."""
    return examples if count is None else examples.take(np.arange(min(count, len(examples))))


class Recording:
    """Starts its clock when it is made, which is right before the first training batch is fetched.

    Args:
        output: the JSON file that ``finish`` writes.
        until: stop as soon as validation accuracy, 0…1, reaches this.
        max_samples: stop after so many training samples; no limit when unset.
    """

    def __init__(self, output: Path, until: float | None = None, max_samples: int | None = None) -> None:
        self.output = output
        self.until = until
        self.max_samples = max_samples
        self.samples = 0
        self.curve: list[dict[str, float]] = []
        self.seconds = 0.0
        self._started = time.perf_counter()
        self._first_step: float | None = None

    @property
    def enough(self) -> bool:
        """Return whether to stop here."""
        reached = self.until is not None and bool(self.curve) and self.curve[-1]["accuracy"] >= self.until
        return reached or self.full

    @property
    def full(self) -> bool:
        """Return whether ``max_samples`` have been trained on."""
        return self.max_samples is not None and self.samples >= self.max_samples

    def stepped(self, batch_size: int) -> None:
        """Call after each optimizer step."""
        self.samples += batch_size
        self.seconds = time.perf_counter() - self._started
        if self._first_step is None:
            self._first_step = self.seconds

    def validated(self, accuracy: float) -> None:
        """Call after each validation with its accuracy, 0…1."""
        self.seconds = time.perf_counter() - self._started
        self.curve.append({"seconds": self.seconds, "samples": self.samples, "accuracy": accuracy})
        print(f"{self.seconds:8.1f} s  {self.samples:9,} samples  val/accuracy {accuracy:.4f}", flush=True)

    def finish_with(self, test: Callable[[], float]) -> None:
        """Finish with the accuracy, 0…1, that ``test`` measures; a race that was cut short is not tested."""
        self.finish(None if self.full else test())

    def finish(self, test_accuracy: float | None = None) -> None:
        """Write the file. The clock stood still since the last step or validation, so testing is off it."""
        record: dict[str, Any] = {
            "seconds": self.seconds,
            "samples": self.samples,
            "samples_per_second": self.samples / self.seconds,
            "first_step_seconds": self._first_step,
            "test_accuracy": test_accuracy,
            "curve": self.curve,
        }
        self.output.write_text(json.dumps(record) + "\n", encoding="utf-8")
