"""results.json: the record of a run that other tools read (docs/results.md describes it)."""

from __future__ import annotations

import hashlib
import json
import platform
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import NormalDist
from typing import Any

import lightning
import torch
from lightning.pytorch import Callback

from callbacks.measure_fit import MeasureFit
from datamodules.batches.encoded_cache import sha256
from lightsmith.checkpoints.durable import replace_file
from lightsmith.records.best_epoch import best_epoch
from lightsmith.records.class_notes import class_results
from lightsmith.records.error_tables import confusion_counts
from lightsmith.run_folder import BEST_CHECKPOINT
from lightsmith.runs.hardware import device_name
from lightsmith.runs.trainer import ExperimentTrainer, best_checkpoint

SCHEMA = 1
CERTAIN_ITEMS = 1000  # from which on a figure is given without its interval
CONFIDENCE = 0.95


def check_callbacks(callbacks: Sequence[Callback]) -> None:
    """Refuse, before training, a run of which there would be nothing to record.

    Raises:
        ValueError: no checkpoint named best, or nobody who measures the fit.
    """
    if best_checkpoint(callbacks) is None or not any(isinstance(c, MeasureFit) for c in callbacks):
        raise ValueError(
            "trainer.callbacks lacks MeasureFit, or a ModelCheckpoint with filename: best, which run needs for its "
            "results: keep those of experiments/_defaults.yaml (--trainer.callbacks+= adds to them), or use fit"
        )


def gather_results(trainer: ExperimentTrainer, run_folder: Path, experiment: str, seed: int) -> dict[str, Any]:
    """Everything worth keeping about a run that was fitted and tested; ``seed`` is that of ``seed_everything``."""
    robustness, test = _robustness(trainer), _test(trainer)
    task: Any = trainer.lightning_module
    return {
        "schema": SCHEMA,
        "experiment": experiment,
        "seed": seed,
        "task": task.kind,
        "headline": {**task.headline._asdict(), "value": test[task.headline.metric]},
        "data": _data(trainer.datamodule),
        "test": test,
        "best": best_epoch(trainer, run_folder),
        **class_results(confusion_counts(trainer.callbacks), trainer.datamodule.class_names),
        **({"robustness": robustness} if robustness else {}),
        "fit": _fit(trainer),
        "model": _model(trainer, run_folder),
        "environment": _environment(trainer),
    }


def write_results(results: dict[str, Any], run_folder: Path) -> Path:
    """Write in one step, so that a reader never sees half a file."""
    path = run_folder / "results.json"
    replace_file(path, f"{json.dumps(results, indent=1)}\n".encode())
    return path


def _data(data: Any) -> dict[str, Any]:
    return {
        "source": data.source,
        **data.sizes,
        **data.labels.record(data.source_found),
        "fingerprint": data.fingerprint,
        "skipped": [{"item": item, "reason": reason} for item, reason in data.skipped],
        "ignored": [{"item": item, "reason": reason} for item, reason in data.source_found.ignored],
    }


def _test(trainer: ExperimentTrainer) -> dict[str, Any]:
    """The figures, of how many items they are, and, where these are few, how far from the truth accuracy may be."""
    logged = [name.removeprefix("test/") for name in trainer.callback_metrics if name.startswith("test/")]
    task: Any = trainer.lightning_module
    named = dict.fromkeys(["loss", *task.metric_names, *logged])
    figures = {name: _number(trainer.callback_metrics[f"test/{name}"]) for name in named}
    n = int(figures.pop("n"))
    few = "accuracy" in figures and n < CERTAIN_ITEMS
    return {"n": n, **figures, **({"interval": {"accuracy": wilson_interval(figures["accuracy"], n)}} if few else {})}


def wilson_interval(share: float, n: int) -> list[float]:
    """The lowest and the highest share that a sample of n with this one speaks for at 95 % (Wilson 1927)."""
    z = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)
    centre = share + z**2 / (2 * n)
    reach = z * (share * (1 - share) / n + z**2 / (4 * n**2)) ** 0.5
    return [round((centre + sign * reach) / (1 + z**2 / n), 4) for sign in (-1, 1)]


def _robustness(trainer: ExperimentTrainer) -> dict[str, float]:
    """What RobustnessTest logged, if it is among the callbacks."""
    logged = {name.partition("robustness/")[2]: _number(value) for name, value in trainer.callback_metrics.items()}
    return {name: int(value) if name == "n" else value for name, value in logged.items() if name}


def _number(metric: torch.Tensor) -> float:
    """The shortest decimal that gives this very value in its precision: 0.869, not 0.8690000176."""
    value = metric.cpu().to(torch.promote_types(metric.dtype, torch.float32))  # NumPy has no bfloat16
    return float(str(value.numpy()))


def _fit(trainer: ExperimentTrainer) -> dict[str, Any]:
    measured = next(callback for callback in trainer.callbacks if isinstance(callback, MeasureFit))
    return {
        "seconds": round(measured.seconds, 3),
        "epochs": trainer.current_epoch,
        "steps": trainer.global_step,
        "samples": measured.samples,
        "samples_per_second": round(measured.samples / measured.seconds, 1) if measured.seconds else 0.0,
        "first_step_seconds": round(measured.first_step_seconds, 3),
        "peak_memory_bytes": measured.peak_memory_bytes,
    }


def _model(trainer: ExperimentTrainer, run_folder: Path) -> dict[str, Any]:
    model: Any = trainer.lightning_module
    parameters = list(model.parameters())
    return {
        "class": type(model).__name__,
        "parameters": sum(p.numel() for p in parameters),
        "trainable_parameters": sum(p.numel() for p in parameters if p.requires_grad),
        **({"class_weights": list((model.class_weights.by_name() or {}).values())} if model.target == "class" else {}),
        "checkpoint": str(BEST_CHECKPOINT),
        "sha256": sha256(run_folder / BEST_CHECKPOINT),
        "weights_sha256": weights_sha256(model.state_dict()),
    }


def weights_sha256(state: Mapping[str, torch.Tensor]) -> str:
    """Digest of names, dtypes, shapes and values in order of name: the same however and wherever they are stored."""
    digest = hashlib.sha256()
    for name, value in sorted(state.items()):
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}\0".encode())
        digest.update(value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _environment(trainer: ExperimentTrainer) -> dict[str, Any]:
    commit = git("rev-parse", "HEAD")
    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "lightning": lightning.__version__,
        "device": device_name(trainer.strategy.root_device),
        "precision": str(trainer.precision),
        "strategy": type(trainer.strategy).__name__,
        "devices": trainer.num_devices,
        "num_nodes": trainer.num_nodes,
        "world_size": trainer.world_size,
        "git_commit": commit,
        "git_dirty": None if commit is None else bool(git("status", "--porcelain")),
    }


def git(*arguments: str) -> str | None:
    """What git says about Lightsmith's own folder; None where there is no git or no repository."""
    try:
        ran = subprocess.run(
            ["git", *arguments], cwd=Path(__file__).parent, capture_output=True, text=True, check=True, timeout=10
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return ran.stdout.strip()
