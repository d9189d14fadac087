"""Several processes train with draws of their own, and find out together what one process finds out."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from datamodules.review_grammar import CLASS_NAMES, review_splits
from tests.conftest import Cli
from tests.live_run import LiveRun

TWO = ("--trainer.strategy=ddp", "--trainer.devices=2", "--trainer.accelerator=cpu")
SHORT = ("--loggers=[csv]", "--trainer.precision=32-true", "--trainer.max_epochs=1", "--data.batch_size=4")
RECORD = ("--allow_package=tests", "--trainer.callbacks+=tests.record_ranks.RecordRanks")
SIZES = {"train": 12, "val": 9, "test": 11}  # 11 are two whole batches, and three items for two processes
TEXTS = ("imdb_lstm", "bert_classifier")
TASKS = ("mnist_mlp", "cifar_cnn", "cifar_resnet", "resnet_transfer", *TEXTS)


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
        rows = [f'"{text}",{CLASS_NAMES[label]}' for text, label in zip(*splits[split], strict=True)]
        (folder / f"{split}.csv").write_text("\n".join(["text,label", *rows[:count]]))
    return folder


def run_on_two(folder: Path, name: str, *options: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Results of a run of two processes, and what either recorded."""
    with LiveRun(folder, name, *TWO, *SHORT, *RECORD, f"--trainer.callbacks.folder={folder}", *options) as run:
        assert run.wait(900) == 0, run.out + run.err
        assert run.err == ""
    results: dict[str, Any] = json.loads((folder / "runs" / name / "latest" / "results.json").read_text())
    return results, [torch.load(folder / f"rank{rank}.pt", weights_only=True) for rank in range(2)]


def evaluated_alone(experiment: Cli, folder: Path, name: str, *options: str) -> tuple[dict[str, float], torch.Tensor]:
    """Metrics and counts of one process on the checkpoint of the run."""
    folder = folder.parent / "alone"
    folder.mkdir()
    best = f"--ckpt_path={folder.parent}/two/runs/{name}/latest/checkpoints/best.ckpt"
    recorded = (*RECORD, f"--trainer.callbacks.folder={folder}")
    outcome = experiment(name, *SHORT, *recorded, "--trainer.devices=1", best, *options, verb="test")
    assert outcome.code == 0, outcome.err
    metrics = {name: float(value) for name, value in re.findall(r"test/(\w+) +│ +([\d.e-]+)", outcome.out)}
    return metrics, torch.load(folder / "rank0.pt", weights_only=True)["counts"]


@pytest.mark.parametrize(
    "name", [task if task == "mnist_mlp" else pytest.param(task, marks=pytest.mark.slow) for task in TASKS]
)
@pytest.mark.timeout(1800)
def test_two_processes_find_out_what_one_does_and_draw_differently(experiment: Cli, tmp_path: Path, name: str) -> None:
    texts = name in TEXTS
    source = (write_reviews if texts else write_pictures)(tmp_path / "data")
    options = (f"--data.source={source}", *(["--data.max_tokens=16"] if texts else []))
    results, (first, second) = run_on_two(tmp_path / "two", name, *options)

    metrics, counts = evaluated_alone(experiment, tmp_path / "two", name, *options)
    assert results["data"]["test"] == SIZES["test"]
    assert results["test"] == pytest.approx(metrics, abs=1e-6)
    assert int(counts.sum()) == SIZES["test"]
    assert torch.equal(first["counts"], counts)
    assert torch.equal(second["counts"], counts)

    assert all(torch.equal(first["weights"][key], second["weights"][key]) for key in first["weights"])
    assert not torch.equal(first["drawn"], second["drawn"])
    if not texts:
        assert not torch.equal(first["inputs"][0], second["inputs"][0])

    environment = results["environment"]
    assert (environment["devices"], environment["num_nodes"], environment["world_size"]) == (2, 1, 2)
    assert environment["strategy"] == "DDPStrategy"
