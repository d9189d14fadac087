"""Compare settings by their runs: which is better, by how much, and whether the runs can tell (docs/statistics.md)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from string import ascii_uppercase

import numpy as np

from lightsmith.records.results import Results, read_results
from lightsmith.studies.comparisons.answer import Comparison, Group, Pair
from lightsmith.studies.comparisons.found_runs import LeftOut, unfinished
from lightsmith.studies.comparisons.item_values import Table, item_scores, read_items
from lightsmith.studies.comparisons.metrics import check_metric, direction_of
from lightsmith.studies.comparisons.run_groups import EXPERIMENT, RunGroup, differing, group_runs, named, same_kind
from lightsmith.studies.comparisons.same_items import in_one_order
from lightsmith.studies.statistics.estimates import CONFIDENCE, Sample, difference, mean_of
from lightsmith.studies.statistics.seeds_needed import seeds_needed
from lightsmith.terminal import shown


def compare_runs(folders: Sequence[Path], metric: str | None = None, left_out: Sequence[LeftOut] = ()) -> Comparison:
    """Compare runs by their settings, each group of them by all of its seeds.

    Args:
        folders: of runs; those that have not finished are left out.
        metric: one of the test split's; the headline when unset.
        left_out: what was left out before.

    Raises:
        ValueError: runs of different test data or kinds of task, a metric that one lacks, or too few of them.
    """
    unready = [LeftOut(folder, reason) for folder in folders if (reason := unfinished(folder))]
    gone = {folder for folder, _ in unready}
    records = [read_results(folder) for folder in folders if folder not in gone]
    if not records:
        raise ValueError("none of these runs has finished: " + "; ".join(f"{f.name} {why}" for f, why in unready[:3]))
    same_kind(records)
    name = check_metric(records, metric)
    items = in_one_order(records, [_items(record, name) for record in records])
    groups, older = group_runs(records)
    again = [LeftOut(record.folder or Path(), f"a newer run has its seed, {record.seed}") for record in older]
    _check_enough(groups)
    of_run = {record.folder: found for record, found in zip(records, items, strict=True)}
    samples = _samples(groups, name, of_run)
    return _comparison(groups, samples, name, [*left_out, *unready, *again])


def _items(record: Results, metric: str) -> Table | None:
    return read_items(record.folder or Path(), metric, record.test.metrics[metric])


def _check_enough(groups: Sequence[RunGroup]) -> None:
    if len(groups) == 1 and len(groups[0].records) == 1:
        only = groups[0].records[0]
        raise ValueError(
            f"there is one finished run, {named(only)}: give runs of other settings beside it, or of other seeds"
        )
    if len(groups) > len(ascii_uppercase):
        names = ", ".join(differing(groups)[:5])
        raise ValueError(
            f"there are {len(groups)} groups, which differ in {names}: compare at most {len(ascii_uppercase)}"
        )


def _samples(groups: Sequence[RunGroup], metric: str, items: Mapping[Path | None, Table | None]) -> list[Sample]:
    """The scores of each group, and those of the items where all runs have them.

    Args:
        items: of each run, by its folder, all in one order.
    """
    records = [record for group in groups for record in group.records]
    scores = np.array([record.test.metrics[metric] for record in records], dtype=np.float64)
    by_item = [item_scores(items[record.folder]) for record in records]
    known = [values for values in by_item if values is not None]
    ends = np.cumsum([len(group.records) for group in groups])[:-1]
    parts = np.split(np.stack(known), ends) if len(known) == len(records) else [None] * len(groups)
    return [Sample(*group) for group in zip(np.split(scores, ends), parts, strict=True)]


def _comparison(
    groups: Sequence[RunGroup], samples: Sequence[Sample], metric: str, left_out: Sequence[LeftOut]
) -> Comparison:
    record = groups[0].records[0]
    told = list(dict.fromkeys([EXPERIMENT, *differing(groups)]))
    described = [_group(*part, told) for part in zip(ascii_uppercase, groups, samples, strict=False)]
    indices = list(combinations(range(len(groups)), 2))
    pairs = _adjusted([_pair(described, groups, samples, i, j, metric) for i, j in indices])
    return Comparison(
        task=record.task,
        metric=metric,
        direction=direction_of(record.headline, metric),
        items=record.test.n,
        by_item=samples[0].items is not None,
        groups=described,
        pairs=pairs,
        left_out=[{"run": str(shown(path)), "reason": reason} for path, reason in left_out],
    )


def _group(name: str, group: RunGroup, sample: Sample, told: Sequence[str]) -> Group:
    spread, interval = None, None
    if len(sample.scores) > 1:
        spread, interval = float(sample.scores.std(ddof=1)), mean_of(sample).interval
    return Group(
        name=name,
        settings={key: group.settings[key] for key in told if key in group.settings},
        n=len(sample.scores),
        mean=float(sample.scores.mean()),
        spread=spread,
        interval=interval,
        seeds=group.seeds,
        runs=[str(shown(record.folder or Path())) for record in group.records],
    )


def _pair(
    described: Sequence[Group], groups: Sequence[RunGroup], samples: Sequence[Sample], i: int, j: int, metric: str
) -> Pair:
    names, a, b = (described[i].name, described[j].name), samples[i], samples[j]
    if len(a.scores) == len(b.scores) == 1:
        return _pair_of_single_runs(names, a, b, metric)
    estimate = difference(a, b, groups[i].seeds == groups[j].seeds)
    items = ["item"] if a.items is not None else []
    return Pair(
        groups=names,
        difference=estimate.value,
        interval=estimate.interval,
        p_value=estimate.p_value,
        distinguishable=not estimate.interval[0] <= 0 <= estimate.interval[1],
        seeds_needed=seeds_needed(estimate),
        paired=[*(["seed"] if estimate.paired else []), *items],
        covers=["seed", *items],
    )


def _pair_of_single_runs(names: tuple[str, str], a: Sample, b: Sample, metric: str) -> Pair:
    if a.items is None or b.items is None:
        raise ValueError(
            f"{' and '.join(names)} have one seed each, and {metric} is no mean over test items that predictions give: "
            "run at least two seeds of each"
        )
    from lightsmith.studies.statistics.single_runs import difference_of_single_runs  # two seconds to import

    found = difference_of_single_runs(a.items[0], b.items[0])
    told = found.p_value < 1 - CONFIDENCE and not found.interval[0] <= 0 <= found.interval[1]
    return Pair(names, found.value, found.interval, found.p_value, told, None, ["item"], ["item"])


def _adjusted(pairs: Sequence[Pair]) -> list[Pair]:
    """The pairs with p-values by which at most one of twenty such sets has a wrong finding (Holm 1979)."""
    order = sorted(range(len(pairs)), key=lambda place: pairs[place].p_value)
    adjusted, least = list(pairs), 0.0
    for rank, place in enumerate(order):
        least = min(max(least, pairs[place].p_value * (len(pairs) - rank)), 1.0)
        told = pairs[place].distinguishable and least < 1 - CONFIDENCE
        adjusted[place] = replace(pairs[place], p_value=least, distinguishable=told)
    return adjusted
