"""Failures of a run through no mistake on the command line, each said in one line."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from lightsmith.terminal import one_line

DEAD_WORKER = re.compile(
    r"DataLoader worker \(pid(?:\(s\))? ([\d, ]+)\) (is killed by signal: \w+|exited unexpectedly)"
)
PROCESS_ENDED = "another process of this run ended, so this one cannot go on"
# What gloo, NCCL and torch's store say when the process at the other end is gone. Their names alone mean nothing.
DEAD_PROCESS = re.compile(
    r"connection (?:closed|reset|refused|was likely closed)|broken pipe|pair closure|failed to (?:recv|send)"
    r"|remote process exit|communicator was aborted|watchdog caught|wait(?:ing|) (?:timeout after )?\d+ms"
    r"|socket has timed out",
    re.IGNORECASE,
)


class RunFailedError(RuntimeError):
    """A run that could not go on; the message is one line for the person."""


@contextmanager
def failures_explained(how_to_continue: Callable[[], str]) -> Iterator[None]:
    """Turn what is known to end a run into a RunFailedError; everything else keeps its traceback.

    Args:
        how_to_continue: the end of the line, asked for when it is needed.
    """
    try:
        yield
    except Exception as error:
        if reason := _reason(error):
            raise RunFailedError(reason + how_to_continue()) from error
        raise


def _reason(error: Exception) -> str | None:
    from torch.distributed import DistError  # cli.py answers without torch

    from callbacks.guard_numerics import NonFiniteError
    from callbacks.trainability_audit import TrainabilityError

    message = str(error)
    if isinstance(error, RunFailedError | NonFiniteError | TrainabilityError):
        return message
    if found := _dead_worker(error):
        return f"a loader worker (process {found[1]}) {found[2]}: if memory is short, lower --data.num_workers"
    if isinstance(error, RuntimeError) and DEAD_PROCESS.search(message):
        return PROCESS_ENDED
    return (
        f"the processes of this run cannot work together: {one_line(error)}" if isinstance(error, DistError) else None
    )


def _dead_worker(error: BaseException | None) -> re.Match[str] | None:
    """Find torch's message in an error or one below it: a signal raises it inside whatever runs just then."""
    while error is not None:
        if isinstance(error, RuntimeError) and (found := DEAD_WORKER.search(str(error))):
            return found
        error = error.__context__
    return None
