"""`run`, `fit`, `validate`, `test`, `predict`: an experiment from its YAML, through LightningCLI."""

from __future__ import annotations

import logging
import warnings
from argparse import ArgumentError
from pathlib import Path
from typing import Any

from jsonargparse import set_parsing_settings
from lightning.pytorch import Trainer
from lightning.pytorch.cli import ArgsType, LightningArgumentParser, LightningCLI
from lightning.pytorch.loggers import WandbLogger
from lightning.pytorch.utilities import rank_zero_only
from rich.console import Console

from commands.checkpoints import read_checkpoint
from commands.experiment_trainer import ExperimentTrainer
from commands.hardware import device_name, fast_precision
from commands.mistakes import explain
from commands.results import gather_results, write_results
from commands.run_folder import LAST_CHECKPOINT, create_run_folder, interrupted_run
from commands.summary import print_data, print_results
from commands.tracking import LoggerName, build_loggers
from datamodules.classification_data import ClassificationData
from lightning_modules.classifier import Classifier

RECORDED = ("run", "fit")
# A YAML can name classes of these packages and no others.
ALLOWED_PACKAGES = [
    "lightning_modules",
    "datamodules",
    "callbacks",
    "commands",
    "lightning",
    "torch",
    "torchmetrics",
    "torchvision",
    "transformers",
]
# Lightning's advice that does not apply: the data is in memory, and a run folder continues to be used on resume.
QUIETED = (
    ".*does not have many workers.*",
    ".*Checkpoint directory .* exists and is not empty.*",
    ".*number of training batches .* is smaller than the logging interval.*",
    ".*The dirpath has changed from.*",
    ".*isinstance\\(treespec, LeafSpec\\). is deprecated.*",
)


