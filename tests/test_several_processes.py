"""Several processes train with draws of their own, and find out together what one process finds out."""

import csv
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from tests.conftest import Cli
from tests.live_run import LiveRun
from tests.review_grammar import CLASS_NAMES, review_splits

TWO = ("--trainer.strategy=ddp", "--trainer.devices=2", "--trainer.accelerator=cpu")
SHORT = ("--loggers=[csv]", "--trainer.precision=32-true", "--trainer.max_epochs=1", "--data.batch_size=4")
RECORD = ("--allow_package=tests", "--trainer.callbacks+=tests.record_ranks.RecordRanks")
SIZES = {"train": 12, "val": 9, "test": 11}  # 11 are two whole batches, and three items for two processes
TEXTS = ("imdb_lstm", "bert_classifier", "text_linear")
TASKS = ("mnist_mlp", "mnist_cnn", "cifar_cnn", "cifar_resnet", "resnet_transfer", "photo_transfer", *TEXTS)


def write_pictures(folder: Path) -> Path:
    """Noise, but one and the same picture in all of train, so that there only augmentation makes a difference."""
    rng = np.random.default_rng(0)
    first = rng.integers(256, size=(32, 32), dtype=np.uint8)
    for split, count in SIZES.items():
        for i in range(count):
            path = folder / split / ("one", "other")[i % 2] / f"{i}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(first if split == "train" else rng.integers(256, size=(32, 32), dtype=np.uint8)).save(path)
    return folder


def write_reviews(folder: Path) -> Path:
    folder.mkdir(parents=True)
    splits = review_splits(train=SIZES["train"], val=SIZES["val"])
    for split, count in SIZES.items():
        rows = [(text, CLASS_NAMES[label]) for text, label in zip(*splits[split], strict=True)]
        with (folder / f"{split}.csv").open("w", newline="") as file:
            csv.writer(file).writerows([("text", "label"), *rows[:count]])
    return folder


