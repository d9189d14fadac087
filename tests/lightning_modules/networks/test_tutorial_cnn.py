import pytest
import torch

from lightning_modules.networks.tutorial_cnn import TutorialCNN


def test_has_exactly_the_tutorial_layers_parameters() -> None:
    convolutions = (3 * 9 + 1) * 64 + (64 * 9 + 1) * 128
    dense = (128 * 8 * 8 + 1) * 1024 + (1024 + 1) * 10
    assert sum(value.numel() for value in TutorialCNN(num_classes=10).parameters()) == convolutions + dense


def test_every_parameter_gets_a_gradient_from_logits_of_each_class() -> None:
    torch.manual_seed(0)
    network = TutorialCNN(num_classes=6)
    logits = network(torch.randn(4, 3, 32, 32))
    assert logits.shape == (4, 6)
    logits.square().sum().backward()
    without = [name for name, value in network.named_parameters() if value.grad is None or not value.grad.any()]
    assert not without


def test_another_image_size_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="takes 32×32 images, got 28×32"):
        TutorialCNN(num_classes=10)(torch.randn(1, 3, 28, 32))
