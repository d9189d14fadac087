"""Every baseline trains on its sample, if only for a few steps, and reports."""

import json
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import torch

import benchmarks.baselines
from benchmarks.baselines import hand_loop

FOLDER = Path(benchmarks.baselines.__file__).parent
PARTS = {"__init__", "recording", "tutorial_loop", "pil_images", "recipe", "lightning_loop"}  # of scripts
SHORT: dict[str, dict[str, Any]] = {
    "bert_trainer": {"max_samples": 32},
    "bert_tutorial": {"max_samples": 16},
    "cifar_tutorial": {"max_samples": 40},
    "hand_loop": {"experiment": "mnist_mlp", "max_samples": 1000},
    "imdb_tfidf": {},
    "imdb_tutorial": {"max_samples": 64},
    "mlm_trainer": {"max_samples": 32},
    "mnist_lightning": {"epochs": 1},
    "mnist_tutorial": {"epochs": 1},
    "resnet_tutorial": {"max_samples": 32},
}

SLOW = ("resnet_tutorial", "bert_trainer", "bert_tutorial", "mlm_trainer")


def test_every_script_is_tried() -> None:
    assert {path.stem for path in FOLDER.glob("*.py")} - PARTS == set(SHORT)


@pytest.mark.parametrize(
    "script", [pytest.param(name, marks=[pytest.mark.slow] if name in SLOW else []) for name in SHORT]
)
@pytest.mark.filterwarnings("ignore")  # the baselines' libraries are used as their tutorials use them
def test_it_trains_and_reports(script: str, tmp_path: Path) -> None:
    options = dict(SHORT[script])
    if script == "resnet_tutorial":
        from torchvision.models import resnet18

        options["weights"] = tmp_path / "weights.ckpt"
        torch.save({"state_dict": resnet18().state_dict()}, options["weights"])
    import_module(f"benchmarks.baselines.{script}").main(data="sample", output=tmp_path / "r.json", **options)
    record = json.loads((tmp_path / "r.json").read_text())
    assert record["samples"] > 0
    assert record["samples_per_second"] > 0


@pytest.mark.filterwarnings("ignore")
def test_lightning_alone_computes_what_the_hand_written_loop_does(tmp_path: Path) -> None:
    curves = []
    for lightning in (False, True):
        output = tmp_path / f"{lightning}.json"
        hand_loop.main("mnist_mlp", "sample", output, max_samples=10_000, lightning=lightning)
        curves.append([point["accuracy"] for point in json.loads(output.read_text())["curve"]])
    assert len(curves[0]) > 1
    assert curves[0] == curves[1]
