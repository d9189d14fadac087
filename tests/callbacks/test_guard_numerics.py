"""What is not finite is found within a step, named, and never saved."""

import time
import weakref
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from torch import Tensor

from callbacks.guard_numerics import GuardNumerics, NonFiniteError
from lightning_modules.mnist_mlp import MnistMLP
from lightning_modules.training.nonfinite import poisoned
from tests.spoiled_training import NAN, CountSteps, Spoil, fit
from tests.tiny_task import TinyBatch, TinyModel, tiny_trainer

pytestmark = pytest.mark.filterwarnings("ignore:Encountered `nan` values")  # validation of what is poisoned
INF = float("inf")


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
