"""A step that is not finite is left out, or taken back, and training goes on as if it had never been tried."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from lightning.pytorch import Callback, Trainer
from torch import Tensor, nn

from callbacks.guard_numerics import GuardNumerics, NonFiniteError
from callbacks.prune_channels import PruneChannels
from callbacks.prune_weights import PruneWeights
from callbacks.unfreeze_backbone import UnfreezeBackbone
from lightning_modules.training.nonfinite import poisoned
from tests import killed_training as resumed_training
from tests.spoiled_training import NAN, CountSteps, Spoil, fit
from tests.tiny_task import TinyModel

pytestmark = pytest.mark.filterwarnings("ignore:Encountered `nan` values")  # validation of what is poisoned


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


class Losses(Callback):
    """The mean training loss of each epoch."""

    def __init__(self) -> None:
        self.means: list[float] = []

    def on_train_epoch_end(self, trainer: Trainer, pl_module: Any) -> None:
        self.means.append(float(trainer.callback_metrics["train/loss"]))


@pytest.mark.parametrize("on_nonfinite", ["skip", "rollback"])
def test_a_step_that_is_left_out_has_no_part_in_the_epochs_loss(on_nonfinite: Any) -> None:
    losses = Losses()
    fit(GuardNumerics(on_nonfinite), Spoil("input", 3, 6), losses)
    assert len(losses.means) == 2
    assert all(0 < mean < 10 for mean in losses.means)


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
