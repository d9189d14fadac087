"""The training loop as tutorials write it: fp32, one ``item()`` a step, validation after each epoch."""

from __future__ import annotations

from collections.abc import Iterable

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim import Optimizer

from benchmarks.baselines.recording import Recording

Batches = Iterable[tuple[Tensor, Tensor]]


def train(
    network: nn.Module, optimizer: Optimizer, batches: Batches, val_batches: Batches, epochs: int, recording: Recording
) -> None:
    """Train for ``epochs``, or until the recording has enough; batches are (inputs, labels int64 (B,))."""
    for _ in range(epochs):
        network.train()
        for inputs, labels in batches:
            optimizer.zero_grad()
            loss = F.cross_entropy(network(inputs), labels)
            loss.backward()
            optimizer.step()
            loss.item()  # tutorials add it up to print it
            recording.stepped(len(labels))
            if recording.full:
                return
        recording.validated(accuracy(network, val_batches))
        if recording.enough:
            return


@torch.no_grad()
def accuracy(network: nn.Module, batches: Batches) -> float:
    """Share of correct answers, 0…1, in evaluation mode."""
    network.eval()
    correct = total = 0
    for inputs, labels in batches:
        correct += int((network(inputs).argmax(1) == labels).sum())
        total += len(labels)
    return correct / total
