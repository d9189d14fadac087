"""Images are decoded into files once, with one scale for all greys of more than 8 bits."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from datamodules.batches.decoded_images import read_decoded, write_decoded
from datamodules.cifar10 import CIFAR10
from datamodules.mnist import MNIST
from datamodules.preprocessing import ImagePreprocessing
from datamodules.sources.folders import file_paths
from tests.datamodules.hostile_images import encoded


def deep(value: int) -> bytes:
    """A 16-bit grey image, one half of which is dark."""
    pixels = np.zeros((8, 8), dtype=np.uint16)
    pixels[:, 4:] = value
    return encoded(Image.fromarray(pixels))


@pytest.mark.parametrize(("largest", "bits"), [(3, 8), (239, 8), (256, 9), (4095, 12), (65535, 16)])
def test_the_scale_is_what_the_values_of_all_images_need(tmp_path: Path, largest: int, bits: int) -> None:
    preprocessing = ImagePreprocessing(1, 8, 8)
    items = [deep(1), b"x", deep(largest)]
    write_decoded(tmp_path, items, preprocessing, "train", keep=True, find_greys=True)
    decoded = read_decoded(tmp_path, items, preprocessing)
    assert decoded.preprocessing.grey_bits == bits
    assert decoded.kept.tolist() == [0, 2]
    assert decoded.images[1].max() == largest >> (bits - 8)
    assert decoded.reasons == ["not a JPEG, PNG, WEBP, GIF, BMP, TIFF or PPM image"]


def test_a_scale_that_is_known_is_kept(tmp_path: Path) -> None:
    preprocessing = ImagePreprocessing(1, 8, 8, grey_bits=12)
    write_decoded(tmp_path, [deep(255)], preprocessing, "test", keep=True, find_greys=False)
    assert read_decoded(tmp_path, [deep(255)], preprocessing).images.max() == 255 >> 4


def test_nothing_readable_is_no_images(tmp_path: Path) -> None:
    write_decoded(tmp_path, [b"x"], ImagePreprocessing(3, 8, 8), "train", keep=True, find_greys=True)
    assert read_decoded(tmp_path, [b"x"], ImagePreprocessing(3, 8, 8)).images.shape == (0, 8, 8, 3)


def write_microscope(folder: Path, count: int = 30) -> Path:
    """12-bit pictures in 16-bit files whose values stay below 256: bright on the left or on the right."""
    rng = np.random.default_rng(0)
    for side, name in enumerate(("left", "right")):
        (folder / name).mkdir(parents=True)
        for n in range(count):
            pixels = rng.integers(0, 40, (28, 28)).astype(np.uint16)
            pixels[:, 14 * side : 14 * side + 14] += 200
            Image.fromarray(pixels).save(folder / name / f"{n}.png")
    return folder


@pytest.mark.parametrize("budget", [4.0, 1e-9])
def test_the_scale_of_the_training_images_is_that_of_all_splits_and_of_the_checkpoint(
    tmp_path: Path, budget: float
) -> None:
    data = MNIST(28, source=str(write_microscope(tmp_path / "x")), memory_budget_gb=budget, num_workers=0)
    for split in ("train", "val", "test"):
        batch = next(iter(data.loader(split)))
        assert 200 <= int(batch.image.amax()) < 240
    saved = data.state_dict()
    assert saved["preprocessing"]["grey_bits"] == 8
    restored = MNIST(28)
    restored.load_state_dict(saved)
    dataset, _, _ = restored.encode([deep(60_000)], np.zeros(1, dtype=np.int64), "inputs")
    assert int(dataset.__getitems__([0]).image.max()) == 255  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "state", [{}, {"preprocessing": {"kind": "image", "channels": 1, "image_size_px": 28, "resize_px": 28}}]
)
def test_a_checkpoint_of_an_earlier_version_keeps_its_scale(tmp_path: Path, state: dict[str, Any]) -> None:
    data = MNIST(28, source=str(write_microscope(tmp_path / "x")))
    data.load_state_dict(state)
    assert int(next(iter(data.train_dataloader())).image.max()) == 0


def test_copies_and_links_are_decoded_once(write_images: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_images({"a": 4, "b": 4})
    for n in range(20):
        (folder / "a" / f"link{n}.png").symlink_to(folder / "a" / "000.png")
        (folder / "b" / f"link{n}.png").symlink_to(folder / "b" / "broken.png")
    (folder / "b" / "001.png").unlink()
    data = CIFAR10(source=str(folder), cache=False)
    items = data.found.splits["train"].items
    dataset: Any
    dataset, kept, skipped = data.encode(items, np.arange(len(items)), "train")
    assert len(dataset.images) == 7
    assert len(dataset) == len(kept) == 27
    assert [Path(name).name for name, _ in skipped] == sorted(f"link{n}.png" for n in range(20))
    assert {reason for _, reason in skipped} == {"No such file or directory"}
    batch = dataset.__getitems__(list(range(27)))
    for image, label in zip(batch.image, batch.label, strict=True):
        assert np.array_equal(image.permute(1, 2, 0), data.preprocessing.decode(items[int(label)]))


def test_streamed_images_are_read_once_before_training_and_not_at_all_by_the_next_run(
    write_images: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_images({"train/a": 6, "train/b": 6, "val/a": 2, "val/b": 2, "test/a": 2, "test/b": 2})
    images = sorted(folder.rglob("*.png"))
    monkeypatch.setattr(file_paths, "FINEST_NS", 0)
    opened: list[Path] = []
    open_file = Path.open

    def noted(path: Path, *how: Any, **more: Any) -> Any:
        opened.append(path)
        return open_file(path, *how, **more)

    monkeypatch.setattr(Path, "open", noted)

    def start() -> tuple[str, list[Path]]:
        opened.clear()
        data = CIFAR10(source=str(folder), memory_budget_gb=1e-9)
        found = data.fingerprint
        data.setup()
        return found, sorted(path for path in opened if path in images)

    first, read = start()
    assert read == images
    assert start() == (first, [])
    (folder / "val/a/000.png").write_bytes((folder / "val/b/000.png").read_bytes())
    changed, read = start()
    assert changed != first
    assert read == [path for path in images if path.parts[-3] == "val"]
