"""An autoencoder as a person has it: run, predict, export."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from lightning_modules.mnist_autoencoder import MnistAutoencoder
from tests.conftest import Cli

SHORT = ("--loggers=[csv]", "--trainer.max_epochs=2", "--data.train_size=500", "--model.hidden_features=32")


def test_the_network_follows_the_size_of_the_images() -> None:
    model = MnistAutoencoder(image_size_px=12, latents=4, hidden_features=16)
    images = torch.randint(0, 256, (3, 1, 12, 12), dtype=torch.uint8)
    assert model.reconstruct(images).shape == (3, 1, 12, 12)
    assert model.generate(2, (1, 12, 12)).shape == (2, 1, 12, 12)


@pytest.mark.parametrize("variational", [pytest.param(False, marks=pytest.mark.slow), True])
def test_a_run_records_nats_and_a_picture(experiment: Cli, tmp_path: Path, variational: bool) -> None:
    outcome = experiment("mnist_autoencoder", *SHORT, f"--model.variational={str(variational).lower()}")
    assert (outcome.code, outcome.err) == (0, "")
    run = tmp_path / "runs/mnist_autoencoder/latest"
    test = json.loads((run / "results.json").read_text())["test"]
    assert 100 < test["nats"] < 544  # of 784 fair coins
    assert ("kl" in test) == ("nats_iwae_50" in test) == variational
    if variational:
        assert test["nats_iwae_50"] < test["nats"]
    with Image.open(run / "reconstructions.png") as picture:
        assert picture.size == (280, 84 if variational else 56)


@pytest.mark.slow
def test_predict_and_export_say_what_the_run_said(experiment: Cli, lightsmith: Cli, tmp_path: Path) -> None:
    assert experiment("mnist_autoencoder", *SHORT, "--model.variational=true").code == 0
    images = tmp_path / "images"
    images.mkdir()
    rng = np.random.default_rng(0)
    for n in range(3):
        Image.fromarray(rng.integers(256, size=(28, 28), dtype=np.uint8)).save(images / f"{n}.png")
    run = "--run=runs/mnist_autoencoder/latest"
    assert lightsmith("predict", run, "--input=images", "--output=plain.csv").code == 0
    with (tmp_path / "plain.csv").open(encoding="utf-8-sig") as file:
        assert next(csv.reader(file)) == ["item", "reconstruction_error", "error"]
    rows = {}
    assert lightsmith("export", run).code == 0
    exported = tmp_path / "runs/mnist_autoencoder/latest/export-onnx-fp32"
    for name, model in {"run": run, "export": f"--run={exported}"}.items():
        outcome = lightsmith("predict", model, "--input=images", "--latents=true", f"--output={name}.jsonl")
        assert (outcome.code, outcome.err) == (0, "")
        rows[name] = [json.loads(line) for line in (tmp_path / f"{name}.jsonl").read_text().splitlines()]
    assert list(rows["run"][0]) == ["item", "reconstruction_error", *(f"latent_{n}" for n in range(1, 21))]
    for said, again in zip(rows["run"], rows["export"], strict=True):
        assert said.pop("item") == again.pop("item")
        assert list(said.values()) == pytest.approx(list(again.values()), abs=1e-4)
