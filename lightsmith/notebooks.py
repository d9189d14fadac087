"""Train and predict from Python: what `from lightsmith import run, load` gives (docs/python.md)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from lightsmith.records.results import Results
from lightsmith.studies.child_runs import run_experiment

if TYPE_CHECKING:
    from lightsmith.predictions.trained_model import TrainedModel


def run(name: str, *, runs: str | Path = "runs", shows: bool = True, **settings: object) -> Results:
    """Train and test an experiment in a process of its own, as `make exp` does, and return its record.

    ``record.folder`` is the run folder, whose name ``load`` takes.

    Args:
        name: the experiment, such as mnist_mlp.
        runs: folder that holds all runs.
        shows: whether to print what the run prints.
        settings: what differs from the experiment's YAML, nested as there, such as ``model={"lr": 0.01}``,
            ``trainer={"max_epochs": 3}`` or ``seed_everything=2``; ``data`` may also be a path, sample or hub.

    Raises:
        ValueError: a mistake in the settings; nothing was written.
        RunFailedError: the run failed.
    """
    if isinstance(settings.get("data"), (str, Path)):
        settings["data"] = {"source": settings["data"]}
    return run_experiment(name, settings, runs=Path(runs), shows=shows).record


def load(run: str | Path) -> TrainedModel:
    """The model of a run folder, a .ckpt file or an exported folder, to predict with.

    Raises:
        ValueError: there is none, or it cannot be used.
    """
    from lightsmith.predictions.trained_model import load_trained  # torch, which takes seconds to import

    return load_trained(Path(run))
