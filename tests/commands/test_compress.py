"""From a plan to a ledger. Training and timing happen in processes of their own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from lightsmith.exports import latency
from lightsmith.settings.experiments import experiment_files
from lightsmith.studies import variants
from lightsmith.studies.variants import PLANS
from tests.conftest import Cli

SMALL = ("--data.train_size=300", "--loggers=[csv]", "--trainer.max_epochs=1", "--trainer.precision=32-true")
PLAN = """
dense: {}
pruned_int8:
  of: dense
  precision: int8
  settings:
    data: {init_args: {train_size: 300}}
    trainer:
      max_epochs: 2
      callbacks+:
        - {class_path: callbacks.prune_weights.PruneWeights, init_args: {sparsity: 0.8, begin: 0.0, end: 0.1}}
"""


@pytest.fixture
def dense(experiment: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A trained mnist_mlp, with a plan for it."""
    monkeypatch.setattr(latency.race, "__defaults__", (1,))
    monkeypatch.setattr(variants, "PLANS", tmp_path)
    (tmp_path / "mnist_mlp.yaml").write_text(PLAN)
    assert experiment("mnist_mlp", *SMALL).code == 0
    return (tmp_path / "runs/mnist_mlp/latest").resolve()


@pytest.mark.slow
def test_variants_are_made_proved_timed_and_recorded(dense: Path, lightsmith: Cli, tmp_path: Path) -> None:
    outcome = lightsmith("compress", "--name=mnist_mlp", f"--run={dense}", "--max_drop=100", "--limit=100", "--seed=3")
    assert outcome.code == 0, outcome.err
    folder = tmp_path / "runs/mnist_mlp-compressed/latest"
    ledger: Any = json.loads((folder / "ledger.json").read_text())
    plain, pruned = ledger["variants"]
    assert [plain["name"], pruned["name"]] == ["dense", "pruned_int8"]
    assert plain["run"].endswith(dense.name)
    assert pruned["bytes"] < 0.3 * plain["bytes"]
    assert plain["macs"] == 784 * 256 + 256 * 128 + 128 * 10
    assert plain["zeros"] < 0.001
    assert pruned["zeros"] == pytest.approx(0.8, abs=1e-4)
    assert pruned["file_zeros"] == pytest.approx(0.8, abs=1e-4)
    assert all(row["latency_ms"]["32"] > 0 for row in ledger["variants"])
    assert ledger["recommended"] in outcome.out
    assert (folder / "pareto.png").stat().st_size > 10_000
    assert (folder / "pruned_int8/model.onnx").is_file()
    (settings,) = (folder / "training/pruned_int8").glob("mnist_mlp/latest/config.yaml")
    assert yaml.safe_load(settings.read_text())["seed_everything"] == 3


@pytest.mark.slow
def test_a_variant_that_cannot_be_trained_ends_it_in_one_line_and_keeps_the_rest(
    dense: Path, lightsmith: Cli, tmp_path: Path
) -> None:
    (tmp_path / "mnist_mlp.yaml").write_text("dense: {}\nwrong: {settings: {model: {init_args: {nope: 1}}}}\n")
    outcome = lightsmith("compress", "--name=mnist_mlp", f"--run={dense}", "--limit=100")
    assert outcome.code == 1
    assert outcome.err.startswith("wrong was not trained (exit code 2)")
    assert (tmp_path / "runs/mnist_mlp-compressed/latest/dense/model.onnx").is_file()


EXPERIMENTS = ", ".join(experiment_files())


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (("--name=mnist_mpl",), f"no experiment 'mnist_mpl'; did you mean mnist_mlp? (all: {EXPERIMENTS})\n"),
        (("--name=mnist_mlp", "--max_drop=-1"), "--max_drop=-1.0 must be at least 0 and --limit=None at least 1\n"),
        (("--name=mnist_mlp", "--run=nowhere"), "no checkpoint at nowhere\n"),
        (
            ("--name=mnist_mlp", "--data=nowhere"),
            "data.source='nowhere' does not exist; give sample, hub, or the path of your data\n",
        ),
    ],
)
def test_a_mistake_is_one_line_and_leaves_nothing(
    lightsmith: Cli, tmp_path: Path, options: tuple[str, ...], line: str
) -> None:
    outcome = lightsmith("compress", *options)
    assert (outcome.code, outcome.err) == (2, line)
    assert not (tmp_path / "runs").exists()


def test_a_run_of_another_experiment_or_on_other_classes_is_a_mistake(
    dense: Path, lightsmith: Cli, tmp_path: Path
) -> None:
    (tmp_path / "cifar_cnn.yaml").write_text(PLAN)
    other = lightsmith("compress", "--name=cifar_cnn", f"--run={dense}")
    wanted = "lightning_modules.cifar_cnn.CifarCNN"
    assert (
        other.err == f"--run={dense} is of lightning_modules.mnist_mlp.MnistMLP, the experiment cifar_cnn of {wanted}\n"
    )
    (tmp_path / "own.csv").write_text("text,label\nfine,good\npoor,bad\n" * 20)
    texts = lightsmith("compress", "--name=mnist_mlp", f"--run={dense}", f"--data={tmp_path / 'own.csv'}")
    assert (other.code, texts.code, texts.err.count("\n")) == (2, 2, 1)
    assert not list(tmp_path.glob("runs/*-compressed"))


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", sorted(path.stem for path in PLANS.glob("*.yaml")))
def test_every_shipped_plan_can_be_carried_out(name: str, lightsmith: Cli, tmp_path: Path) -> None:
    assert lightsmith("compress", f"--name={name}", "--max_drop=100", "--limit=50").code == 0
    ledger = json.loads((tmp_path / f"runs/{name}-compressed/latest/ledger.json").read_text())
    size = {row["name"]: row["bytes"] for row in ledger["variants"]}
    assert size.get("bf16", 0) < 0.6 * size["dense"]
    print(f"| {name} | {len(ledger['variants'])} variants | {ledger['recommended']} |")
