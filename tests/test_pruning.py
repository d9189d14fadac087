"""Pruning on the tasks, which the other tests do on the smallest network."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.conftest import Cli

WEIGHTS = "--trainer.callbacks+=callbacks.prune_weights.PruneWeights"
CHANNELS = "--trainer.callbacks+=callbacks.prune_channels.PruneChannels"
SHORT = ("--loggers=[]", "--trainer.max_epochs=2", "--trainer.limit_train_batches=3", "--trainer.limit_val_batches=1")
OPTIONS = {
    "mnist_mlp": (),
    "cifar_cnn": ("--data.batch_size=32",),
    "cifar_resnet": ("--data.batch_size=32",),
    "resnet_transfer": (),
    "imdb_lstm": ("--data.max_tokens=32",),
    "bert_classifier": ("--data.batch_size=4", "--data.max_tokens=32"),
}


def best(tmp_path: Path, name: str) -> dict[str, Any]:
    path = tmp_path / "runs" / name / "latest" / "checkpoints" / "best.ckpt"
    checkpoint: dict[str, Any] = torch.load(path, weights_only=True)
    return checkpoint


@pytest.mark.slow
@pytest.mark.parametrize("name", OPTIONS)
def test_weights_of_every_task_are_pruned_exactly(experiment: Cli, tmp_path: Path, name: str) -> None:
    limits = (*SHORT, "--trainer.limit_test_batches=1", *OPTIONS[name])
    outcome = experiment(name, *limits, WEIGHTS, "--trainer.callbacks.sparsity=0.8")
    assert outcome.code == 0
    checkpoint = best(tmp_path, name)
    pruned = [checkpoint["state_dict"][weight] for weight in checkpoint["callbacks"]["PruneWeights"]["masks"]]
    count = sum(weight.numel() for weight in pruned)
    assert len(pruned) >= 3
    assert sum(int((weight == 0).sum()) for weight in pruned) == round(0.8 * count)


@pytest.mark.slow
@pytest.mark.parametrize("name", OPTIONS)
def test_channels_are_removed_or_refused_in_one_line(experiment: Cli, tmp_path: Path, name: str) -> None:
    limits = (*SHORT, "--trainer.limit_test_batches=1", *OPTIONS[name])
    outcome = experiment(name, *limits, CHANNELS, "--trainer.callbacks.epoch=1")
    if name in ("imdb_lstm", "bert_classifier"):
        assert (outcome.code, outcome.err.count("\n")) == (2, 1)
        assert "PruneChannels: channels of a network with Embedding" in outcome.err
    else:
        assert (outcome.code, outcome.err) == (0, "")
        assert "% of the MACs are left" in outcome.out
        results = json.loads((tmp_path / "runs" / name / "latest" / "results.json").read_text())
        largest = {"mnist_mlp": 200_000, "cifar_cnn": 600_000, "cifar_resnet": 400_000, "resnet_transfer": 400_000}
        assert results["model"]["parameters"] < largest[name]
