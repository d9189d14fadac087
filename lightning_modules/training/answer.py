"""A task's answer about an item, and how it is written: in a line of predictions, for a person, beside an export.

An answer travels in an exported folder as JSON. Nothing here needs torch.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from itertools import chain
from typing import Any, ClassVar, Literal, Self

import numpy as np

Target = Literal["class", "value", "nothing"]  # what stands beside an item
DIGITS = 6
WHOLE_CLASSES = 100  # with more, a line has the most probable ones only
SHOWN_CLASSES = 5


@dataclass(frozen=True)
class Answer(ABC):
    """Turns what a network says into predictions, and those into lines.

    Attributes:
        kind: of the task, as in ``Task.kind``.
        target: what stands beside an item that predictions are compared with, as in ``Task.target``.
        output: name of the output of an exported file.
        words: what a line holds.
        done: what was done to an item that there is an answer to.
    """

    kind: ClassVar[str]
    target: ClassVar[Target]
    output: ClassVar[str]
    words: ClassVar[str]
    done: ClassVar[str] = "predicted"

    @property
    def settings(self) -> dict[str, Any]:
        """For JSON."""
        return {"kind": self.kind, **{f.name: getattr(self, f.name) for f in fields(self) if f.repr}}

    @classmethod
    def restored(cls, settings: Mapping[str, object]) -> Self:
        """From ``settings``.

        Raises:
            ValueError: they are not what this kind of answer has.
        """
        given = {name: value for name, value in settings.items() if name != "kind"}
        if given.keys() != {f.name for f in fields(cls) if f.repr}:
            raise ValueError(f"an answer of the kind {cls.kind} cannot have the settings {', '.join(given)}")
        return cls(**given)

    @property
    @abstractmethod
    def columns(self) -> list[str]:
        """Names of the numbers that a prediction consists of."""

    @abstractmethod
    def predictions(self, outputs: np.ndarray, inputs: Sequence[np.ndarray] = ()) -> np.ndarray:
        """One row for each item, float32 (n, len(columns)).

        Args:
            outputs: float32 (n, …), what the network says.
            inputs: what it said that of, for answers that compare the two.
        """

    @property
    def header(self) -> list[str]:
        """The columns of a CSV file of predictions, after ``item``; one of them is ``error``."""
        return [*self.columns, "error"]

    def cells(self, prediction: np.ndarray) -> dict[str, Any]:
        """The cells of a row of that file by column, from a row of ``predictions``."""
        return {**self.line(prediction), "error": ""}

    @abstractmethod
    def line(self, prediction: np.ndarray) -> dict[str, Any]:
        """Write a row of ``predictions`` as a JSON object."""

    @abstractmethod
    def shown(self, prediction: np.ndarray) -> list[str]:
        """Write a row of ``predictions`` as lines for a person."""

    def label(self, label: float) -> Any:
        """Write a label of the data as predictions are written."""
        return label

    def labelled(self, label: float) -> dict[str, Any]:
        """Write an item's label for a line of predictions; nothing where items have none."""
        return {} if self.target == "nothing" else {"label": self.label(label)}

    def limited(self, top: int | None) -> Self:
        """Keep the ``top`` most probable classes only; None for as many as are usual.

        Raises:
            ValueError: it knows no classes.
        """
        if top is not None:
            raise ValueError(f"--top={top} is for class probabilities, of which this model has none")
        return self

    def above(self, threshold: float) -> Self:
        """Give no prediction where the most probable class is less probable than this.

        Raises:
            ValueError: it knows no classes, or no probability is so large.
        """
        raise ValueError(f"--threshold={threshold} is for class probabilities, of which this model has none")

    def withholds(self, prediction: np.ndarray) -> bool:
        """Return whether a row of ``predictions`` is too unsure to predict anything."""
        return False

    def with_latents(self) -> Self:
        """Put latents into lines.

        Raises:
            ValueError: it knows none.
        """
        raise ValueError("--latents=true is for autoencoders; this model has no latents")


