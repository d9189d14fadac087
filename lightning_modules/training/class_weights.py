"""Weights of classes in training, so that frequent classes do not drown rare ones."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any
from unicodedata import normalize

import torch
from torch import Tensor

BALANCED = "balanced"
GivenWeights = list[float] | dict[str, float] | str | None  # a text is BALANCED
SHOWN_CLASSES = 10


class ClassWeights:
    """The weights of a task's classes, given as numbers or following from the data that it is trained on.

    Args:
        given: one number for each class; numbers by name, where a class that is not named weighs 1; ``balanced``, which
            follows from the data when a training begins; or None, and no weights.
        class_names: in the order of the labels.

    Attributes:
        values: float32 (classes,); None where there are none, or not yet.

    Raises:
        ValueError: too many or too few numbers, a name that is no class, or what is no weight.
    """

    def __init__(self, given: GivenWeights, class_names: Sequence[str]) -> None:
        self.class_names = class_names
        self.balances = given == BALANCED
        self.values = None if given is None or self.balances else torch.tensor(_checked(given, class_names))

    def begin(self, data: Any, device: torch.device) -> str:
        """Settle the weights for a training.

        Returns:
            A line for the person who trains; empty where there are no weights.

        Raises:
            ValueError: they are to be balanced, and this data module does not count its classes.
        """
        if self.balances:
            self.values = balanced_weights(data)
        if self.values is None:
            return ""
        self.values = self.values.to(device)
        return self._line()

    def of_items(self, label: Tensor) -> Tensor:
        """The weight of each item, float32 (B,): its class's, or of a mixed one its classes' in proportion.

        Args:
            label: int64 (B,), or float (B, classes).
        """
        assert self.values is not None
        # No matrix product, which mixed precision would round.
        return (label * self.values).sum(1) if label.is_floating_point() else self.values[label]

    def by_name(self) -> dict[str, float] | None:
        """The weight of each class."""
        return None if self.values is None else dict(zip(self.class_names, self.values.tolist(), strict=True))

    def _line(self) -> str:
        """The classes that count most first."""
        largest = sorted((self.by_name() or {}).items(), key=lambda pair: -pair[1])
        shown = ", ".join(f"{name} {weight:.4g}" for name, weight in largest[:SHOWN_CLASSES])
        more = f", … (all {len(largest)} in results.json)" if len(largest) > SHOWN_CLASSES else ""
        return f"classes    weights in training: {shown}{more}"


def balanced_weights(data: Any) -> Tensor:
    """Weights of classes that are in inverse proportion to their training items: n / (classes · n_c).

    That is scikit-learn's ``balanced`` (after King & Zeng 2001): the classes count equally in sum, and an item counts 1
    on average. A class without items has no weight: 0.

    Args:
        data: a data module, whose ``class_counts`` are the n_c.

    Returns:
        float32 (classes,).

    Raises:
        ValueError: the data does not count its classes.
    """
    if not hasattr(data, "class_counts"):
        raise ValueError(
            f"model.class_weights={BALANCED} needs data that has class_counts, which {type(data).__name__} lacks: "
            "give the weights as numbers"
        )
    counts = torch.tensor(data.class_counts, dtype=torch.float64)
    balanced = counts.sum() / (counts.count_nonzero() * counts)
    return torch.where(counts > 0, balanced, 0.0).float()


def _checked(given: list[float] | dict[str, float] | str, class_names: Sequence[str]) -> list[float]:
    """The weights in the order of the classes."""
    if isinstance(given, str):
        raise ValueError(f"model.class_weights={given} is not {BALANCED}, a list of numbers, or numbers by class name")
    if isinstance(given, Mapping):
        weights = _by_name(given, class_names)
    elif len(given) == len(class_names):
        weights = [float(weight) for weight in given]
    else:
        raise ValueError(
            f"model.class_weights={given} has {len(given)} numbers: {_listed(class_names)}; give one for each in this "
            "order, or numbers by name"
        )
    if not all(math.isfinite(weight) and weight >= 0 for weight in weights) or not any(weights):
        raise ValueError(f"model.class_weights={given} must be numbers from 0 on, and not all 0")
    return weights


def _by_name(given: Mapping[str, float], class_names: Sequence[str]) -> list[float]:
    """A name counts in either of its Unicode forms, as the classes of data do."""
    known = {normalize("NFC", name) for name in class_names}
    weights: dict[str, float] = {}
    for name, weight in given.items():
        if not isinstance(name, str):  # what YAML makes of 007 or yes
            raise ValueError(f'model.class_weights.{name}={weight} does not name a class by a text: write "{name}"')
        if normalize("NFC", name) not in known:
            raise ValueError(f"model.class_weights.{name}={weight} is of no class: {_listed(class_names)}")
        weights[normalize("NFC", name)] = float(weight)
    return [weights.get(normalize("NFC", name), 1.0) for name in class_names]


def _listed(class_names: Sequence[str]) -> str:
    more = ", …" if len(class_names) > SHOWN_CLASSES else ""
    return f"the {len(class_names)} classes are {', '.join(class_names[:SHOWN_CLASSES])}{more}"
