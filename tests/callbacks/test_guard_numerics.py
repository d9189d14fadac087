"""What is not finite is found within a step, named, and never saved."""

import time
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from torch import Tensor, nn

from callbacks.guard_numerics import GuardNumerics, NonFiniteError
from callbacks.prune_channels import PruneChannels
from callbacks.prune_weights import PruneWeights
from callbacks.unfreeze_backbone import UnfreezeBackbone
from lightning_modules.mnist_mlp import MnistMLP
from lightning_modules.nonfinite import poisoned
from tests import killed_training as resumed_training
from tests.tiny_task import TinyBatch, TinyData, TinyModel, tiny_trainer

pytestmark = pytest.mark.filterwarnings("ignore:Encountered `nan` values")  # validation of what is poisoned
NAN, INF = float("nan"), float("inf")


class Spoil(Callback):
    """Makes one thing not finite at some steps: ``input`` (of the batch's second item), ``loss`` or ``gradient``."""

    def __init__(self, what: str, *steps: int, value: float = NAN, module: str = "network.0") -> None:
        self.what, self.steps, self.value, self.module = what, steps, value, module

    def on_fit_start(self, trainer: Trainer, pl_module: Any) -> None:
        def spoil(values: Tensor) -> Tensor:
            return values + self.value if trainer.global_step in self.steps else values

        if self.what == "loss":
            step = pl_module.training_step
            pl_module.training_step = lambda *arguments: spoil(step(*arguments))
        if self.what == "gradient":
            pl_module.get_submodule(self.module).weight.register_hook(spoil)

    def on_train_batch_start(self, trainer: Trainer, pl_module: Any, batch: TinyBatch, batch_idx: int) -> None:
        if self.what == "input" and trainer.global_step in self.steps:
            batch.points[1, 2] = self.value


class CountSteps(Callback):
    """The weights after each optimizer step."""

    def __init__(self) -> None:
        self.weights: list[Tensor] = []

    def on_train_batch_end(self, trainer: Trainer, pl_module: Any, *_: Any) -> None:
        self.weights.append(nn.utils.parameters_to_vector(pl_module.parameters()).detach().clone())


def fit(*callbacks: Callback, model: TinyModel | None = None, **options: Any) -> TinyModel:
    model = model or TinyModel(optimizer="adamw", lr=0.01)
    tiny_trainer(*callbacks, **{"max_epochs": 2, **options}).fit(model, TinyData())
    return model


PLACES = {
    "input": "the input is not finite for training item 25",
    "loss": "the loss is not finite for training items 24, 25, 26, 27, 28, 29, 30, 31",
    "gradient": "the gradient of network.0.weight is not finite for training items 24, 25, 26, 27, 28, 29, 30, 31",
}


