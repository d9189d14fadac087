"""What is frozen does not move, what is unfrozen joins where the run stands, and nothing else changes."""

from collections import OrderedDict
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from lightning.pytorch import Callback, seed_everything
from torch import nn

from callbacks.apply_lora import ApplyLoRA
from callbacks.unfreeze_backbone import UnfreezeBackbone, outermost
from lightning_modules.cifar_cnn import CifarCNN
from lightning_modules.classifier import Classifier
from lightning_modules.imdb_lstm import ImdbLSTM
from lightning_modules.resnet_transfer import ResNetTransfer
from tests.conftest import Cli
from tests.tiny_task import CLASS_NAMES, TinyData, TinyModel, tiny_trainer


class Transfer(TinyModel):
    """A backbone with a norm and dropout, a neck and a head."""

    def __init__(self, **recipe: Any) -> None:
        super().__init__(**recipe)
        backbone = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Dropout(0.5))
        parts = OrderedDict(backbone=backbone, neck=nn.Linear(8, 8), relu=nn.ReLU(), head=nn.Linear(8, 3))
        self.network = nn.Sequential(parts)


class Watch(Callback):
    """After each epoch's first step: what trains, what the optimizer holds, and learning rates by name."""

    def __init__(self, in_train_mode: bool = False) -> None:
        self.in_train_mode = in_train_mode
        self.training: list[set[str]] = []
        self.rates: list[dict[str, float]] = []
        self.steps: list[dict[str, float]] = []

    def on_train_epoch_start(self, trainer: Any, pl_module: Any) -> None:
        if self.in_train_mode:
            pl_module.train()

    def on_before_optimizer_step(self, trainer: Any, pl_module: Any, optimizer: Any) -> None:
        if trainer.global_step % trainer.num_training_batches == 0:
            names = {parameter: name for name, parameter in pl_module.named_parameters()}
            groups = optimizer.param_groups
            self.training.append({name for name, module in pl_module.named_modules() if module.training})
            self.rates.append({names[p]: group["lr"] for group in groups for p in group["params"]})
            self.steps.append({names[p]: float(state["step"]) for p, state in optimizer.state.items()})


def fit(*callbacks: Callback, model: Classifier | None = None, epochs: int = 3) -> Classifier:
    seed_everything(5, verbose=False)
    model = model or Transfer(lr=0.1, schedule="linear", warmup_fraction=0.0)
    tiny_trainer(*callbacks, max_epochs=epochs, num_sanity_val_steps=0).fit(model, TinyData())
    return model


def start() -> dict[str, torch.Tensor]:
    seed_everything(5, verbose=False)
    return Transfer().state_dict()


BACKBONE = {
    "network.backbone.0.weight",
    "network.backbone.0.bias",
    "network.backbone.1.weight",
    "network.backbone.1.bias",
}
NECK, HEAD = {"network.neck.weight", "network.neck.bias"}, {"network.head.weight", "network.head.bias"}


@pytest.mark.parametrize("in_train_mode", [False, True])
@pytest.mark.parametrize("watch_first", [False, True])
def test_frozen_does_not_move_and_is_not_in_the_optimizer(in_train_mode: bool, watch_first: bool) -> None:
    before, watch = start(), Watch(in_train_mode)
    callbacks = [watch, UnfreezeBackbone(freeze=["network.backbone*"])]
    after = fit(*(callbacks if watch_first else callbacks[::-1])).state_dict()
    for name, value in before.items():
        if name.startswith("network."):  # statistics of the norm included
            assert torch.equal(after[name], value) == name.startswith("network.backbone."), name
    assert len(watch.rates) == 3
    for rates, training in zip(watch.rates, watch.training, strict=True):
        assert set(rates) == NECK | HEAD
        assert not {name for name in training if name.startswith("network.backbone")}
        assert {"network.neck", "network.head"} <= training


def test_a_stage_joins_with_fresh_state_where_the_schedule_stands() -> None:
    watch = Watch()
    staged = UnfreezeBackbone(
        freeze=["network.backbone", "network.neck"],
        stages={1: ["network.neck"], 2: ["network.backbone.1"]},
        stage_lr_factors={2: 0.5},
    )
    fit(watch, staged)
    norm = {name for name in BACKBONE if ".1." in name}
    assert [set(rates) for rates in watch.rates] == [HEAD, HEAD | NECK, HEAD | NECK | norm]
    for epoch, rates in enumerate(watch.rates):
        for name, rate in rates.items():
            assert rate == pytest.approx(0.1 * (1 - epoch / 3) * (0.5 if name in norm else 1))
    assert watch.steps[2] == dict.fromkeys(HEAD, 10.0) | dict.fromkeys(NECK, 5.0)
    modes = [{name for name in training if name.startswith("network.backbone")} for training in watch.training]
    assert modes == [set(), set(), {"network.backbone.1"}]


def test_layers_further_from_the_head_learn_slower() -> None:
    watch = Watch()
    fit(watch, UnfreezeBackbone(layers=["network.backbone.?", "network.neck"], layer_decay=0.5), epochs=1)
    (rates,) = watch.rates
    names = ("network.head.bias", "network.neck.bias", "network.backbone.1.bias", "network.backbone.0.bias")
    assert [rates[name] for name in names] == pytest.approx([0.1, 0.05, 0.0125, 0.00625])  # .2 is the dropout


