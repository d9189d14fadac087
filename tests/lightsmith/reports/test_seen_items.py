"""Items found again in data: by a run of real training, whose folder of images then changes."""

from __future__ import annotations

import base64
import io
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lightsmith.reports.seen_items import look_at
from tests.conftest import Cli


def images(folder: Path) -> Path:
    rng = np.random.default_rng(0)
    for label in ("daisy", "rose"):
        (folder / label).mkdir(parents=True)
        for number in range(20):
            pixels = rng.integers(256, size=(28, 28), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / label / f"{number:02}.png")
    return folder


def names_in(run: Path) -> list[str]:
    import pyarrow.parquet as pq

    return pq.read_table(run / "predictions/test.parquet", columns=["item"])["item"].to_pylist()


def test_items_are_shown_as_they_are_while_the_data_is_there_and_the_same(
    experiment: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = images(tmp_path / "images")
    quick = ["--trainer.max_epochs=1", "--loggers=[csv]", "--trainer.enable_progress_bar=false"]
    assert experiment("mnist_mlp", f"--data.source={data}", *quick).code == 0
    run = (tmp_path / "runs/mnist_mlp/latest").resolve()
    names = names_in(run)
    seen, reason = look_at(run, names)
    assert (sorted(seen), reason) == (sorted(names), "")
    for name, item in seen.items():
        assert item.image is not None
        shown = np.asarray(Image.open(io.BytesIO(base64.b64decode(item.image.partition(",")[2]))))
        np.testing.assert_array_equal(shown, np.asarray(Image.open(data / name)))
    Image.fromarray(np.zeros((28, 28), np.uint8)).save(data / names[0])
    changed, reason = look_at(run, names)
    assert names[0] not in changed
    assert reason
    shutil.rmtree(data)
    assert look_at(run, names)[0] == {}
    assert "cannot be read any more" in look_at(run, names)[1]


def test_a_run_without_its_checkpoint_or_predictions_shows_none_and_says_why(tmp_path: Path) -> None:
    assert look_at(tmp_path, ["a"]) == (
        {},
        "the run has no predictions/test.parquet, which says where they are in the data",
    )
