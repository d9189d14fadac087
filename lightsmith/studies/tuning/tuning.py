"""tune.json: measurements of a tune, and what follows from them."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lightsmith.studies.tuning.batch_ladder import BatchLadder
from lightsmith.studies.tuning.curve import Curve, Suggestions
from lightsmith.studies.tuning.rate_option import RateOption
from lightsmith.terminal import shown

SCHEMA = 1
FILE, PLOT = "tune.json", "tune.svg"
LINEAR = ("SGD",)  # optimizers whose step is in proportion to the gradient


@dataclass(frozen=True)
class Tuning:
    """Measurements of rates and batch sizes on copies of an experiment's model, and what follows from them.

    Attributes:
        experiment: its name.
        option: sets the rate.
        curve: losses at rising rates.
        suggestions: the rates that it suggests.
        ladder: batch sizes with what they take.
        optimizer: name of its class.
        group_rates: of its groups in the experiment.
        batch_size: the experiment's, at which rates were tried.
        fit_steps: optimizer steps of a whole fit; None if that is not known beforehand.
        rate_seconds: of the training at rising rates.
        batch_seconds: of that with larger and larger batches.
        device: as in results.json.
        precision: as in results.json.
    """

    experiment: str
    option: RateOption
    curve: Curve
    suggestions: Suggestions
    ladder: BatchLadder
    optimizer: str
    group_rates: list[float]
    batch_size: int
    fit_steps: int | None
    rate_seconds: float
    batch_seconds: float
    device: str
    precision: str

    @property
    def rate(self) -> float:
        """The suggested rate, as it is typed."""
        return typed(self.suggestions.chosen)

    @property
    def other_batch(self) -> int | None:
        """The largest batch that pays, where that is not the experiment's."""
        best = self.ladder.best
        return None if best is None or best.batch_size == self.batch_size else best.batch_size

    def rate_at(self, batch_size: int) -> float:
        """The rate for another batch size, by rule: in proportion to it for SGD (Goyal et al. 2017), to its root else.

        The root is that of Adam and its like (Malladi et al. 2022).
        """
        factor: float = batch_size / self.batch_size
        return typed(self.rate * (factor if self.optimizer in LINEAR else factor**0.5))

    def as_json(self) -> dict[str, Any]:
        """The content of tune.json."""
        best = self.ladder.best
        rungs = [{**asdict(rung), "items_per_second": rung.items_per_second} for rung in self.ladder.rungs]
        return {
            "schema": SCHEMA,
            "experiment": self.experiment,
            "option": self.option.key,
            "value": self.option.value,
            "suggested": self.rate,
            **self.suggestions._asdict(),
            "rates": self.curve.rates,
            "losses": self.curve.losses,
            "smoothed": self.curve.smoothed,
            "diverged": self.curve.diverged,
            "optimizer": self.optimizer,
            "group_rates": self.group_rates,
            "batch_size": self.batch_size,
            "suggested_batch_size": best and best.batch_size,
            "suggested_at_that_batch_size": best and self.rate_at(best.batch_size),
            "batches": rungs,
            "batches_ended": self.ladder.ended,
            "fit_steps": self.fit_steps,
            "rate_seconds": self.rate_seconds,
            "batch_seconds": self.batch_seconds,
            "device": self.device,
            "precision": self.precision,
        }


def typed(rate: float) -> float:
    """A rate in two digits: neighbouring rates of the ladder differ by more."""
    return float(f"{rate:.2g}")


def read_tuning(folder: Path) -> dict[str, Any]:
    """Read tune.json.

    Raises:
        ValueError: there is none, or it is not what a tune writes.
    """
    path = folder / FILE
    try:
        record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if record["schema"] != SCHEMA:
            raise ValueError("of another version")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{shown(path)} is not what a tune writes: remove its folder") from error
    return record
