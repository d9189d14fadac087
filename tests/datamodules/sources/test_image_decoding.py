"""Images of every usual kind decode sensibly; what is not an image is listed with a reason."""

import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageFile

from datamodules.sources import image_decoding
from datamodules.sources.image_decoding import MemoryAllowance, decode_all, decode_image
from tests.datamodules import hostile_images
from tests.datamodules.hostile_images import encoded
from tests.datamodules.sources.decoded import decoded, ramp


@pytest.mark.parametrize(
    ("content", "name", "reason"),
    [
        (b"\0\0\0\x18ftypheic" + bytes(64), "a.HEIC", "HEIC, which cannot be read here: convert it to JPEG or PNG"),
        (b"\0\0\0\x18ftypavif" + bytes(64), "a.jpg", "AVIF, which cannot be read here: convert it to JPEG or PNG"),
        (encoded(Image.new("RGB", (8, 8)), "TIFF"), "a.NEF", "a camera's raw file: convert it to JPEG or PNG"),
    ],
)
def test_what_only_other_programs_can_read_is_named_with_what_to_do(
    tmp_path: Path, content: bytes, name: str, reason: str
) -> None:
    (tmp_path / name).write_bytes(content)
    assert decoded([tmp_path / name], 8, 3, "train")[2] == [(str(tmp_path / name), reason)]


def test_only_few_images_are_decoded_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_decoding, "cpu_count", lambda: 2)
    started: list[Path] = []
    written: list[int] = []

    def decode(item: Any) -> np.ndarray:
        started.append(item)
        return np.zeros(1)

    def write(image: np.ndarray) -> None:
        written.append(len(started) - len(written))

    kept, _ = decode_all([Path(str(n)) for n in range(200)], decode, "train", write)
    assert kept.tolist() == list(range(200))
    assert max(written) <= 2 * image_decoding.AHEAD


def test_a_photograph_is_turned_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera lay on its side: to be turned clockwise
    image = decode_image(encoded(ramp(), "JPEG", exif=exif), 64, 3).astype(int)
    expected = np.asarray(ramp().transpose(Image.Transpose.ROTATE_270)).astype(int)
    assert np.abs(image - expected).mean() < 6


def test_the_shorter_side_is_resized_and_the_middle_kept() -> None:
    wide = Image.new("RGB", (90, 30), "blue")
    wide.paste((255, 0, 0), (30, 0, 60, 30))
    image = decode_image(encoded(wide), 10, 3)
    assert (image[:, 1:-1] == [255, 0, 0]).all()  # the outermost columns are blended with what lay beyond


def test_a_large_jpeg_decoded_at_a_fraction_looks_the_same() -> None:
    small = decode_image(encoded(ramp(512), "JPEG"), 32, 3).astype(int)
    assert np.abs(small - np.asarray(ramp(512).resize((32, 32), Image.Resampling.BILINEAR)).astype(int)).mean() < 4


