import pytest
import torch
from torch.nn.functional import cross_entropy

from lightning_modules.networks.digit_cnn import DigitCNN


@pytest.mark.parametrize(("height", "width"), [(8, 8), (28, 28), (31, 45)])
def test_images_from_8_pixels_give_one_output_each(height: int, width: int) -> None:
    network = DigitCNN(num_outputs=7, widths=(4, 8, 8, 8))
    assert network(torch.randn(2, 1, height, width)).shape == (2, 7)


@pytest.mark.parametrize("size_px", [24, 28, 32, 41])
def test_places_are_told_apart_in_images_of_any_size(size_px: int) -> None:
    network = DigitCNN(num_outputs=1, places=3).eval()
    image = torch.zeros(1, 1, size_px, size_px)
    image[:, :, :6, :6] = 1
    assert not torch.allclose(network(image), network(image.flip(3)), atol=1e-5)


def test_every_parameter_gets_a_gradient() -> None:
    torch.manual_seed(0)
    network = DigitCNN(num_outputs=3, widths=(8, 8, 16, 16))
    cross_entropy(network(torch.randn(8, 1, 28, 28)), torch.arange(8) % 3).backward()
    assert all(value.grad is not None and value.grad.any() for value in network.parameters())


def test_a_feature_counts_wherever_in_the_image_it_stands() -> None:
    network = DigitCNN(num_outputs=3).eval()
    image = torch.zeros(1, 1, 48, 48)
    image[:, :, 16:24, 16:24] = torch.rand(8, 8)
    moved = image.roll((8, 8), dims=(2, 3))  # eight pixels are one after a stride of 2 and two pools
    assert torch.allclose(network(image), network(moved), atol=1e-5)


@pytest.mark.parametrize("widths", [(32, 64), (16, 32, 64, 0)])
def test_wrong_widths_are_refused(widths: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"widths must be 4 .* got \["):
        DigitCNN(num_outputs=10, widths=widths)
