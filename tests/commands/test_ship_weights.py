from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from datamodules.batches.encoded_cache import sha256
from lightning_modules.networks import backbones
from lightning_modules.networks.layers.normalize import Normalize
from lightsmith.checkpoints.rebuild import load_run
from tests.conftest import Cli

SMALL = ("--data.train_size=64", "--loggers=[csv]", "--trainer.max_epochs=1", "--trainer.limit_val_batches=1")


@pytest.mark.slow
def test_weights_are_small_load_as_a_backbone_and_come_with_a_card(
    experiment: Cli, lightsmith: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert experiment("cifar_resnet", *SMALL, "--trainer.limit_test_batches=1").code == 0
    target = tmp_path / "weights" / "cifar_resnet.safetensors"
    monkeypatch.setattr("commands.ship_weights.EMBEDDED_WEIGHTS", target)
    monkeypatch.setattr(backbones, "EMBEDDED_WEIGHTS", target)
    outcome = lightsmith("ship-weights", "--run=runs/cifar_resnet/latest")
    assert (outcome.code, outcome.err) == (0, "")
    assert target.stat().st_size <= 3e6
    assert {value.dtype for value in load_file(target).values()} <= {torch.float16, torch.int64}
    network = backbones.build_transfer_network("cifar_resnet", "embedded", 2, Normalize([0.5] * 3, [0.25] * 3))
    trained, _ = load_run(tmp_path / "runs" / "cifar_resnet" / "latest")
    for name, value in network.backbone.get_submodule("1").state_dict().items():
        torch.testing.assert_close(value, trained.state_dict()[f"network.1.{name}"], atol=1e-3, rtol=1e-3)
    card = target.with_suffix(".md").read_text()
    assert sha256(target) in card
    assert "make pretrained DATA=" in card


def test_another_experiments_run_is_refused(experiment: Cli, lightsmith: Cli) -> None:
    assert experiment("mnist_mlp", *SMALL).code == 0
    outcome = lightsmith("ship-weights", "--run=runs/mnist_mlp/latest")
    assert (outcome.code, "is a run of mnist_mlp" in outcome.err) == (2, True)
