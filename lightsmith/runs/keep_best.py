"""Knowledge of the best models that survives a resume, wherever the run folder lies by then."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePath
from pickle import UnpicklingError
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.trainer.states import TrainerFn
from torch import Tensor

INTERVAL = ", 'every_n_train_steps'"  # where in the key of a state the watched metric and its mode end
PATHS = ("dirpath", "best_model_path", "kth_best_model_path", "last_model_path")


class KeepBest(Callback):
    """Tells the ModelCheckpoints of a resumed run which models were the best so far.

    Lightning compares the folder of the checkpoints by its text and forgets the best score where that differs, be it
    that the run folder was moved or copied, or is written relative to another folder. So checkpoints name files
    relative to the run folder, and what they name is looked for where a ModelCheckpoint writes now. Found beside the
    checkpoint only, as when a new run goes on from another's checkpoint, it is copied there. A file that is missing,
    damaged or saved later than the checkpoint counts no longer, which is printed. How often a ModelCheckpoint saves is
    no part of what it knows, though Lightning keeps it under that, and may change.

    Attributes:
        run_folder: what paths are saved relative to; as they are if it is not set.
    """

    def __init__(self) -> None:
        self.run_folder: Path | None = None

    def on_save_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        for _, state in _states(trainer, checkpoint):
            state |= {name: self._within_run(state[name]) for name in PATHS}
            state["best_k_models"] = {self._within_run(path): score for path, score in state["best_k_models"].items()}

    def on_load_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        _rename_states(trainer, checkpoint["callbacks"])
        for callback, state in list(_states(trainer, checkpoint)):
            if trainer.state.fn == TrainerFn.FITTING:
                for path in _take_over(trainer, callback, state, checkpoint["global_step"]):
                    pl_module.print(f"{path} is not there as it was saved: {callback.monitor} is the best anew")
            else:  # evaluating a checkpoint does not change which is the best
                del checkpoint["callbacks"][callback.state_key]

    def _within_run(self, path: str) -> str:
        if not path or self.run_folder is None:
            return path
        full, folder = Path(path).absolute(), self.run_folder.absolute()
        return full.relative_to(folder).as_posix() if full.is_relative_to(folder) else path


def _rename_states(trainer: Trainer, states: dict[str, object]) -> None:
    """Keep the state of a ModelCheckpoint that saves in other intervals now under its present key."""
    own = [callback for callback in trainer.checkpoint_callbacks if isinstance(callback, ModelCheckpoint)]
    known = {callback.state_key for callback in own}
    for callback in own:
        watched, interval, _ = callback.state_key.partition(INTERVAL)
        earlier = [key for key in states if key.startswith(f"{watched}{interval}") and key not in known]
        if callback.state_key not in states and len(earlier) == 1:
            states[callback.state_key] = states.pop(earlier[0])


def _states(trainer: Trainer, checkpoint: dict[str, Any]) -> Iterator[tuple[ModelCheckpoint, dict[str, Any]]]:
    for callback in trainer.checkpoint_callbacks:
        if isinstance(callback, ModelCheckpoint) and callback.state_key in checkpoint["callbacks"]:
            yield callback, checkpoint["callbacks"][callback.state_key]


def _take_over(trainer: Trainer, callback: ModelCheckpoint, state: dict[str, Any], step: int) -> list[str]:
    """Let a saved state name the files that are there now.

    Returns:
        The paths of those that count no longer.
    """
    scores, best, k = state["best_k_models"], state["best_model_path"], callback.save_top_k
    found = {path: _find(trainer, callback, state, path, step) for path in dict.fromkeys([*scores, best]) if path}
    kept = {found[path]: score for path, score in scores.items() if found[path]}
    better, worse = (max, min) if callback.mode == "max" else (min, max)
    while 0 < k < len(kept):  # fewer are asked for now
        del kept[worse(kept, key=kept.__getitem__)]
    worst = worse(kept, key=kept.__getitem__) if kept and k in (-1, len(kept)) else ""
    best = better(kept, key=kept.__getitem__, default="") if scores else found.get(best, "")
    state |= {"dirpath": callback.dirpath, "best_k_models": kept, "best_model_path": best, "kth_best_model_path": worst}
    state["best_model_score"] = kept.get(best)
    state["kth_value"] = kept.get(worst, torch.tensor(-torch.inf if callback.mode == "max" else torch.inf))
    state["last_model_path"] = str(_here(callback, state["last_model_path"], state) or "")
    return [path for path, file in found.items() if not file]


def _find(trainer: Trainer, callback: ModelCheckpoint, state: dict[str, Any], path: str, step: int) -> str:
    """Find a file that a saved state names, and copy it if it is elsewhere; empty if it is not what was saved."""
    score, here = state["best_k_models"].get(path), _here(callback, path, state)
    beside = None if here is None else Path(str(trainer.ckpt_path)).with_name(here.name)
    for file in (here, beside, Path(path)):
        saved = _read(trainer, file, callback.state_key, score, step)
        if saved is None:
            continue
        if here in (None, file):
            return str(file)
        if trainer.is_global_zero:
            trainer.strategy.checkpoint_io.save_checkpoint(saved, here)
        trainer.strategy.barrier()
        return str(here)
    return ""


def _here(callback: ModelCheckpoint, path: str, state: dict[str, Any]) -> Path | None:
    """Move a path from the saved state's folder to the present one; None for one that was not within it."""
    if not path or not PurePath(path).is_relative_to(state["dirpath"]):
        return None
    return Path(str(callback.dirpath)) / PurePath(path).relative_to(state["dirpath"])


def _read(trainer: Trainer, file: Path | None, key: str, score: Tensor | None, step: int) -> dict[str, Any] | None:
    """A checkpoint that is whole, not of a later step, and says of itself that it has this score, if it says any."""
    if file is None or not file.exists():
        return None
    try:
        saved: dict[str, Any] = trainer.strategy.load_checkpoint(file, weights_only=True)
    except (ValueError, OSError, RuntimeError, UnpicklingError):
        return None
    own = saved.get("callbacks", {}).get(key, {}).get("current_score", score)
    return saved if saved["global_step"] <= step and own == score else None
