"""An experiment as an expert writes it by hand: its network, data, augmentation and recipe in a bare in-memory loop.

Same arithmetic and allocator settings as Lightsmith's, so what Lightsmith takes longer is the price of the framework:
hooks, progress bar, loggers, checkpoints, metrics.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
from jsonargparse import auto_cli

from benchmarks.baselines.lightning_loop import train_under_lightning
from benchmarks.baselines.recipe import Recipe
from benchmarks.baselines.recording import Recording
from lightsmith.runs.hardware import keep_freed_memory


def main(
    experiment: str,
    data: str,
    output: Path,
    batch_size: int | None = None,
    max_samples: int | None = None,
    seed: int = 1,
    lightning: bool = False,
) -> None:
    """Train to the end, or for ``max_samples``; with ``lightning`` its Trainer runs the loop."""
    torch.manual_seed(seed)
    recipe = Recipe(experiment, data, batch_size)
    keep_freed_memory()  # as Lightsmith does: the allocator is no part of what is compared
    train = train_under_lightning if lightning else train_by_hand
    recording = train(recipe, partial(Recording, output, max_samples=max_samples))
    recording.finish_with(lambda: recipe.accuracy(recipe.test))


def train_by_hand(recipe: Recipe, start: Callable[[], Recording]) -> Recording:
    """Train to the end, or until the recording is full.

    Args:
        start: makes the recording, right before the first batch is fetched.
    """
    recording = start()
    for _ in range(recipe.epochs):
        recipe.network.train()
        for images, labels in recipe:
            loss = recipe.loss(images, labels)
            recipe.optimizer.zero_grad()
            loss.backward()
            recipe.optimizer.step()
            recipe.schedule["scheduler"].step()
            recording.stepped(len(labels))
            if recording.full:
                return recording
        recording.validated(recipe.accuracy(recipe.val))
    return recording


if __name__ == "__main__":
    auto_cli(main, as_positional=False)
