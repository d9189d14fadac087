"""Every callback on every task: it works, or says in one line why not. The other tests use the smallest networks."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.conftest import Cli

WEIGHTS = "--trainer.callbacks+=callbacks.prune_weights.PruneWeights"
CHANNELS = "--trainer.callbacks+=callbacks.prune_channels.PruneChannels"
SHORT = ("--loggers=[]", "--trainer.max_epochs=2", "--trainer.limit_train_batches=3", "--trainer.limit_val_batches=1")
OTHER_READERS = [f"imdb_lstm {network}" for network in ("gru", "rnn", "attention")]
TEXTS = ("imdb_lstm", "bert_classifier", "bert_pretraining", "text_linear", *OTHER_READERS)
BERTS = {"bert_classifier", "bert_pretraining"}
UNPRUNED = {**dict.fromkeys(TEXTS, "(Embedding|TfidfClassifier)"), "photo_transfer": "Conv2d"}  # convolved in groups
OPTIONS: dict[str, tuple[str, ...]] = {
    "mnist_mlp": (),
    "mnist_cnn": ("--data.batch_size=32",),
    "digit_angle": ("--data.batch_size=32", "--model.lr=0.05"),  # in six steps, the usual rate would go astray
    "mnist_autoencoder": ("--model.variational=true",),
    "cifar_cnn": ("--data.batch_size=32",),
    "cifar_resnet": ("--data.batch_size=32",),
    "resnet_transfer": (),
    "photo_transfer": ("--data.image_size_px=64", "--model.freeze_backbone=false"),
    "imdb_lstm": ("--data.max_tokens=32",),
    "bert_classifier": ("--data.batch_size=4", "--data.max_tokens=32"),
    "bert_pretraining": ("--data.batch_size=4", "--data.max_tokens=32"),
    "text_linear": ("--model.pair_buckets=5000",),
    **{name: ("--data.max_tokens=32", f"--model.network={name.split()[1]}") for name in OTHER_READERS},
}


def task(name: str) -> str:
    """The experiment, which stands before the network that it is to take."""
    return name.split()[0]


def best(tmp_path: Path, name: str) -> dict[str, Any]:
    path = tmp_path / "runs" / name / "latest" / "checkpoints" / "best.ckpt"
    checkpoint: dict[str, Any] = torch.load(path, weights_only=True)
    return checkpoint


@pytest.mark.slow
@pytest.mark.parametrize("name", OPTIONS)
def test_weights_of_every_task_are_pruned_exactly(experiment: Cli, tmp_path: Path, name: str) -> None:
    limits = (*SHORT, "--trainer.limit_test_batches=1", *OPTIONS[name])
    outcome = experiment(task(name), *limits, WEIGHTS, "--trainer.callbacks.sparsity=0.8")
    assert outcome.code == 0
    checkpoint = best(tmp_path, task(name))
    pruned = [checkpoint["state_dict"][weight] for weight in checkpoint["callbacks"]["PruneWeights"]["masks"]]
    count = sum(weight.numel() for weight in pruned)
    assert len(pruned) >= (1 if name == "text_linear" else 3)
    assert sum(int((weight == 0).sum()) for weight in pruned) == round(0.8 * count)


@pytest.mark.slow
@pytest.mark.parametrize("name", OPTIONS)
def test_channels_are_removed_or_refused_in_one_line(experiment: Cli, tmp_path: Path, name: str) -> None:
    limits = (*SHORT, "--trainer.limit_test_batches=1", *OPTIONS[name])
    outcome = experiment(task(name), *limits, CHANNELS, "--trainer.callbacks.epoch=1")
    if name in UNPRUNED:
        assert (outcome.code, outcome.err.count("\n")) == (2, 1)
        assert re.search(f"PruneChannels: channels of a network with {UNPRUNED[name]}", outcome.err)
    else:
        assert (outcome.code, outcome.err) == (0, "")
        assert "% of the MACs are left" in outcome.out
        results = json.loads((tmp_path / "runs" / name / "latest" / "results.json").read_text())
        largest = {"mnist_mlp": 200_000, "mnist_cnn": 70_000, "digit_angle": 70_000, "mnist_autoencoder": 900_000}
        largest |= {"cifar_cnn": 600_000, "cifar_resnet": 400_000, "resnet_transfer": 400_000}
        assert results["model"]["parameters"] < largest[name]


TRANSFERS = {"resnet_transfer", "photo_transfer"}
NO_CLASSES = dict.fromkeys(("digit_angle", "mnist_autoencoder", "bert_pretraining"), "mixes the labels of classes")
NO_IMAGES = r"images? of shape|for images|takes? images"
# Each with its settings, and what it says to the tasks that it is not for.
OTHERS: dict[str, tuple[tuple[str, ...], dict[str, str]]] = {
    "adversarial_training.AdversarialTraining": ((), {"text_linear": "networks that embed tokens"}),
    "robustness_test.RobustnessTest": (("max_items=8",), {}),
    "quantization_aware_training.QuantizationAwareTraining": (("start_epoch=0", "freeze_epoch=1"), {}),
    "trainability_audit.TrainabilityAudit": ((), {}),
    "mix_images.MixImages": (("cutmix_alpha=1",), {**dict.fromkeys(TEXTS, NO_IMAGES), **NO_CLASSES}),
    "rand_augment_images.RandAugmentImages": ((), dict.fromkeys(TEXTS, NO_IMAGES)),
    "apply_lora.ApplyLoRA": ((), dict.fromkeys(set(OPTIONS) - BERTS, "targets")),
    "apply_adapters.ApplyAdapters": ((), dict.fromkeys(set(OPTIONS) - BERTS, "targets")),
    "cache_frozen_features.CacheFrozenFeatures": ((), dict.fromkeys(set(OPTIONS) - TRANSFERS, "backbone")),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", OPTIONS)
@pytest.mark.parametrize("callback", OTHERS)
def test_a_callback_works_or_says_why_not(experiment: Cli, callback: str, name: str) -> None:
    settings, refusals = OTHERS[callback]
    given = (f"--trainer.callbacks+=callbacks.{callback}", *(f"--trainer.callbacks.{value}" for value in settings))
    outcome = experiment(task(name), *SHORT, "--trainer.limit_test_batches=2", *OPTIONS[name], *given)
    if name in refusals:
        assert (outcome.code, outcome.err.count("\n")) == (2, 1), outcome
        assert re.search(refusals[name], outcome.err), outcome.err
    else:
        assert (outcome.code, outcome.err) == (0, "")


@pytest.mark.slow
def test_norms_before_adapters_keep_their_statistics(experiment: Cli) -> None:
    adapters = ("--trainer.callbacks+=callbacks.apply_lora.ApplyLoRA", "--trainer.callbacks.targets=['*head*']")
    audit = "--trainer.callbacks+=callbacks.trainability_audit.TrainabilityAudit"
    outcome = experiment("resnet_transfer", *SHORT, "--trainer.limit_test_batches=2", *adapters, audit)
    assert (outcome.code, outcome.err) == (0, "")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mnist_cnn", "photo_transfer", "bert_classifier"])
@pytest.mark.parametrize("settings", [("method=adalora", "rank=2", "end=0.5"), ("method=ia3",)], ids=str)
def test_adapters_of_each_method_train_on_images_and_texts_and_are_exported(
    experiment: Cli, lightsmith: Cli, name: str, settings: tuple[str, ...]
) -> None:
    targets = "targets=[*stages.6*]" if name == "photo_transfer" else "targets=[*body*, *.value]"
    given = ["--trainer.callbacks+=callbacks.apply_adapters.ApplyAdapters", f"--trainer.callbacks.{targets}"]
    given += [f"--trainer.callbacks.{setting}" for setting in settings]
    outcome = experiment(name, *SHORT, "--trainer.limit_test_batches=2", *OPTIONS[name], *given)
    assert (outcome.code, outcome.err) == (0, "")
    assert lightsmith("export", f"--run=runs/{name}/latest").code == 0  # proved against the run's own outputs


@pytest.mark.slow
@pytest.mark.parametrize("name", OPTIONS)
def test_averages_and_teachers_are_for_every_task(experiment: Cli, tmp_path: Path, name: str) -> None:
    short = (*SHORT, "--trainer.limit_test_batches=2", *OPTIONS[name])
    averaged = ("--trainer.callbacks+=lightning.pytorch.callbacks.EMAWeightAveraging", "--trainer.callbacks.decay=0.9")
    assert experiment(task(name), *short, *averaged).code == 0
    teacher = f"--trainer.callbacks.teacher={(tmp_path / 'runs' / task(name) / 'latest').resolve()}"
    taught = experiment(
        task(name), *short, "--trainer.callbacks+=callbacks.distill_from_teacher.DistillFromTeacher", teacher
    )
    if name == "bert_pretraining":
        assert (taught.code, taught.err.count("\n")) == (2, 1)
        assert "the teacher would hide other tokens" in taught.err
        return
    assert (taught.code, taught.err) == (0, "")
