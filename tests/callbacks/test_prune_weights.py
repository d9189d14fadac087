from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import Checkpoint, EMAWeightAveraging, ModelCheckpoint
from torch import Tensor, nn

from callbacks.apply_lora import ApplyLoRA
from callbacks.prune_channels import PruneChannels
from callbacks.prune_weights import PruneWeights
from lightning_modules.networks.edits.masks import prunable_weights
from lightning_modules.training.trainer_state import averaged_copies
from tests.tiny_task import TinyData, TinyModel, tiny_trainer, trained

STEPS = 15  # 3 epochs of 5
SIZES = {"network.0.weight": 32, "network.3.weight": 24}


def zeros(module: nn.Module) -> dict[str, int]:
    return {name: int((weight == 0).sum()) for name, weight in prunable_weights(module).items()}


class Follow(Callback):
    """Notes the zeros at the end of each step."""

    def __init__(self) -> None:
        self.seen: list[int] = []

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
        self.seen.append(sum(zeros(pl_module).values()))


@pytest.mark.parametrize("optimizer", ["adamw", "sgd", "muon"])
@pytest.mark.parametrize("sparsity", [0.3, 0.777])
def test_the_final_sparsity_is_exact(optimizer: str, sparsity: float) -> None:
    assert sum(zeros(trained(PruneWeights(sparsity), model=TinyModel(optimizer=optimizer))).values()) == round(
        sparsity * 56
    )


def test_each_layer_by_itself_has_the_sparsity() -> None:
    assert zeros(trained(PruneWeights(0.75, scope="layer"))) == {"network.0.weight": 24, "network.3.weight": 18}


def test_all_layers_together_lose_the_smallest_weights() -> None:
    model = TinyModel()
    with torch.no_grad():
        model.get_parameter("network.0.weight").mul_(1000)
    assert zeros(trained(PruneWeights(0.25), model=model)) == {"network.0.weight": 0, "network.3.weight": 14}


def test_the_sparsity_rises_along_a_cubic_and_then_holds() -> None:
    follow = Follow()
    trained(follow, PruneWeights(0.5, begin=0.2, end=0.6, every_n_steps=2))  # steps 3 to 9
    shares = [0.5 * (1 - (1 - step / 6) ** 3) for step in (0, 2, 4)]
    expected = [0] * 3 + [round(56 * share) for share in shares for _ in range(2)] + [28] * 6
    assert follow.seen == expected


def test_equal_begin_and_end_prune_at_once() -> None:
    follow = Follow()
    trained(PruneWeights(0.5, begin=0.4, end=0.4), follow)
    assert follow.seen == [0] * 6 + [28] * 9


def test_a_pruned_weight_stays_pruned() -> None:
    patterns: list[Tensor] = []

    class Note(Callback):
        def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
            patterns.append(torch.cat([w.flatten() == 0 for w in prunable_weights(pl_module).values()]))

    trained(Note(), PruneWeights(0.8, begin=0.1, every_n_steps=1))
    assert all((earlier & ~later).sum() == 0 for earlier, later in pairwise(patterns))


def test_two_of_every_four_inputs_remain() -> None:
    model = trained(PruneWeights(0.5, pattern="2:4", begin=0.1, every_n_steps=2))
    for weight in prunable_weights(model).values():
        assert ((weight == 0).reshape(-1, 4).sum(1) == 2).all()


class Images(TinyModel):
    def __init__(self, **recipe: Any) -> None:
        super().__init__(**recipe)
        conv = nn.Sequential(nn.Unflatten(1, (4, 1, 1)), nn.Conv2d(4, 8, 3, padding=1), nn.BatchNorm2d(8), nn.Flatten())
        self.network = nn.Sequential(conv, nn.Linear(8, 3)).to(memory_format=torch.channels_last)


def test_a_convolution_is_pruned_in_its_memory_format_and_along_its_input() -> None:
    model = trained(PruneWeights(0.5, pattern="2:4"), model=Images(optimizer="muon"))
    weight = model.get_parameter("network.0.1.weight")
    assert weight.is_contiguous(memory_format=torch.channels_last)
    assert ((weight == 0).movedim(1, -1).reshape(-1, 4).sum(1) == 2).all()


