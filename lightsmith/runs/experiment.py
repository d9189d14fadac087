"""`run`, `fit`, `validate`, `test`, `predict`: an experiment from its YAML, through LightningCLI."""

from __future__ import annotations

import logging
from functools import partial
from typing import Any

from lightning.pytorch import Callback
from lightning.pytorch.callbacks import ModelCheckpoint, ProgressBar
from lightning.pytorch.cli import ArgsType, LightningArgumentParser, LightningCLI
from lightning.pytorch.utilities.exceptions import MisconfigurationException

from callbacks.save_last import SaveLast
from datamodules.split_data import SplitData
from lightning_modules.training.task import Task
from lightsmith.checkpoints.start import experiment_of, load_start, prepare_data, read_start
from lightsmith.launch.processes import end_together
from lightsmith.records.summary import data_lines
from lightsmith.runs.check_input import check_batch, check_input
from lightsmith.runs.ending import run_to_the_end
from lightsmith.runs.hardware import device_name, fast_precision, keep_freed_memory, skip_cuda_checks
from lightsmith.runs.ready import check_ready
from lightsmith.runs.recording import Recording
from lightsmith.runs.settle_options import RECORDED, settle_options
from lightsmith.runs.trainer import ExperimentTrainer
from lightsmith.settings.allowed_classes import allow_only, leaves, packages_on_command_line
from lightsmith.settings.explain import explain_setting
from lightsmith.settings.own_settings import experiment_defaults
from lightsmith.settings.parse_errors import blame, explain, imported
from lightsmith.settings.parser_options import add_options, parse_options
from lightsmith.settings.watched_metrics import follow_metrics
from lightsmith.studies.baseline import check_baseline, run_baseline
from lightsmith.terminal import one_line, print_once, shown

METHODS = {"run": {"model", "datamodule"}, **LightningCLI.subcommands()}  # arguments that are no options, by verb
# What somebody asked for, in Lightning's loggers: a profiler's report, EarlyStopping's verbose.
HEARD = ("lightning.pytorch.profilers.profiler", "lightning.pytorch.callbacks.early_stopping")


