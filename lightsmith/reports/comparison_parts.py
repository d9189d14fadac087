"""The answer of `compare` as a part of a page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lightsmith.reports.parts import Part, Shown, chart, series, table, text
from lightsmith.studies.comparison import compare_runs
from lightsmith.studies.comparisons.answer import Comparison
from lightsmith.studies.comparisons.lines import label, notes, sentence

MOST_RUNS = 60  # whose test items are compared for a page


def comparison_parts(folders: Sequence[Path]) -> list[Part]:
    """Compare runs, and show the answer; or why they cannot be compared."""
    if len(folders) > MOST_RUNS:
        return [text(f"Of more than {MOST_RUNS} runs, make compare says which of chosen ones are better.", muted=True)]
    try:
        return answer_parts(compare_runs(folders))
    except ValueError as error:
        return [text(f"No comparison: {error}", muted=True)]


def answer_parts(found: Comparison) -> list[Part]:
    """The sentence, the intervals and the tables of a comparison."""
    return [
        text(sentence(found)),
        _intervals(found),
        _groups(found),
        *_pairs(found),
        *(text(n, muted=True) for n in notes(found)),
    ]


def _intervals(found: Comparison) -> Part:
    """Each group's mean as a dot, and its interval as a line."""
    numbered = list(enumerate(found.groups, 1))
    names = [group.name for group in found.groups]
    means = [(number, group.mean) for number, group in numbered]
    lines = [
        series(f"{group.name}, 95%", [(number, end) for end in group.interval], 0, group="95% interval")
        for number, group in numbered
        if group.interval is not None
    ]
    return chart(
        f"test {found.metric} of each group",
        "A dot is the mean over a group's seeds, the line its 95% interval, with other seeds and test items.",
        Shown("group", as_="count"),
        Shown(found.metric, as_="metric"),
        [series("mean", means, 1, "dots", names=names, sizes=[5] * len(names)), *lines],
        {"low": 0.5, "high": len(names) + 0.5},
        {"pad": 0.15},
        labels={},
    )


def _groups(found: Comparison) -> Part:
    columns = [Shown("group"), Shown("settings"), Shown("seeds", as_="count")]
    columns += [
        Shown(name, as_="metric") for name in (f"mean {found.metric}", "spread", "low end at 95%", "high end at 95%")
    ]
    rows = [
        [group.name, label(group), group.n, group.mean, group.spread, *(group.interval or (None, None))]
        for group in found.groups
    ]
    return table("groups of equal settings, seed apart", columns, rows)


def _pairs(found: Comparison) -> list[Part]:
    columns = [
        Shown("pair"),
        *(Shown(name, as_="signed") for name in ("difference", "low end at 95%", "high end at 95%")),
    ]
    columns += [Shown("p", as_="general"), Shown("told apart"), Shown("seeds that would show it")]
    rows = [
        [
            f"{pair.groups[1]} − {pair.groups[0]}",
            pair.difference,
            *pair.interval,
            pair.p_value,
            "yes" if pair.distinguishable else "no",
            pair.seeds_needed,
        ]
        for pair in found.pairs
    ]
    if not rows:
        return []
    return [table("pairs of groups", columns, rows)]
