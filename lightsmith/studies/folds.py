"""Cross-validation as a study: a run for each fold, and what each item gets from a model that has not seen it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean, stdev
from typing import Any, NamedTuple

from lightsmith.records.results import Results, read_results
from lightsmith.replace_file import replace_file, replacing
from lightsmith.run_folder import PREDICTIONS
from lightsmith.settings.experiments import EXPERIMENTS, experiment_files
from lightsmith.studies.comparisons.metrics import amount, figure, unit
from lightsmith.studies.study import Member, Study, create_study
from lightsmith.terminal import nearest, shown

SCHEMA = 1
FIGURES, OUT_OF_FOLD = "folds.json", "predictions.parquet"
MOST_FOLDS = 1000


class FoldRun(NamedTuple):
    """A finished run that held a fold out."""

    fold: int
    seed: int
    record: Results


def create_folds(name: str, folds: int, seeds: Sequence[int], typed: Sequence[str], options: Sequence[str]) -> Study:
    """A new study with a member for each fold under each seed.

    Args:
        name: the experiment.
        folds: how many.
        typed: what the study was begun with, for its record.
        options: of the command line, for every run.

    Raises:
        ValueError: no such experiment, or that many folds cannot be.
    """
    files = experiment_files()
    if name not in files:
        raise ValueError(f"no experiment {name!r}{nearest(name, list(files))} (all: {', '.join(files)})")
    if not 2 <= folds <= MOST_FOLDS:
        raise ValueError(f"--folds={folds} must lie between 2 and {MOST_FOLDS}")
    members = [
        Member(f"fold-{fold}-seed-{seed}", [f"--data.fold={fold}/{folds}", f"--seed_everything={seed}"])
        for seed in seeds
        for fold in range(1, folds + 1)
    ]
    configs = [EXPERIMENTS / "_defaults.yaml", files[name]]
    return create_study(Path("runs"), "folds", typed, configs, options).with_members(members)


def report_folds(study: Study) -> None:
    """Print what each fold got, and write that and every item's predictions into the study's folder.

    Nothing is written, and the folds that are done are counted, while not all of a seed's folds are done.
    """
    runs = list(_finished(study))
    print(f"\nstudy      {shown(study.folder)}/  ({len(runs)} of {len(study.members)} runs finished)")
    if len(runs) < len(study.members):
        return
    items = _write_predictions(runs, study.folder / OUT_OF_FOLD)
    figures = _figures(runs, study.experiment, items)
    replace_file(study.folder / FIGURES, f"{json.dumps(figures, indent=1)}\n".encode())
    print("\n".join(_lines(figures)))
    print(f"written    {shown(study.folder / OUT_OF_FOLD)}, {FIGURES}")


def _finished(study: Study) -> Sequence[FoldRun]:
    return [_fold_run(study.folder_of(member), member) for member in study.finished]


def _fold_run(folder: Path, member: Member) -> FoldRun:
    fold = int(member.name.split("-")[1])
    record = read_results(folder)
    return FoldRun(fold, record.seed, record)


def _write_predictions(runs: Sequence[FoldRun], output: Path) -> int:
    """Write a row for each item and seed: what the model says that held the item out. Returns the rows of a seed."""
    import pyarrow as pa  # half a second
    import pyarrow.parquet as pq

    rows = 0
    with replacing(output) as file:
        writer = None
        for fold, seed, record in runs:
            table: Any = pq.ParquetFile((record.folder or Path()) / PREDICTIONS).read().drop_columns(["index"])
            count = table.num_rows
            table = table.add_column(2, "seed", pa.array([seed] * count, pa.int64()))
            table = table.add_column(3, "fold", pa.array([fold] * count, pa.int64()))
            writer = writer or pq.ParquetWriter(file, table.schema)
            writer.write_table(table)
            rows += count if seed == runs[0].seed else 0
        if writer is not None:
            writer.close()
    return rows


def _figures(runs: Sequence[FoldRun], experiment: str, items: int) -> dict[str, Any]:
    """The content of folds.json."""
    first = runs[0].record
    metric = first.headline.metric
    rows = [
        {"fold": fold, "seed": seed, "n": record.test.n, "value": record.headline.value, "run": named(record)}
        for fold, seed, record in runs
    ]
    of_folds = [fmean(row["value"] for row in rows if row["fold"] == fold) for fold in {row["fold"] for row in rows}]
    weighted = sum(row["n"] * row["value"] for row in rows) / sum(row["n"] for row in rows)
    return {
        "schema": SCHEMA,
        "experiment": experiment,
        "metric": metric,
        "direction": first.headline.direction,
        "items": items,
        "mean": weighted,
        "spread": stdev(of_folds),
        "runs": rows,
    }


def named(record: Results) -> str:
    """The folder of a run within its study."""
    return "" if record.folder is None else record.folder.name


def _lines(figures: dict[str, Any]) -> list[str]:
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
