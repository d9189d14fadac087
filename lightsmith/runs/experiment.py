"""`run`, `fit`, `validate`, `test`, `predict`: an experiment from its YAML, through LightningCLI."""

from __future__ import annotations

import logging
from argparse import ArgumentError
from functools import partial
from pathlib import Path
from typing import Any

from lightning.pytorch import Callback
from lightning.pytorch.callbacks import ModelCheckpoint, ProgressBar
from lightning.pytorch.cli import ArgsType, LightningArgumentParser, LightningCLI
from lightning.pytorch.utilities.exceptions import MisconfigurationException, SIGTERMException

from callbacks.save_last import SaveLast
from datamodules.split_data import SplitData
from lightning_modules.training.task import Task
from lightsmith.checkpoints.pinned_runs import pin_runs
from lightsmith.checkpoints.start import (
    check_trained,
    experiment_of,
    find_home,
    find_start,
    load_start,
    prepare_data,
    read_start,
)
from lightsmith.launch.processes import end_together
from lightsmith.launch.slurm import requeue_if_time_is_up, requeued_run
from lightsmith.launch.strategies import check_strategy
from lightsmith.records.summary import data_lines, how_to_continue
from lightsmith.runs.check_input import check_batch, check_input
from lightsmith.runs.failures import RunFailedError, failures_explained
from lightsmith.runs.hardware import (
    check_process_counts,
    device_name,
    fast_precision,
    keep_freed_memory,
    skip_cuda_checks,
)
from lightsmith.runs.loggers import finish_wandb
from lightsmith.runs.out_of_memory import run_within_memory
from lightsmith.runs.ready import check_ready
from lightsmith.runs.recording import open_run_folder, print_profiles, record, write_record
from lightsmith.runs.run_draft import RunDraft
from lightsmith.runs.trainer import ExperimentTrainer
from lightsmith.settings.allowed_classes import allow_only, check_parsed, leaves, packages_on_command_line
from lightsmith.settings.callback_settings import parse_with_callbacks
from lightsmith.settings.explain import explain_setting
from lightsmith.settings.parse_errors import blame, explain, imported
from lightsmith.settings.parser_options import add_options, experiment_keys
from lightsmith.settings.secrets import refuse_secrets
from lightsmith.settings.trainer_flags import check_flags
from lightsmith.settings.watched_metrics import follow_metrics
from lightsmith.terminal import one_line, print_once, shown

METHODS = {"run": {"model", "datamodule"}, **LightningCLI.subcommands()}  # arguments that are no options, by verb
RECORDED = ("run", "fit")
# What somebody asked for, in Lightning's loggers: a profiler's report, EarlyStopping's verbose.
HEARD = ("lightning.pytorch.profilers.profiler", "lightning.pytorch.callbacks.early_stopping")


