"""A new run that begins with what another one has learnt."""

from __future__ import annotations

from pathlib import Path

from lightning.pytorch import LightningModule

from commands.checkpoints import check_fits, read_checkpoint, repeat_operations
from commands.run_folder import BEST_CHECKPOINT


def weights_file(given: Path) -> Path:
    """The best checkpoint of a run folder, or a .ckpt file itself, with any ``latest`` resolved.

    Raises:
        ValueError: there is none.
    """
    path = given / BEST_CHECKPOINT if given.is_dir() else given
    if not path.is_file():
        raise ValueError(
            f"--init_from={given}: there is no {path}; give a run folder such as runs/x/latest, or a .ckpt"
        )
    return path.resolve()


def start_from(path: Path, model: LightningModule) -> None:
    """Give a model a checkpoint's weights and structure, and nothing else of its training.

    Raises:
        ValueError: as ``read_checkpoint`` and ``check_fits``.
    """
    checkpoint = read_checkpoint(path)
    structure = {"lightsmith": {"operations": checkpoint["lightsmith"]["operations"]}}
    repeat_operations(structure, model, path)
    check_fits(checkpoint, model, path)
    model.load_state_dict(checkpoint["state_dict"])