class ExperimentCLI(LightningCLI):
    """LightningCLI for one task and its data, with a run folder, chosen precision and recorded results."""

    run_folder: Path | None = None

    def __init__(self, args: ArgsType = None) -> None:
        set_parsing_settings(import_path_denylist=["*"], import_path_allowlist=ALLOWED_PACKAGES)
        for pattern in QUIETED:
            warnings.filterwarnings("ignore", pattern)
        for name in ("lightning.pytorch", "lightning.fabric"):
            logging.getLogger(name).setLevel(logging.WARNING)
        self.console = Console(quiet=rank_zero_only.rank != 0, highlight=False, soft_wrap=True)
        raising = {"exit_on_error": False}
        super().__init__(
            Classifier,
            ClassificationData,
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

    @staticmethod
    def subcommands() -> dict[str, set[str]]:
        return {"run": {"model", "datamodule"}, **LightningCLI.subcommands()}

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        parser.add_argument("--runs", type=Path, default=Path("runs"), help="Folder that holds all runs.")
        parser.add_argument(
            "--resume", type=Path | None, default=None, help="Run folder to continue, such as runs/x/latest."
        )
        parser.add_argument(
            "--loggers", type=list[LoggerName], default=["csv", "wandb"], help="Where metrics go; any of these three."
        )
        parser.add_argument("--debug", action="store_true", help="Show the traceback of a mistake.")
        for shared in ("class_names", "vocabulary_size", "image_size_px"):
            parser.link_arguments(f"data.{shared}", f"model.init_args.{shared}", apply_on="instantiate")
        parser.link_arguments("model.init_args.pretrained", "data.init_args.tokenizer_of")

    def parse_arguments(self, parser: LightningArgumentParser, args: ArgsType) -> None:
        try:
            self.config = parser.parse_args(args)
        except ArgumentError as error:
            options = next(iter(self._subcommand_parsers.values()))._option_string_actions
            raise ValueError(explain(error, [option.lstrip("-") for option in options])) from error

    def _parse_ckpt_path(self) -> None:
        """Lightning would let a checkpoint's hyper-parameters win over the command line (PR #21455)."""

    @property
    def options(self) -> Any:
        """The parsed options of the command."""
        return self.config[self.config.subcommand]

    def before_instantiate_classes(self) -> None:
        """Settle what must be known, and can be refused, before anything is loaded or written."""
        options = self.options
        if options.resume is not None and self.subcommand in RECORDED:
            self.run_folder = interrupted_run(options.resume)
            options.ckpt_path = str(self.run_folder / LAST_CHECKPOINT)
        if options.trainer.precision is None:
            options.trainer.precision = fast_precision(str(options.trainer.accelerator))
        if options.ckpt_path not in (None, "best", "last", "hpc"):
            _check_same_task(Path(options.ckpt_path), options.model.class_path)

    def instantiate_classes(self) -> None:
        try:
            super().instantiate_classes()
        except ValueError as error:  # the parser wraps what a class says of its arguments
            raise ValueError(explain(error, [])) from error

    def instantiate_trainer(self, **kwargs: Any) -> Trainer:
        """The Trainer, writing into the run's own folder; called once data and model exist."""
        print_data(self.datamodule, self.console)
        if self.subcommand not in RECORDED or self.options.trainer.fast_dev_run:
            return super().instantiate_trainer(logger=False, default_root_dir=self.options.runs, **kwargs)
        if rank_zero_only.rank == 0:
            self._open_run_folder()
        folder = self.run_folder or self.options.runs
        loggers = build_loggers(self.options.loggers, folder, self.experiment)
        given = self.config_init[self.subcommand].trainer.logger
        trainer = super().instantiate_trainer(
            logger=loggers if given is None else given, default_root_dir=folder, **kwargs
        )
        for logger in trainer.loggers:
            logger.log_hyperparams(self._config())
        return trainer

    @property
    def experiment(self) -> str:
        """The name of the last experiment file given, which the run's folder carries."""
        if self.options.resume is not None:
            return interrupted_run(self.options.resume).parent.name
        files = self.options.config or []
        return Path(str(files[-1])).stem.lstrip("_") if files else "unnamed"

    def _config(self) -> dict[str, Any]:
        self._dump_config()
        config: dict[str, Any] = self.config_dump
        return config

    def _open_run_folder(self) -> None:
        """A new folder, or the interrupted one, with the resolved configuration in it."""
        fresh = self.run_folder is None
        self.run_folder = self.run_folder or create_run_folder(self.options.runs, self.experiment)
        earlier = len(list(self.run_folder.glob("config*.yaml")))
        name = "config.yaml" if fresh else f"config-resumed-{earlier}.yaml"
        options = self.options.clone()
        for transient in ("config", "resume", "ckpt_path", "debug"):
            options.pop(transient, None)
        self._parser(self.subcommand).save(options, self.run_folder / name, skip_validation=True, multifile=False)

    def before_run(self) -> None:
        self._announce()

    def before_fit(self) -> None:
        self._announce()

    def _announce(self) -> None:
        chosen = f"{device_name(self.trainer.strategy.root_device)}, precision {self.trainer.precision}"
        self.console.print(f"hardware   {chosen}", markup=False)
        if self.run_folder is not None:
            verb = "continuing" if self.options.resume else "writing"
            self.console.print(f"run        {verb} {_shown(self.run_folder)}/", markup=False)

    def after_run(self) -> None:
        if self.run_folder is None or not self.trainer.is_global_zero:
            return
        seed = int(self.options.seed_everything)
        results = gather_results(self.trainer, self.run_folder, self.experiment, seed)
        write_results(results, self.run_folder)
        offline = any(isinstance(logger, WandbLogger) and _is_offline(logger) for logger in self.trainer.loggers)
        print_results(results, _shown(self.run_folder), self.datamodule, offline, self.console)

    def _run_subcommand(self, subcommand: str) -> None:
        try:
            super()._run_subcommand(subcommand)
        except SystemExit:  # how Lightning ends on Ctrl-C
            if self.run_folder is not None:
                self.console.print(
                    f"interrupted; continue with: make exp RESUME={_shown(self.run_folder)}", markup=False
                )
            raise SystemExit(130) from None


def _check_same_task(checkpoint: Path, class_path: str) -> None:
    trained = read_checkpoint(checkpoint)["lightsmith"]["model"]
    if trained != class_path:
        raise ValueError(f"{checkpoint} is a checkpoint of {trained}, this experiment trains {class_path}")


def _is_offline(logger: WandbLogger) -> bool:
    return bool(logger.experiment.settings._offline)


def _shown(folder: Path) -> Path:
    """Relative where possible, which is easier to read and to type."""
    here = Path.cwd()
    return folder.relative_to(here) if folder.is_relative_to(here) else folder