def test_a_layer_within_a_layer_is_none_of_its_own() -> None:
    assert outermost(["a", "a.b", "ab", "c.d", "c.d.e"]) == ["a", "ab", "c.d"]


@pytest.mark.parametrize(
    ("model", "freeze", "fixed"),
    [
        (
            lambda: ImdbLSTM(class_names=CLASS_NAMES, vocabulary_size=9, pretrained_dim=4),
            ["*.embedding", "*.projection"],
            "embedding",
        ),
        (lambda: CifarCNN(class_names=CLASS_NAMES), ["network.1.body*"], "1.body.0.0"),
    ],
)
def test_what_the_network_keeps_fixed_is_never_unfrozen(model: Any, freeze: list[str], fixed: str) -> None:
    module = model()
    before = {name for name, parameter in module.named_parameters() if parameter.requires_grad}
    staged = UnfreezeBackbone(freeze, stages={1: ["network*"]})
    staged.setup(tiny_trainer(max_epochs=3), module, "fit")
    assert {name for name, parameter in module.named_parameters() if parameter.requires_grad} < before
    epoch: Any = SimpleNamespace(current_epoch=1)
    staged.on_train_epoch_start(epoch, module)
    assert {name for name, parameter in module.named_parameters() if parameter.requires_grad} == before
    assert f"network.{fixed}.weight" not in before


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"freeze": ["network.bakbone*"]}, r"freeze has 'network.bakbone\*'.* near names are network.backbone,"),
        ({"freeze": ["network.neck"], "stages": {1: ["neck"]}}, r"stages\[1\] has 'neck'.*network.neck"),
        ({"freeze": ["network.neck"], "stages": {1: ["network.head"]}}, r"stages\[1\].* unfreezes nothing"),
        ({"freeze": ["network.neck"], "stages": {1: ["network*"], 2: ["network.neck"]}}, r"stages\[2\].*nothing"),
        (
            {"freeze": ["network.neck"], "stages": {3: ["network*"]}},
            "epoch 3 .* 3 epochs: .*than 3, by trainer.max_epochs",
        ),
        ({"freeze": ["network.relu"]}, "matches no weights that train"),
        ({"freeze": ["network*"]}, "every parameter of the model is frozen"),
        ({"freeze": ["network.neck"], "stages": {0: ["network*"]}}, "stages has epoch 0"),
        ({"stage_lr_factors": {1: 0.5}}, "stage_lr_factors has 1: 0.5"),
        ({"layer_decay": 0.5}, "layer_decay=0.5"),
        ({"layer_decay": 0.5, "layers": ["nothing"]}, "layers has 'nothing'"),
    ],
)
def test_mistake_is_one_line(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message) as told:
        fit(UnfreezeBackbone(**options))
    assert "\n" not in str(told.value)


def test_rates_by_depth_reach_adapters_in_any_order_and_freezing_is_left_to_apply_lora() -> None:
    for last in (True, False):
        watch, adapters = Watch(), ApplyLoRA(["neck"], rank=2, also_train=["network.head.*"])
        rates = UnfreezeBackbone(layers=["network.neck"], layer_decay=0.5)
        fit(watch, *((rates, adapters) if last else (adapters, rates)), epochs=1)
        assert set(watch.rates[0]) == HEAD | {f"network.neck.lora_{side}.default.weight" for side in "AB"}
        assert {rate for name, rate in watch.rates[0].items() if "neck" in name} == {0.05}
        frozen = UnfreezeBackbone(freeze=["network.neck"])
        with pytest.raises(ValueError, match="does not go with adapters"):
            fit(*((frozen, adapters) if last else (adapters, frozen)))


def test_stages_with_several_processes_are_refused() -> None:
    staged = UnfreezeBackbone(["network.neck"], stages={1: ["network*"]})
    with pytest.raises(ValueError, match="one process, not 2"):
        staged.setup(tiny_trainer(max_epochs=3, devices=2, strategy="ddp"), Transfer(), "fit")


def test_a_backbone_that_its_own_model_froze_is_no_ground_for_stages() -> None:
    model = ResNetTransfer(class_names=CLASS_NAMES, weights=None, freeze_backbone=True)
    with pytest.raises(ValueError, match=r"is model\.freeze_backbone on"):
        UnfreezeBackbone(["network.backbone*"]).setup(tiny_trainer(), model, "fit")


def test_a_wrong_name_on_the_command_line_is_one_line_and_exit_code_two(experiment: Cli) -> None:
    add = "--trainer.callbacks+=callbacks.unfreeze_backbone.UnfreezeBackbone"
    outcome = experiment("mnist_mlp", "--loggers=[]", add, "--trainer.callbacks.freeze=[network.1.bodi]")
    assert outcome.code == 2
    assert outcome.err.startswith("UnfreezeBackbone: freeze has 'network.1.bodi', which matches no module; near names")
    assert outcome.err.count("\n") == 1
