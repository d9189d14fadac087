"""Data that stays on the GPU, where batches are made of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch


def hold_on_device(datasets: Iterable[Any], device: torch.device) -> None:
    """Move data sets to a GPU if together they take less than half of its free memory; streamed ones stay.

    Args:
        datasets: those that can be moved have ``to(device)`` and ``bytes``.
    """
    free_bytes, _ = torch.cuda.mem_get_info(device)
    held = [dataset for dataset in datasets if hasattr(dataset, "to")]
    if sum(dataset.bytes for dataset in held) < free_bytes / 2:
        for dataset in held:
            dataset.to(device)
