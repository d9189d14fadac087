from typing import Literal

import pytest
import torch

from lightning_modules.cifar_cnn import CifarCNN

IMAGES = torch.randint(0, 256, (4, 3, 32, 32), dtype=torch.uint8)


@pytest.mark.parametrize("network", ["fast", "tutorial"])
def test_takes_colour_bytes_and_gives_logits_of_every_class(network: Literal["fast", "tutorial"]) -> None:
    model = CifarCNN(class_names=["a", "b", "c"], network=network)
    logits = model(IMAGES)
    assert logits.shape == (4, 3)
    logits.sum().backward()
    assert all(p.grad is not None for p in model.parameters() if p.requires_grad)


def test_tutorial_network_is_another_one() -> None:
    fast, tutorial = (
        sum(p.numel() for p in CifarCNN(class_names=["a", "b"], network=name).parameters())
        for name in ("fast", "tutorial")
    )
    assert fast != tutorial


def test_convolutions_are_channels_last() -> None:
    weights = [p for p in CifarCNN(class_names=["a", "b"]).parameters() if p.ndim == 4 and min(p.shape[1:]) > 1]
    assert weights
    assert all(weight.is_contiguous(memory_format=torch.channels_last) for weight in weights)
