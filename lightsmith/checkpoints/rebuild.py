"""Rebuilding a model and its preprocessing from a checkpoint alone."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from lightning.pytorch import LightningDataModule, LightningModule

from lightning_modules.networks.weights.read_tensors import read_tensors
from lightning_modules.training.task import Task, class_path
from lightsmith.checkpoints.content import check_content, named_class
from lightsmith.checkpoints.durable import check_whole
from lightsmith.run_folder import BEST_CHECKPOINT, checkpoint_of, newest_run
from lightsmith.terminal import one_line

if TYPE_CHECKING:
    from datamodules.split_data import SplitData


def read_checkpoint(path: Path) -> dict[str, Any]:
    """A Lightsmith checkpoint, without running anything that it may contain.

    Raises:
        ValueError: missing, damaged, or not Lightsmith's.
    """
    if path.is_dir():
        best = path / BEST_CHECKPOINT
        advice = f": give {best}" if best.is_file() else newest_run(path)
        raise ValueError(f"no checkpoint at {path}, which is a folder{advice}")
    if not path.is_file():
        raise ValueError(f"no checkpoint at {path}{newest_run(path.parent.parent) or newest_run(path)}")
    check_whole(path)
    checkpoint: dict[str, Any] = read_tensors(path)
    if not isinstance(checkpoint, dict) or "lightsmith" not in checkpoint:
        raise ValueError(f"{path} is not a Lightsmith checkpoint")
    check_content(checkpoint, path)
    return checkpoint


def check_task(checkpoint: dict[str, Any], wanted: str, path: Path) -> None:
    """Refuse a checkpoint of another task than the one whose class is wanted.

    Raises:
        ValueError: naming both.
    """
    trained = checkpoint["lightsmith"]["model"]
    if trained != wanted:
        raise ValueError(f"{path} is a checkpoint of {trained}, this experiment is about {wanted}")


def check_fits(checkpoint: dict[str, Any], model: LightningModule, path: Path, but: Collection[str] = ()) -> None:
    """Refuse a checkpoint that cannot be loaded into a model.

    Args:
        but: names of weights that need not fit.

    Raises:
        ValueError: it is of another task, or of a network of other sizes.
    """
    check_task(checkpoint, class_path(model), path)
    there, here = shapes(checkpoint["state_dict"]), shapes(model.state_dict())
    for name in sorted((there.keys() | here.keys()) - set(but)):
        if there.get(name) != here.get(name):
            raise ValueError(
                f"{path} has another network: {name} is {there.get(name, 'missing')} there, "
                f"{here.get(name, 'missing')} here; give the options and the data that it was trained with"
            )


def shapes(state: Mapping[str, torch.Tensor]) -> dict[str, tuple[int, ...]]:
    """The shape of each tensor by its name."""
    return {name: tuple(value.shape) for name, value in state.items()}


def repeat_operations(checkpoint: dict[str, Any], model: LightningModule, path: Path) -> None:
    """Do to a model's network what was done to the checkpoint's, so that its weights fit.

    Raises:
        ValueError: the network differs too much for it.
    """
    try:
        model.on_load_checkpoint(checkpoint)
    except Exception as error:  # what an operation raises for options that nobody checked can be anything
        raise ValueError(f"{path} has another network: {one_line(error)}") from error


def restore_data(data: SplitData, checkpoint: dict[str, Any]) -> None:
    """Give data the tokenizer of a model, which encodes the texts, and the order of its classes.

    Call it before the first use of the data.

    Raises:
        ValueError: other than what the model learnt from stands beside the items.
    """
    data.load_state_dict(checkpoint.get(checkpoint["lightsmith"]["data"].rpartition(".")[2], {}))
    data.follow(named_class(checkpoint["lightsmith"]["model"], Task).target)
    known = checkpoint["hyper_parameters"].get("class_names")
    data.known_classes = None if known is None else list(known)


def load_run(run: Path) -> tuple[Task, Any]:
    """The best model of a run folder (or of a .ckpt file), and a data module that only preprocesses.

    Raises:
        ValueError: there is no checkpoint that can be read.
    """
    path = checkpoint_of(run)
    checkpoint = read_checkpoint(path)
    model_class = named_class(checkpoint["lightsmith"]["model"], Task)
    try:
        model = _rebuild(model_class, checkpoint, path)
        data = rebuild_data(checkpoint)
        data.cache = False  # what is classified is read once
    except Exception as error:  # what a class raises for values that nobody checked can be anything
        raise ValueError(f"{path} cannot be rebuilt: {one_line(error)}") from error
    return model.eval(), data


def rebuild_data(checkpoint: dict[str, Any]) -> Any:
    """The data module of a checkpoint, with the options that it was trained with.

    Raises:
        ValueError: other than what the model learnt from stands beside the items; or whatever a class raises for
            unchecked values.
    """
    data_class = named_class(checkpoint["lightsmith"]["data"], LightningDataModule)
    data = data_class(**checkpoint["datamodule_hyper_parameters"])
    restore_data(data, checkpoint)
    return data


def _rebuild(model_class: type[Task], checkpoint: dict[str, Any], path: Path) -> Task:
    """The model with its weights, built first without memory: its sizes must be those of the weights at hand."""
    check_fits(checkpoint, empty_model(model_class, checkpoint, path), path)
    model: Task = model_class(**checkpoint["hyper_parameters"])
    model.on_load_checkpoint(checkpoint)
    model.load_state_dict(checkpoint["state_dict"])
    return model


def empty_model(
    model_class: type[Task], checkpoint: dict[str, Any], path: Path, more_classes: int = 0
) -> LightningModule:
    """The checkpoint's model without memory for its weights; if asked for, with more classes than it has.

    Raises:
        ValueError: the edits do not fit the network; or whatever a class raises for unchecked values.
    """
    # Weights are one for each class, so that they would not fit more; they are no part of a network.
    options = {name: value for name, value in checkpoint["hyper_parameters"].items() if name != "class_weights"}
    if more_classes:
        options["class_names"] = [*options["class_names"], *map(str, range(more_classes))]
    with torch.device("meta"):
        model: LightningModule = model_class(**options)
        repeat_operations(checkpoint, model, path)
    return model
