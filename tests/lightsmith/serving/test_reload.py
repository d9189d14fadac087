"""A newer export takes over without losing a request; one that does not fit changes nothing."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from datamodules.batches.encoded_cache import sha256
from datamodules.preprocessing import ImagePreprocessing
from lightning_modules.training.answer import ClassProbabilities
from lightning_modules.training.answers.value_with_interval import ValueWithInterval
from lightsmith.exports.exported_files import ONNX_FILE, PROOF
from lightsmith.serving import reload
from lightsmith.serving.reload import state_of
from lightsmith.serving.served_model import load_served
from tests.commands.test_serve import serving
from tests.lightsmith.serving.conftest import Client, running
from tests.lightsmith.serving.made_exports import CLASSES, PHOTOS, PIXELS, photos, write_export
from tests.lightsmith.serving.test_application import png
from tests.lightsmith.serving.test_server import Load


def another(folder: Path, seed: int, classes: list[str] = CLASSES) -> Path:
    """An export of the same kind with other weights."""
    weights = np.random.default_rng(seed).normal(0, 1e-3, (PIXELS, len(classes)))
    return write_export(
        folder, PHOTOS, ImagePreprocessing(3, 20, 25), ClassProbabilities(classes), len(classes), weights
    )


def point(link: Path, folder: Path) -> None:
    """Let a link lead elsewhere, at once, as `latest` does."""
    draft = link.with_name("draft")
    draft.symlink_to(folder)
    draft.replace(link)


def wait_for(client: Client, folder: Path) -> None:
    wanted = sha256(folder / ONNX_FILE)
    for _ in range(400):
        if client("/model").json["sha256"] == wanted:
            return
        time.sleep(0.02)
    raise AssertionError("the newer export did not take over")


def reload_under_load(client: Client, link: Path, folder: Path) -> None:
    load = Load(client.port, 8)
    point(link, folder)
    wait_for(client, folder)
    load.join()
    assert (load.lost, load.refused) == (0, 0)
    assert load.answered > 8


def test_a_newer_export_takes_over_and_one_that_does_not_fit_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(reload, "LOOK_EVERY_S", 0.05)
    link, first, other = tmp_path / "link", photos(tmp_path / "first"), another(tmp_path / "other", 1, CLASSES[::-1])
    strange = another(tmp_path / "strange", 2, ["cat", "dog"])
    link.symlink_to(first)
    with running(load_served(first, 1), watched=link) as client:
        before = client("/predict", png(), "image/png").json
        reload_under_load(client, link, other)
        after = client("/predict", png(), "image/png").json
        point(link, strange)
        time.sleep(0.5)
        sha = client("/model").json["sha256"]
    assert before["probabilities"].keys() == after["probabilities"].keys()
    assert before != after
    assert sha == sha256(other / ONNX_FILE)
    assert capfd.readouterr().err.splitlines() == [
        f"reload: link answers from now on ({sha[:12]})",
        'reload: link is refused: it answers dog, and not Bäume, b, "c"; the model before stays',
    ]


@pytest.mark.slow
@pytest.mark.parametrize("options", [[], ["--workers=2"]])
def test_twenty_reloads_under_load_lose_no_request(tmp_path: Path, options: list[str]) -> None:
    link, folders = tmp_path / "link", [another(tmp_path / str(seed), seed) for seed in range(2)]
    link.symlink_to(folders[0])
    with serving(link, "--reload=true", *options) as server:
        for number in range(1, 21):
            reload_under_load(server.client, link, folders[number % 2])
        code, _, err = server.end()
    assert (code, err.count("answers from now on"), err.count("\n")) == (0, 20, 21)


def changed_proof(folder: Path, **members: Any) -> Path:
    proof = json.loads((folder / PROOF).read_text())
    (folder / PROOF).write_text(json.dumps(proof | members))
    return folder


@pytest.mark.slow
def test_what_is_broken_or_of_another_kind_is_refused_in_one_line(tmp_path: Path) -> None:
    link, first = tmp_path / "link", photos(tmp_path / "first")
    strange = [
        (
            changed_proof(another(tmp_path / "failed", 1), passed=False, reasons=["too far"]),
            "failed its proof (too far)",
        ),
        (changed_proof(another(tmp_path / "half", 2), sha256="0"), "is not the file that proof.json is about"),
        (photos(tmp_path / "value", ValueWithInterval(1.0, 2.0, 0.5)), "it is regression of images, and not classif"),
    ]
    link.symlink_to(first)
    with serving(link, "--reload=true") as server:
        for folder, _ in strange:
            point(link, folder)
            time.sleep(3.0)
        assert server.client("/model").json["sha256"] == sha256(first / ONNX_FILE)
        shutil.rmtree(strange[-1][0])
        time.sleep(1.5)
        assert server.client("/predict", png(), "image/png").status == 200
        code, _, err = server.end()
    lines = err.splitlines()
    assert (code, len(lines)) == (0, 4)
    assert all(words in line for (_, words), line in zip(strange, lines, strict=False)), lines


def test_an_export_is_known_by_its_place_and_its_files(folders: Callable[..., Path], tmp_path: Path) -> None:
    folder = tmp_path / "run/export-onnx-fp32"
    assert state_of(tmp_path / "run") == ()
    shutil.copytree(folders("photos"), folder)
    before = state_of(tmp_path / "run")
    assert before == state_of(folder) != ()
    (folder / PROOF).write_text("{}")
    assert state_of(folder) != before
    (folder / PROOF).unlink()
    assert state_of(folder) == ()
