"""`load` as a person types it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Cli
from tests.lightsmith.serving.conftest import Client, folders, photos  # noqa: F401  # fixtures


def test_a_service_that_runs_is_asked_at_rising_rates(lightsmith: Cli, photos: Client, tmp_path: Path) -> None:  # noqa: F811
    picture = tmp_path / "rates.png"
    url = f"http://127.0.0.1:{photos.port}"
    outcome = lightsmith("load", f"--url={url}", "--seconds=0.15", "--connections=4", f"--output={picture}")
    assert outcome.code == 0, outcome
    lines = outcome.out.splitlines()
    assert lines[0] == f"load       {url}: images, 4 connections, 0.15 s at each rate"
    assert lines[2].split()[:3] == ["due/s", "sent", "answered/s"]
    assert lines[-1].startswith("written ")
    assert picture.read_bytes().startswith(b"\x89PNG")
    figures = json.loads(picture.with_suffix(".json").read_text())
    assert figures["service"]["precision"] == "fp32"
    assert sum(step["answered"] for step in figures["steps"]) > 0
    assert all(step["sent"] == step["answered"] + step["refused"] + step["failed"] for step in figures["steps"])


@pytest.mark.slow
def test_a_run_is_served_for_the_test_and_its_service_ended(
    lightsmith: Cli,
    folders: Callable[..., Path],  # noqa: F811
    tmp_path: Path,
) -> None:
    export = tmp_path / "run/export-onnx-fp32"
    shutil.copytree(folders("texts"), export)
    outcome = lightsmith("load", f"--run={export}", "--seconds=0.2", "--connections=4")
    assert (outcome.code, outcome.err) == (0, ""), outcome
    assert (tmp_path / "run/load.png").is_file()


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ([], "give --run, which is served for the test, or --url of a service that runs"),
        (["--run=x", "--url=http://127.0.0.1"], "give --run, which is served for the test, or --url"),
        (["--run=x"], "--run=x is neither a folder that export wrote nor a run"),
        (["--url=http://example.org"], "--url=http://example.org is another machine"),
        (["--url=http://127.0.0.1", "--seconds=0"], "--seconds=0.0 must be above 0 and at most 60"),
        (["--url=http://127.0.0.1", "--connections=5000"], "--connections=5000 must be above 0 and at most 1000"),
        (["--url=http://127.0.0.1", "--max_rate=1e6"], "--max_rate=1000000.0 must be above 0 and at most 50000"),
        (
            ["--url=http://127.0.0.1", "--output=x.pdf"],
            "--output=x.pdf must be a .png or .svg in a folder that there is",
        ),
        (["--url=http://127.0.0.1", "--key=none"], "--key=none cannot be read"),
    ],
)
def test_a_mistake_is_one_line(lightsmith: Cli, options: list[str], line: str) -> None:
    outcome = lightsmith("load", *options)
    assert (outcome.code, outcome.out, outcome.err.count("\n")) == (2, "", 1)
    assert outcome.err.startswith(line)
