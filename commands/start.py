"""Where a run starts from: a checkpoint that it goes on from, another run's weights, or nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from lightning.pytorch import LightningModule
from lightning.pytorch.callbacks import WeightAveraging

from commands.checkpoints import check_fits, read_checkpoint, repeat_operations
from commands.newest_checkpoint import newest_checkpoint
from commands.run_folder import BEST_CHECKPOINT, check_writable, interrupted_run
from commands.starting_weights import start_from, weights_file
from commands.summary import print_once, shown
from commands.torchrun import restarted_run


def find_start(options: Any, experiment: str) -> Path | None:
    """Settle which checkpoint or weights a recorded run starts from, and write it into its options.

    Args:
        options: the parsed options of the command; ``resume``, ``ckpt_path`` and ``init_from`` are changed in place.
        experiment: the name that the run's folder carries.

    Returns:
        The folder of the run to continue, or None for a new run.

    Raises:
        ValueError: nothing can be written there, or there is nothing to start from.
    """
    check_writable(options.runs)
    options.resume = options.resume or restarted_run(options.runs / experiment)
    if options.resume is not None:
        folder = interrupted_run(options.resume)
        options.ckpt_path = str(newest_checkpoint(folder))
        return folder
    if options.init_from is not None and options.ckpt_path is None:
        options.init_from = weights_file(options.init_from)
    return None


def check_trained(options: Any, verb: str | None) -> None:
    """Refuse to evaluate without a trained model.

    Raises:
        ValueError: ``ckpt_path`` is not given.
    """
    if options.ckpt_path is None:
        raise ValueError(f"{verb} needs a trained model: --ckpt_path=<run folder>/{BEST_CHECKPOINT}")


def check_continues(checkpoint: dict[str, Any], options: Any, trainer: Any, model: Any) -> None:
    """Refuse settings that a training cannot go on with from a checkpoint; all others count from its next step on.

    Raises:
        ValueError: another optimizer or seed, fewer epochs than are done, or an average of weights is given up.
    """
    other = "start a new run from its weights with --init_from=<run>"
    optimizer = checkpoint["hyper_parameters"].get("optimizer", model.optimizer_name)
    if model.optimizer_name != optimizer:
        raise ValueError(
            f"model.optimizer={model.optimizer_name}: {options.ckpt_path} has the state of {optimizer}, with which "
            f"{model.optimizer_name} cannot go on; keep it, or {other}"
        )
    done = checkpoint["loops"]["fit_loop"]["epoch_progress"]["current"]["processed"]
    if trainer.max_epochs is not None and 0 <= trainer.max_epochs < done:
        raise ValueError(f"trainer.max_epochs={trainer.max_epochs}: {done} epochs are done already")
    averages = any(isinstance(callback, WeightAveraging) for callback in trainer.callbacks)
    if "current_model_state" in checkpoint and not averages:
        raise ValueError(
            f"trainer.callbacks lacks the weight averaging that {options.ckpt_path} was saved with: keep it, or {other}"
        )
    seed = _seed_of(options.resume) if options.resume is not None else None
    if seed not in (None, options.seed_everything):
        raise ValueError(
            f"seed_everything={options.seed_everything}: the run began with {seed}, which its data and order follow; "
            "keep it, or start a new run"
        )


def _seed_of(run: Path) -> int | None:
    seed: int | None = yaml.safe_load((run / "config.yaml").read_text("utf-8")).get("seed_everything")
    return seed


def load_start(options: Any, model: LightningModule) -> dict[str, Any]:
    """Bring a model into the state that it starts from.

    Returns:
        The checkpoint that ``ckpt_path`` or ``resume`` names, known to fit the model; empty without either.

    Raises:
        ValueError: it cannot be read, or does not fit.
    """
    if options.ckpt_path is None:
        if options.init_from is not None:
            start_from(options.init_from, model)
            print_once([f"weights    from {shown(options.init_from)}"])
        return {}
    path = Path(options.ckpt_path)
    checkpoint = read_checkpoint(path)
    repeat_operations(checkpoint, model, path)
    check_fits(checkpoint, model, path)
    return checkpoint
