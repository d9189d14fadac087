"""The parts of a run's record, and how each stands in JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any, Literal, TypeVar

T = TypeVar("T")
BEST: Mapping[str, Callable[..., Any]] = {"max": max, "min": min}  # by the direction of a headline


@dataclass(frozen=True)
class Headline:
    """The one figure that a run is judged by: the task's metric on the test split, and which way is better."""

    metric: str
    value: float
    direction: Literal["max", "min"]

    @property
    def better(self) -> str:
        """The word for figures that are better: higher or lower."""
        return {"max": "higher", "min": "lower"}[self.direction]


@dataclass(frozen=True)
class LeftOut:
    """A file, row or folder that was not used, and why."""

    item: str
    reason: str


@dataclass(frozen=True)
class DataFacts:
    """The data of a run: readable items by split, what stands beside them, and what was left out.

    Attributes:
        classes: names in the order of the labels; empty where labels are no classes.
        values: mean, standard deviation, least and largest of labels that are values.
    """

    source: str
    train: int
    val: int
    test: int
    fingerprint: str
    skipped: list[LeftOut]
    ignored: list[LeftOut]
    classes: list[str] = field(default_factory=list)
    values: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Figures:
    """Metrics of a split by name, the number of items that they are of, and intervals at 95% where these are few."""

    n: int
    metrics: dict[str, float]
    interval: dict[str, list[float]] = field(default_factory=dict)

    @property
    def flat(self) -> dict[str, Any]:
        """One mapping, as it stands in JSON: ``{"n": 500, "loss": 0.2, "accuracy": 0.93, "interval": {…}}``."""
        figures: dict[str, Any] = {"n": self.n, **self.metrics}
        if self.interval:
            figures["interval"] = self.interval
        return figures

    @classmethod
    def of_flat(cls, flat: Mapping[str, Any]) -> Figures:
        metrics = {name: value for name, value in flat.items() if name not in ("n", "interval")}
        return cls(flat["n"], metrics, flat.get("interval", {}))


@dataclass(frozen=True)
class Best:
    """The epoch, from 1, of the checkpoint that was tested: the metric that chose it, and all of its validation.

    Where nothing chose, as without a validation, it is the last epoch, and the others are None.
    """

    epoch: int
    metric: str | None
    value: float | None
    validation: Figures | None = None


@dataclass(frozen=True)
class Majority:
    """The most frequent class of the test items, and its share of them, 0…1."""

    class_: str
    share: float


@dataclass(frozen=True)
class ClassFigures:
    """Test items of a class, and how well it is recognised, 0…1; None for a class without items or predictions."""

    class_: str
    n: int
    precision: float | None
    recall: float | None
    f1: float | None


@dataclass(frozen=True)
class FitFacts:
    """The cost of training, interruptions left out.

    Attributes:
        seconds: from the fetch of the first training batch to the end, with validation and checkpointing.
        steps: of the optimizer.
        samples: training items, over all devices and epochs.
        first_step_seconds: the part of ``seconds`` until the end of the first step, with compilation.
        peak_memory_bytes: the most that was held on the GPU, or by the process where there is none.
    """

    seconds: float
    epochs: int
    steps: int
    samples: int
    samples_per_second: float
    first_step_seconds: float
    peak_memory_bytes: int


@dataclass(frozen=True)
class ModelFacts:
    """The model that was tested, and its file in the run folder.

    Attributes:
        checkpoint: path of the file below the run folder.
        sha256: of that file, in hexadecimal.
        weights_sha256: of the weights alone, by ``gather.weights_sha256``; None in runs of earlier versions.
        class_weights: in the order of the labels; empty where all items count alike.
    """

    class_: str
    parameters: int
    trainable_parameters: int
    checkpoint: str
    sha256: str
    weights_sha256: str | None = None
    class_weights: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Environment:
    """Versions, hardware, number of processes and the state of Lightsmith's checkout."""

    python: str
    torch: str
    lightning: str
    device: str
    precision: str
    strategy: str | None = None
    devices: int | None = None
    num_nodes: int | None = None
    world_size: int | None = None
    git_commit: str | None = None
    git_dirty: bool | None = None


def plain(value: object) -> Any:
    """Turn a record into JSON's types; field names that end in an underscore, as Python's words do, lose it."""
    if isinstance(value, Figures):
        return value.flat
    if is_dataclass(value):
        return {part.name.rstrip("_"): plain(getattr(value, part.name)) for part in fields(value)}
    if isinstance(value, list):
        return [plain(element) for element in value]
    return value


def made(kind: type[T], values: Mapping[str, object]) -> T:
    """Make a part of a record from its JSON.

    Raises:
        TypeError: it lacks a key.
    """
    named = {part.name: part.name.rstrip("_") for part in fields(kind)}  # type: ignore[arg-type]  # all are dataclasses
    return kind(**{name: values[key] for name, key in named.items() if key in values})
