"""CIFAR-10 by the tutorials' recipe on a wider network: batch 4, SGD 1e-3 with momentum, two loader workers, fp32."""

from __future__ import annotations

from pathlib import Path

import torch
from jsonargparse import auto_cli
from torch.utils.data import DataLoader
from torchvision import transforms

from benchmarks.baselines.pil_images import PilImages
from benchmarks.baselines.recording import Recording
from benchmarks.baselines.tutorial_loop import accuracy, train
from datamodules.cifar10 import CIFAR10
from lightning_modules.networks.tutorial_cnn import TutorialCNN


def main(
    data: str, output: Path, epochs: int = 10, seed: int = 1, until: float | None = None, max_samples: int | None = None
) -> None:
    """Train until the epochs are over, validation accuracy reaches ``until``, or ``max_samples`` are seen."""
    torch.manual_seed(seed)
    transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))])
    images = CIFAR10(source=data)
    train_set, val_set, test_set = (PilImages(images, split, transform) for split in ("train", "val", "test"))
    network = TutorialCNN(images.num_classes)
    optimizer = torch.optim.SGD(network.parameters(), lr=1e-3, momentum=0.9)
    batches = DataLoader(train_set, batch_size=4, shuffle=True, num_workers=2)
    recording = Recording(output, until, max_samples)
    train(network, optimizer, batches, DataLoader(val_set, 4, num_workers=2), epochs, recording)
    recording.finish_with(lambda: accuracy(network, DataLoader(test_set, 4, num_workers=2)))


if __name__ == "__main__":
    auto_cli(main, as_positional=False)
