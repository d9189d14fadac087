"""The end of a command: exit code, status, W&B, a draft taken back, SLURM's queue."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Any

from lightning.pytorch.utilities.exceptions import SIGTERMException

from lightsmith.launch.slurm import requeue_if_time_is_up
from lightsmith.records.summary import how_to_continue
from lightsmith.runs.failures import RunFailedError, failures_explained
from lightsmith.runs.loggers import finish_wandb
from lightsmith.runs.out_of_memory import run_within_memory
from lightsmith.terminal import one_line, print_once

TERMINATED, INTERRUPTED = 128 + signal.SIGTERM, 128 + signal.SIGINT


def run_to_the_end(cli: Any, command: Callable[[], None], trains: bool) -> None:
    """Run a command, and leave things in order however it ends.

    Args:
        cli: the ExperimentCLI.
        command: runs what the cli was built for.
        trains: whether it is a command that trains.

    Raises:
        SystemExit: a signal ended it.
        RunFailedError: it failed in itself.
        ValueError: it could not go on from its checkpoint.
        Exception: anything else that it ended with.
    """
    recording = cli.recording
    exit_code, taken_back = 1, True
    try:
        with failures_explained(lambda: how_to_continue(recording.folder)):
            run_within_memory(cli, command, trains)
        if cli.trainer.failures:  # results.json is written by now
            raise RunFailedError("; ".join(cli.trainer.failures))
        exit_code, taken_back = 0, False
        recording.say("finished")
    except SystemExit as end:  # how SaveLast and Lightning end on a signal
        exit_code = int(end.code or TERMINATED) if isinstance(end, SIGTERMException) else INTERRUPTED
        recording.say("interrupted", signal.Signals(exit_code - 128).name)
        print_once(["interrupted" + how_to_continue(recording.folder)])
        raise SystemExit(exit_code) from None
    except Exception as error:
        explained = _explained(cli, error)
        recording.say("failed", one_line(explained).removesuffix(how_to_continue(recording.folder)))
        taken_back = not isinstance(error, RunFailedError)
        if explained is error:
            raise
        raise explained from error
    finally:
        finish_wandb(recording.folder, exit_code)
        if taken_back:
            recording.take_back()
        recording.release()
        if trains and _is_first(cli):
            requeue_if_time_is_up(exit_code)


def _explained(cli: Any, error: Exception) -> Exception:
    """Explain an error to a person: one in the first step from a checkpoint means that the checkpoint is wrong.

    A state that is not as Lightning saved it can make it raise anything.
    """
    before_a_step = (0, cli.restored_step, cli.restored_step + 1)
    if (
        isinstance(error, RunFailedError)
        or cli.options.ckpt_path is None
        or cli.trainer.global_step not in before_a_step
    ):
        return error
    return ValueError(f"{cli.options.ckpt_path} cannot be used here: {one_line(error)}")


def _is_first(cli: object) -> bool:
    """Return whether this is the first process; there is one, and no Trainer, once smaller batches were refused."""
    trainer = getattr(cli, "trainer", None)
    return trainer is None or bool(trainer.is_global_zero)
