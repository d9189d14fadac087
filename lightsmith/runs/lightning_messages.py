"""Messages of Lightning that a person is spared, or gets as one line."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from lightning.pytorch.utilities.exceptions import MisconfigurationException

from lightsmith.terminal import one_line

# Advice that does not apply: the data is in memory, a run folder is written to again on resume, which goes
# on with the very next batch (lightsmith/runs/exact_resume.py), torchmetrics adds up over processes by itself, these
# share the items of an evaluation without repeating any (datamodules/batches/loader.py), a monitored metric that is not
# there yet waits for a validation (lightsmith/settings/watched_metrics.py), and a ModelCheckpoint that saves in other
# intervals than before takes over what it knew all the same (lightsmith/runs/keep_best.py).
QUIETED = (
    ".*does not have many workers.*",
    ".*Checkpoint directory .* exists and is not empty.*",
    ".*Experiment logs directory .* exists and is not empty.*",
    ".*number of training batches .* is smaller than the logging interval.*",
    ".*resuming from a checkpoint that ended before the epoch ended.*",
    ".*It is recommended to use `self.log.*sync_dist=True.*",
    ".*Using `DistributedSampler` with the dataloaders.*",
    ".*ModelCheckpoint.* could not find the monitored key.*",
    '.*Please add the following callbacks: \\["ModelCheckpoint[^\\]]*\\]\\.',
    ".*isinstance\\(treespec, LeafSpec\\). is deprecated.*",
)


@contextmanager
def plain_messages() -> Iterator[None]:
    """Quiet Lightning's advice that does not apply, and let what it calls a misconfiguration be a mistake.

    Raises:
        ValueError: such a mistake, in one line.
    """
    try:
        with warnings.catch_warnings():
            for pattern in QUIETED:
                warnings.filterwarnings("ignore", pattern)
            yield
    except MisconfigurationException as error:
        raise ValueError(one_line(error)) from error
