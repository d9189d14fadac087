import pytest
import torch

from lightning_modules.networks.layers.normalize import Normalize


def test_bytes_and_floats_of_the_same_range_become_standardised_float32() -> None:
    normalize = Normalize([0.5, 0.25], [0.5, 0.125])
    images = torch.tensor([0, 255], dtype=torch.uint8).view(1, 2, 1, 1)
    expected = torch.tensor([-1.0, 6.0]).view(1, 2, 1, 1)
    torch.testing.assert_close(normalize(images), expected)
    torch.testing.assert_close(normalize(images.float()), expected)
    assert normalize(images).dtype == torch.float32


def test_statistics_travel_in_the_state_dict() -> None:
    other = Normalize([0.0], [1.0])
    other.load_state_dict(Normalize([0.5], [0.5]).state_dict())
    assert other(torch.full((1, 1, 1, 1), 255)).item() == pytest.approx(1.0)
