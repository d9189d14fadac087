"""A new run that begins with what another one has learnt."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lightning_modules.training.task import Task, class_path
from lightsmith.checkpoints.content import named_class
from lightsmith.checkpoints.rebuild import check_fits, empty_model, repeat_operations, shapes
from lightsmith.run_folder import checkpoint_of, newest_run
from lightsmith.terminal import one_line


def weights_file(given: Path) -> Path:
    """The best checkpoint of a run folder, or a .ckpt file itself, with any ``latest`` resolved.

    Raises:
        ValueError: there is none.
    """
    path = checkpoint_of(given)
    if not path.is_file():
        advice = newest_run(given) or "; give a run folder such as runs/x/latest, or a .ckpt"
        raise ValueError(f"--init_from={given}: there is no {path}{advice}")
    return path.resolve()


def shared_part(checkpoint: dict[str, Any], model: Task | type[Task]) -> str | None:
    """The name of the part that a task and a checkpoint's task of another class have both; None if there is none."""
    part: str | None = named_class(checkpoint["lightsmith"]["model"], Task).shared_part
    return part if part == model.shared_part else None


def start_from(checkpoint: dict[str, Any], model: Task, path: Path) -> list[str]:
    """Give a model a checkpoint's weights and structure, and nothing else of its training.

    Of a checkpoint of another class of task, that is the part which both share.

    Returns:
        The names of the weights that were left out: those of the head, where the checkpoint knows other classes; or of
        the model's weights those that are new, where the checkpoint is of another class of task.

    Raises:
        ValueError: the weights do not fit the model, or the shared part has another structure.
    """
    if checkpoint["lightsmith"]["model"] != class_path(model):
        return _take_part(checkpoint, model, path)
    structure = {"lightsmith": {"operations": checkpoint["lightsmith"]["operations"]}}
    repeat_operations(structure, model, path)
    known = checkpoint["hyper_parameters"].get("class_names")
    head = [] if known is None or list(known) == model.class_names else _head(checkpoint, model, path)
    check_fits(checkpoint, model, path, but=head)
    weights = {name: value for name, value in checkpoint["state_dict"].items() if name not in head}
    model.load_state_dict(weights, strict=False)
    return head


def _take_part(checkpoint: dict[str, Any], model: Task, path: Path) -> list[str]:
    part = shared_part(checkpoint, model)
    if checkpoint["lightsmith"]["operations"]:
        done = checkpoint["lightsmith"]["operations"][0]["kind"]
        raise ValueError(f"{path}: its network was changed ({done}), so another class of task cannot begin with a part")
    given = {name: value for name, value in checkpoint["state_dict"].items() if name.startswith(f"{part}.")}
    own = shapes(model.state_dict())
    for name in sorted(given.keys() | {name for name in own if name.startswith(f"{part}.")}):
        there, here = shapes(given).get(name, "missing"), own.get(name, "missing")
        if there != here:
            raise ValueError(
                f"{path} has another {part}: {name} is {there} there, {here} here; give the same --model.pretrained"
            )
    model.load_state_dict(given, strict=False)
    return [name for name in own if name not in given]


def _head(checkpoint: dict[str, Any], model: Task, path: Path) -> list[str]:
    """The names of the weights of which there are as many as classes: those that one more class changes."""
    try:
        here, wider = (shapes(empty_model(type(model), checkpoint, path, n).state_dict()) for n in (0, 1))
    except Exception as error:  # what a class raises for values that nobody checked can be anything
        raise ValueError(f"{path} cannot be rebuilt: {one_line(error)}") from error
    return [name for name, shape in here.items() if wider.get(name) != shape]
