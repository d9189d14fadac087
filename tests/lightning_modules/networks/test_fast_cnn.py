import pytest
import torch
from torch.nn.functional import cross_entropy

from lightning_modules.networks.fast_cnn import FastCNN


@pytest.mark.parametrize("image_size_px", [9, 28, 32, 48])
def test_any_image_from_9_pixels_gives_one_logit_per_class(image_size_px: int) -> None:
    network = FastCNN(num_classes=7, in_channels=1, widths=(4, 4, 8, 8))
    assert network(torch.randn(2, 1, image_size_px, image_size_px)).shape == (2, 7)


def test_every_parameter_gets_a_gradient() -> None:
    torch.manual_seed(0)
    network = FastCNN(num_classes=3, widths=(16, 16, 16, 16))
    cross_entropy(network(torch.randn(8, 3, 32, 32)), torch.arange(8) % 3).backward()
    without = [name for name, value in network.named_parameters() if value.grad is None or not value.grad.any()]
    assert not without


def test_overfits_one_batch() -> None:
    torch.manual_seed(0)
    network = FastCNN(num_classes=4, widths=(16, 16, 32, 32))
    images, labels = torch.randn(8, 3, 16, 16), torch.arange(8) % 4
    for _ in range(20):
        gradients = torch.autograd.grad(cross_entropy(network(images), labels), list(network.parameters()))
        with torch.no_grad():
            for parameter, gradient in zip(network.parameters(), gradients, strict=True):
                parameter.sub_(0.5 * gradient)
    accuracy = (network(images).argmax(dim=1) == labels).float().mean()
    assert accuracy == 1.0


def test_dropout_acts_in_training_only() -> None:
    torch.manual_seed(0)
    network = FastCNN(num_classes=5, widths=(8, 8, 8, 16), dropout=0.5)
    images = torch.randn(2, 3, 32, 32)
    assert not torch.equal(network(images), network(images))
    network.eval()
    assert torch.equal(network(images), network(images))


def test_a_wrong_number_of_widths_is_refused() -> None:
    with pytest.raises(ValueError, match=r"widths must be 4 .* got \[32, 64\]"):
        FastCNN(num_classes=10, widths=(32, 64))
