"""`image` as a person types it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Cli
from tests.lightsmith.serving.conftest import folders  # noqa: F401  # a fixture


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folders: Callable[..., Path]) -> Path:  # noqa: F811
    """runs/mnist_mlp/latest, with an export."""
    home = tmp_path / "runs/mnist_mlp/20260101-000000"
    (home / "checkpoints").mkdir(parents=True)
    (home / "checkpoints/best.ckpt").touch()
    shutil.copytree(folders("photos"), home / "export-onnx-fp32")
    (home.parent / "latest").symlink_to(home.name)
    monkeypatch.chdir(tmp_path)
    return Path("runs/mnist_mlp/latest")


def test_it_lies_in_the_run_and_is_called_like_the_experiment(lightsmith: Cli, run: Path) -> None:
    outcome = lightsmith("image", f"--run={run}")
    assert outcome.code == 0, outcome
    assert (run / "image/Dockerfile").is_file()
    assert f"written    {run.resolve().relative_to(Path.cwd())}/image/" in outcome.out
    assert "docker build -t lightsmith-mnist-mlp:" in outcome.out
    assert (run / "image/export/model.onnx").read_bytes() == (run / "export-onnx-fp32/model.onnx").read_bytes()


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (["--run=runs"], "--run=runs is neither a folder that export wrote nor a run"),
        (
            ["--run=runs/mnist_mlp/latest", "--output=runs"],
            "runs exists: remove it, or name another folder by --output",
        ),
        (["--run=runs/mnist_mlp/latest", "--output=no/where"], "--output=no/where: there is no folder no"),
        (["--run=runs/mnist_mlp/latest", "--name=Digits"], "--name=Digits must be lower-case letters"),
    ],
)
def test_a_mistake_is_one_line(lightsmith: Cli, run: Path, options: list[str], line: str) -> None:
    outcome = lightsmith("image", *options)
    assert (outcome.code, outcome.out, outcome.err.count("\n")) == (2, "", 1)
    assert outcome.err.startswith(line)
    assert not (run / "image").exists()