@dataclass(frozen=True)
class ClassProbabilities(Answer):
    """The probability of each class.

    Args:
        class_names: in the order of the labels.
        top: write this many of the most probable classes, in falling order; all, in the order of the labels, when None.
        printed: show a person this many of them.
        threshold: predict nothing where the most probable class is less probable; its probability stays.
    """

    kind: ClassVar[str] = "classification"
    target: ClassVar[Target] = "class"
    output: ClassVar[str] = "logits"
    words: ClassVar[str] = "prediction and probabilities"
    done: ClassVar[str] = "classified"
    class_names: Sequence[str]
    top: int | None = field(default=None, repr=False)
    printed: int = field(default=SHOWN_CLASSES, repr=False)
    threshold: float = field(default=0.0, repr=False)

    def __post_init__(self) -> None:
        names = self.class_names
        texts = {name for name in names if isinstance(name, str)} if isinstance(names, list | tuple) else set()
        if not texts or len(texts) != len(names):
            raise ValueError("its class names are not texts that differ")

    @property
    def columns(self) -> list[str]:
        return [f"probability_{name}" for name in self.class_names]

    def predictions(self, outputs: np.ndarray, inputs: Sequence[np.ndarray] = ()) -> np.ndarray:
        exponentials = np.exp(outputs - outputs.max(1, keepdims=True))
        shares: np.ndarray = exponentials / exponentials.sum(1, keepdims=True)
        return shares

    @property
    def header(self) -> list[str]:
        if self.top is None:
            return ["prediction", "error", *self.columns]
        ranked = ((f"class_{n}", f"probability_{n}") for n in range(1, self.top + 1))
        return ["prediction", "error", *chain.from_iterable(ranked)]

    def cells(self, prediction: np.ndarray) -> dict[str, Any]:
        shares = self._shares(prediction)
        values = shares.values() if self.top is None else chain.from_iterable(shares.items())
        return dict(zip(self.header, [self._best(prediction) or "", "", *values], strict=True))

    def line(self, prediction: np.ndarray) -> dict[str, Any]:
        return {"prediction": self._best(prediction), "probabilities": self._shares(prediction)}

    def shown(self, prediction: np.ndarray) -> list[str]:
        best = self._ranking(prediction)[: self.printed]
        unsure = [] if not self.withholds(prediction) else [f"don't know: no class reaches {self.threshold:g}"]
        return [*unsure, *(f"{prediction[place]:.4f}  {self.class_names[place]}" for place in best)]

    def label(self, label: float) -> str:
        return self.class_names[int(label)]

    def limited(self, top: int | None) -> Self:
        classes = len(self.class_names)
        usual = SHOWN_CLASSES if classes > WHOLE_CLASSES else classes
        wanted = usual if top is None else top
        return replace(self, top=None if wanted >= classes else wanted, printed=top or SHOWN_CLASSES)

    def above(self, threshold: float) -> Self:
        if not 0 < threshold <= 1:
            raise ValueError(f"--threshold={threshold} must be a probability above 0, such as 0.7, and at most 1")
        return replace(self, threshold=threshold)

    def withholds(self, prediction: np.ndarray) -> bool:
        return self._best(prediction) is None

    def _best(self, prediction: np.ndarray) -> str | None:
        """The most probable class; None if it is less probable than the threshold."""
        place = self._ranking(prediction)[0]
        return self.class_names[place] if float(prediction[place]) >= self.threshold else None

    def _shares(self, prediction: np.ndarray) -> dict[str, float]:
        ranking = range(len(self.class_names)) if self.top is None else self._ranking(prediction)[: self.top]
        return {self.class_names[place]: round(float(prediction[place]), DIGITS) for place in ranking}

    def _ranking(self, prediction: np.ndarray) -> list[int]:
        """Places of the classes, the most probable first."""
        ranking: list[int] = np.argsort(-prediction, kind="stable").tolist()
        return ranking
