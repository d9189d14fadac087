"""`make verify-compare`: how often comparisons are wrong, on real predictions of many seeds, resampled."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from tqdm.auto import tqdm

from benchmarks.command_line import answer
from lightsmith.records.results import read_results
from lightsmith.studies.comparisons.found_runs import runs_by_pattern
from lightsmith.studies.comparisons.item_values import item_values, read_predictions
from lightsmith.studies.comparisons.run_groups import group_runs
from lightsmith.studies.comparisons.same_items import in_one_order
from lightsmith.studies.statistics.estimates import Estimate, Sample, difference
from lightsmith.studies.statistics.seeds_needed import MOST_SEEDS, POWER, seeds_needed

LEAST_SEEDS = 10
SEEDS = (3, 5, 10)  # of each group, as far as there are runs for two
MOST_TRIED = 50  # seeds of each group
PILOT_SEEDS = 5
NEAR = 0.3  # a number of seeds is right if it is off by this share at most


def verify_compare(runs: str, comparisons: int = 1000, planted: float = 0.003) -> None:
    """Compare real runs of one setting with each other, and with copies that are better by a planted amount.

    Args:
        runs: run folders or patterns; ten seeds of one setting, or more, of classification.
        comparisons: of each kind.
        planted: by how much the copies are better, as a share of the test items.

    Raises:
        ValueError: too few runs, or runs of several settings.
    """
    right = right_answers(runs)
    rng = np.random.default_rng(0)
    spread = 100 * right.mean(1).std(ddof=1)
    print(f"{len(right)} seeds, {right.shape[1]:,} items, accuracy {right.mean():.2%} ± {spread:.2f}", flush=True)
    for seeds in (seeds for seeds in SEEDS if 2 * seeds <= len(right)):
        found = [alike(right, seeds, rng) for _ in _shown(comparisons, f"A with A, {seeds} seeds")]
        wrong = np.mean([not holds(estimate, 0) for estimate in found])
        print(f"A with A, {seeds} seeds: called different {wrong:.1%}, interval holds 0 in {1 - wrong:.1%}", flush=True)
    for seeds in SEEDS:
        found = [better(right, seeds, planted, rng) for _ in _shown(comparisons, f"planted, {seeds} seeds")]
        told = np.mean([not holds(estimate, 0) for estimate in found])
        covered = np.mean([holds(estimate, planted) for estimate in found])
        what = f"{100 * planted:.1f} points better, {seeds} seeds"
        print(f"{what}: found {told:.1%}, interval holds it in {covered:.1%}", flush=True)
    _verify_seeds_needed(right, comparisons, planted, rng)


def _verify_seeds_needed(right: np.ndarray, comparisons: int, planted: float, rng: np.random.Generator) -> None:
    """Compare the number of seeds that pilots ask for with the number that is found to be enough."""
    pilots = [better(right, PILOT_SEEDS, planted, rng) for _ in _shown(comparisons, "pilots")]
    for size in (planted, 0.75 * planted, 0.6 * planted):
        enough = next(n for n in range(2, MOST_TRIED) if _found(right, n, size, comparisons, rng) >= POWER)
        said = [seeds_needed(pilot._replace(value=size)) or MOST_SEEDS for pilot in pilots]
        near = np.mean([abs(number / enough - 1) <= NEAR for number in said])
        print(
            f"{100 * size:.2f} points: {enough} seeds are enough; pilots of {PILOT_SEEDS} say {np.median(said):.0f} "
            f"(median), {np.quantile(said, 0.1):.0f} to {np.quantile(said, 0.9):.0f} (80% of them), "
            f"{near:.0%} within {NEAR:.0%}"
        )


def _found(right: np.ndarray, seeds: int, size: float, comparisons: int, rng: np.random.Generator) -> float:
    told = (not holds(better(right, seeds, size, rng), 0) for _ in _shown(comparisons, f"{size:.2%}, {seeds} seeds"))
    return sum(told) / comparisons


def right_answers(runs: str) -> np.ndarray:
    """Tell which run is right about which test item: float64 (seeds, items), 1 or 0.

    Raises:
        ValueError: too few runs, or runs of several settings.
    """
    groups, _ = group_runs([read_results(folder) for folder in runs_by_pattern(runs).folders])
    if len(groups) != 1 or len(groups[0].records) < LEAST_SEEDS:
        raise ValueError(f"--runs={runs} must be at least {LEAST_SEEDS} seeds of one setting")
    records = groups[0].records
    tables = in_one_order(records, [read_predictions(record.folder) for record in records if record.folder])
    accuracies = [record.test.metrics["accuracy"] for record in records]
    found = (item_values(table, "accuracy", value) for table, value in zip(tables, accuracies, strict=True))
    right = [values for values in found if values is not None]
    if len(right) < len(records):
        raise ValueError(f"--runs={runs} are not all of classification")
    return np.stack(right)


def alike(right: np.ndarray, seeds: int, rng: np.random.Generator) -> Estimate:
    """Compare two groups of runs that differ by nothing, on items drawn anew: no run is in both."""
    drawn = rng.permutation(len(right))[: 2 * seeds]
    items = right[drawn][:, rng.integers(right.shape[1], size=right.shape[1])]
    return difference(_sample(items[:seeds]), _sample(items[seeds:]), same_seeds=True)


def better(right: np.ndarray, seeds: int, size: float, rng: np.random.Generator) -> Estimate:
    """Compare runs with others whose wrong answers were made right until they are better by ``size``.

    Seeds are drawn anew for each; items are those of the test split.
    """
    a, b = (right[rng.integers(len(right), size=seeds)] for _ in range(2))
    mended = rng.random(b.shape) < size / (1 - right.mean())
    return difference(_sample(a), _sample(np.maximum(b, mended)), same_seeds=True)


def _sample(items: np.ndarray) -> Sample:
    return Sample(items.mean(1), items)


def holds(estimate: Estimate, value: float) -> bool:
    """Return whether the interval of an estimate holds a value."""
    low, high = estimate.interval
    return low <= value <= high


def _shown(count: int, what: str) -> Iterator[int]:
    bar: Iterator[int] = iter(tqdm(range(count), what, leave=False, disable=None))
    return bar


if __name__ == "__main__":
    answer(verify_compare)