def run_on_two(folder: Path, name: str, *options: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Results of a run of two processes, and what either recorded."""
    with LiveRun(folder, name, *TWO, *SHORT, *RECORD, f"--trainer.callbacks.folder={folder}", *options) as run:
        assert run.wait(900) == 0, run.out + run.err
        assert run.err == ""
    results: dict[str, Any] = json.loads((folder / "runs" / name / "latest" / "results.json").read_text())
    return results, [torch.load(folder / f"rank{rank}.pt", weights_only=True) for rank in range(2)]


def evaluated_alone(experiment: Cli, two: Path, verb: str, name: str, *options: str) -> dict[str, float]:
    """What one process prints of the best checkpoint of a run of two; counts of the test lie in ``rank0.pt``."""
    best = f"--ckpt_path={two}/runs/{name}/latest/checkpoints/best.ckpt"
    recorded = (*RECORD, f"--trainer.callbacks.folder={Path.cwd()}")
    outcome = experiment(name, *SHORT, *recorded, "--trainer.devices=1", best, *options, verb=verb)
    assert outcome.code == 0, outcome.err
    return {name: float(value) for name, value in re.findall(r"(?:test|val)/(\w+)[ │]+([\d.e-]+)", outcome.out)}


def validated(run: Path) -> dict[str, float]:
    """The figures of the last validation in metrics.csv."""
    with (run / "metrics.csv").open(newline="") as file:
        row = [row for row in csv.DictReader(file) if row["val/loss"]][-1]
    return {name.removeprefix("val/"): float(value) for name, value in row.items() if name.startswith("val/")}


@pytest.mark.parametrize(
    "name", [task if task == "mnist_mlp" else pytest.param(task, marks=pytest.mark.slow) for task in TASKS]
)
@pytest.mark.timeout(1800)
def test_two_processes_find_out_what_one_does_and_draw_differently(experiment: Cli, tmp_path: Path, name: str) -> None:
    texts = name in TEXTS
    source = (write_reviews if texts else write_pictures)(tmp_path / "data")
    options = (
        f"--data.source={source}",
        *(["--data.max_tokens=16"] if texts else []),
        "--model.class_weights=balanced",
    )
    results, (first, second) = run_on_two(tmp_path / "two", name, *options)

    tested = evaluated_alone(experiment, tmp_path / "two", "test", name, *options)
    assert {key: results["test"][key] for key in tested} == pytest.approx(tested, abs=1e-6)
    assert tested["n"] == SIZES["test"]
    alone = evaluated_alone(experiment, tmp_path / "two", "validate", name, *options)
    assert validated(tmp_path / "two" / "runs" / name / "latest") == pytest.approx(alone, abs=1e-6)

    counts = torch.load("rank0.pt", weights_only=True)["counts"]
    assert int(counts.sum()) == SIZES["test"]
    assert torch.equal(first["counts"], counts)
    assert torch.equal(second["counts"], counts)
    assert [figures["n"] for figures in results["per_class"]] == counts.sum(1).tolist()
    with (tmp_path / "two/runs" / name / "latest/confusion_matrix.csv").open(encoding="utf-8-sig", newline="") as file:
        assert [row[1:] for row in list(csv.reader(file))[1:]] == [[str(n) for n in row] for row in counts.tolist()]

    assert all(torch.equal(first["weights"][key], second["weights"][key]) for key in first["weights"])
    assert not torch.equal(first["drawn"], second["drawn"])
    if not texts:
        assert not torch.equal(first["inputs"][0], second["inputs"][0])

    environment = results["environment"]
    assert (environment["devices"], environment["num_nodes"], environment["world_size"]) == (2, 1, 2)
    assert environment["strategy"] == "DDPStrategy"


SCORED = {
    "mnist_autoencoder": {"nats", "kl", "nats_iwae_50", "reconstruction_error"},
    "digit_angle": {"rmse", "mae", "r2", "error_90", "coverage"},
    "bert_pretraining": {"perplexity"},
}


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", SCORED)
def test_two_processes_score_what_has_no_classes_as_one_does(experiment: Cli, tmp_path: Path, name: str) -> None:
    options = {
        "mnist_autoencoder": (f"--data.source={write_pictures(tmp_path / 'data')}", "--model.variational=true"),
        "digit_angle": ("--data.source=sample", "--data.train_size=12"),
        "bert_pretraining": (f"--data.source={write_reviews(tmp_path / 'texts')}", "--data.max_tokens=16"),
    }[name]
    results, (first, second) = run_on_two(tmp_path / "two", name, *options)
    tested = evaluated_alone(experiment, tmp_path / "two", "test", name, *options)
    assert SCORED[name] <= set(tested)
    assert {key: results["test"][key] for key in tested} == pytest.approx(tested, rel=1e-5)
    assert tested["n"] == results["data"]["test"]
    alone = evaluated_alone(experiment, tmp_path / "two", "validate", name, *options)
    assert validated(tmp_path / "two" / "runs" / name / "latest") == pytest.approx(alone, rel=1e-5)
    assert not torch.equal(first["drawn"], second["drawn"])


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_two_processes_that_were_stopped_end_as_if_they_never_had_been(tmp_path: Path) -> None:
    options = (*TWO, *SHORT, "--data.train_size=101", "--data.batch_size=20", "--trainer.max_epochs=40")
    weights = []
    for name in ("whole", "stopped"):
        folder = tmp_path / name
        with LiveRun(folder, "mnist_mlp", *options) as run:
            if name == "stopped":
                run.wait_until_said("epoch 2/")
                run.process.terminate()
            assert run.wait(600) == (0 if name == "whole" else 143), run.err
        (made,) = (folder / "runs" / "mnist_mlp").glob("[0-9]*")
        if name == "stopped":
            assert torch.load(made / "checkpoints/last.ckpt", weights_only=True)["epoch"] < 39
            with LiveRun(folder, "mnist_mlp", *options, f"--resume={made}") as run:
                assert run.wait(600) == 0, run.err
        weights.append(torch.load(made / "checkpoints/last.ckpt", weights_only=True)["state_dict"])
    assert all(torch.equal(weights[0][key], weights[1][key]) for key in weights[0])
