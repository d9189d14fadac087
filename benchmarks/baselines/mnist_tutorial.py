"""MNIST as the tutorials do it: MLP 784-256-128-10, Adam 1e-3, batch 100, per-image transforms, fp32."""

from __future__ import annotations

from pathlib import Path

import torch
from jsonargparse import auto_cli
from torch import nn
from torch.utils.data import DataLoader
from torchvision import transforms

from benchmarks.baselines.pil_images import PilImages
from benchmarks.baselines.recording import Recording
from benchmarks.baselines.tutorial_loop import accuracy, train
from datamodules.mnist import MNIST

TRANSFORM = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.1307,), (0.3081,))])


def build_mlp(num_classes: int) -> nn.Module:
    """784-256-128-classes with ReLU."""
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(784, 256),
        nn.ReLU(),
        nn.Linear(256, 128),
        nn.ReLU(),
        nn.Linear(128, num_classes),
    )


def main(
    data: str, output: Path, epochs: int = 20, seed: int = 1, until: float | None = None, max_samples: int | None = None
) -> None:
    """Train until the epochs are over, validation accuracy reaches ``until``, or ``max_samples`` are seen."""
    torch.manual_seed(seed)
    digits = MNIST(source=data, image_size_px=28)
    train_set, val_set, test_set = (PilImages(digits, split, TRANSFORM) for split in ("train", "val", "test"))
    network = build_mlp(digits.num_classes)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    recording = Recording(output, until, max_samples)
    train(network, optimizer, DataLoader(train_set, 100, shuffle=True), DataLoader(val_set, 100), epochs, recording)
    recording.finish_with(lambda: accuracy(network, DataLoader(test_set, 100)))


if __name__ == "__main__":
    auto_cli(main, as_positional=False)
