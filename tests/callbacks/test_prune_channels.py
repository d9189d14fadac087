import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import EMAWeightAveraging, ModelCheckpoint
from torch import Tensor

from callbacks.prune_channels import PruneChannels
from callbacks.prune_weights import PruneWeights
from lightning_modules.networks.edits.masks import prunable_weights
from lightsmith.checkpoints.rebuild import check_fits, repeat_operations
from tests.tiny_task import TinyData, TinyModel, tiny_trainer, trained


def halved(**options: Any) -> PruneChannels:
    return PruneChannels(**{"macs": 0.5, "epoch": 1, "round_to": 1, **options})


def shapes(state: dict[str, Tensor]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in state.items() if name.startswith("network")}


SMALL = {
    "network.0.weight": (4, 4),
    "network.0.bias": (4,),
    "network.1.weight": (4,),
    "network.1.bias": (4,),
    "network.1.running_mean": (4,),
    "network.1.running_var": (4,),
    "network.1.num_batches_tracked": (),
    "network.3.weight": (3, 4),
    "network.3.bias": (3,),
}


class Widths(Callback):
    """Notes the hidden units at the end of each step."""

    def __init__(self) -> None:
        self.seen: list[int] = []

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
        self.seen.append(len(pl_module.get_parameter("network.0.weight")))


def test_the_network_is_smaller_from_its_epoch_on() -> None:
    widths = Widths()
    assert shapes(trained(widths, halved()).state_dict()) == SMALL
    assert widths.seen == [8] * 5 + [4] * 10


@pytest.mark.filterwarnings("ignore:Be aware that when using .ckpt_path.:UserWarning")
def test_a_checkpoint_loads_into_the_smaller_network_without_the_callback(tmp_path: Path) -> None:
    path = tmp_path / "small.ckpt"
    model = trained(halved(), saved=path)
    checkpoint = torch.load(path, weights_only=True)
    fresh = TinyModel()
    repeat_operations(checkpoint, fresh, path)
    check_fits(checkpoint, fresh, path)
    fresh.load_state_dict(checkpoint["state_dict"])
    assert torch.equal(fresh.probabilities(TinyData()), model.probabilities(TinyData()))
    resumed = TinyModel()
    tiny_trainer(max_epochs=4).fit(resumed, TinyData(), ckpt_path=path)
    assert shapes(resumed.state_dict()) == SMALL


@pytest.mark.parametrize("optimizer", ["adamw", "sgd", "rmsprop", "muon"])
def test_what_is_left_keeps_its_moments(optimizer: str) -> None:
    seen: list[dict[str, dict[str, Any]]] = []

    class Note(Callback):
        def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
            state = trainer.optimizers[0].state
            named = dict(pl_module.named_parameters())
            seen.append({name: copy.deepcopy(state[p]) for name, p in named.items() if p in state})

    model = trained(Note(), halved(), Note(), model=TinyModel(optimizer=optimizer))
    before, after = seen[10], seen[11]  # around the first step of the second epoch
    kept = model.operations[0]["options"]["kept"]["0"]["out"]
    assert before.keys() == after.keys()
    for key, moment in before["network.0.weight"].items():
        smaller = after["network.0.weight"][key]
        assert torch.equal(smaller, moment if moment.ndim == 0 else moment[kept])
    assert all(
        torch.equal(after["network.3.weight"][key], moment if moment.ndim == 0 else moment[:, kept])
        for key, moment in before["network.3.weight"].items()
    )


def test_the_best_checkpoint_is_one_of_the_smaller_network(tmp_path: Path) -> None:
    class EverWorse(Callback):
        def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
            pl_module.log("score", torch.tensor(-float(trainer.current_epoch)))

    best = ModelCheckpoint(tmp_path, "best", monitor="score", mode="max", enable_version_counter=False)
    trained(halved(), EverWorse(), best, enable_checkpointing=True)
    checkpoint = torch.load(tmp_path / "best.ckpt", weights_only=True)
    assert (checkpoint["epoch"], shapes(checkpoint["state_dict"])) == (1, SMALL)


ORDERS: list[Callable[[Callback, Callback], list[Callback]]] = [lambda a, b: [a, b], lambda a, b: [b, a]]


def test_averaged_weights_become_smaller_too_in_either_order(tmp_path: Path) -> None:
    ends = []
    for order in ORDERS:
        model = trained(*order(EMAWeightAveraging(decay=0.5), halved()), saved=tmp_path / "x.ckpt")
        assert shapes(torch.load(tmp_path / "x.ckpt", weights_only=True)["state_dict"]) == SMALL
        ends.append(model.state_dict())
    assert all(torch.equal(ends[0][name], ends[1][name]) for name in ends[0])


@pytest.mark.parametrize("begin", [0.1, 0.8], ids=["during", "before"])
def test_pruned_weights_are_pruned_to_the_same_share_of_the_smaller_network_in_either_order(begin: float) -> None:
    ends = []
    for order in ORDERS:
        sparse = PruneWeights(0.5, begin=begin, end=0.8, every_n_steps=2)
        model = trained(*order(sparse, halved()))
        assert sum(int((weight == 0).sum()) for weight in prunable_weights(model).values()) == 14  # of 28
        ends.append(model.state_dict())
    assert all(torch.equal(ends[0][name], ends[1][name]) for name in ends[0])


def test_zeros_stay_where_channels_are_removed_after_the_pruning() -> None:
    holes: list[int] = []

    class Note(Callback):
        def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
            holes.append(sum(int((weight == 0).sum()) for weight in prunable_weights(pl_module).values()))

    trained(halved(epoch=2), PruneWeights(0.5, begin=0.2, end=0.2), Note())
    assert holes == [0] * 3 + [28] * 7 + [14] * 5


def test_what_is_fixed_stays_whole_and_the_rest_is_removed() -> None:
    frozen = TinyModel()
    for name in ("network.0.weight", "network.0.bias"):
        frozen.get_parameter(name).requires_grad_(False)
    with pytest.raises(ValueError, match="PruneChannels: the network has no channels between two layers that train"):
        trained(halved(), model=frozen)
    frozen.get_submodule("network").insert(0, torch.nn.Linear(4, 4))  # type: ignore[operator]
    frozen.get_submodule("network").insert(0, torch.nn.Linear(4, 4))  # type: ignore[operator]
    state = trained(halved(macs=0.8), model=frozen).state_dict()
    assert (len(state["network.0.weight"]), len(state["network.1.weight"]), len(state["network.2.weight"])) == (2, 4, 8)


def test_what_could_not_work_is_refused_before_training() -> None:
    message = "PruneChannels: epoch=3 is not reached in the run's 3 epochs: give more than 3, by trainer.max_epochs"
    with pytest.raises(ValueError, match=message):
        trained(halved(epoch=3))
    for options in ({"macs": 1.0}, {"macs": 0.0}, {"epoch": -1}, {"round_to": 0}):
        with pytest.raises(ValueError, match=next(iter(options))):
            PruneChannels(**options)
    trained(halved(epoch=3), fast_dev_run=True)
