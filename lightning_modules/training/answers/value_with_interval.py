"""A regressor's answer about an item: a value and its interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from lightning_modules.training.answer import Answer, Target

COVERAGE = 0.9  # of the intervals of values


@dataclass(frozen=True)
class ValueWithInterval(Answer):
    """A value, and the interval that holds the true one for 90% of the items.

    Args:
        mean: of the training values, which a network's output of 0 stands for.
        deviation: of the training values, which an output of 1 lies above the mean; above 0.
        half_width: of the interval, in the values' units; None while it is unknown, and predictions have none.
    """

    kind: ClassVar[str] = "regression"
    target: ClassVar[Target] = "value"
    output: ClassVar[str] = "standardised_value"
    words: ClassVar[str] = "value, low and high"
    mean: float
    deviation: float
    half_width: float | None = None

    def __post_init__(self) -> None:
        numbers = [self.mean, self.deviation, self.half_width or 0.0]
        if not all(isinstance(number, int | float) and np.isfinite(number) for number in numbers):
            raise ValueError(f"its numbers {numbers} are not all finite")

    @property
    def columns(self) -> list[str]:
        return ["value"] if self.half_width is None else ["value", "low", "high"]

    def predictions(self, outputs: np.ndarray, inputs: Sequence[np.ndarray] = ()) -> np.ndarray:
        value = outputs.reshape(-1).astype(np.float32) * np.float32(self.deviation) + np.float32(self.mean)
        if self.half_width is None:
            return value[:, None]
        reach = np.float32(self.half_width)
        return np.stack([value, value - reach, value + reach], axis=1)

    def line(self, prediction: np.ndarray) -> dict[str, Any]:
        # The shortest decimal that gives this float32 again: 12.3, not 12.300000190734863.
        return {name: float(str(number)) for name, number in zip(self.columns, prediction, strict=True)}

    def shown(self, prediction: np.ndarray) -> list[str]:
        value, *interval = (f"{number:.6g}" for number in prediction)
        return [f"{value} ({COVERAGE:.0%}: {' to '.join(interval)})" if interval else value]

    def label(self, label: Any) -> float:
        return float(str(np.float32(label)))
