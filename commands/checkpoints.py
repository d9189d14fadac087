"""Rebuilding a model and its preprocessing from a checkpoint alone."""

from __future__ import annotations

import importlib
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from lightning.pytorch import LightningDataModule, LightningModule

from commands.durable_checkpoints import check_whole
from commands.mistakes import one_line
from commands.run_folder import BEST_CHECKPOINT
from lightning_modules.classifier import class_path

ROOMS = ("lightning_modules.", "datamodules.")


def read_checkpoint(path: Path) -> dict[str, Any]:
    """A Lightsmith checkpoint, without running anything that it may contain.

    Raises:
        ValueError: missing, damaged, or not Lightsmith's.
    """
    if not path.is_file():
        raise ValueError(f"no checkpoint at {path}")
    check_whole(path)
    try:
        checkpoint: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except (UnpicklingError, RuntimeError, EOFError, OSError, ValueError, KeyError) as error:
        raise ValueError(f"{path} cannot be read as a checkpoint ({one_line(error)[:100]})") from error
    if not isinstance(checkpoint, dict) or "lightsmith" not in checkpoint:
        raise ValueError(f"{path} is not a Lightsmith checkpoint")
    return checkpoint


def check_fits(checkpoint: dict[str, Any], model: LightningModule, path: Path) -> None:
    """Refuse a checkpoint that cannot be loaded into a model.

    Raises:
        ValueError: it is of another task, of other classes, or of a network of other sizes.
    """
    trained = checkpoint["lightsmith"]["model"]
    wanted = class_path(model)
    if trained != wanted:
        raise ValueError(f"{path} is a checkpoint of {trained}, this experiment is about {wanted}")
    shapes = {name: tuple(value.shape) for name, value in model.state_dict().items()}
    saved = {name: tuple(value.shape) for name, value in checkpoint["state_dict"].items()}
    for name in sorted(shapes.keys() | saved.keys()):
        if shapes.get(name) != saved.get(name):
            raise ValueError(
                f"{path} has another network: {name} is {saved.get(name, 'missing')} there, "
                f"{shapes.get(name, 'missing')} here; give the options and the data that it was trained with"
            )


def load_run(run: Path) -> tuple[LightningModule, Any]:
    """The best model of a run folder (or of a .ckpt file), and a data module that only preprocesses.

    Raises:
        ValueError: as ``read_checkpoint``.
    """
    checkpoint = read_checkpoint(run / BEST_CHECKPOINT if run.is_dir() else run)
    model_class = _class(checkpoint["lightsmith"]["model"], LightningModule)
    data_class = _class(checkpoint["lightsmith"]["data"], LightningDataModule)
    model = model_class(**checkpoint["hyper_parameters"])
    model.load_state_dict(checkpoint["state_dict"])
    data = data_class(**checkpoint["datamodule_hyper_parameters"])
    data.cache = False  # what is classified is read once
    data.load_state_dict(checkpoint.get(data_class.__qualname__, {}))
    return model.eval(), data


def _class(path: str, base: type) -> Any:
    """A class of Lightsmith's own rooms; a checkpoint can name no other code."""
    module, _, name = path.rpartition(".")
    found = getattr(importlib.import_module(module), name, None) if path.startswith(ROOMS) else None
    if not (isinstance(found, type) and issubclass(found, base)):
        raise ValueError(f"the checkpoint names {path!r}, which is not a class of {' or '.join(ROOMS)}")
    return found
