"""Runs and studies for dashboards, made without training."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from tests.lightsmith.reports.made_runs import record, write_run

NAMING = {"metrics", "xAxis", "yAxis", "targetKey", "accessor"}  # keys of views under which metrics stand
CONFIG = {
    "experiment": "mnist_mlp",
    "seed_everything": 1,
    "trainer": {
        "max_epochs": 2,
        "callbacks": [
            {"class_path": "ModelCheckpoint", "init_args": {"filename": "best", "monitor": "val/accuracy"}},
            {"class_path": "callbacks.save_last.SaveLast"},
        ],
    },
    "model": {"class_path": "MnistMLP", "init_args": {"lr": 0.001, "hidden_features": [64]}},
}


def write_one(
    folder: Path, seed: int = 1, value: float = 0.9, metric: str = "accuracy", tested: bool = True, settings: Any = None
) -> Path:
    """A finished run with its resolved settings, those given differing from the experiment's."""
    write_run(folder, record(metric, value, seed=seed, settings={"seed_everything": seed, **(settings or {})}))
    (folder / "config.yaml").write_text(yaml.safe_dump(CONFIG))
    add_metric(folder, "fit/seconds", 12.5 + seed)
    for name, figure in ((f"test/{metric}", value), ("test/loss", 1 - value)) if tested else ():
        add_metric(folder, name, figure)
    return folder


def write_seeds(folder: Path, count: int = 3) -> Path:
    """A study of seeds."""
    names = [f"seed-{seed}" for seed in range(1, count + 1)]
    for seed, name in enumerate(names, 1):
        write_one(folder / name, seed, 0.9 + seed / 100)
    return write_plan(folder, "seeds", names)


def write_sweep(folder: Path, rates: tuple[float, ...] = (0.1, 0.01, 0.001)) -> Path:
    """A sweep at its end: trials, which were not tested, and the winner and default settings, which were."""
    names = [f"trial-{number:04d}" for number in range(1, len(rates) + 1)]
    trials = []
    for name, rate in zip(names, rates, strict=True):
        write_one(folder / name, tested=False)
        (folder / name / "results.json").unlink()
        drawn = {"model.lr": rate}
        trials.append({"name": name, "outcome": "finished", "value": 0.5, "settings": drawn})
    compared = ["default-seed-2", "winner-0002-seed-2"]
    write_one(folder / compared[0], 2, 0.91)
    write_one(folder / compared[1], 2, 0.93, settings={"model.lr": 0.01})
    content = {"metric": "val/accuracy", "direction": "max", "importance": {"model.lr": 1.0}, "trials": trials}
    write_plan(folder, "sweep", [*names, *compared])
    (folder / "trials.json").write_text(json.dumps({**content, "schema": 1, "best": names[1], "comparison": None}))
    return folder


def write_plan(folder: Path, kind: str, names: list[str]) -> Path:
    """study.json."""
    study = {"schema": 1, "kind": kind, "experiment": "mnist_mlp", "typed": [], "settings": [], "options": []}
    members = [{"name": name, "options": []} for name in names]
    (folder / "study.json").write_text(json.dumps({**study, "members": members}))
    return folder


def add_metric(run: Path, name: str, value: float) -> None:
    """Let a run have logged one more metric, once."""
    header, *rows = (run / "metrics.csv").read_text().splitlines()
    columns = header.count(",") + 1
    last = f"{','.join(['3', '63', *[''] * (columns - 2)])},{value}"
    (run / "metrics.csv").write_text("\n".join([f"{header},{name}", *(f"{row}," for row in rows), last, ""]))


def texts_in(content: Any) -> Iterator[tuple[str, str]]:
    """Each text of a JSON content, with the key that it stands under."""
    pairs = content.items() if isinstance(content, dict) else enumerate(content)
    for key, value in pairs:
        if isinstance(value, str):
            yield str(key), value
        elif isinstance(value, dict | list):
            yield from ((str(key) if isinstance(k, str) and k.isdigit() else k, v) for k, v in texts_in(value))


def metrics_in(view: Any) -> set[str]:
    """The metrics that the panels of a workspace or report name."""
    named = {value.removeprefix("summary:") for key, value in texts_in(view) if key in NAMING}
    return {name for name in named if "/" in name and not name.startswith("config:")} - {"trainer/global_step"}
