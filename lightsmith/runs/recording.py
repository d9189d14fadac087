"""A run's folder, and what is written into it: settings, loggers, checkpoints, results."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.profilers import PassThroughProfiler

from callbacks.save_last import SaveLast
from lightsmith.checkpoints.durable import replace_file
from lightsmith.launch.slurm import note_job
from lightsmith.launch.torchrun import note_launch
from lightsmith.records.error_tables import write_error_tables
from lightsmith.records.results import gather_results, write_results
from lightsmith.records.summary import results_lines
from lightsmith.run_folder import LAST_CHECKPOINT
from lightsmith.runs.guarded_loggers import guard_loggers
from lightsmith.runs.loggers import build_loggers, sync_command, tracked_offline
from lightsmith.runs.run_draft import RunDraft
from lightsmith.runs.trainer import ExperimentTrainer
from lightsmith.settings.changed import changed_settings
from lightsmith.terminal import one_line, print_once, shown

PROFILE = "profile"  # which profilers write as fit-profile.txt and test-profile.txt
TRANSIENT = ("config", "resume", "ckpt_path", "debug", "explain", "allow_package", "callbacks", "monitor")


def open_run_folder(cli: Any) -> Path:
    """Make a new run folder, or go on in the interrupted one, and write the resolved settings into it.

    Args:
        cli: the ExperimentCLI; its ``run_folder`` is that of a run to continue, or None. Its ``draft`` is set.
    """
    fresh = cli.run_folder is None
    if cli.draft is None:  # not when a first attempt ran out of memory
        cli.draft = RunDraft.new(cli.options.runs, cli.experiment) if fresh else RunDraft(cli.run_folder, [])
    folder: Path = cli.draft.folder
    if fresh:
        note_launch(folder)
        note_job(folder, cli.given)
    earlier = len(list(folder.glob("config-resumed-*.yaml")))
    name = "config.yaml" if fresh else f"config-resumed-{earlier + 1}.yaml"
    options = cli.options.clone()
    for transient in TRANSIENT:
        options.pop(transient, None)
    cli._parser(cli.subcommand).save(options, folder / name, skip_validation=True, multifile=False)
    if changed := changed_settings(folder / "config.yaml", folder / name):
        print_once(changed)
        _go_on_with(folder / name)
    return folder


def _go_on_with(settings: Path) -> None:
    """Make these what a run is resumed with next; those that it was started with are kept as config-started.yaml."""
    current, started = settings.with_name("config.yaml"), settings.with_name("config-started.yaml")
    if not started.exists():
        replace_file(started, current.read_bytes())
    replace_file(current, settings.read_bytes())


def record(cli: Any, trainer: ExperimentTrainer, given: Any, resumed_from: dict[str, Any]) -> None:
    """Point loggers, checkpoints and a profiler's report at the run folder.

    Args:
        cli: the ExperimentCLI.
        trainer: whose loggers and callbacks these are.
        given: the ``trainer.logger`` that was asked for; None for those of ``--loggers``.
        resumed_from: the checkpoint that a resumed run goes on from; empty for a new one.
    """
    trainer.callbacks.insert(0, cli.draft)
    if given is None:
        trainer.loggers = build_loggers(cli.options.loggers, cli.run_folder, cli.experiment, resumed_from)
    guard_loggers(trainer)
    trainer.keep_best.run_folder = cli.run_folder
    _ = cli.datamodule.fingerprint  # reads all data, which the first save, on a signal perhaps, has no time for
    for callback in trainer.callbacks:
        if isinstance(callback, ModelCheckpoint | SaveLast) and callback.dirpath is None:
            callback.dirpath = str(cli.run_folder / LAST_CHECKPOINT.parent)
    if not isinstance(trainer.profiler, PassThroughProfiler):
        trainer.profiler.dirpath = trainer.profiler.dirpath or cli.run_folder
        trainer.profiler.filename = trainer.profiler.filename or PROFILE
    cli._dump_config()
    for logger in trainer.loggers:
        logger.log_hyperparams(cli.config_dump)


def print_profiles(trainer: Any, run_folder: Path) -> None:
    """Say where a profiler that was asked for wrote its reports, if it did."""
    if isinstance(trainer.profiler, PassThroughProfiler):
        return
    folder = Path(trainer.profiler.dirpath or run_folder)
    reports = [str(shown(file)) for file in sorted(folder.glob(f"*{trainer.profiler.filename}*.txt"))]
    print_once([f"profile    {'  '.join(reports)}"])


def write_record(cli: Any) -> None:
    """Write a run's tables and, last, results.json, and print what came out.

    A table that cannot be written is a failure of the run as a callback's in the test is, and costs no figure.
    """
    trainer, folder = cli.trainer, cli.run_folder
    try:
        write_error_tables(trainer.callbacks, cli.datamodule, folder)
    except OSError as error:
        trainer.failures.append(f"the tables of the test could not be written: {one_line(error)}")
    results = gather_results(trainer, folder, cli.experiment, int(cli.options.seed_everything))
    sync = sync_command(folder) if tracked_offline(trainer.loggers) else None
    try:
        write_results(results, folder)
    finally:  # a full disk loses no figure
        print_once(results_lines(results, folder, cli.datamodule, sync))
