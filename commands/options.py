"""The options that every verb has besides Lightning's own."""

from __future__ import annotations

from pathlib import Path

from lightning.pytorch.cli import LightningArgumentParser

from commands.tracking import LoggerName

SHARED = ("class_names", "vocabulary_size", "image_size_px")  # what a model takes from its data


def add_options(parser: LightningArgumentParser) -> None:
    """Add Lightsmith's options, and the links between a model and its data."""
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="Folder that holds all runs.")
    parser.add_argument(
        "--experiment", type=str | None, default=None, help="Name of the runs' folder; that of the YAML when unset."
    )
    parser.add_argument(
        "--resume", type=Path | None, default=None, help="Run folder to continue, such as runs/x/latest."
    )
    parser.add_argument(
        "--init_from",
        type=Path | None,
        default=None,
        help="Run folder or .ckpt whose weights (but the head, where the classes are others), changed structure and "
        "tokenizer a new run begins with; not when resuming.",
    )
    parser.add_argument(
        "--loggers", type=list[LoggerName], default=["csv", "wandb"], help="Where metrics go; any of these three."
    )
    parser.add_argument(
        "--allow_package", action="append", default=[], help="A package whose classes a YAML may name; repeatable."
    )
    parser.add_argument(
        "--explain", type=str | None, default=None, help="Say where a value such as model.lr comes from."
    )
    parser.add_argument("--debug", action="store_true", help="Show the traceback of a mistake.")
    for name in SHARED:
        parser.link_arguments(f"data.{name}", f"model.init_args.{name}", apply_on="instantiate")
    parser.link_arguments("model.init_args.pretrained", "data.init_args.tokenizer_of")
