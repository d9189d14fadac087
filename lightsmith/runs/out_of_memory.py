"""Smaller batches, with as many items to an optimizer step, where memory runs out."""

from __future__ import annotations

import gc
import re
from collections.abc import Callable
from typing import Any

import torch
from jsonargparse import Namespace

from lightsmith.run_folder import LAST_CHECKPOINT
from lightsmith.runs.failures import RunFailedError
from lightsmith.runs.loggers import finish_wandb
from lightsmith.terminal import one_line, print_once

NO_MEMORY = re.compile(r"out of memory|can(?:'|no)t allocate memory|_STATUS_ALLOC_FAILED", re.IGNORECASE)


def run_within_memory(cli: Any, attempt: Callable[[], None], trains: bool) -> None:
    """Run a command; when memory runs out in training, go on with smaller batches from the newest checkpoint.

    Without a checkpoint the run starts again, in the same folder.

    Args:
        cli: the LightningCLI, of which everything is built anew.
        attempt: what runs the command that ``cli`` was built for.
        trains: whether it is one that trains.

    Raises:
        RunFailedError: there is no smaller batch that the network takes, or several processes would have to agree on
            one.
    """
    while not _succeeds(attempt):
        if not trains or cli.trainer.world_size > 1:
            raise RunFailedError("out of memory: lower --data.batch_size and raise --trainer.accumulate_grad_batches")
        print_once([halve_batches(cli.options)])
        finish_wandb(cli.recording.folder, exit_code=1)
        try:
            _rebuild(cli)
        except ValueError as error:  # of a network that cannot train on so small a batch
            raise RunFailedError(one_line(error)) from error


def _succeeds(attempt: Callable[[], None]) -> bool:
    """Return whether memory was enough. By then, no traceback holds anything of a failed attempt."""
    try:
        attempt()
    except (RuntimeError, MemoryError) as error:
        if not ran_out_of_memory(error):
            raise
        return False
    return True


def _rebuild(cli: Any) -> None:
    del cli.trainer, cli.model, cli.datamodule, cli.config_init
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    folder = cli.recording.folder
    if folder is not None and (folder / LAST_CHECKPOINT).is_file():
        cli.options.resume = folder
    cli.options.folder = None  # it is there, and the run goes on in it
    cli._set_seed()
    cli.before_instantiate_classes()
    cli.instantiate_classes()


def ran_out_of_memory(error: BaseException) -> bool:
    """Return whether an error means that the GPU or the machine has no memory left."""
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or bool(NO_MEMORY.search(str(error)))


def halve_batches(options: Namespace) -> str:
    """Halve ``data.batch_size`` and double ``trainer.accumulate_grad_batches`` in the parsed options.

    An odd batch size is divided by its smallest factor, so that an optimizer step sees as many items as before, and the
    schedule has as many steps.

    Returns:
        What was done, for the person.

    Raises:
        RunFailedError: a batch of one item is already too much.
    """
    data, trainer = options.data.init_args, options.trainer
    size = data.batch_size
    factor = next((n for n in range(2, size + 1) if size % n == 0), None)
    if factor is None:
        raise RunFailedError("out of memory with one item to a batch: a smaller network or smaller items would fit")
    data.batch_size //= factor
    trainer.accumulate_grad_batches *= factor
    return (
        f"out of memory with batches of {size}: going on with data.batch_size={data.batch_size} and "
        f"trainer.accumulate_grad_batches={trainer.accumulate_grad_batches}"
    )