@pytest.mark.parametrize("deferred", [False, True])
@pytest.mark.parametrize("value", [NAN, INF, -INF])
@pytest.mark.parametrize("what", PLACES)
def test_stops_within_a_step_naming_step_place_and_items(
    what: str, value: float, deferred: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if deferred:  # as on a GPU: the fused kernel leaves the step out, and the next step looks back
        monkeypatch.setattr(GuardNumerics, "_can_wait", lambda self, step, optimizer: bool(optimizer.state))
    steps = CountSteps()
    with pytest.raises(NonFiniteError) as stopped:
        fit(GuardNumerics(), Spoil(what, 8, value=value), steps)
    assert str(stopped.value) == f"step 8: {PLACES[what]}"
    assert len(steps.weights) == 8 + deferred
    assert all(weights.isfinite().all() for weights in steps.weights)
    assert not deferred or torch.equal(steps.weights[7], steps.weights[8])


def test_without_the_guard_the_weights_are_poisoned() -> None:
    assert poisoned(fit(Spoil("gradient", 8))) == "network.0.weight"


def test_the_first_module_in_the_order_of_execution_is_named() -> None:
    model = TinyModel()
    model.get_submodule("network.2").register_forward_hook(
        lambda module, inputs, output: output.log()
    )  # zeros become -inf
    with pytest.raises(NonFiniteError, match=r"^step 0: the output of network\.2 \(ReLU\) is not finite for training"):
        fit(GuardNumerics(), model=model)
    with torch.no_grad():
        model.get_parameter("network.0.weight")[3, 1] = INF
    with pytest.raises(NonFiniteError, match=r"^step 0: network\.0\.weight is not finite$"):
        fit(GuardNumerics(), model=model)


def test_with_accumulation_the_batch_that_brought_it_is_named() -> None:
    with pytest.raises(NonFiniteError, match=r"^step 1: the input is not finite for training item 17$"):
        fit(GuardNumerics(), Spoil("input", 1), accumulate_grad_batches=2)


class Last(ModelCheckpoint):
    def __init__(self, folder: Path) -> None:
        super().__init__(folder, filename="last", every_n_train_steps=1, enable_version_counter=False)


@pytest.mark.parametrize("guarded", [True, False])
def test_the_last_good_checkpoint_is_kept(tmp_path: Path, guarded: bool) -> None:
    guards = [GuardNumerics()] if guarded else []
    options: dict[str, Any] = {"enable_checkpointing": True}
    try:
        fit(*guards, Spoil("input", 8), Last(tmp_path), **options)
    except NonFiniteError:
        assert guarded
    saved = torch.load(tmp_path / "last.ckpt", weights_only=True)
    assert saved["global_step"] == (8 if guarded else 10)
    assert all(tensor.isfinite().all() for tensor in saved["state_dict"].values()) == guarded


def test_weights_that_a_step_itself_made_infinite_are_not_saved(tmp_path: Path) -> None:
    class Overflow(Callback):
        def on_train_batch_end(self, trainer: Trainer, pl_module: Any, *_: Any) -> None:
            if trainer.global_step == 5:
                pl_module.network[3].bias.data.fill_(INF)

    with pytest.raises(NonFiniteError, match=r"^step 5: network\.3\.bias is not finite, so nothing was saved$"):
        fit(GuardNumerics(), Overflow(), Last(tmp_path), enable_checkpointing=True)
    assert torch.load(tmp_path / "last.ckpt", weights_only=True)["global_step"] == 4


def test_a_mask_of_infinities_may_be_saved() -> None:
    model = TinyModel()
    model.register_buffer("mask", torch.tensor([0.0, -INF]))
    assert poisoned(model) is None
    model.get_buffer("mask")[0] = NAN
    assert poisoned(model) == "mask"


def test_skip_leaves_out_the_step_and_what_its_forward_pass_wrote(capsys: pytest.CaptureFixture[str]) -> None:
    guard, steps = GuardNumerics("skip"), CountSteps()
    model = fit(guard, Spoil("input", 3, 6), steps)
    assert len(steps.weights) == 10
    assert [torch.equal(a, b) for a, b in zip(steps.weights, steps.weights[1:], strict=False)] == [
        step in (3, 6) for step in range(1, 10)
    ]
    assert poisoned(model) is None
    assert guard.left_out == 2
    assert capsys.readouterr().out.splitlines() == [
        "step 3: the input is not finite for training item 25; left out (1 so far)",
        "step 6: the input is not finite for training item 9; left out (2 so far)",
    ]


@pytest.mark.parametrize("on_nonfinite", ["skip", "rollback"])
def test_too_many_in_a_row_stop(on_nonfinite: Any) -> None:
    with pytest.raises(NonFiniteError, match=r"^step 4: .*; so were the 2 steps before, which were left out$"):
        fit(GuardNumerics(on_nonfinite, most_in_a_row=2), Spoil("loss", 0, 2, 3, 4))
    fit(GuardNumerics(on_nonfinite, most_in_a_row=2), Spoil("loss", 0, 2, 3, 5, 6))


@pytest.mark.parametrize("deferred", [False, True])
def test_rollback_goes_on_from_the_last_copy(
    deferred: bool, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    if deferred:
        monkeypatch.setattr(GuardNumerics, "_can_wait", lambda self, step, optimizer: bool(optimizer.state))
    steps = CountSteps()
    model = fit(GuardNumerics("rollback", copy_every_n_steps=4), Spoil("gradient", 6), steps)
    assert torch.equal(steps.weights[6 + deferred], steps.weights[3])
    assert not torch.equal(steps.weights[7 + deferred], steps.weights[3])
    assert poisoned(model) is None
    assert "; rolled back to step 4 (1 so far)\n" in capsys.readouterr().out


def test_rollback_copies_anew_when_other_weights_train(capsys: pytest.CaptureFixture[str]) -> None:
    staged = UnfreezeBackbone(["network.0", "network.1"], stages={1: ["network.0"]})
    fit(GuardNumerics("rollback", copy_every_n_steps=100), Spoil("gradient", 7, module="network.3"), staged)
    assert "; rolled back to step 5 (1 so far)\n" in capsys.readouterr().out  # where its second epoch began


ORDERS: list[Callable[[Callback, Callback], list[Callback]]] = [lambda a, b: [a, b], lambda a, b: [b, a]]


@pytest.mark.parametrize("deferred", [False, True])
@pytest.mark.parametrize("step", [6, 7])
@pytest.mark.parametrize("order", ORDERS, ids=["guarded first", "pruned first"])
def test_a_rewind_is_never_taken_back(
    order: Callable[[Callback, Callback], list[Callback]], step: int, deferred: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if deferred:
        monkeypatch.setattr(GuardNumerics, "_can_wait", lambda self, step, optimizer: bool(optimizer.state))
    steps, first = CountSteps(), nn.utils.parameters_to_vector(TinyModel().parameters())
    rewinding = PruneWeights(0.5, begin=0.6, end=0.6, rewind=True)  # in the step of index 6
    fit(*order(GuardNumerics("rollback"), rewinding), Spoil("loss", step), steps)
    assert torch.equal(steps.weights[step][-3:], first[-3:])  # the last layer's bias, which is not pruned
    for weights in steps.weights[6:]:
        assert int((weights == 0).sum()) >= 28


@pytest.mark.parametrize("on_nonfinite", ["skip", "rollback"])
@pytest.mark.parametrize("order", ORDERS, ids=["guarded first", "narrowed first"])
def test_the_structure_may_change_in_the_step_that_is_left_out(
    order: Callable[[Callback, Callback], list[Callback]], on_nonfinite: Any
) -> None:
    guard = GuardNumerics(on_nonfinite)
    model = fit(*order(guard, PruneChannels(0.5, epoch=1, round_to=1)), Spoil("input", 5))
    assert guard.left_out == 1
    assert poisoned(model) is None
    assert len(model.get_parameter("network.0.bias")) < 8


def test_gradients_are_accumulated_without_keeping_their_batches() -> None:
    alive: list[int] = []

    class Watch(Callback):
        def __init__(self) -> None:
            self.seen: list[weakref.ref[Tensor]] = []

        def on_train_batch_end(self, trainer: Trainer, pl_module: Any, outputs: Any, batch: TinyBatch, *_: Any) -> None:
            self.seen.append(weakref.ref(batch.points))
            alive.append(sum(points() is not None for points in self.seen))

    fit(GuardNumerics(), Watch(), accumulate_grad_batches=5)
    assert max(alive) <= 2  # the last one, and the next that Lightning fetches


class SpoilLoss(Callback):
    """Of these training batches, counted over all epochs."""

    def __init__(self, *batches: int) -> None:
        self.batches = batches

    def on_fit_start(self, trainer: Trainer, pl_module: Any) -> None:
        def spoil(batch: Any, logits: Tensor, loss: Tensor) -> Tensor:
            return loss * NAN if trainer.fit_loop.total_batch_idx in self.batches else loss

        pl_module.loss_transforms["attack"] = spoil


@pytest.mark.parametrize("on_nonfinite", ["skip", "rollback"])
def test_a_resumed_run_reports_a_batch_from_before_the_kill_in_the_same_words(
    on_nonfinite: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def make() -> list[Callback]:
        return [GuardNumerics(on_nonfinite), SpoilLoss(4)]

    monkeypatch.setenv("PL_GLOBAL_SEED", "5")
    whole = resumed_training.trained(*make(), accumulate_grad_batches=2)
    said = capsys.readouterr().out
    assert "step 2: the loss is not finite for training items" in said
    resumed = resumed_training.died_and_resumed(make, step=5, accumulate_grad_batches=2)  # after that batch
    assert capsys.readouterr().out == said
    assert resumed["callbacks"]["GuardNumerics"]["left_out"] == 1
    resumed_training.assert_same(resumed["state_dict"], whole["state_dict"])


@pytest.mark.parametrize("moment", [{"step": 6}, {"step": 7}], ids=str)
def test_a_step_that_the_device_left_out_before_a_kill_is_taken_back_after_it(
    moment: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    def make() -> list[Callback]:
        return [GuardNumerics("rollback", copy_every_n_steps=4), SpoilLoss(5)]

    monkeypatch.setenv("PL_GLOBAL_SEED", "5")
    monkeypatch.setattr(GuardNumerics, "_can_wait", lambda self, step, optimizer: bool(optimizer.state))
    whole = resumed_training.trained(*make())
    assert whole["callbacks"]["GuardNumerics"]["left_out"] == 1
    resumed_training.assert_same(resumed_training.died_and_resumed(make, **moment), whole)


def test_a_guarded_run_without_accident_is_the_unguarded_one() -> None:
    plain, *others = (
        fit(*guards).state_dict()
        for guards in ([], [GuardNumerics()], [GuardNumerics("skip")], [GuardNumerics("rollback")])
    )
    for other in others:
        assert all(torch.equal(plain[name], other[name]) for name in plain)


def test_counts_out_of_range_are_refused() -> None:
    with pytest.raises(ValueError, match="most_in_a_row=0"):
        GuardNumerics(most_in_a_row=0)


def hooks_of_a_step(guard: GuardNumerics, trainer: Any, model: Any, batch: Any, loss: Tensor) -> None:
    guard.on_train_batch_start(trainer, model, batch, 0)
    guard.on_before_backward(trainer, model, loss)
    guard.on_before_optimizer_step(trainer, model, trainer.optimizers[0])


@pytest.fixture
def mnist_step() -> tuple[Any, Any, Any, Tensor]:
    """A Trainer, mnist_mlp's network with gradients, a batch and its loss."""
    model = MnistMLP(class_names=list("0123456789"))
    trainer = tiny_trainer()
    trainer.strategy._optimizers = [torch.optim.AdamW(model.parameters(), fused=True)]
    loss = model(torch.rand(256, 1, 28, 28)).sum()
    loss.backward()
    return trainer, model, TinyBatch(torch.zeros(1), torch.zeros(1), torch.zeros(1)), loss


@pytest.mark.slow  # alone on the machine, as what is timed has to be
def test_a_look_costs_less_than_a_tenth_of_a_millisecond(mnist_step: tuple[Any, Any, Any, Tensor]) -> None:
    guard, fastest = GuardNumerics(), 1.0
    for _ in range(20):
        started = time.perf_counter()
        for _ in range(20):
            hooks_of_a_step(guard, *mnist_step)
        fastest = min(fastest, (time.perf_counter() - started) / 20)
    print(f"GuardNumerics on mnist_mlp: {1e6 * fastest:.0f} µs a step")
    assert fastest < 100e-6
