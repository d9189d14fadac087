"""Trainer flags that would make a run wrong, silent or endless, refused before data is loaded or a folder is made."""

from __future__ import annotations

import os

from jsonargparse import Namespace
from lightning.fabric.plugins.environments import (
    LSFEnvironment,
    MPIEnvironment,
    SLURMEnvironment,
    TorchElasticEnvironment,
)

from lightsmith.terminal import print_once

LAUNCHERS = (TorchElasticEnvironment, SLURMEnvironment, LSFEnvironment, MPIEnvironment)
LEAST = {
    "accumulate_grad_batches": 1,
    "check_val_every_n_epoch": 1,
    "gradient_clip_val": 0,
    "log_every_n_steps": 0,
    "num_nodes": 1,
}
NOTHING_TO_TRAIN = ("limit_train_batches", "max_epochs", "max_steps")
RENDEZVOUS = ("MASTER_ADDR", "MASTER_PORT", "NODE_RANK")


def check_flags(trainer: Namespace, verb: str | None) -> None:
    """Refuse Trainer flags that do not work here as their names say.

    Args:
        trainer: the parsed options of the Trainer.
        verb: the command, such as run.

    Raises:
        ValueError: naming the flag, and what to write instead.
    """
    for flag, instead in (
        ("default_root_dir", "--runs is the folder that everything is written into"),
        ("model_registry", "a run's model stays in its folder, and make export writes it for elsewhere"),
    ):
        if getattr(trainer, flag) is not None:
            raise ValueError(f"trainer.{flag}={getattr(trainer, flag)} is not used here: {instead}")
    _check_numbers(trainer)
    _check_nodes(trainer)
    if verb in ("run", "fit"):
        _check_training(trainer, verb)


def _check_numbers(trainer: Namespace) -> None:
    for flag, least in LEAST.items():
        if (number := getattr(trainer, flag)) is not None and number < least:
            raise ValueError(f"trainer.{flag}={number} must be at least {least}")
    if trainer.val_check_interval == 0:
        raise ValueError("trainer.val_check_interval=0: to leave out validation, set trainer.limit_val_batches=0")
    if trainer.gradient_clip_algorithm is not None and not trainer.gradient_clip_val:
        raise ValueError(
            f"trainer.gradient_clip_algorithm={trainer.gradient_clip_algorithm} clips nothing without "
            "trainer.gradient_clip_val, such as 1.0"
        )
    for fewest, most in (("min_epochs", "max_epochs"), ("min_steps", "max_steps")):
        low, high = getattr(trainer, fewest) or 0, getattr(trainer, most)
        if high is not None and 0 < high < low:
            raise ValueError(f"trainer.{fewest}={low} is more than trainer.{most}={high}")


def _check_training(trainer: Namespace, verb: str) -> None:
    if trainer.barebones:
        raise ValueError(
            "trainer.barebones=true switches off the checkpoints and metrics that a run is recorded by; to see what "
            "they cost, compare with --loggers=[] --trainer.enable_progress_bar=false"
        )
    if trainer.enable_checkpointing is False:
        raise ValueError(
            "trainer.enable_checkpointing=false: a run is tested on its best checkpoint and resumed from its last; "
            "leave it on, or try a few batches that write nothing with --trainer.fast_dev_run=3"
        )
    for flag in NOTHING_TO_TRAIN:
        if getattr(trainer, flag) == 0:
            raise ValueError(f"trainer.{flag}=0 leaves nothing to train: give 1 or more")
    if trainer.limit_test_batches == 0 and verb == "run":
        raise ValueError(
            "trainer.limit_test_batches=0: run ends with a test, which needs 1 batch or more; use fit to train only"
        )


def _check_nodes(trainer: Namespace) -> None:
    """Lightning would wait for the other nodes for ever, and at an address of its own."""
    if trainer.num_nodes == 1 or trainer.plugins or any(launcher.detect() for launcher in LAUNCHERS):
        return
    if lacking := [name for name in RENDEZVOUS if name not in os.environ]:
        raise ValueError(
            f"trainer.num_nodes={trainer.num_nodes} needs a launcher that starts every node, such as torchrun or "
            f"SLURM, or {', '.join(lacking)} in the environment of each"
        )
    meeting = f"{os.environ['MASTER_ADDR']}:{os.environ['MASTER_PORT']}"
    print_once([f"nodes      waiting until all {trainer.num_nodes} have started, which meet at {meeting}"])
