"""Cross-validation as a study: a run for each fold, and what each item gets from a model that has not seen it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import fmean, stdev
from typing import Any, NamedTuple

from lightsmith.records.results import Results, read_results
from lightsmith.replace_file import replace_json, replacing
from lightsmith.run_folder import PREDICTIONS
from lightsmith.settings.experiments import EXPERIMENTS, experiment_file
from lightsmith.studies.comparisons.metrics import amount, figure, unit
from lightsmith.studies.study import Member, Study, create_study
from lightsmith.studies.study_options import check_common
from lightsmith.terminal import shown

SCHEMA = 1
FIGURES, OUT_OF_FOLD = "folds.json", "predictions.parquet"
MOST_FOLDS = 1000


class FoldRun(NamedTuple):
    """A finished run that held a fold out."""

    fold: int
    seed: int
    folder: Path
    record: Results


def create_folds(name: str, folds: int, seeds: Sequence[int], typed: Sequence[str], options: Sequence[str]) -> Study:
    """A new study with a member for each fold under each seed.

    Args:
        name: the experiment.
        folds: how many.
        typed: what the study was begun with, for its record.
        options: of the command line, for every run.

    Raises:
        ValueError: no such experiment, that many folds cannot be, or an option that each run has of its own.
    """
    file = experiment_file(name)
    if not 2 <= folds <= MOST_FOLDS:
        raise ValueError(f"--folds={folds} must lie between 2 and {MOST_FOLDS}")
    check_common(options, f"--folds={folds}")
    if any(option.startswith("--data.fold") for option in options):
        raise ValueError(f"--data.fold is for one run, and --folds={folds} runs them all: leave it out")
    members = [
        Member(f"fold-{fold}-seed-{seed}", [f"--data.fold={fold}/{folds}", f"--seed_everything={seed}"])
        for seed in seeds
        for fold in range(1, folds + 1)
    ]
    configs = [EXPERIMENTS / "_defaults.yaml", file]
    return create_study(Path("runs"), "folds", typed, configs, options).with_members(members)


def report_folds(study: Study) -> None:
    """Print the figures of each fold, and write them and every item's predictions into the study's folder.

    Where a run is missing still, only the number of those that have finished is printed.
    """
    done = study.finished
    print(f"\nstudy      {shown(study.folder)}/  ({len(done)} of {len(study.members)} runs finished)")
    if len(done) < len(study.members):
        return
    runs = [_fold_run(study.folder_of(member)) for member in done]
    _write_predictions(runs, study.folder / OUT_OF_FOLD)
    figures = _figures(runs, study.experiment)
    replace_json(study.folder / FIGURES, figures)
    print("\n".join(_lines(figures)))
    print(f"written    {shown(study.folder)}/{FIGURES}, {OUT_OF_FOLD}")


def _fold_run(folder: Path) -> FoldRun:
    _, fold, _, seed = folder.name.split("-")  # fold-2-seed-1
    return FoldRun(int(fold), int(seed), folder, read_results(folder))


def _write_predictions(runs: Sequence[FoldRun], output: Path) -> None:
    """Write a row for each item and seed: what the model says that has not seen it."""
    import pyarrow.parquet as pq  # half a second

    schema = _predictions(runs[0]).schema
    with replacing(output) as file, pq.ParquetWriter(file, schema) as writer:
        for run in runs:
            writer.write_table(_predictions(run))


def _predictions(run: FoldRun) -> Any:
    """The table of a run's predictions, with its seed and fold in place of positions in the fold."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table: Any = pq.ParquetFile(run.folder / PREDICTIONS).read().drop_columns(["index"])
    for place, name, value in ((2, "seed", run.seed), (3, "fold", run.fold)):
        table = table.add_column(place, name, pa.array([value] * table.num_rows, pa.int64()))
    return table


def _figures(runs: Sequence[FoldRun], experiment: str) -> dict[str, Any]:
    """The content of folds.json."""
    headline = runs[0].record.headline
    values = [run.record.headline.value for run in runs]
    weights = [run.record.test.n for run in runs]
    by_fold: dict[int, list[float]] = {}
    for run, value in zip(runs, values, strict=True):
        by_fold.setdefault(run.fold, []).append(value)
    return {
        "schema": SCHEMA,
        "experiment": experiment,
        "metric": headline.metric,
        "direction": headline.direction,
        "items": sum(run.record.test.n for run in runs if run.seed == runs[0].seed),
        "mean": fmean(values, weights),
        "spread": stdev(map(fmean, by_fold.values())),
        "runs": [
            {"fold": run.fold, "seed": run.seed, "n": n, "value": value, "run": run.folder.name}
            for run, n, value in zip(runs, weights, values, strict=True)
        ],
    }


def _lines(figures: dict[str, Any]) -> list[str]:
    """Write the content of folds.json as lines for a person."""
    metric = figures["metric"]
    rows = [
        f"  fold {row['fold']:>2}  seed {row['seed']}  {metric} {figure(metric, row['value'])}  of {row['n']:,} items"
        for row in figures["runs"]
    ]
    mean, spread = figure(metric, figures["mean"]), f"{amount(metric, figures['spread'])} {unit(metric)}"
    return [
        *rows,
        f"{metric} {mean} over all folds, which spread by {spread}; "
        f"{figures['items']:,} items, each predicted by a model that has not seen it",
    ]
