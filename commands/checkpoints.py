"""Rebuilding a model and its preprocessing from a checkpoint alone."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import LightningDataModule, LightningModule

from commands.allowed_classes import leaves
from commands.durable_checkpoints import check_whole
from commands.mistakes import one_line
from commands.run_folder import BEST_CHECKPOINT
from commands.settings_file import refuse_url
from commands.summary import class_list
from lightning_modules.classifier import class_path
from lightning_modules.networks.tensor_file import read_tensors

ROOMS = ("lightning_modules.", "datamodules.")
PRETRAINED = ("pretrained", "weights")  # hyper-parameters that a checkpoint has no need of: it holds all weights
# Lacking where only weights were saved.
OF_TRAINING: dict[str, type] = {"callbacks": dict, "optimizer_states": list, "lr_schedulers": list}
# What Lightning and Lightsmith save.
TYPES: dict[str, type] = {
    "lightsmith": dict,
    "state_dict": dict,
    "hyper_parameters": dict,
    "datamodule_hyper_parameters": dict,
    "loops": dict,
    "epoch": int,
    "global_step": int,
    **OF_TRAINING,
}


def read_checkpoint(path: Path) -> dict[str, Any]:
    """A Lightsmith checkpoint, without running anything that it may contain.

    Raises:
        ValueError: missing, damaged, or not Lightsmith's.
    """
    if not path.is_file():
        raise ValueError(f"no checkpoint at {path}")
    check_whole(path)
    checkpoint: dict[str, Any] = read_tensors(path)
    if not isinstance(checkpoint, dict) or "lightsmith" not in checkpoint:
        raise ValueError(f"{path} is not a Lightsmith checkpoint")
    _check_content(checkpoint, path)
    return checkpoint


def _check_content(checkpoint: dict[str, Any], path: Path) -> None:
    """Refuse what no run of Lightsmith saves, whether or not a command would come to use it."""
    for name, empty in OF_TRAINING.items():
        checkpoint.setdefault(name, empty())
    for name, expected in TYPES.items():
        if not isinstance(checkpoint.get(name), expected):
            raise ValueError(f"{path} is damaged: {name} is {type(checkpoint.get(name)).__name__}")
    for name, value in checkpoint["state_dict"].items():
        if not (isinstance(name, str) and isinstance(value, torch.Tensor)):
            raise ValueError(f"{path} is damaged: {name} in state_dict is {type(value).__name__}")
    for name, base in (("model", LightningModule), ("data", LightningDataModule)):
        _class(checkpoint["lightsmith"].get(name), base)
    operations = checkpoint["lightsmith"].setdefault("operations", [])
    if not (isinstance(operations, list) and all(map(_is_operation, operations))):
        raise ValueError(f"{path} is damaged: what was done to its network is {operations}")
    names = checkpoint["hyper_parameters"].get("class_names")
    if not (isinstance(names, (list, tuple)) and all(isinstance(name, str) for name in names)):
        raise ValueError(f"{path} is damaged: it does not name its classes")
    for state in (*checkpoint["loops"].values(), *checkpoint["optimizer_states"], *checkpoint["lr_schedulers"]):
        if not isinstance(state, dict):
            raise ValueError(f"{path} is damaged: it has {type(state).__name__} where training states should be")
    largest = sum(map(torch.numel, checkpoint["state_dict"].values()))
    for name, value in leaves(checkpoint["hyper_parameters"]):
        if name.startswith("_") or (name in PRETRAINED and value is not None):
            raise ValueError(f"{path} is damaged: it names {name}={value}")
        if isinstance(value, int) and value > largest:  # so many layers, say: time without end
            raise ValueError(f"{path} is damaged: it declares {name}={value} and holds {largest} weights")
    for name in ("hyper_parameters", "datamodule_hyper_parameters", "callbacks"):
        for key, value in leaves(checkpoint[name]):
            for text in (key, str(value)):  # ModelCheckpoint keeps paths as keys too, and removes files by them
                refuse_url(f"{path}: {name}", text)
                if "/../" in text.lstrip("./"):
                    raise ValueError(f"{path} is damaged: {text} leaves its folder")


def _is_operation(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("kind"), str) and isinstance(value.get("options"), dict)


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


def check_classes(data: Any, model: Any) -> None:
    """Refuse data whose labels do not mean what a model's outputs do.

    Raises:
        ValueError: it has other classes, or has them in another order; or what reading the data raises.
    """
    found, known = list(data.class_names), list(model.class_names)
    if found != known:
        raise ValueError(f"{data.source} has {class_list(found)}; the model knows {class_list(known)}")


def repeat_operations(checkpoint: dict[str, Any], model: LightningModule, path: Path) -> None:
    """Do to a model's network what was done to the checkpoint's, so that its weights fit.

    Raises:
        ValueError: the network differs too much for it.
    """
    try:
        model.on_load_checkpoint(checkpoint)
    except Exception as error:  # what an operation raises for options that nobody checked can be anything
        raise ValueError(f"{path} has another network: {one_line(error)}") from error


def load_run(run: Path) -> tuple[LightningModule, Any]:
    """The best model of a run folder (or of a .ckpt file), and a data module that only preprocesses.

    Raises:
        ValueError: as ``read_checkpoint``.
    """
    path = run / BEST_CHECKPOINT if run.is_dir() else run
    checkpoint = read_checkpoint(path)
    model_class = _class(checkpoint["lightsmith"]["model"], LightningModule)
    data_class = _class(checkpoint["lightsmith"]["data"], LightningDataModule)
    try:
        model = _rebuild(model_class, checkpoint, path)
        data = data_class(**checkpoint["datamodule_hyper_parameters"])
        data.cache = False  # what is classified is read once
        data.load_state_dict(checkpoint.get(data_class.__qualname__, {}))
    except Exception as error:  # what a class raises for values that nobody checked can be anything
        raise ValueError(f"{path} cannot be rebuilt: {one_line(error)}") from error
    return model.eval(), data


def _rebuild(model_class: Any, checkpoint: dict[str, Any], path: Path) -> LightningModule:
    """The model with its weights, built first without memory: its sizes must be those of the weights at hand."""
    hyper_parameters = checkpoint["hyper_parameters"]
    with torch.device("meta"):
        empty = model_class(**hyper_parameters)
        repeat_operations(checkpoint, empty, path)
        check_fits(checkpoint, empty, path)
    model: LightningModule = model_class(**hyper_parameters)
    model.on_load_checkpoint(checkpoint)
    model.load_state_dict(checkpoint["state_dict"])
    return model


def _class(path: Any, base: type) -> Any:
    """A class defined in Lightsmith's own rooms; a checkpoint can name no other code."""
    module, _, name = str(path).rpartition(".")
    try:
        found = getattr(importlib.import_module(module), name, None) if module.startswith(ROOMS) else None
    except ImportError:
        found = None
    if not (isinstance(found, type) and issubclass(found, base) and found.__module__ == module):
        raise ValueError(f"the checkpoint names {path!r}, which is not a {base.__name__} of {' or '.join(ROOMS)}")
    return found
