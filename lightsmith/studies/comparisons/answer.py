"""The answer of a comparison, as comparison.json has it (docs/statistics.md describes every key)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, final

SCHEMA = 1
WHOLE = ("difference", "interval", "distinguishable", "seeds_needed")  # what the pair of two groups says of the whole
DIGITS = 8  # of a number in JSON

Direction = Literal["max", "min"]


@dataclass(frozen=True)
class Group:
    """Runs of the same settings.

    Attributes:
        name: A, B and so on, in the order of the runs given.
        settings: what is not the same in all groups, by name as on the command line; the experiment is always there.
        mean: of the metric.
        spread: standard deviation between the seeds; None of one seed.
        interval: at 95%, of the mean with other seeds and other test items; None of one seed.
        runs: their folders, in the order of the seeds.
    """

    name: str
    settings: dict[str, Any]
    n: int
    mean: float
    spread: float | None
    interval: tuple[float, float] | None
    seeds: list[int]
    runs: list[str]


@final
@dataclass(frozen=True)
class Pair:
    """A comparison of the second group with the first.

    Attributes:
        difference: how much higher the mean of the second is, in the units of the metric.
        interval: at 95%.
        p_value: the probability of a difference as large if there is none; of several pairs adjusted by Holm (1979).
        distinguishable: whether the p-value is below 5% and the interval without 0.
        seeds_needed: the seeds of each group that would show a difference of this size, with a chance of 80%; None
            where no number would, or nothing is known of seeds.
        paired: by what scores are compared within: seed, item, both or nothing.
        covers: what the interval allows to be otherwise: seed, item or both.
    """

    groups: tuple[str, str]
    difference: float
    interval: tuple[float, float]
    p_value: float
    distinguishable: bool
    seeds_needed: int | None
    paired: list[str]
    covers: list[str]


@dataclass(frozen=True)
class Comparison:
    """The answer of a comparison. With two groups, the figures of their pair are the whole's; otherwise those are None.

    Attributes:
        direction: whether high or low is better; None where neither is.
        items: number of test items.
        by_item: whether the metric is known item by item, so that other test items are allowed for.
        left_out: runs that were given and not compared, with the reason.
    """

    task: str
    metric: str
    direction: Direction | None
    items: int
    by_item: bool
    groups: list[Group]
    pairs: list[Pair]
    left_out: list[dict[str, str]]
    schema: int = SCHEMA

    @property
    def only_pair(self) -> Pair | None:
        """The pair of two groups; None where there are one or more than two."""
        return self.pairs[0] if len(self.pairs) == 1 else None

    @property
    def difference(self) -> float | None:
        return self.only_pair and self.only_pair.difference

    @property
    def interval(self) -> tuple[float, float] | None:
        return self.only_pair and self.only_pair.interval

    @property
    def distinguishable(self) -> bool | None:
        return self.only_pair and self.only_pair.distinguishable

    @property
    def seeds_needed(self) -> int | None:
        return self.only_pair and self.only_pair.seeds_needed

    def as_json(self) -> dict[str, Any]:
        """The content of comparison.json in the order of the keys."""
        whole = {name: getattr(self, name) for name in WHOLE}
        content: dict[str, Any] = _rounded({"schema": self.schema, **asdict(self), **whole})
        return content

    @classmethod
    def of_json(cls, content: Mapping[str, Any]) -> Comparison:
        """The answer that a comparison.json holds.

        Raises:
            KeyError, TypeError: it holds something else.
        """
        groups = [Group(**{**group, "interval": _ends(group["interval"])}) for group in content["groups"]]
        pairs = [
            Pair(**{**pair, "groups": tuple(pair["groups"]), "interval": _ends(pair["interval"])})
            for pair in content["pairs"]
        ]
        own = {name: value for name, value in content.items() if name not in WHOLE}
        return cls(**{**own, "groups": groups, "pairs": pairs})


def _ends(interval: Sequence[float] | None) -> tuple[float, float] | None:
    return None if interval is None else (interval[0], interval[1])


def _rounded(value: object) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(part) for part in value]
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}")
    return value
