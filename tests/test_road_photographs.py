"""A road walked to its end: a biologist's photographs, with six odd files among them, and new ones a month later."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import ExifTags, Image

from tests.conftest import Cli, Outcome

COLOURS = {"bee": (210, 180, 60), "wasp": (60, 90, 200)}
EACH = 60
HEIC = b"\0\0\0\x18ftypheic\0\0\0\0" + bytes(300)


def photograph(rng: np.random.Generator, name: str) -> Image.Image:
    """100 wide and 75 high: noise around the colour of its class."""
    pixels = rng.normal(0, 25, (75, 100, 3)) + np.array(COLOURS[name])
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Two insects; of six odd files three are images all the same, and a table lies beside the folders."""
    folder, rng = tmp_path / "photos", np.random.default_rng(0)
    for name in COLOURS:
        (folder / name).mkdir(parents=True)
        for n in range(EACH):
            photograph(rng, name).save(folder / name / f"DSC_{n:04}.JPG", quality=85)
    bee, wasp = folder / "bee", folder / "wasp"
    (bee / "IMG_0001.HEIC").write_bytes(HEIC)
    (bee / "truncated.jpg").write_bytes((bee / "DSC_0000.JPG").read_bytes()[:1500])
    (bee / "notes.jpg").write_text("the third from the left was a hoverfly")
    Image.fromarray((np.array(photograph(rng, "wasp").convert("L")).astype(np.uint16)) * 257).save(wasp / "16bit.png")
    photograph(rng, "wasp").convert("CMYK").save(wasp / "cmyk.jpg")
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    photograph(rng, "wasp").save(wasp / "upright.jpg", exif=exif)
    (folder / "labels.csv").write_text("file,photographer\n")
    return folder


@pytest.fixture
def new(tmp_path: Path) -> Path:
    """Those of a month later, in no folders, one of them damaged."""
    folder, rng = tmp_path / "new", np.random.default_rng(1)
    folder.mkdir()
    for n in range(10):
        photograph(rng, ("bee", "wasp")[n % 2]).save(folder / f"{('bee', 'wasp')[n % 2]}_{n}.jpg")
    (folder / "half.jpg").write_bytes((folder / "bee_0.jpg").read_bytes()[:1500])
    return folder


def succeeded(outcome: Outcome) -> str:
    assert outcome.code == 0, outcome.err
    return outcome.out


def predictions(out: str) -> list[dict[str, Any]]:
    """The rows of the file that ``predict`` says to have written."""
    (file,) = re.findall(r"Wrote 11 rows to (.+?): 10 classified, 1 could not be read", out)
    return [json.loads(line) for line in Path(file).read_text().splitlines()]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_photographs_are_trained_on_predicted_evaluated_and_exported_and_what_is_printed_adds_up(
    experiment: Cli, lightsmith: Cli, photos: Path, new: Path
) -> None:
    page = succeeded(lightsmith("options", "--name=resnet_transfer"))
    assert "data.image_size_px = 32" in page
    settings = ("--data.source=photos", "--loggers=[csv]", "--trainer.max_epochs=3", "--callbacks.SaveLast.keep=1")
    assert "keep=1 from: command line" in succeeded(
        experiment("resnet_transfer", *settings, "--explain=callbacks.SaveLast.keep")
    )

    out = succeeded(experiment("resnet_transfer", *settings))
    assert "images 100×75 → 32×32, the middle square of each" in out
    assert "1 damaged (truncated.jpg), 2 not usable images (IMG_0001.HEIC, notes.jpg)" in out
    assert "labels.csv (not an image)" in out
    sizes = [int(found) for found in re.search(r"train (\d+) · val (\d+) · test (\d+)", out).groups()]  # type: ignore[union-attr]  # it is there
    left, total = map(int, re.search(r"(\d+) of (\d+) items left out", out).groups())  # type: ignore[union-attr]  # likewise
    assert (left, total) == (3, 2 * EACH + 6)
    assert sum(sizes) + left == total
    assert total + 1 == sum(path.is_file() for path in photos.rglob("*"))

    run = Path("runs/resnet_transfer/latest")
    results = json.loads((run / "results.json").read_text())
    assert [results["data"][split] for split in ("train", "val", "test")] == sizes
    assert len(results["data"]["skipped"]) == left
    assert results["test"]["accuracy"] >= 0.9
    assert results["test"]["n"] == sizes[2]

    rows = predictions(succeeded(lightsmith("predict", f"--run={run}", "--input=new")))
    right = [row["prediction"] == Path(row["item"]).name.partition("_")[0] for row in rows if "error" not in row]
    assert sum(right) >= 9
    assert [Path(row["item"]).name for row in rows if "error" in row] == ["half.jpg"]

    labelled = Path("labelled")
    for name in COLOURS:
        (labelled / name).mkdir(parents=True)
        for file in new.glob(f"{name}_*.jpg"):
            (labelled / name / file.name).write_bytes(file.read_bytes())
    assert re.search(r"\bn 10\b", succeeded(lightsmith("evaluate", f"--run={run}", f"--data={labelled}")))

    succeeded(lightsmith("export", f"--run={run}", "--output=exported"))
    exported = predictions(succeeded(lightsmith("predict", "--run=exported", "--input=new", "--output=again.jsonl")))
    assert [row.get("prediction") for row in exported] == [row.get("prediction") for row in rows]
