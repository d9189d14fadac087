"""Finished runs that were never trained: results.json and predictions, as a run writes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from lightsmith.records.parts import DataFacts, Environment, Figures, FitFacts, Headline, ModelFacts
from lightsmith.records.results import Results, write_results
from lightsmith.records.status import write_status
from lightsmith.run_folder import PREDICTIONS

FINGERPRINT = "sha256:0123456789"


def write_run(
    folder: Path,
    seed: int,
    metrics: Mapping[str, float],
    *,
    settings: Mapping[str, Any] | None = None,
    n: int = 100,
    task: str = "classification",
    headline: tuple[str, Any] = ("accuracy", "max"),
    experiment: str = "mnist_mlp",
    fingerprint: str = FINGERPRINT,
) -> Path:
    """A finished run without predictions."""
    folder.mkdir(parents=True)
    name, direction = headline
    results = Results(
        experiment=experiment,
        task=task,
        headline=Headline(name, metrics[name], direction),
        seed=seed,
        settings={"seed_everything": seed, **(settings or {})},
        data=DataFacts("sample", 10, 5, n, fingerprint, [], [], classes=["ant", "bee"]),
        test=Figures(n, dict(metrics)),
        best=None,
        fit=FitFacts(1.5, 2, 4, 20, 13.3, 0.1, 1000),
        model=ModelFacts("MnistMLP", 8, 8, "checkpoints/best.ckpt", "ab", "cd"),
        environment=Environment("3.11", "2.14", "2.6", "cpu", "32-true"),
    )
    write_results(results, folder)
    write_status(folder, "finished")
    return folder


def write_classifier(folder: Path, seed: int, right: np.ndarray, ids: Sequence[str] = (), **more: Any) -> Path:
    """A finished run of two classes, of which is known about which items (n,) it is right."""
    labels = np.arange(len(right)) % 2  # of ant and bee
    says_bee = np.where(right.astype(bool), labels, 1 - labels)
    bee = np.where(says_bee == 1, 0.75, 0.25).astype(np.float32)
    columns = {"label": np.array(["ant", "bee"])[labels].tolist(), "probability_ant": 1 - bee, "probability_bee": bee}
    metrics = {"loss": float(-np.log(np.where(right, 0.75, 0.25)).mean()), "accuracy": float(right.mean()), "f1": 0.5}
    write_run(folder, seed, metrics, n=len(right), **more)
    return write_predictions(folder, columns, ids or [f"{i:04}" for i in range(len(right))])


def write_predictions(folder: Path, columns: Mapping[str, Any], ids: Sequence[str]) -> Path:
    """Predictions of test items, beside a run's results."""
    (folder / PREDICTIONS).parent.mkdir()
    pq.write_table(pa.table({"id": list(ids), **columns}), folder / PREDICTIONS)
    return folder


def write_seeds(folder: Path, seeds: Sequence[int], share: float, n: int = 400, **more: Any) -> list[Path]:
    """Runs that are right about a share of the items: some items are hard for all of them, and each has its luck."""
    hard = np.random.default_rng(0).normal(size=n)
    runs = []
    for seed in seeds:
        luck = np.random.default_rng([seed, int(1000 * share)]).normal(size=n, scale=0.3)
        right = (hard + luck) > np.quantile(hard, 1 - share)
        runs.append(write_classifier(folder / f"20261126-1200{seed:02}", seed, right, **more))
    return runs