class ExperimentCLI(LightningCLI):
    """LightningCLI for one task and its data, with chosen precision, a run folder and recorded results."""

    trainer: ExperimentTrainer
    restored_step = 0

    def __init__(self, args: ArgsType = None) -> None:
        self.given: list[str] = list(args)  # type: ignore[arg-type]  # always a list here
        self.recording = Recording()
        self.allowed_packages = packages_on_command_line(self.given)
        allow_only(self.allowed_packages)
        _prepare_process()
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
        self.verb_parser = parser  # the only one that subcommands() asks for

    def parse_arguments(self, parser: LightningArgumentParser, args: ArgsType) -> None:
        self.config = parse_options(parser, self.verb_parser, args, self.allowed_packages)  # type: ignore[arg-type]  # always a list
        self.parsed = self.config.clone()  # before anything is settled

    def _parse_ckpt_path(self) -> None:
        """Lightning would let a checkpoint's hyper-parameters win over the command line (PR #21455)."""

    @property
    def options(self) -> Any:
        """The parsed options of the command."""
        return self.config[self.config.subcommand]

    @property
    def trains(self) -> bool:
        return self.subcommand in RECORDED

    def before_instantiate_classes(self) -> None:
        """Settle what must be known, and can be refused, before anything is loaded or written."""
        options = self.options
        if options.explain is not None:
            print_once(explain_setting(options.explain, self.verb_parser, options, self.given))
            raise SystemExit(0)
        continued = settle_options(options, str(self.subcommand), self.given)
        self.recording.folder = continued or self.recording.folder
        self.start = read_start(options)
        self.verb_parser.add_instantiator(self._build_data, SplitData)

    def _build_data(self, data_class: type[SplitData], *arguments: Any, **options: Any) -> SplitData:
        """The data, for the model that the run starts from: what the model takes from it follows."""
        data: SplitData = data_class(*arguments, **options)
        data.follow(imported(self.options.model.class_path).target)
        prepare_data(self.options, self.start, data)
        return data

    def instantiate_classes(self) -> None:
        try:
            super().instantiate_classes()
        except Exception as error:  # the parser wraps what a class says of its arguments, if it says anything
            self.recording.take_back()
            said = ValueError(explain(error, [])) if isinstance(error, ValueError) else error
            raise ValueError(blame(said, leaves(self.options))) from error

    def _set_seed(self) -> None:
        try:
            super()._set_seed()
        except ValueError as error:
            raise ValueError(f"seed_everything={self.options.seed_everything}: {one_line(error)}") from error

    def instantiate_trainer(self, **kwargs: object) -> ExperimentTrainer:
        """The Trainer, writing into the run's own folder; called once data and model exist."""
        check_input(self.model, self.datamodule, leaves(self.options))
        if self.options.baseline:
            check_baseline(str(self.subcommand), self.datamodule, self.model.target)
        if self.trains:
            check_batch(self.model, self.datamodule)
        trying = bool(self.options.trainer.fast_dev_run)
        print_once(data_lines(self.datamodule, recorded=self.subcommand == "run" and not trying))
        keep_freed_memory()  # not before: what decoding freed is to go back
        start, self.start = self.start, {}  # as large as the weights, it is not kept
        load_start(self.options, start, self.model, self.datamodule)
        continued = start if self.options.ckpt_path else {}
        self.restored_step = continued.get("global_step", 0)
        trainer = self.build_trainer(**kwargs)
        if trying:  # writes nothing
            trainer.callbacks = [c for c in trainer.callbacks if not isinstance(c, ModelCheckpoint | SaveLast)]
        check_ready(self, trainer, continued, trains=self.trains)
        if self.trains and not trying and trainer.is_global_zero:
            self.record(trainer, continued if self.options.resume else {})
        return trainer

    def build_trainer(self, **kwargs: object) -> ExperimentTrainer:
        asked = self.config_init[self.subcommand].trainer
        follow_metrics(self.options.monitor, self.options.trainer.callbacks, asked.callbacks, self.model)
        try:
            trainer: Any = super().instantiate_trainer(
                logger=False if asked.logger is True else asked.logger or False,
                callbacks=_shown(asked.callbacks or [], asked.enable_progress_bar),
                default_root_dir=self.options.runs / experiment_of(self.options),
                **kwargs,
            )
        except (TypeError, MisconfigurationException) as error:  # what Lightning's connectors raise for a wrong value
            raise ValueError(one_line(error)) from error
        assert isinstance(trainer, ExperimentTrainer)
        return trainer

    def record(self, trainer: ExperimentTrainer, resumed_from: dict[str, Any]) -> None:
        """Open the run folder, and let the Trainer write into it."""
        options = self.options
        defaults = experiment_defaults(self.parser, self.given, self.parsed, options.experiment)
        save = partial(self.verb_parser.save, skip_validation=True, multifile=False)
        followed = {
            "trainer.precision": fast_precision(str(options.trainer.accelerator)),
            "callbacks.ModelCheckpoint.monitor": f"val/{self.model.headline.metric}",
        }
        self.recording.open(options, self.given, save, defaults, followed)
        own_loggers = self.config_init[self.subcommand].trainer.logger not in (None, True)
        names = None if own_loggers else self.options.loggers
        self.recording.attach(trainer, self.datamodule, names, resumed_from)

    def before_run(self) -> None:
        device = device_name(self.trainer.strategy.root_device)
        print_once([f"hardware   {device}, number format {self.trainer.precision}"])
        if self.recording.folder is not None and self.options.resume:
            print_once([f"run        continuing {shown(self.recording.folder)}/"])

    before_fit = before_run

    def after_run(self) -> None:
        assert isinstance(self.trainer, ExperimentTrainer)
        self.recording.write(self.trainer, int(self.options.seed_everything))
        if self.options.baseline and self.recording.folder is not None and self.trainer.is_global_zero:
            run_baseline(self.trainer, int(self.options.seed_everything), self.options.runs)
        self.after_fit()

    def after_fit(self) -> None:
        self.recording.print_profiles(self.trainer)

    def _run_subcommand(self, subcommand: str) -> None:
        run_to_the_end(self, partial(super()._run_subcommand, subcommand), self.trains)


def _prepare_process() -> None:
    """Keep libraries quiet, checks for a GPU that is not there cheap, and the processes of one run together."""
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)
    for name in HEARD:
        logging.getLogger(name).setLevel(logging.INFO)
    skip_cuda_checks()
    end_together()


def _shown(callbacks: list[Callback], progress: bool | None) -> list[Callback]:
    """The callbacks without what shows progress, if that was switched off: Lightning would refuse the two together."""
    return [callback for callback in callbacks if progress is not False or not isinstance(callback, ProgressBar)]
