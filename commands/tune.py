"""`tune`: a learning rate and a batch size to begin with, from a few steps of training."""

from __future__ import annotations

import shlex
from pathlib import Path

from lightsmith.replace_file import replace_json
from lightsmith.run_folder import check_writable
from lightsmith.settings.experiments import EXPERIMENTS, experiment_file
from lightsmith.studies.study import create_study
from lightsmith.studies.study_options import check_common
from lightsmith.studies.tuning.curve import ladder
from lightsmith.studies.tuning.lines import commands, print_tuning
from lightsmith.studies.tuning.measure import tune_experiment
from lightsmith.studies.tuning.tuning import FILE, PLOT
from lightsmith.terminal import shown

RUNS = Path("runs")
FEWEST_STEPS, MOST_STEPS = 20, 1000


def tune(
    name: str,
    data: str = "sample",
    steps: int = 100,
    min_rate: float = 1e-6,
    max_rate: float = 10.0,
    options: str = "",
) -> None:
    """Train copies of an experiment's model for a few steps, and suggest a learning rate and a batch size.

    Nothing of a later run changes: it is what it would be had the figures been typed. Only training items are used.

    Args:
        name: the experiment.
        data: as data.source.
        steps: of training at rising rates; fewer where the loss diverges.
        min_rate: the first rate, as a value of the option that sets the rate, such as model.lr.
        max_rate: the last.
        options: further options of run, such as "--model.optimizer=sgd".

    Raises:
        ValueError: a mistake; nothing is written.
        RunFailedError: the loss falls at none of the rates, or memory ended; nothing is written.
    """
    file = experiment_file(name)
    check_range(steps, min_rate, max_rate)
    given = shlex.split(options)
    check_common(given, "the tune", own=["--seed_everything"])
    check_writable(RUNS)
    configs = [EXPERIMENTS / "_defaults.yaml", file]
    found = tune_experiment(name, configs, [f"--data.source={data}", *given], ladder(min_rate, max_rate, steps))
    typed = [f"--name={name}", f"--data={data}", f"--steps={steps}", f"--min_rate={min_rate:g}"]
    typed += [f"--max_rate={max_rate:g}", f"--options={options}"]
    study = create_study(RUNS, "tune", typed, configs, [f"--data.source={data}", *given], name)
    replace_json(study.folder / FILE, {**found.as_json(), "commands": commands(found, data, given)})
    print_tuning(found, data, given)
    from lightsmith.studies.tuning.plot import plot  # matplotlib takes a second to import

    plot(found, study.folder / PLOT)
    print(f"written    {shown(study.folder)}/  ({FILE}, {PLOT}, study.json)")


def check_range(steps: int, min_rate: float, max_rate: float) -> None:
    """Refuse a ladder of rates that shows nothing.

    Raises:
        ValueError: naming the option.
    """
    if not FEWEST_STEPS <= steps <= MOST_STEPS:
        raise ValueError(f"--steps={steps} must lie between {FEWEST_STEPS} and {MOST_STEPS}")
    if not 0 < 10 * min_rate <= max_rate < float("inf"):
        raise ValueError(
            f"--min_rate={min_rate:g} must be above 0, and --max_rate={max_rate:g} at least ten times as high"
        )
