"""A new run that begins with what another one has learnt."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lightning.pytorch import LightningModule

from lightsmith.checkpoints.rebuild import check_fits, empty_model, repeat_operations, shapes
from lightsmith.run_folder import BEST_CHECKPOINT, newest_run
from lightsmith.terminal import one_line


def weights_file(given: Path) -> Path:
    """The best checkpoint of a run folder, or a .ckpt file itself, with any ``latest`` resolved.

    Raises:
        ValueError: there is none.
    """
    path = given / BEST_CHECKPOINT if given.is_dir() else given
    if not path.is_file():
        advice = newest_run(given) or "; give a run folder such as runs/x/latest, or a .ckpt"
        raise ValueError(f"--init_from={given}: there is no {path}{advice}")
    return path.resolve()


def start_from(checkpoint: dict[str, Any], model: LightningModule, path: Path) -> list[str]:
    """Give a model a checkpoint's weights and structure, and nothing else of its training.

    Returns:
        The names of the weights that were left out: those of the head, where the checkpoint knows other classes.

    Raises:
        ValueError: the weights do not fit the model.
    """
    structure = {"lightsmith": {"operations": checkpoint["lightsmith"]["operations"]}}
    repeat_operations(structure, model, path)
    known = checkpoint["hyper_parameters"].get("class_names")
    head = [] if known is None or list(known) == model.class_names else _head(checkpoint, model, path)
    check_fits(checkpoint, model, path, but=head)
    weights = {name: value for name, value in checkpoint["state_dict"].items() if name not in head}
    model.load_state_dict(weights, strict=False)
    return head


def _head(checkpoint: dict[str, Any], model: LightningModule, path: Path) -> list[str]:
    """The names of the weights of which there are as many as classes: those that one more class changes."""
    try:
        here, wider = (shapes(empty_model(type(model), checkpoint, path, n).state_dict()) for n in (0, 1))
    except Exception as error:  # what a class raises for values that nobody checked can be anything
        raise ValueError(f"{path} cannot be rebuilt: {one_line(error)}") from error
    return [name for name, shape in here.items() if wider.get(name) != shape]
