"""Transfer as the tutorials do it: ResNet-18 at 224 px, every image decoded, resized and run through it every epoch.

Adam 1e-3, batch 32, fp32. The backbone is frozen, or fine-tuned whole.
"""

from __future__ import annotations

from pathlib import Path

import torch
from jsonargparse import auto_cli
from torch import nn
from torch.utils.data import DataLoader
from torchvision import transforms
from torchvision.models import resnet18

from benchmarks.baselines.pil_images import PilImages
from benchmarks.baselines.recording import Recording
from benchmarks.baselines.tutorial_loop import accuracy, train
from datamodules.transfer_images import TransferImages
from lightning_modules.networks.backbones import BACKBONE_PREFIX


class FrozenResNet(nn.Module):
    """A fixed backbone, in evaluation mode whatever the head is in, and a new head."""

    def __init__(self, backbone: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.backbone = backbone.requires_grad_(False)
        self.head = head

    def train(self, mode: bool = True) -> FrozenResNet:
        super().train(mode)
        self.backbone.eval()
        return self

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Logits (B, classes) from normalised images (B, 3, 224, 224)."""
        logits: torch.Tensor = self.head(self.backbone(images))
        return logits


def main(
    data: str,
    output: Path,
    weights: Path,
    freeze: bool = True,
    epochs: int = 25,
    seed: int = 1,
    max_samples: int | None = None,
) -> None:
    """Train until the epochs are over or ``max_samples`` are seen; ``weights`` is a checkpoint of resnet_transfer."""
    torch.manual_seed(seed)
    normalize = transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    transform = transforms.Compose([transforms.ToTensor(), normalize])
    photographs = TransferImages(source=data, image_size_px=224)
    train_set, val_set, test_set = (PilImages(photographs, split, transform) for split in ("train", "val", "test"))
    backbone = resnet18()
    state = torch.load(weights, weights_only=True)["state_dict"]
    backbone.load_state_dict({name.removeprefix(BACKBONE_PREFIX): value for name, value in state.items()})
    features, backbone.fc = backbone.fc.in_features, nn.Identity()
    head = nn.Linear(features, photographs.num_classes)
    network = FrozenResNet(backbone, head) if freeze else nn.Sequential(backbone, head)
    optimizer = torch.optim.Adam([p for p in network.parameters() if p.requires_grad], lr=1e-3)
    recording = Recording(output, max_samples=max_samples)
    train(network, optimizer, DataLoader(train_set, 32, shuffle=True), DataLoader(val_set, 32), epochs, recording)
    recording.finish_with(lambda: accuracy(network, DataLoader(test_set, 32)))


if __name__ == "__main__":
    auto_cli(main, as_positional=False)
