"""The linear baseline on the texts of a run: a run of its own, with the same training and test items."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from lightsmith.records.results import read_results
from lightsmith.runs.trainer import ExperimentTrainer
from lightsmith.settings.experiments import experiment_files
from lightsmith.settings.parse_errors import init_arguments
from lightsmith.settings.yaml_files import read_settings
from lightsmith.studies.child_runs import run_experiment
from lightsmith.terminal import print_once, shown

if TYPE_CHECKING:
    from datamodules.split_data import SplitData

EXPERIMENT = "text_linear"
# Options that say how texts are read, not which there are: the baseline has its own.
READING = ("batch_size", "num_workers", "max_tokens", "head_fraction", "token_deletion", "max_vocabulary")


def check_baseline(verb: str, data: SplitData, target: str) -> None:
    """Refuse to compare with the baseline what it cannot be compared with.

    Args:
        verb: the command that is to run.
        data: its data module.
        target: what stands beside an item, as a task says it.

    Raises:
        ValueError: the command tests nothing, or its items are no texts with classes.
    """
    if verb != "run":
        raise ValueError(f"baseline=true: {verb} trains and tests no model to compare with; give it to run")
    if data.kind != "text" or target != "class":
        raise ValueError(f"baseline=true: {EXPERIMENT} tells classes of texts apart, which this experiment has none of")


def run_baseline(trainer: ExperimentTrainer, seed: int, runs: Path) -> None:
    """Train and test the baseline on the splits of a run that was tested, and print what it gets.

    A baseline that fails is a failure of the run, and costs no figure.

    Args:
        trainer: of the run.
        seed: of the run.
        runs: folder that holds all runs.
    """
    try:
        line = _compared(trainer.datamodule, float(trainer.callback_metrics["test/accuracy"]), seed, runs)
    except ValueError as error:
        trainer.failures.append(str(error))
    else:
        print_once([f"baseline   {line}"])


def _compared(data: SplitData, accuracy: float, seed: int, runs: Path) -> str:
    """Say what the baseline gets, beside the accuracy of a run.

    Raises:
        ValueError: it failed, or got other splits.
    """
    options = ["--loggers=[csv]", "--trainer.enable_progress_bar=false", f"--seed_everything={seed}"]
    child = run_experiment(EXPERIMENT, {"data": {"init_args": _items_of(data)}}, options, runs=runs, shows=False)
    if child.code or child.folder is None:
        raise ValueError(f"the baseline {EXPERIMENT} failed: {child.reason}")
    found = read_results(child.folder)
    if found.data.fingerprint != data.fingerprint:
        raise ValueError(f"the baseline {EXPERIMENT} got other splits: see {shown(child.folder)}")
    figure = found.test.metrics["accuracy"]
    points = 100 * (accuracy - figure)
    compared = f"{abs(points):.1f} points {'below' if points >= 0 else 'above'} this run"
    took = f"{child.seconds:.0f} s from start to end"
    return f"{EXPERIMENT}, same splits: accuracy {figure:.4f}, {compared}; {took} ({shown(child.folder)}/)"


def _items_of(data: SplitData) -> dict[str, Any]:
    """The options that say where a run's items come from and how they are split, as far as the baseline has them."""
    class_path = read_settings(experiment_files()[EXPERIMENT])["data"]["class_path"]
    taken = [name for name in init_arguments(class_path) if name not in READING]
    return {name: data.hparams[name] for name in taken if name in data.hparams}
