"""Options that every verb of an experiment has besides Lightning's own."""

from __future__ import annotations

from argparse import ArgumentError
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from jsonargparse import Namespace
from lightning.pytorch.cli import LightningArgumentParser

from lightsmith.runs.loggers import LoggerName
from lightsmith.settings.allowed_classes import check_parsed
from lightsmith.settings.callback_settings import CONFIG, parse_with_callbacks, split_options
from lightsmith.settings.parse_errors import explain, init_arguments
from lightsmith.settings.yaml_files import read_settings

ROOMS = ("lightning_modules", "datamodules")  # whose classes may be imported to look at them
SHARED = ("class_names", "vocabulary_size", "image_size_px", "channels")  # what a model takes from its data


class Option(NamedTuple):
    """An option of Lightsmith's own, as every verb of an experiment has it."""

    name: str
    type: Any
    default: Any
    meaning: str


OWN = (
    Option("runs", Path, Path("runs"), "Folder that holds all runs."),
    Option(
        "folder",
        Path | None,
        None,
        "New folder for this very run, in place of one named by the time below `runs`; `latest` stays as it is.",
    ),
    Option("experiment", str | None, None, "Name of the runs' folder; that of the YAML when unset."),
    Option("resume", Path | None, None, "Run folder to continue, such as runs/x/latest."),
    Option(
        "init_from",
        Path | None,
        None,
        "Run folder or .ckpt whose weights (but the head, where the classes are others), changed structure and "
        "tokenizer a new run begins with; not when resuming.",
    ),
    Option(
        "monitor",
        str | None,
        None,
        "Metric that chooses the best checkpoint, such as val/f1, the highest or lowest as the metric has it; the "
        "headline of the task when unset.",
    ),
    Option("loggers", list[LoggerName], ["csv", "wandb"], "Where metrics go; any of csv, wandb, tensorboard."),
    Option(
        "callbacks",
        dict[str, Any] | None,
        None,
        "Settings of callbacks by class, such as --callbacks.LogWorstPredictions.count=5.",
    ),
    Option(
        "baseline",
        bool,
        False,
        "After a run on texts, train text_linear on the same splits and say what it gets.",
    ),
    Option("explain", str | None, None, "Say where a value such as model.lr comes from."),
)


def add_options(parser: LightningArgumentParser) -> None:
    """Add Lightsmith's options, and the links between a model and its data."""
    for option in OWN:
        parser.add_argument(f"--{option.name}", type=option.type, default=option.default, help=option.meaning)
    parser.add_argument(
        "--allow_package", action="append", default=[], help="A package whose classes a YAML may name; repeatable."
    )
    parser.add_argument("--debug", action="store_true", help="Show the traceback of a mistake.")
    for name in SHARED:
        parser.link_arguments(f"data.{name}", f"model.init_args.{name}", apply_on="instantiate")
    parser.link_arguments("model.init_args.pretrained", "data.init_args.tokenizer_of")


def parse_options(
    parser: LightningArgumentParser, of_verb: LightningArgumentParser, given: list[str], allowed_packages: list[str]
) -> Namespace:
    """Parse the command line and the YAML files that it names.

    Args:
        parser: of the whole command line.
        of_verb: of the verb that was given, which knows its options.
        given: the command line.
        allowed_packages: those that it allows YAML files to name classes of.

    Raises:
        ValueError: a mistake, in one line.
    """
    try:
        config = parse_with_callbacks(parser, given)
    except ArgumentError as error:
        known = [*(option.lstrip("-") for option in of_verb._option_string_actions), *experiment_keys(given)]
        raise ValueError(explain(error, known, given)) from error
    options = config[config.subcommand]
    if options.allow_package != allowed_packages:
        raise ValueError(f"allow_package={options.allow_package} counts on the command line only")
    check_parsed(options)
    return config


def experiment_keys(arguments: Sequence[str]) -> Iterator[str]:
    """The keys of the model and the data that a command's YAML files name, as far as these are Lightsmith's own."""
    files = [Path(value) for option, value, _ in split_options(arguments) if option in CONFIG]
    for settings in map(read_settings, files):
        for group in ("model", "data"):
            named = settings.get(group)
            path = named.get("class_path") if isinstance(named, dict) else named
            if isinstance(path, str) and path.partition(".")[0] in ROOMS:
                with suppress(
                    ImportError, AttributeError, TypeError, ValueError
                ):  # what is no class of these rooms has no keys
                    yield from (f"{group}.{name}" for name in init_arguments(path))
