import pytest
import torch

from lightning_modules.cnn_regressor import CNNRegressor


@pytest.mark.parametrize(("channels", "size_px"), [(1, 28), (3, 32), (3, 64)])
def test_it_reads_one_value_off_images_of_any_size(channels: int, size_px: int) -> None:
    model = CNNRegressor(channels=channels, widths=(16, 16, 16, 16)).eval()
    images = torch.randint(0, 256, (4, channels, size_px, size_px), dtype=torch.uint8)
    assert model(images).shape == (4, 1)


def test_where_in_the_image_something_is_counts() -> None:
    torch.manual_seed(0)
    images = torch.zeros(2, 1, 28, 28, dtype=torch.uint8)
    images[0, :, 2:8, 2:8] = images[1, :, 18:24, 18:24] = 255
    with torch.no_grad():
        left, right = CNNRegressor(places=3).eval()(images)
    assert abs(float(left - right)) > 1e-3
