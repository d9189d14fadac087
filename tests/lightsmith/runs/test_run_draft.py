"""Mistakes that only show once the data is loaded: one line, nothing written, and ``latest`` where it was."""

import os
from pathlib import Path
from typing import Any

import pytest
import yaml
from PIL import Image

from callbacks.measure_fit import MeasureFit
from callbacks.rand_augment_images import RandAugmentImages
from lightsmith.records.results import read_results
from lightsmith.run_folder import hold
from tests.conftest import Cli

SMALL = ("--data.train_size=100", "--data.batch_size=50", "--trainer.max_epochs=1", "--trainer.precision=32-true")
CSV = "--loggers=[csv]"
ADD = "--trainer.callbacks+=callbacks."
MISTAKES = {
    "a loader's, in fit_loop": (("--trainer.val_check_interval=1000",), "`val_check_interval` (1000) must be less"),
    "a limit below one batch": (("--trainer.limit_train_batches=0.001",), "increase the `limit_train_batches`"),
    "a callback's, in setup": (
        (f"{ADD}unfreeze_backbone.UnfreezeBackbone", "--trainer.callbacks.stages={1: [nothing.*]}"),
        "'nothing.*', which matches no module",
    ),
    "LoRA's, in setup": (
        (f"{ADD}apply_lora.ApplyLoRA", "--trainer.callbacks.targets=[nothing]"),
        "nothing",
    ),
    "check_reached's, in on_fit_start": (
        (f"{ADD}prune_channels.PruneChannels", "--trainer.callbacks.macs=0.5", "--trainer.callbacks.epoch=7"),
        "is not reached in the run's 1 epochs",
    ),
    "a callback's, in on_train_start": (
        (f"{ADD}cache_frozen_features.CacheFrozenFeatures", "--data.crop_padding_px=0"),
        "backbone=network.backbone is no module of the model",
    ),
}


def tree(folder: Path) -> dict[str, Any]:
    """Every path below a folder, with where a link points and what a file holds; W&B still writes its own."""
    files = {p: p.read_bytes() for p in folder.rglob("*") if p.is_file() and "wandb" not in p.parts}
    return {str(p): p.readlink() if p.is_symlink() else files.get(p) for p in folder.rglob("*")}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_found_at_the_start_of_fit_leaves_nothing(experiment: Cli, tmp_path: Path, mistake: str) -> None:
    options, line = MISTAKES[mistake]
    loggers = "--loggers=[csv,tensorboard,wandb]" if "on_train_start" in mistake else CSV  # the last to refuse
    outcome = experiment("mnist_mlp", *SMALL, loggers, *options)
    assert (outcome.code, outcome.err.count("\n")) == (2, 1), outcome.err
    assert line in outcome.err
    assert ("writing" in outcome.out) == ("on_train_start" in mistake)
    assert not (tmp_path / "runs").exists()


def test_a_mistake_in_the_first_batch_leaves_an_earlier_run_and_latest_alone(
    experiment: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert experiment("mnist_mlp", *SMALL, CSV).code == 0
    before = tree(tmp_path / "runs")

    def refuse(*_: Any) -> None:
        raise ValueError("RandAugmentImages is for images")

    monkeypatch.setattr(RandAugmentImages, "on_train_batch_start", refuse)
    outcome = experiment("mnist_mlp", *SMALL, CSV, f"{ADD}rand_augment_images.RandAugmentImages")
    assert (outcome.code, outcome.err) == (2, "RandAugmentImages is for images\n")
    assert tree(tmp_path / "runs") == before


def test_latest_moves_when_a_batch_was_trained(
    experiment: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    latest = tmp_path / "runs/mnist_mlp/latest"
    seen = []

    def look(self: MeasureFit, trainer: Any, module: Any, outputs: Any, batch: Any, number: int) -> None:
        seen.append(os.path.lexists(latest))

    monkeypatch.setattr(MeasureFit, "on_train_batch_start", lambda *_: seen.append(os.path.lexists(latest)))
    monkeypatch.setattr(MeasureFit, "on_train_batch_end", look)
    outcome = experiment("mnist_mlp", *SMALL, CSV, "--runs=runs")
    assert seen == [False, True, True, True]
    assert f"run        writing runs/mnist_mlp/{latest.resolve().name}/" in outcome.out


def test_a_mistake_on_resuming_leaves_the_run_as_it_was(
    experiment: Cli, lightsmith: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert experiment("mnist_mlp", *SMALL, "--loggers=[csv,tensorboard,wandb]").code == 0
    before = tree(tmp_path / "runs")
    assert "test/accuracy" in before[str((tmp_path / "runs/mnist_mlp/latest").resolve() / "metrics.csv")].decode()
    resume = ("-c=runs/mnist_mlp/latest/config.yaml", "--resume=runs/mnist_mlp/latest", "--trainer.max_epochs=2")
    outcome = lightsmith("run", *resume, "--trainer.val_check_interval=1000")
    assert (outcome.code, outcome.err.count("\n")) == (2, 1), outcome.err
    assert tree(tmp_path / "runs") == before
    assert lightsmith("run", *resume).code == 0


def test_an_interruption_before_the_first_batch_leaves_nothing(
    experiment: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ctrl_c(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(MeasureFit, "on_train_start", ctrl_c)
    assert experiment("mnist_mlp", *SMALL, CSV).code == 130
    assert not (tmp_path / "runs").exists()


@pytest.mark.slow
def test_a_run_whose_folder_is_given_is_a_run_as_any_but_for_latest(
    experiment: Cli, lightsmith: Cli, tmp_path: Path
) -> None:
    folder = tmp_path / "runs/mnist_mlp/study/seed-1"
    given = f"--folder={folder.relative_to(Path.cwd())}"
    mistake = experiment("mnist_mlp", *SMALL, CSV, given, "--trainer.val_check_interval=1000")
    assert (mistake.code, (tmp_path / "runs").exists()) == (2, False)
    assert experiment("mnist_mlp", *SMALL, CSV, given).code == 0
    assert not os.path.lexists(folder.with_name("latest"))
    assert not os.path.lexists(folder.parent.with_name("latest"))
    settings = yaml.safe_load((folder / "config.yaml").read_text())
    assert settings["experiment"] == "mnist_mlp"
    assert "folder" not in settings  # or repeating the run would be refused
    before = tree(folder)
    again = experiment("mnist_mlp", *SMALL, CSV, given)
    assert (again.code, again.err.count("\n")) == (2, 1)
    assert "is there already: name a new one; a run that was interrupted there goes on with --resume=" in again.err
    both = experiment("mnist_mlp", given, f"--resume={folder}")
    assert (both.code, "goes on in its own folder" in both.err) == (2, True)
    assert tree(folder) == before
    held = hold(folder)
    second = lightsmith("run", f"-c={folder}/config.yaml", f"--resume={folder}", "--trainer.max_epochs=2")
    assert (second.code, "another process is working in it" in second.err) == (2, True)
    assert tree(folder) == before
    os.close(held)
    resumed = lightsmith("run", f"-c={folder}/config.yaml", f"--resume={folder}", "--trainer.max_epochs=2")
    assert (resumed.code, read_results(folder).fit.epochs) == (0, 2)
    Image.new("L", (28, 28)).save(tmp_path / "dark.png")
    assert lightsmith("predict", f"--run={folder}", f"--input={tmp_path}/dark.png").code == 0
    assert len(list((folder / "predictions").glob("dark*.jsonl"))) == 1