class Reader(TinyModel):
    class Last(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embedding, self.lstm, self.head = nn.Embedding(9, 4), nn.LSTM(4, 5, batch_first=True), nn.Linear(5, 3)

        def forward(self, points: Tensor) -> Tensor:
            tokens = (points.abs() * 3).long().clamp(max=8)
            logits: Tensor = self.head(self.lstm(self.embedding(tokens))[0][:, -1])
            return logits

    def __init__(self, **recipe: Any) -> None:
        super().__init__(**recipe)
        self.network = self.Last()


@pytest.mark.parametrize("embeddings", [False, True])
def test_an_lstm_and_when_asked_an_embedding_are_pruned(embeddings: bool) -> None:
    model = trained(PruneWeights(0.5, scope="layer", embeddings=embeddings), model=Reader())
    halves = {name: round(p.numel() / 2) for name, p in model.named_parameters() if p.ndim > 1 and "embed" not in name}
    assert zeros(model) == halves
    assert int((model.get_parameter("network.embedding.weight") == 0).sum()) == 18 * embeddings


def test_only_the_named_weights_that_train_are_pruned() -> None:
    assert zeros(trained(PruneWeights(0.5, weights=["*.0.*"]))) == {"network.0.weight": 16, "network.3.weight": 0}
    frozen = TinyModel()
    frozen.get_parameter("network.0.weight").requires_grad_(False)
    assert zeros(trained(PruneWeights(0.5), model=frozen)) == {"network.0.weight": 0, "network.3.weight": 12}


ORDERS: list[Callable[[Callback, Callback], list[Callback]]] = [lambda a, b: [a, b], lambda a, b: [b, a]]


@pytest.mark.parametrize("order", ORDERS, ids=["pruned first", "averaged first"])
def test_averaged_weights_are_as_sparse_as_those_that_they_average(order: Any, tmp_path: Path) -> None:
    follow = Follow()
    average, prune = EMAWeightAveraging(decay=0.9), PruneWeights(0.5, begin=0.1, every_n_steps=2)
    saved = ModelCheckpoint(tmp_path, "last", save_top_k=-1, enable_version_counter=False)
    model = trained(*order(average, prune), follow, saved, enable_checkpointing=True)
    assert sum(zeros(model).values()) == 28
    state = torch.load(saved.best_model_path, weights_only=True)["state_dict"]
    assert sum(int((state[name] == 0).sum()) for name in SIZES) == 28
    assert follow.seen[-1] == 28


def test_the_order_of_pruning_and_averaging_does_not_matter() -> None:
    one, other = (
        trained(*order(EMAWeightAveraging(decay=0.9), PruneWeights(0.5, begin=0.1, every_n_steps=2))).state_dict()
        for order in ORDERS
    )
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_the_best_checkpoint_is_one_of_the_final_sparsity_with_plain_names(tmp_path: Path) -> None:
    class EverWorse(Callback):
        def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
            pl_module.log("score", torch.tensor(-float(trainer.current_epoch)))

    best = ModelCheckpoint(tmp_path, "best", monitor="score", mode="max", enable_version_counter=False)
    trained(PruneWeights(0.5, end=0.5), EverWorse(), best, enable_checkpointing=True)  # in the second epoch
    checkpoint = torch.load(tmp_path / "best.ckpt", weights_only=True)
    assert checkpoint["epoch"] == 1
    assert checkpoint["state_dict"].keys() == TinyModel().state_dict().keys()
    assert sum(int((checkpoint["state_dict"][name] == 0).sum()) for name in SIZES) == 28


@pytest.mark.filterwarnings("ignore:Checkpoint directory", "ignore:You're resuming from a checkpoint that ended")
@pytest.mark.parametrize("restructured", [False, True])
def test_what_is_zero_stays_zero_when_a_run_is_extended_in_the_middle_of_it(restructured: bool) -> None:
    class SaveInMiddle(Checkpoint):
        def on_train_batch_end(self, trainer: Trainer, *_: Any) -> None:
            if trainer.global_step == 6:
                trainer.save_checkpoint("middle.ckpt")

    def pruned() -> PruneWeights:
        return PruneWeights(0.5, begin=0.2, end=0.8, every_n_steps=1)

    class FollowShares(Callback):
        def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
            sizes = sum(weight.numel() for weight in prunable_weights(pl_module).values())
            shares.append(sum(zeros(pl_module).values()) / sizes)

    shares: list[float] = []
    channels = [PruneChannels(0.5, epoch=2, round_to=1)] if restructured else []
    trained(pruned(), FollowShares(), SaveInMiddle(), max_epochs=3, enable_checkpointing=True)
    reached = shares[5]
    trainer = tiny_trainer(pruned(), *channels, FollowShares(), max_epochs=12, num_sanity_val_steps=0)
    trainer.fit(TinyModel(), TinyData(), ckpt_path="middle.ckpt", weights_only=True)
    assert 0.1 < reached < 0.5
    assert shares[15] == reached  # the first step after it, which would be before the extended ramp's first
    assert all(later >= earlier - 0.02 for earlier, later in pairwise(shares[15:]))  # exact but for whole weights
    assert shares[-1] == pytest.approx(0.5, abs=0.02)


def test_rewinding_gives_back_the_first_values_but_for_the_zeros() -> None:
    before = TinyModel().state_dict()
    seen: list[dict[str, Tensor]] = []
    steps: list[int] = []

    class Note(Callback):
        def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
            seen.append({name: p.detach().clone() for name, p in pl_module.named_parameters()})
            steps.append(sum(int(state["step"]) for state in trainer.optimizers[0].state.values()) // 6)

    trained(Note(), PruneWeights(0.5, begin=0.4, end=0.4, rewind=True))  # in the step of index 6
    assert not torch.equal(seen[5]["network.3.bias"], before["network.3.bias"])
    for name, value in seen[6].items():
        kept = value != 0 if name in SIZES else torch.ones_like(value, dtype=torch.bool)
        assert torch.equal(value[kept], before[name][kept])
    assert not torch.equal(seen[7]["network.3.bias"], before["network.3.bias"])
    assert steps == [1, 2, 3, 4, 5, 6, 0, 1, 2, 3, 4, 5, 6, 7, 8]  # of the optimizer, which starts anew


@pytest.mark.parametrize("order", ORDERS, ids=["pruned first", "averaged first"])
def test_an_average_begins_anew_with_the_rewound_weights(order: Any) -> None:
    averages: list[Tensor] = []
    before = TinyModel().state_dict()["network.3.bias"]
    average = EMAWeightAveraging(decay=0.99)

    class Note(Callback):
        def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
            averages.append(averaged_copies(trainer)[0].get_parameter("network.3.bias").detach().clone())

    trained(*order(PruneWeights(0.5, begin=0.4, end=0.4, rewind=True), average), Note())  # in the step of index 6
    assert not torch.equal(averages[5], before)
    assert torch.equal(averages[6], before)


def test_rewinding_goes_with_a_structure_that_stays_as_it_was_at_the_start() -> None:
    def rewound() -> PruneWeights:
        return PruneWeights(0.5, begin=0.7, end=0.7, rewind=True)

    model = trained(rewound(), ApplyLoRA(["0"], rank=2, also_train=["network.3.*"]))
    assert int((model.state_dict()["network.3.weight"] == 0).sum()) == 12
    with pytest.raises(ValueError, match="rewind=true needs a network whose structure stays as it was at first"):
        trained(rewound(), PruneChannels(0.5, epoch=1, round_to=1))


def test_the_sparsity_is_logged() -> None:
    trainer = tiny_trainer(PruneWeights(0.5), max_epochs=1, num_sanity_val_steps=0)
    trainer.fit(TinyModel(), TinyData())
    assert trainer.callback_metrics["train/sparsity"] == 0.5