class ExperimentCLI(LightningCLI):
    """LightningCLI for one task and its data, with a run folder, chosen precision and recorded results."""

    run_folder: Path | None = None
    draft: RunDraft | None = None
    restored_step = 0

    def __init__(self, args: ArgsType = None) -> None:
        self.given: list[str] = list(args)  # type: ignore[arg-type]  # always a list here
        self.allowed_packages = packages_on_command_line(self.given)
        allow_only(self.allowed_packages)
        for name in ("lightning.pytorch", "lightning.fabric"):
            logging.getLogger(name).setLevel(logging.WARNING)
        for name in HEARD:
            logging.getLogger(name).setLevel(logging.INFO)
        skip_cuda_checks()
        end_together()
        raising = {"exit_on_error": False}
        super().__init__(
            Task,
            SplitData,
            subclass_mode_model=True,
            subclass_mode_data=True,
            trainer_class=ExperimentTrainer,
            seed_everything_default=1,
            save_config_callback=None,
            auto_configure_optimizers=False,
            load_from_checkpoint_support=False,
            parser_kwargs={"allow_abbrev": False, **raising, **dict.fromkeys(self.subcommands(), raising)},
            args=args,
        )

    def subcommands(self) -> dict[str, set[str]]:  # type: ignore[override]  # static there, but asked of the instance
        """The verb that was given; the parsers of all five would take most of the time to a first line."""
        verb = self.given[0]
        return {verb: {*METHODS[verb], "weights_only"}}  # never to be switched off

    def _prepare_subcommand_kwargs(self, subcommand: str) -> dict[str, Any]:
        safely = {} if subcommand == "run" else {"weights_only": True}
        return {**super()._prepare_subcommand_kwargs(subcommand), **safely}

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        add_options(parser)

    def parse_arguments(self, parser: LightningArgumentParser, args: ArgsType) -> None:
        given: list[str] = args  # type: ignore[assignment]  # always a list here
        try:
            self.config = parse_with_callbacks(parser, given)
        except ArgumentError as error:
            options = next(iter(self._subcommand_parsers.values()))._option_string_actions
            known = [*(option.lstrip("-") for option in options), *experiment_keys(given)]
            raise ValueError(explain(error, known, given)) from error
        if self.options.allow_package != self.allowed_packages:
            raise ValueError(f"allow_package={self.options.allow_package} counts on the command line only")
        check_parsed(self.options)

    def _parse_ckpt_path(self) -> None:
        """Lightning would let a checkpoint's hyper-parameters win over the command line (PR #21455)."""

    @property
    def options(self) -> Any:
        """The parsed options of the command."""
        return self.config[self.config.subcommand]

    def before_instantiate_classes(self) -> None:
        """Settle what must be known, and can be refused, before anything is loaded or written."""
        options = self.options
        if options.explain is not None:
            print_once(explain_setting(options.explain, self._parser(self.subcommand), options, self.given))
            raise SystemExit(0)
        refuse_secrets(options)
        find_home(options)
        pin_runs(options)
        check_flags(options.trainer, self.subcommand)
        if self.subcommand in RECORDED:
            options.resume = options.resume or requeued_run(options.runs / self.experiment, self.given)
            self.run_folder = find_start(options, self.experiment) or self.run_folder
            options.experiment = self.experiment
        else:
            check_trained(options, self.subcommand)
        check_process_counts(dict(leaves(options)))
        check_strategy(options.trainer.strategy, options.trainer.accelerator)
        if options.trainer.precision is None:
            options.trainer.precision = fast_precision(str(options.trainer.accelerator))
        self.start = read_start(options)
        self._parser(self.subcommand).add_instantiator(self._build_data, SplitData)

    def _build_data(self, data_class: Any, *arguments: Any, **options: Any) -> SplitData:
        """The data, for the model that the run starts from: what the model takes from it follows."""
        data: SplitData = data_class(*arguments, **options)
        data.follow(imported(self.options.model.class_path).target)
        prepare_data(self.options, self.start, data)
        return data

    def instantiate_classes(self) -> None:
        try:
            super().instantiate_classes()
        except Exception as error:  # the parser wraps what a class says of its arguments, if it says anything
            self._take_back()
            said = ValueError(explain(error, [])) if isinstance(error, ValueError) else error
            raise ValueError(blame(said, leaves(self.options))) from error

    def _set_seed(self) -> None:
        try:
            super()._set_seed()
        except ValueError as error:
            raise ValueError(f"seed_everything={self.options.seed_everything}: {one_line(error)}") from error

    def instantiate_trainer(self, **kwargs: Any) -> ExperimentTrainer:
        """The Trainer, writing into the run's own folder; called once data and model exist."""
        check_input(self.model, self.datamodule, leaves(self.options))
        if self.subcommand in RECORDED:
            check_batch(self.model, self.datamodule)
        trying = bool(self.options.trainer.fast_dev_run)
        print_once(data_lines(self.datamodule, recorded=self.subcommand == "run" and not trying))
        keep_freed_memory()  # not before: what decoding freed is to go back
        start, self.start = self.start, {}  # as large as the weights, it is not kept
        load_start(self.options, start, self.model, self.datamodule)
        continued = start if self.options.ckpt_path else {}
        self.restored_step = continued.get("global_step", 0)
        asked = self.config_init[self.subcommand].trainer
        given = None if asked.logger is True else asked.logger
        follow_metrics(self.options.monitor, self.options.trainer.callbacks, asked.callbacks, self.model)
        recorded = self.subcommand in RECORDED and not trying
        try:
            trainer: Any = super().instantiate_trainer(
                logger=given or False,
                callbacks=_shown(asked.callbacks or [], asked.enable_progress_bar),
                default_root_dir=self.options.runs / self.experiment,
                **kwargs,
            )
        except (TypeError, MisconfigurationException) as error:  # what Lightning's connectors raise for a wrong value
            raise ValueError(one_line(error)) from error
        if trying:  # writes nothing
            trainer.callbacks = [c for c in trainer.callbacks if not isinstance(c, ModelCheckpoint | SaveLast)]
        check_ready(self, trainer, continued, trains=self.subcommand in RECORDED)
        if recorded and trainer.is_global_zero:
            self.run_folder = open_run_folder(self)
            record(self, trainer, given, continued if self.options.resume else {})
        assert isinstance(trainer, ExperimentTrainer)
        return trainer

    @property
    def experiment(self) -> str:
        """The name that the folder of the experiment's runs carries; it is recorded with every run.

        Raises:
            ValueError: no folder can have it.
        """
        return experiment_of(self.options)

    def before_run(self) -> None:
        device = device_name(self.trainer.strategy.root_device)
        print_once([f"hardware   {device}, number format {self.trainer.precision}"])
        if self.run_folder is not None and self.options.resume:
            print_once([f"run        continuing {shown(self.run_folder)}/"])

    before_fit = before_run

    def after_run(self) -> None:
        if self.run_folder is None or not self.trainer.is_global_zero:
            return
        write_record(self)
        print_profiles(self.trainer, self.run_folder)

    def after_fit(self) -> None:
        if self.run_folder is not None and self.trainer.is_global_zero:
            print_profiles(self.trainer, self.run_folder)

    def _take_back(self) -> None:
        if self.draft is not None:
            self.draft.take_back()

    def _run_subcommand(self, subcommand: str) -> None:
        exit_code, failed = 1, False
        try:
            with failures_explained(lambda: how_to_continue(self.run_folder)):
                run_within_memory(self, partial(super()._run_subcommand, subcommand), subcommand in RECORDED)
            assert isinstance(self.trainer, ExperimentTrainer)
            if self.trainer.failures:  # results.json is written by now
                raise RunFailedError("; ".join(self.trainer.failures))
            exit_code = 0
        except SystemExit as error:  # how SaveLast and Lightning end on a signal
            exit_code = int(error.code or 143) if isinstance(error, SIGTERMException) else 130
            print_once(["interrupted" + how_to_continue(self.run_folder)])
            raise SystemExit(exit_code) from None
        except RunFailedError:
            failed = True
            raise
        except Exception as error:
            steps = (0, self.restored_step, self.restored_step + 1)
            if self.options.ckpt_path is None or self.trainer.global_step not in steps:
                raise
            # Not a step was completed: a state that is not as Lightning saved it can make it raise anything.
            raise ValueError(f"{self.options.ckpt_path} cannot be used here: {one_line(error)}") from error
        finally:
            finish_wandb(self.run_folder, exit_code)
            if exit_code and not failed:
                self._take_back()
            trainer = getattr(self, "trainer", None)  # none where it could not be built for smaller batches
            if self.subcommand in RECORDED and (trainer is None or trainer.is_global_zero):
                requeue_if_time_is_up(exit_code)


def _shown(callbacks: list[Callback], progress: bool | None) -> list[Callback]:
    """The callbacks without what shows progress, if that was switched off: Lightning would refuse the two together."""
    return [callback for callback in callbacks if progress is not False or not isinstance(callback, ProgressBar)]
