"""Every way in which what trains can differ from what should is found, and nothing else is."""

import copy
from typing import Any

import pytest
import torch
from lightning.pytorch import Callback
from lightning.pytorch.callbacks import EMAWeightAveraging
from torch import nn

from callbacks.guard_numerics import GuardNumerics
from callbacks.trainability_audit import Row, TrainabilityAudit, TrainabilityError, render, table_rows
from callbacks.unfreeze_backbone import UnfreezeBackbone
from tests.conftest import Cli
from tests.tiny_task import TinyData, TinyModel, tiny_trainer

FREEZE = ["network.0", "network.1"]


def fit(*callbacks: Callback, epochs: int = 3, **recipe: Any) -> None:
    if not any(isinstance(callback, TrainabilityAudit) for callback in callbacks):
        callbacks = (TrainabilityAudit(), *callbacks)
    options = {"lr": 0.01, "optimizer": "sgd", "schedule": "constant", "warmup_fraction": 0.0, **recipe}
    tiny_trainer(*callbacks, max_epochs=epochs, num_sanity_val_steps=0).fit(TinyModel(**options), TinyData())


class Thaw(Callback):
    """Lets the first layer train without telling the optimizer."""

    def setup(self, trainer: Any, pl_module: Any, stage: str) -> None:
        pl_module.network[0].weight.requires_grad = False

    def on_train_epoch_start(self, trainer: Any, pl_module: Any) -> None:
        pl_module.network[0].weight.requires_grad = trainer.current_epoch > 0


class Spoil(Callback):
    """Makes the gradients of an epoch's last step useless."""

    def on_after_backward(self, trainer: Any, pl_module: Any) -> None:
        if trainer.global_step == 9:
            for parameter in pl_module.parameters():
                parameter.grad.fill_(float("nan"))


class Freeze(Callback):
    """Freezes the last layer without telling the optimizer."""

    def on_train_epoch_start(self, trainer: Any, pl_module: Any) -> None:
        pl_module.network[3].bias.requires_grad = trainer.current_epoch == 0


class Hold(Callback):
    """Takes the last layer back to where it was, within every step."""

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        layer = pl_module.network[3]
        held = copy.deepcopy(layer.state_dict())
        trainer.optimizers[0].register_step_post_hook(lambda *_: layer.load_state_dict(held))


class Nudge(Callback):
    """Moves a frozen weight."""

    def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        if batch_idx == 2:
            pl_module.network[0].weight.data[0, 0] += 1


class WakeNorm(Callback):
    """Puts a frozen batch norm back into training mode, after every other callback."""

    def on_before_zero_grad(self, trainer: Any, pl_module: Any, *_: Any) -> None:
        pl_module.network[1].training = True
        pl_module.network[1](torch.randn(4, 8))


FAULTS: list[tuple[list[Callback], str]] = [
    ([Thaw()], "network.0.weight should train, but is not in the optimizer"),
    ([Freeze()], "network.3.bias is frozen, but still in the optimizer"),
    ([Hold()], "network.3 should train and has gradients, but did not change in a whole epoch"),
    ([Nudge(), UnfreezeBackbone(FREEZE)], "network.0.weight is frozen, but changed"),
    ([WakeNorm(), UnfreezeBackbone(FREEZE)], "network.1 is frozen, but its statistics changed"),
]


@pytest.mark.parametrize("audit_first", [True, False])
@pytest.mark.parametrize(("callbacks", "message"), FAULTS, ids=[type(callbacks[0]).__name__ for callbacks, _ in FAULTS])
def test_fault_stops_the_run(callbacks: list[Callback], message: str, audit_first: bool) -> None:
    audit = TrainabilityAudit()
    with pytest.raises(TrainabilityError, match=message):
        fit(*((audit, *callbacks) if audit_first else (*callbacks, audit)))


@pytest.mark.parametrize(
    "recipe",
    [
        {"optimizer": "adamw", "schedule": "one-cycle"},
        {"schedule": "linear", "lr": 1e-9},  # steps that vanish in rounding
        {"optimizer": "muon", "weight_decay": 0.1},
    ],
)
def test_a_run_without_faults_is_left_alone(recipe: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    staged = UnfreezeBackbone(FREEZE, stages={1: ["network.1"], 2: ["network.0"]})
    fit(staged, EMAWeightAveraging(decay=0.9), epochs=4, **recipe)
    assert capsys.readouterr().out.count("what trains") == 4


def test_the_table_can_be_kept_to_changes(capsys: pytest.CaptureFixture[str]) -> None:
    fit(UnfreezeBackbone(FREEZE, stages={2: ["network.1"]}), TrainabilityAudit(every_epoch=False), epochs=4)
    printed = capsys.readouterr().out
    assert [line for line in printed.splitlines() if "what trains" in line] == [
        "epoch 0: what trains",
        "epoch 2: what trains",
    ]
    first, second = printed.split("epoch 2")
    assert [line.split() for line in first.splitlines()[3:]] == [
        ["network.0", "40", "no", "no", "0"],
        ["network.1", "16", "no", "no", "0", "eval"],
        ["network.3", "27", "yes", "yes", "0.01"],
    ]
    assert [line.split() for line in second.splitlines()[3:]] == [
        ["network.0", "40", "no", "no", "0", "no"],
        ["network.1", "16", "yes", "yes", "0.01", "train", "no"],
        ["network.3", "27", "yes", "yes", "0.01", "yes"],
    ]


def test_parts_that_are_alike_share_a_row() -> None:
    network = nn.Sequential(nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2)), nn.Linear(2, 2))
    rates = {id(parameter): 0.5 for parameter in network.parameters()}
    assert table_rows(network, "network", rates, {}) == [Row("network", 16, "yes", "yes", 0.5, "train", None)]
    network[1].weight.requires_grad = False
    assert [(row.module, row.trains) for row in table_rows(network, "network", rates, {})] == [
        ("network.0", "yes"),
        ("network.1", "part"),
    ]


def test_every_column_fits_its_longest_content() -> None:
    row = Row("network.encoder.encoder.layer.11.attention.output", 22_566_146, "part", "part", 1.5e-05, "train", True)
    assert all(text in render([row]) for text in (row.module, "22,566,146", "1.5e-05"))


def test_a_fault_is_one_line_and_exit_code_one(experiment: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lightning_modules.classifier.Classifier.sync_optimizer", lambda self: None)
    outcome = experiment(
        "mnist_mlp",
        *("--data.train_size=300", "--loggers=[csv]", "--trainer.max_epochs=2"),
        "--trainer.callbacks+=callbacks.unfreeze_backbone.UnfreezeBackbone",
        *("--trainer.callbacks.freeze=[network.1.body*]", "--trainer.callbacks.stages={1: [network.1.body.1]}"),
        "--trainer.callbacks+=callbacks.trainability_audit.TrainabilityAudit",
    )
    assert outcome.code == 1
    assert outcome.err.startswith("network.1.body.1.0.weight should train, but is not in the optimizer")
    assert outcome.err.count("\n") == 1


def test_an_epoch_that_was_rolled_back_to_its_beginning_is_no_mistake() -> None:
    fit(Spoil(), GuardNumerics("rollback", copy_every_n_steps=5))
