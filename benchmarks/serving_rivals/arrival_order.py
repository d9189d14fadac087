"""Lightsmith's service with the usual batches: whoever waits goes along in order, padded to the longest.

python -m benchmarks.serving_rivals.arrival_order --run=<exported folder> --port=8000
"""

from __future__ import annotations

import sys

import cli
from lightsmith.serving.batcher import Batcher, Waiting

MOST = 16  # items of a batch


def next_batch(batcher: Batcher) -> list[Waiting]:
    """Take the first of the queue, whatever their lengths."""
    batch, batcher.queue = batcher.queue[:MOST], batcher.queue[MOST:]
    return batch


if __name__ == "__main__":
    Batcher._next_batch = next_batch  # type: ignore[assignment, method-assign]
    sys.exit(cli.main(["serve", *sys.argv[1:]]))
