"""Gather the record of a run that was fitted and tested."""

from __future__ import annotations

import hashlib
import platform
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import lightning
import numpy as np
import pyarrow.parquet as pq
import torch

from callbacks.measure_fit import MeasureFit
from datamodules.batches.encoded_cache import sha256
from lightsmith.records.best_epoch import best_epoch
from lightsmith.records.class_notes import class_results
from lightsmith.records.error_tables import confusion_counts
from lightsmith.records.interval import CERTAIN_ITEMS, OF_ERRORS, error_intervals, wilson_interval
from lightsmith.records.parts import (
    ClassFigures,
    DataFacts,
    Environment,
    Figures,
    FitFacts,
    Headline,
    LeftOut,
    Majority,
    ModelFacts,
    made,
)
from lightsmith.records.results import Results
from lightsmith.run_folder import BEST_CHECKPOINT, PREDICTIONS
from lightsmith.runs.hardware import device_name
from lightsmith.runs.trainer import ExperimentTrainer

if TYPE_CHECKING:
    from datamodules.split_data import SplitData

TEST, ROBUSTNESS = "test/", "robustness/"  # what the names of metrics begin with


def gather_results(
    trainer: ExperimentTrainer, run_folder: Path, experiment: str, seed: int, settings: dict[str, object] | None
) -> Results:
    """Gather the record of a run.

    Args:
        trainer: has fitted and tested.
        run_folder: holds the checkpoint that was tested.
        experiment: its name.
        seed: that of ``seed_everything``.
        settings: what differs from the experiment's, by dotted name; None if that is not known.
    """
    task: Any = trainer.lightning_module
    test, (metric, direction) = _test(trainer, run_folder), task.headline
    classes = class_results(confusion_counts(trainer.callbacks), getattr(task, "class_names", []))
    return Results(
        experiment=experiment,
        task=task.kind,
        headline=Headline(metric, test.metrics[metric], direction),
        seed=seed,
        settings=settings,
        data=_data(trainer.datamodule),
        test=test,
        best=best_epoch(trainer, run_folder),
        fit=_fit(trainer),
        model=_model(task, run_folder),
        environment=_environment(trainer),
        majority=classes.get("majority") and made(Majority, classes["majority"]),
        per_class=[made(ClassFigures, figures) for figures in classes.get("per_class", [])],
        robustness=_logged(trainer, ROBUSTNESS),
        folder=run_folder,
    )


def _data(data: SplitData) -> DataFacts:
    skipped, ignored = (
        [LeftOut(item, reason) for item, reason in left_out] for left_out in (data.skipped, data.source_found.ignored)
    )
    sizes = data.sizes
    return DataFacts(
        source=data.source,
        train=sizes["train"],
        val=sizes["val"],
        test=sizes["test"],
        **data.labels.record(data.source_found),
        fingerprint=data.fingerprint,
        skipped=skipped,
        ignored=ignored,
    )


def _test(trainer: ExperimentTrainer, run_folder: Path) -> Figures:
    """The test metrics in the order of the task, and how far those of few items may be from the truth."""
    task: Any = trainer.lightning_module
    logged = _logged(trainer, TEST)
    n = int(logged.pop("n"))
    metrics = {name: logged[name] for name in dict.fromkeys(["loss", *task.metric_names, *logged])}
    return Figures(n, metrics, _intervals(metrics, n, run_folder))


def _intervals(metrics: dict[str, float], n: int, run_folder: Path) -> dict[str, list[float]]:
    """The intervals of those metrics that one is known for; none where the items are many."""
    if n >= CERTAIN_ITEMS:
        return {}
    if "accuracy" in metrics:
        return {"accuracy": wilson_interval(metrics["accuracy"], n)}
    if OF_ERRORS.keys() <= metrics.keys() and (run_folder / PREDICTIONS).is_file():
        said = pq.read_table(run_folder / PREDICTIONS, columns=["label", "value"])
        return error_intervals(said["value"].to_numpy().astype(np.float64) - said["label"].to_numpy())
    return {}


def _logged(trainer: ExperimentTrainer, prefix: str) -> dict[str, float]:
    logged = {name: value for name, value in trainer.callback_metrics.items() if name.startswith(prefix)}
    figures = {name.removeprefix(prefix): number(value) for name, value in logged.items()}
    return {name: int(value) if name == "n" else value for name, value in figures.items()}


def number(metric: torch.Tensor) -> float:
    """The shortest decimal that gives this very value in its precision: 0.869, not 0.8690000176."""
    value = metric.cpu().to(torch.promote_types(metric.dtype, torch.float32))  # NumPy has no bfloat16
    return float(str(value.numpy()))


def _fit(trainer: ExperimentTrainer) -> FitFacts:
    measured = next(callback for callback in trainer.callbacks if isinstance(callback, MeasureFit))
    return FitFacts(
        seconds=round(measured.seconds, 3),
        epochs=trainer.current_epoch,
        steps=trainer.global_step,
        samples=measured.samples,
        samples_per_second=round(measured.samples / measured.seconds, 1) if measured.seconds else 0.0,
        first_step_seconds=round(measured.first_step_seconds, 3),
        peak_memory_bytes=measured.peak_memory_bytes,
    )


def _model(model: Any, run_folder: Path) -> ModelFacts:
    parameters = list(model.parameters())
    weights = model.class_weights.by_name() if model.target == "class" else None
    return ModelFacts(
        class_=type(model).__name__,
        parameters=sum(p.numel() for p in parameters),
        trainable_parameters=sum(p.numel() for p in parameters if p.requires_grad),
        class_weights=list((weights or {}).values()),
        checkpoint=str(BEST_CHECKPOINT),
        sha256=sha256(run_folder / BEST_CHECKPOINT),
        weights_sha256=weights_sha256(model.state_dict()),
    )


def weights_sha256(state: Mapping[str, torch.Tensor]) -> str:
    """Digest the names, dtypes, shapes and values of weights in order of name, wherever and however they are stored."""
    digest = hashlib.sha256()
    for name, value in sorted(state.items()):
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}\0".encode())
        digest.update(value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _environment(trainer: ExperimentTrainer) -> Environment:
    commit = git("rev-parse", "HEAD")
    return Environment(
        python=platform.python_version(),
        torch=torch.__version__,
        lightning=lightning.__version__,
        device=device_name(trainer.strategy.root_device),
        precision=str(trainer.precision),
        strategy=type(trainer.strategy).__name__,
        devices=trainer.num_devices,
        num_nodes=trainer.num_nodes,
        world_size=trainer.world_size,
        git_commit=commit,
        git_dirty=None if commit is None else bool(git("status", "--porcelain")),
    )


def git(*arguments: str) -> str | None:
    """Ask git about Lightsmith's own folder; None where there is no git or no repository."""
    try:
        ran = subprocess.run(
            ["git", *arguments], cwd=Path(__file__).parent, capture_output=True, text=True, check=True, timeout=10
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return ran.stdout.strip()
