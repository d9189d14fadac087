"""`sweep`: draw settings from a space, run each as a trial, and compare the best with the default."""

from __future__ import annotations

import secrets
import shlex
from pathlib import Path

from lightsmith.settings.experiments import EXPERIMENTS, experiment_file
from lightsmith.studies.machine_share import threads_for
from lightsmith.studies.study import Member, create_study
from lightsmith.studies.sweeps.check_space import check_space, metric_of
from lightsmith.studies.sweeps.ending import end_sweep, has_result
from lightsmith.studies.sweeps.master import Master
from lightsmith.studies.sweeps.space import Space, read_space
from lightsmith.studies.sweeps.storage import open_storage, public
from lightsmith.studies.sweeps.sweep import SPACE, Plan, Sweep, read_sweep, trial_name
from lightsmith.terminal import shown
from lightsmith.tracking.login import logged_in

TRIALS = 20
RUNS = Path("runs")


def sweep(
    name: str | None = None,
    sweep: Path | None = None,
    trials: int | None = None,
    workers: int = 1,
    storage: str | None = None,
    resume: Path | None = None,
    data: str = "sample",
    options: str = "",
) -> int:
    """Run the trials of a sweep, each a normal run, then its winner and the default settings on fresh seeds.

    The same command again goes on with a sweep that was interrupted or killed.

    Args:
        name: the experiment.
        sweep: the space, a W&B sweep YAML such as experiments/_sweeps/mnist_mlp.yaml.
        trials: how many; run_cap of the YAML when unset, or else all of a grid, or 20.
        workers: processes that run trials at the same time.
        storage: a PostgreSQL database, for workers on several machines, such as postgresql://user@host/database; a
            journal file in the study's folder when unset.
        resume: the folder of a sweep to go on with, instead of name and sweep; more trials may be asked for.
        data: as data.source.
        options: further options of every run, such as "--trainer.max_epochs=2".

    Returns:
        Exit code: 0, or 1 if no trial finished.

    Raises:
        ValueError: a mistake in the space or the options, before anything is written.
        RunFailedError: the workers cannot go on.
    """
    for option, count in (("trials", trials), ("workers", workers)):
        if count is not None and count < 1:
            raise ValueError(f"--{option}={count} must be at least 1")
    if resume is not None:
        found = read_sweep(resume, storage)
    else:
        found = _asked_for(name, sweep, trials, workers, storage, data, options)
    if trials is not None and trials > found.plan.trials:
        _check_count(found.space, trials)
        found = found.with_trials(trials)
    master = Master(found, workers)
    try:
        master.run()
    except SystemExit:
        print(f"interrupted; go on with: make sweep RESUME={shown(found.folder)}", flush=True)
        raise
    return end_sweep(master.trials)


def _asked_for(
    name: str | None,
    sweep: Path | None,
    trials: int | None,
    workers: int,
    storage: str | None,
    data: str,
    options: str,
) -> Sweep:
    """The sweep that was begun by the same command and has not ended, or a new one."""
    if name is None or sweep is None:
        raise ValueError("give --name=<experiment> and --sweep=<space>.yaml, or --resume=<study> to go on with one")
    file = experiment_file(name)
    space = read_space(sweep)
    count = trials or space.cap or (space.size if space.method == "grid" else TRIALS)
    _check_count(space, count)
    typed = [f"--name={name}", f"--sweep={sweep}", f"--data={data}", f"--options={options}"]
    if begun := _unfinished(name, typed, sweep, storage):
        print(f"sweep      going on with {shown(begun.folder)}/", flush=True)
        return begun
    configs = [EXPERIMENTS / "_defaults.yaml", file]
    loggers = [] if logged_in() else ["--loggers=[csv]"]  # W&B takes seconds, and nobody would look at its files
    shared = [*loggers, f"--data.source={data}", *shlex.split(options)]
    facts = check_space(space, [*(f"--config={path}" for path in configs), *shared], str(sweep))
    metric, direction = metric_of(space, facts, str(sweep))
    if metric != f"val/{facts.headline}":
        shared.append(f"--monitor={metric}")
    if storage is not None:
        open_storage(Path(), storage)  # refuses one that cannot be reached
    study = create_study(RUNS, "sweep", typed, configs, shared, name)
    plan = Plan(
        name=f"{name}-{study.folder.name}-{secrets.token_hex(3)}",
        trials=count,
        metric=metric,
        direction=direction,
        epochs=facts.validations,
        seed=facts.seed,
        threads=threads_for(workers),
        storage=None if storage is None else public(storage),
    )
    study = study.with_members([Member(trial_name(number), []) for number in range(1, count + 1)])
    made = Sweep(study, plan, storage)
    made.write(sweep)
    print(f"sweep      {count} trials, by {metric} ({direction}); writing {shown(study.folder)}/", flush=True)
    return made


def _check_count(space: Space, count: int) -> None:
    if space.method == "grid" and count > space.size:
        raise ValueError(f"--trials={count}: the grid has {space.size} points")


def _unfinished(name: str, typed: list[str], space: Path, storage: str | None) -> Sweep | None:
    """The newest sweep that this command began, if it has not ended."""
    for folder in sorted((RUNS / name).glob("[0-9]*-sweep*"), reverse=True):
        try:
            found = read_sweep(folder, storage)
        except ValueError:  # one that was killed before it was written down
            continue
        if found.study.typed == typed and (folder / SPACE).read_bytes() == space.read_bytes():
            return None if has_result(found) else found
    return None