BROKEN = {
    "text": b"this is no image",
    "nothing": b"",
    "truncated JPEG": encoded(ramp(200), "JPEG")[:1500],
    "truncated PNG": encoded(ramp(200))[:300],
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_images_are_skipped_with_a_reason(tmp_path: Path, name: str) -> None:
    good, broken = tmp_path / "good.jpg", tmp_path / "broken.jpg"
    good.write_bytes(encoded(ramp(), "JPEG"))
    broken.write_bytes(BROKEN[name])
    images, kept, skipped = decoded([good, broken, good], 16, 3, "train")
    assert images.shape == (2, 16, 16, 3)
    assert kept.tolist() == [0, 2]
    assert np.array_equal(images[0], images[1])
    assert len(skipped) == 1
    assert skipped[0][0] == str(broken)
    assert skipped[0][1]
    assert "\n" not in skipped[0][1]


def test_reasons_name_no_address_so_that_two_runs_agree() -> None:
    assert decoded([b"nonsense"], 8, 3, "val")[2] == [
        ("val row 0", "not a JPEG, PNG, WEBP, GIF, BMP, TIFF or PPM image")
    ]


def test_a_decompression_bomb_is_unreadable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    _, kept, skipped = decoded([encoded(ramp(64))], 8, 3, "train")
    assert len(kept) == 0
    assert "decompression bomb" in skipped[0][1]


def test_pillow_is_not_told_to_accept_truncated_files() -> None:
    assert not ImageFile.LOAD_TRUNCATED_IMAGES


def test_threads_and_one_thread_give_the_same_images() -> None:
    small = [encoded(Image.new("L", (8, 8), value)) for value in range(50)]
    large = [data + bytes(10_000) for data in small]  # bytes after the end of a PNG mean nothing
    one, many = decoded(small, 8, 1, "train")[0], decoded(large, 8, 1, "train")[0]
    assert np.array_equal(one, many)
    assert one[:, 0, 0, 0].tolist() == list(range(50))


def test_a_check_without_keeping_still_lists_the_unreadable() -> None:
    kept, skipped = decode_all([encoded(ramp()), b"x"], partial(decode_image, size_px=8, channels=3), "train")
    assert kept.tolist() == [0]
    assert len(skipped) == 1


@pytest.mark.parametrize("name", hostile_images.READABLE)
def test_an_odd_image_is_understood_within_a_second_and_200_mb(tmp_path: Path, name: str, within_limits: Any) -> None:
    (tmp_path / name).write_bytes(hostile_images.READABLE[name]())
    images, _, skipped = within_limits(lambda: decoded([tmp_path / name], 28, 3, "train"))
    assert skipped == []
    assert np.abs(images[0].astype(int) - hostile_images.RED).max() <= 2


def reasons(folder: Path, files: Iterable[tuple[str, bytes]], within_limits: Any) -> dict[str, str]:
    """Why each file was skipped, tried one after the other; "" for one that could be read."""
    found = {}
    for name, content in files:
        (folder / name).write_bytes(content)
        _, _, skipped = within_limits(lambda name=name: decoded([folder / name], 28, 3, "train"))
        found[name] = skipped[0][1] if skipped else ""
    return found


def contents(files: dict[str, Callable[[], bytes]]) -> Iterator[tuple[str, bytes]]:
    return ((name, content()) for name, content in files.items())


def test_hostile_images_are_skipped_with_a_reason_of_one_line(tmp_path: Path, within_limits: Any) -> None:
    found = reasons(tmp_path, contents(hostile_images.BROKEN), within_limits)
    assert all(reason and "\n" not in reason for reason in found.values()), found
    assert "decompression bomb" in found["bomb.png"]
    assert found["program.jpg"] == "not a JPEG, PNG, WEBP, GIF, BMP, TIFF or PPM image"


def test_what_is_no_file_is_skipped_rather_than_waited_for(tmp_path: Path) -> None:
    entries = hostile_images.write_odd_entries(tmp_path)
    _, kept, skipped = decoded(entries, 28, 3, "train")
    assert len(kept) == 0
    assert [reason for _, reason in skipped] == [
        "not a file",
        "Too many levels of symbolic links",
        "No such file or directory",
        "not a file",
        "a file of 100,000 MB, more than 256",
    ]


def test_oddities_of_a_readable_file_are_not_warned_of() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for number in range(30):
            decoded([hostile_images.damaged(number)[1]], 28, 3, "train")


def holds_pixels(file: Image.Image) -> bool:
    try:
        return file.im is not None
    except ValueError:  # closed
        return False


@pytest.mark.parametrize(("allowed_bytes", "at_once"), [(180_000_000, 1), (300_000_000, 3)])
def test_images_decoded_at_once_share_an_allowance(allowed_bytes: int, at_once: int, monkeypatch: Any) -> None:
    alive: list[Image.Image] = []
    most = []

    def shrunk(file: Image.Image, mode: str, size_px: int, grey_bits: int) -> Image.Image:
        alive.append(file)
        time.sleep(0.1)  # for the other threads
        most.append(sum(map(holds_pixels, alive)))
        return Image.new(mode, (size_px, size_px))

    monkeypatch.setattr(image_decoding, "DECODING", MemoryAllowance(allowed_bytes))
    monkeypatch.setattr(image_decoding, "cpu_count", lambda: 4)
    monkeypatch.setattr(image_decoding, "_shrunk", shrunk)
    assert len(decoded([hostile_images.READABLE["large.png"]()] * 4, 28, 3, "train")[1]) == 4  # 96 MB each
    assert max(most) == at_once


def test_threads_wait_for_memory_and_too_much_is_refused_at_once() -> None:
    allowance, most, held = MemoryAllowance(10), 0, 0

    def hold(size: int) -> None:
        nonlocal most, held
        with allowance.claim(size):
            held += size
            most = max(most, held)
            time.sleep(0.0005)
            held -= size

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(hold, [7, 3, 10, 1, 9] * 40))
    assert (most, held) == (10, 0)
    with pytest.raises(ValueError, match="too large"), allowance.claim(11):
        pass


def test_a_large_image_is_shrunk_like_a_small_one() -> None:
    large = ramp(1500)
    expected = np.asarray(large.resize((32, 32), Image.Resampling.BILINEAR)).astype(int)
    for image in (large, large.convert("RGBA"), large.convert("CMYK")):
        data = encoded(image, "TIFF")
        assert np.abs(decode_image(data, 32, 3).astype(int) - expected).max() <= 3
    wide = Image.new("RGB", (3000, 1000), "blue")
    wide.paste((255, 0, 0), (1000, 0, 2000, 1000))
    assert (decode_image(encoded(wide), 10, 3)[:, 1:-1] == [255, 0, 0]).all()


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_two_hundred_hostile_images_break_nothing(tmp_path: Path, within_limits: Any) -> None:
    files = {**hostile_images.READABLE, **hostile_images.BROKEN}
    odd = hostile_images.write_odd_entries(tmp_path)
    numbers = range(200 - len(odd) - len(files))
    found = reasons(tmp_path, chain(contents(files), map(hostile_images.damaged, numbers)), within_limits)
    found |= dict(within_limits(lambda: decoded(odd, 28, 3, "train"))[2])
    skipped = [reason for reason in found.values() if reason]
    print(f"| 15 | 200 hostile images | {len(found)} tried, {len(skipped)} skipped with a reason, 0 crashes |")
    assert len(found) == 200
    assert all("\n" not in reason for reason in skipped)
