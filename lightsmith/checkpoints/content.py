"""Checks that a checkpoint holds only what some run of Lightsmith saves.

Texts that come from data, such as the names of classes, can be anything. What is checked is what something acts on: the
classes to build, the sizes to build them with, the weights that they would fetch, the files that a callback removes.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path, PurePath
from typing import Any

import torch
from lightning.pytorch import LightningDataModule

from lightning_modules.training.task import Task
from lightsmith.settings.allowed_classes import leaves
from lightsmith.settings.yaml_files import refuse_url

ROOMS = ("lightning_modules.", "datamodules.")
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
MOST_LAYERS = 1_000  # built without memory in two seconds
FILES = ("best_model_path", "kth_best_model_path", "last_model_path")  # in the state of a ModelCheckpoint


def check_content(checkpoint: dict[str, Any], path: Path) -> None:
    """Refuse what no run of Lightsmith saves, whether or not a command would come to use it.

    Raises:
        ValueError: naming what is wrong.
    """
    _check_types(checkpoint, path)
    model_class = named_class(checkpoint["lightsmith"].get("model"), Task)
    named_class(checkpoint["lightsmith"].get("data"), LightningDataModule)
    operations = checkpoint["lightsmith"].setdefault("operations", [])
    if not (isinstance(operations, list) and all(map(_is_operation, operations))):
        raise ValueError(f"{path} is damaged: what was done to its network is {operations}")
    names = checkpoint["hyper_parameters"].get("class_names", [] if model_class.target != "class" else None)
    if not (isinstance(names, (list, tuple)) and all(isinstance(name, str) for name in names)):
        raise ValueError(f"{path} is damaged: it does not name its classes")
    _check_hyper_parameters(checkpoint, model_class, path)
    for file, folder in _files(checkpoint["callbacks"]):
        refuse_url(f"{path}: callbacks", file)
        if _leaves(file, folder):
            raise ValueError(f"{path} is damaged: {file} leaves its folder")


def _check_types(checkpoint: dict[str, Any], path: Path) -> None:
    for name, empty in OF_TRAINING.items():
        checkpoint.setdefault(name, empty())
    for name, expected in TYPES.items():
        if not isinstance(checkpoint.get(name), expected):
            raise ValueError(f"{path} is damaged: {name} is {type(checkpoint.get(name)).__name__}")
    for name, value in checkpoint["state_dict"].items():
        if not (isinstance(name, str) and isinstance(value, torch.Tensor)):
            raise ValueError(f"{path} is damaged: {name} in state_dict is {type(value).__name__}")
    for state in (*checkpoint["loops"].values(), *checkpoint["optimizer_states"], *checkpoint["lr_schedulers"]):
        if not isinstance(state, dict):
            raise ValueError(f"{path} is damaged: it has {type(state).__name__} where training states should be")


def _is_operation(value: object) -> bool:
    return isinstance(value, dict) and isinstance(value.get("kind"), str) and isinstance(value.get("options"), dict)


def _check_hyper_parameters(checkpoint: dict[str, Any], model_class: type[Task], path: Path) -> None:
    """Refuse what would fetch something, or build without end; no option is a URL, as the command line sees to."""
    largest = max(MOST_LAYERS, sum(map(torch.numel, checkpoint["state_dict"].values())))
    for group in ("hyper_parameters", "datamodule_hyper_parameters"):
        options = {name: value for name, value in checkpoint[group].items() if name != "class_names"}
        for name, value in leaves(options):
            refuse_url(f"{path}: {group}.{name}", value)
    pretrained_by = getattr(model_class, "pretrained_by", ())
    for name, value in leaves(checkpoint["hyper_parameters"]):
        if name.startswith("_") or (name in pretrained_by and value is not None):
            raise ValueError(f"{path} is damaged: it names {name}={value}")
        if isinstance(value, int) and value > largest:
            raise ValueError(f"{path} is damaged: it declares {name}={value} and holds {largest} weights")


def _files(states: dict[str, object]) -> Iterator[tuple[str, str]]:
    """(file, folder) for the files that callbacks say they wrote, and may read or remove."""
    for state in states.values():
        if isinstance(state, dict):
            kept = state.get("best_k_models", {})
            for file in (*(state.get(name) for name in FILES), *(kept if isinstance(kept, dict) else ())):
                yield str(file or ""), str(state.get("dirpath") or "")


def _leaves(file: str, folder: str) -> bool:
    """Return whether a file that is said to be in a folder is elsewhere; the folder itself may lie at ../runs."""
    inside = file.removeprefix(f"{folder}/")
    return ".." in PurePath(file.lstrip("./") if inside == file else inside).parts


def named_class(path: object, base: type) -> Any:
    """A class defined in Lightsmith's own rooms; a checkpoint can name no other code.

    Raises:
        ValueError: it names anything else.
    """
    module, _, name = str(path).rpartition(".")
    try:
        found = getattr(importlib.import_module(module), name, None) if module.startswith(ROOMS) else None
    except ImportError:
        found = None
    if not (isinstance(found, type) and issubclass(found, base) and found.__module__ == module):
        raise ValueError(f"the checkpoint names {path!r}, which is not a {base.__name__} of {' or '.join(ROOMS)}")
    return found
