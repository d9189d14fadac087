import io
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image

from datamodules.sources.image_sizes import detail_note, size_line
from tests.conftest import Cli


def photo(path: Path, width: int, height: int, orientation: int = 1) -> Path:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    Image.new("RGB", (width, height)).save(path, exif=exif)
    return path


def test_photographs_are_said_to_be_shrunk_to_their_middle_square(tmp_path: Path) -> None:
    photos = [photo(tmp_path / f"{i}.jpg", 50, 40) for i in range(5)]
    assert size_line(photos, 32, 32) == "images 50×40 → 32×32, the middle square of each"
    assert size_line(photos, 40, 32) == "images 50×40 → 40×40, the middle square of each, cut to 32×32"


def test_a_lying_photograph_counts_as_it_stands_and_a_damaged_one_not_at_all(tmp_path: Path) -> None:
    (tmp_path / "damaged.jpg").write_bytes(b"no image")
    assert size_line([tmp_path / "damaged.jpg", photo(tmp_path / "a.jpg", 50, 40, orientation=6)], 8, 8) == (
        "images 40×50 → 8×8, the middle square of each"
    )
    assert size_line([tmp_path / "damaged.jpg"], 8, 8) == ""


def test_of_different_sizes_the_most_common_or_the_median_is_said(tmp_path: Path) -> None:
    sides = (10, 20, 30, 40, 60)
    photos = [photo(tmp_path / f"{side}.png", side, side) for side in sides]
    assert size_line(photos, 8, 8) == "images about 30×30 → 8×8"
    assert size_line([*photos, *photos[-1:] * 5], 8, 8) == "images 60×60 → 8×8"


def test_arrays_and_encoded_bytes_are_told_too_and_nothing_is_said_where_nothing_changes() -> None:
    assert size_line(np.zeros((3, 28, 28, 1), np.uint8), 28, 28) == ""
    assert size_line(np.zeros((3, 28, 28, 1), np.uint8), 32, 32) == "images 28×28 → 32×32"
    file = io.BytesIO()
    Image.new("L", (9, 9)).save(file, "PNG")
    assert size_line([file.getvalue()], 8, 8) == "images 9×9 → 8×8"


def test_photographs_that_a_network_sees_far_smaller_are_told_of_the_experiment_for_them(tmp_path: Path) -> None:
    photos = [photo(tmp_path / f"{i}.jpg", 500, 375) for i in range(3)]
    assert detail_note(photos, 3, 32, "my photos") == (
        "photographs lose most of their detail at 32×32: make exp NAME=photo_transfer DATA='my photos' sees them at "
        "224×224, and does better"
    )
    assert detail_note(photos, 3, 93, "photos")
    assert detail_note(photos, 3, 94, "photos") == ""
    assert detail_note([photo(tmp_path / "large.jpg", 2000, 2000)], 3, 224, "photos") == ""
    assert detail_note([], 3, 32, "photos") == ""


def test_a_run_on_photographs_says_so_once_and_the_experiment_for_them_does_not(
    experiment: Cli, tmp_path: Path
) -> None:
    for position in range(24):
        folder = tmp_path / "photos" / f"class {position % 2}"
        folder.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (300, 260), (position, 0, 0)).save(folder / f"{position}.jpg")
    short = ("--trainer.fast_dev_run=true", "--data.source=photos", "--data.batch_size=4")
    said = "make exp NAME=photo_transfer DATA=photos sees them at 224×224"
    assert experiment("resnet_transfer", *short).out.count(said) == 1
    outcome = experiment("photo_transfer", *short)
    assert (outcome.code, outcome.err) == (0, "")
    assert said not in outcome.out
