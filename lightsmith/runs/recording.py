"""The record of a command that trains: a run folder with settings, loggers, checkpoints, results and status."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from jsonargparse import Namespace
from lightning.pytorch import LightningDataModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.profilers import PassThroughProfiler

from callbacks.save_last import SaveLast
from lightsmith.launch.slurm import note_job
from lightsmith.launch.torchrun import note_launch
from lightsmith.records.error_tables import write_error_tables
from lightsmith.records.gather import gather_results
from lightsmith.records.pictures import write_pictures
from lightsmith.records.results import write_results
from lightsmith.records.status import State, write_status
from lightsmith.records.summary import results_lines
from lightsmith.replace_file import replace_file
from lightsmith.run_folder import LAST_CHECKPOINT, hold
from lightsmith.runs.empty_hooks import skip_empty_hooks
from lightsmith.runs.guarded_loggers import guard_loggers
from lightsmith.runs.loggers import build_loggers, sync_command, tracked_offline
from lightsmith.runs.run_draft import RunDraft
from lightsmith.runs.trainer import ExperimentTrainer
from lightsmith.settings.changed import TRANSIENT, changed_settings
from lightsmith.settings.own_settings import own_settings
from lightsmith.settings.yaml_files import read_settings
from lightsmith.terminal import one_line, print_once, shown

PROFILE = "profile"  # which profilers write as fit-profile.txt and test-profile.txt
SETTINGS, SETTINGS_AT_FIRST = "config.yaml", "config-started.yaml"


class Recording:
    """The record of one run; of several processes, the first one keeps it.

    Attributes:
        folder: the run's; None while there is none.
        experiment: name of the folder that it lies in.
    """

    def __init__(self) -> None:
        self.folder: Path | None = None
        self.experiment = ""
        self._draft: RunDraft | None = None
        self._held: int | None = None  # keeps other processes out of the folder
        self._settings: dict[str, Any] = {}  # all, resolved
        self._own_settings: dict[str, Any] | None = None  # those that are not the experiment's

    def open(
        self,
        options: Namespace,
        arguments: list[str],
        save: Callable[[Namespace, Path], None],
        defaults: Mapping[str, object] | None,
        followed: Mapping[str, object],
    ) -> None:
        """Make a new run folder, or go on in the interrupted one, and write the resolved settings into it.

        Args:
            options: of the command, resolved.
            arguments: as they were given.
            save: writes options as YAML.
            defaults: the experiment's own settings; None if they are not known.
            followed: what a setting that is not set follows from the machine or the task, by name.
        """
        fresh, self.experiment = self.folder is None, options.experiment
        if self._draft is None:  # not when a first attempt ran out of memory
            self._draft = self._drafted(options)
        self.folder = self._draft.folder
        self.say("running")
        if fresh:
            note_launch(self.folder)
            note_job(self.folder, arguments)
        earlier = len(list(self.folder.glob("config-resumed-*.yaml")))
        file = self.folder / (SETTINGS if fresh else f"config-resumed-{earlier + 1}.yaml")
        _write_settings(options, save, file)
        self._settings = read_settings(file)
        self._own_settings = None if defaults is None else own_settings(defaults, self._settings, followed)

    def _drafted(self, options: Namespace) -> RunDraft:
        """The interrupted run's folder, or a new one: the one that was given, or one named by the time."""
        if self.folder is not None:
            self._held = hold(self.folder)  # before anything that a second process would take back
            return RunDraft(self.folder, [])
        named = options.folder is not None
        draft = RunDraft.at(options.folder) if named else RunDraft.new(options.runs, self.experiment)
        self._held = hold(draft.folder)
        return draft

    @property
    def _folder(self) -> Path:
        assert self.folder is not None, "open has made it"
        return self.folder

    def attach(
        self,
        trainer: ExperimentTrainer,
        data: LightningDataModule,
        logger_names: list[Any] | None,
        resumed_from: dict[str, Any],
    ) -> None:
        """Direct loggers, checkpoints and a profiler's report into the run folder.

        Args:
            trainer: the Trainer whose they are.
            data: its data.
            logger_names: the loggers to build; None where the Trainer was given its own.
            resumed_from: the checkpoint that a resumed run goes on from; empty for a new one.
        """
        assert self._draft is not None, "open has made it"
        trainer.callbacks.insert(0, self._draft)
        if logger_names is not None:
            trainer.loggers = build_loggers(logger_names, self._folder, self.experiment, resumed_from)
        guard_loggers(trainer)
        trainer.keep_best.run_folder = self.folder
        _ = data.fingerprint  # type: ignore[attr-defined]  # reads all data, for which the first save may have no time
        for callback in trainer.callbacks:
            if isinstance(callback, ModelCheckpoint | SaveLast) and callback.dirpath is None:
                callback.dirpath = str(self._folder / LAST_CHECKPOINT.parent)
        profiler: Any = trainer.profiler
        if not isinstance(profiler, PassThroughProfiler):
            profiler.dirpath = profiler.dirpath or self.folder
            profiler.filename = profiler.filename or PROFILE
        skip_empty_hooks(trainer.callbacks)
        for logger in trainer.loggers:
            logger.log_hyperparams(self._settings)

    def write(self, trainer: ExperimentTrainer, seed: int) -> None:
        """Write the tables and pictures of the test and, last, results.json, and print what came out.

        A table that cannot be written is a failure of the run as a callback's in the test is, and costs no figure.
        """
        if self._draft is None:
            return
        data, folder = trainer.datamodule, self._folder
        try:
            write_error_tables(trainer.callbacks, data, folder)
            write_pictures(trainer.callbacks, folder)
        except OSError as error:
            trainer.failures.append(f"the tables of the test could not be written: {one_line(error)}")
        results = gather_results(trainer, folder, self.experiment, seed, self._own_settings)
        sync = sync_command(folder) if tracked_offline(trainer.loggers) else None
        try:
            write_results(results, folder)
        finally:  # a full disk loses no figure
            print_once(results_lines(results.as_json(), folder, data, sync))

    def print_profiles(self, trainer: Trainer) -> None:
        """Say where a profiler that was asked for wrote its reports, if it did."""
        if self._draft is None:
            return
        profiler: Any = trainer.profiler  # type: ignore[attr-defined]  # set by Lightning's connector
        if not isinstance(profiler, PassThroughProfiler):
            folder = Path(profiler.dirpath or self._folder)
            reports = [str(shown(file)) for file in sorted(folder.glob(f"*{profiler.filename}*.txt"))]
            print_once([f"profile    {'  '.join(reports)}"])

    def say(self, state: State, reason: str | None = None) -> None:
        """Write status.json, if this process keeps a record. A disk that is full costs no more than the file."""
        if self._draft is None or self.folder is None or not self.folder.is_dir():
            return
        try:
            write_status(self.folder, state, reason)
        except OSError as error:
            print_once([f"status     {state}, which {shown(self.folder)} does not say: {one_line(error)}"])

    def release(self) -> None:
        """Let other processes work in the folder."""
        if self._held is not None:
            os.close(self._held)
            self._held = None

    def take_back(self) -> None:
        """Leave the disk as it was before, unless a batch was trained."""
        if self._draft is not None:
            self._draft.take_back()
        self.release()


def _write_settings(options: Namespace, save: Callable[[Namespace, Path], None], file: Path) -> None:
    """Write options as YAML; of a resumed run say what has changed, and let it be resumed with these from then on."""
    kept = options.clone()
    for transient in TRANSIENT:
        kept.pop(transient, None)
    save(kept, file)
    if changed := changed_settings(file.with_name(SETTINGS), file):
        print_once(changed)
        _go_on_with(file)


def _go_on_with(settings: Path) -> None:
    """Make these what a run is resumed with next; those that it began with are kept as config-started.yaml."""
    current, started = settings.with_name(SETTINGS), settings.with_name(SETTINGS_AT_FIRST)
    if not started.exists():
        replace_file(started, current.read_bytes())
    replace_file(current, settings.read_bytes())
