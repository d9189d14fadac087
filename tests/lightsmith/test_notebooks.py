"""`from lightsmith import run, load`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import lightsmith
from tests.conftest import ROOT

CHEAP = """
import sys
import lightsmith
assert "torch" not in sys.modules and "yaml" not in sys.modules
from lightsmith import load, run
assert "torch" not in sys.modules
"""


def test_importing_is_cheap() -> None:
    subprocess.run([sys.executable, "-c", CHEAP], cwd=ROOT, check=True)


def test_a_name_that_is_not_there_is_said() -> None:
    with pytest.raises(AttributeError, match="no attribute 'runn'"):
        _ = lightsmith.runn


@pytest.mark.parametrize("name", lightsmith.__all__)
def test_no_room_is_called_as_a_function_of_the_package(name: str) -> None:
    """Once imported, the room would be what `lightsmith.load` means."""
    assert not (ROOT / "lightsmith" / name).exists()


def test_what_was_trained_is_loaded_and_predicts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    small = {"trainer": {"max_epochs": 1}, "loggers": [], "data": {"train_size": 100}}
    record = lightsmith.run("mnist_mlp", runs=tmp_path / "mine", shows=False, **small)
    assert record.folder is not None
    assert record.folder.parent == tmp_path / "mine/mnist_mlp"
    assert (record.task, record.headline.metric, record.data.train) == ("classification", "accuracy", 100)
    assert capsys.readouterr().out == ""
    model = lightsmith.load(tmp_path / "mine/mnist_mlp/latest")
    first, _ = model.predict(np.zeros((2, 28, 28, 1), np.uint8))
    assert list(first) == ["item", "prediction", "probabilities"]
    assert sum(first["probabilities"].values()) == pytest.approx(1, abs=1e-5)
    (tmp_path / "bad.png").write_bytes(b"no image")
    assert "not a JPEG" in model.predict(tmp_path / "bad.png")[0]["error"]
    with pytest.raises(ValueError, match="give a list of texts, or a Path"):
        model.predict("bad.png")
    with pytest.raises(ValueError, match=r"items=nowhere does not exist"):
        model.predict(Path("nowhere"))


@pytest.mark.slow
def test_data_may_be_a_path_alone() -> None:
    with pytest.raises(ValueError, match=r"data\.source='nowhere' does not exist"):
        lightsmith.run("mnist_mlp", data=Path("nowhere"), shows=False)
