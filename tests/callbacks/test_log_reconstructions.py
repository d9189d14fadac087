import pytest
import torch

from callbacks.log_reconstructions import LogReconstructions, as_picture
from lightning_modules.mnist_cnn import MnistCNN


def test_rows_of_images_become_one_image_as_wide_as_the_shortest() -> None:
    above, below = torch.full((3, 1, 4, 5), 10.0), torch.full((2, 1, 4, 5), 200.4)
    picture = as_picture([above, below])
    assert picture.shape == (8, 10, 1)
    assert (picture[:4] == 10).all()
    assert (picture[4:] == 200).all()


def test_a_task_that_makes_no_images_is_refused() -> None:
    with pytest.raises(ValueError, match="LogReconstructions is for autoencoders; MnistCNN makes no images"):
        LogReconstructions().setup(None, MnistCNN(class_names=["a", "b"]), "fit")  # type: ignore[arg-type]  # unused


def test_nothing_beside_each_other_is_refused() -> None:
    with pytest.raises(ValueError, match="count=0 must be at least 1"):
        LogReconstructions(count=0)
