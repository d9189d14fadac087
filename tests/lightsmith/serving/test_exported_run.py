"""What is served of a run: what was exported of it, or what is exported now."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from lightsmith.serving import exported_run
from lightsmith.serving.exported_run import exported_folder


@pytest.fixture
def run(tmp_path: Path) -> Path:
    (tmp_path / "run/checkpoints").mkdir(parents=True)
    (tmp_path / "run/checkpoints/best.ckpt").touch()
    return tmp_path / "run"


def exported(folder: Path) -> Path:
    folder.mkdir()
    (folder / "proof.json").touch()
    return folder


def test_an_exported_folder_is_served_as_it_is_and_of_a_run_int8_before_fp32(run: Path) -> None:
    exact = exported(run / "export-onnx-fp32")
    assert exported_folder(exact) == exact
    assert exported_folder(run) == exact
    small = exported(run / "export-onnx-int8")
    assert exported_folder(run) == small


@pytest.mark.parametrize(("code", "served"), [(0, True), (1, False)])
def test_a_run_that_is_not_exported_is_exported_and_proved_first(
    code: int, served: bool, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands = []

    def export(command: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
        commands.append(command[2:])
        return subprocess.CompletedProcess(command, code)

    monkeypatch.setattr(exported_run.subprocess, "run", export)
    assert exported_folder(run) == (run / "export-onnx-fp32" if served else None)
    assert commands == [["export", f"--run={run}"]]


def test_what_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="is neither a folder that export wrote nor a run"):
        exported_folder(tmp_path)
