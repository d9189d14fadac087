"""The files of an exported folder are found and read without torch."""

from __future__ import annotations

import json
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest

from lightsmith.exports.exported_files import PROOF, is_exported, read_json, read_onnx
from tests.conftest import ROOT


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a model, which is not looked into, and its proof."""
    (tmp_path / "model.onnx").write_bytes(b"a model")
    (tmp_path / PROOF).write_text(json.dumps({"sha256": sha256(b"a model").hexdigest()}))
    return tmp_path


def test_a_folder_is_told_from_a_runs(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    run = tmp_path_factory.mktemp("run")
    (run / "results.json").touch()
    assert is_exported(folder)
    assert not is_exported(run)
    assert not is_exported(run / "results.json")


def test_a_model_is_the_one_that_was_proved(folder: Path) -> None:
    assert read_onnx(folder) == b"a model"
    (folder / "model.onnx").write_bytes(b"another")
    with pytest.raises(ValueError, match="is not the file that"):
        read_onnx(folder)


@pytest.mark.parametrize("content", ["", "[" * 100_000, "[]", "3"])
def test_what_is_not_the_json_that_it_should_be_is_named(content: str, folder: Path) -> None:
    (folder / PROOF).write_text(content)
    with pytest.raises(ValueError, match=r"^proof\.json (is not JSON|holds no dict)$"):
        read_json(folder / PROOF, dict)


def test_reading_them_imports_no_torch() -> None:
    code = (
        "import lightsmith.exports.exported_files, lightsmith.exports.onnx_session, sys; print('torch' in sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ran.stdout == "False\n"
