"""docs/python.md: every block of Python on it runs, in the order of the page."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.conftest import ROOT, Cli

TEXT = (ROOT / "docs/python.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
ON_TEXTS = [block for block in BLOCKS if "runs/imdb_lstm" in block]


def execute(block: str, names: dict[str, Any]) -> None:
    exec(compile(block, "docs/python.md", "exec"), names)


@pytest.mark.slow
def test_the_blocks_run_one_after_the_other(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "photos").mkdir()
    Image.fromarray(np.full((40, 30), 200, np.uint8)).save(tmp_path / "photos/good.png")
    (tmp_path / "photos/bad.png").write_bytes(b"no image")
    names: dict[str, Any] = {}
    said = []
    for block in BLOCKS:
        if block not in ON_TEXTS:
            execute(block, names)
            said.append(capsys.readouterr().out)
    training, predictions, parts, module, history, _ = said
    assert re.search(r"^epoch 1/1 ", training, re.MULTILINE)
    assert re.search(r"^accuracy 0\.\d+ 0\.01\n\Z", training, re.MULTILINE)
    assert re.match(r"(image \d \d 0\.\d+\n){3}photos/bad.png not read: not a JPEG", predictions)
    for files in (predictions, parts):
        assert re.search(r"^photos/good.png \d$", files, re.MULTILINE)
    assert "not read: photos/bad.png not a JPEG" in parts
    assert module.startswith("235146 ImagePreprocessing")
    assert history.startswith("{0: 0.")
    assert history.count(":") == 1
    assert history.endswith(" 500 finished\n")
    assert (tmp_path / "resnet18.pth").is_file()


@pytest.mark.slow
def test_the_block_on_texts_runs(experiment: Cli, capsys: pytest.CaptureFixture[str]) -> None:
    small = ("--data.train_size=100", "--trainer.max_epochs=1", "--loggers=[]", "--data.max_tokens=16")
    assert experiment("imdb_lstm", *small, "--model.hidden_size=8").code == 0
    (block,) = ON_TEXTS
    execute(block, {})
    assert set(re.findall(r"'(\w+)'", capsys.readouterr().out)) <= {"negative", "positive"}
