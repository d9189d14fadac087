"""A resumed training follows the optimizer's settings that it is resumed with, from its first step on."""

from __future__ import annotations

from typing import Any

import pytest
from lightning.pytorch import Callback, Trainer

from lightsmith.runs.exact_resume import ExactResume
from tests.tiny_task import TinyData, TinyModel, tiny_trainer

CONSTANT: dict[str, Any] = {"schedule": "constant", "warmup_fraction": 0.0}


class SeeGroups(Callback):
    """Keeps the optimizer's first group as it is at each step."""

    def __init__(self) -> None:
        self.seen: list[dict[str, Any]] = []

    def on_train_batch_start(self, trainer: Trainer, *_: Any) -> None:
        self.seen.append({k: v for k, v in trainer.optimizers[0].param_groups[0].items() if k != "params"})


def groups(epochs: int, ckpt_path: str | None = None, **recipe: Any) -> list[dict[str, Any]]:
    """What each step of five an epoch was made with; the end is saved as end.ckpt."""
    see = SeeGroups()
    trainer = tiny_trainer(see, ExactResume(), max_epochs=epochs, num_sanity_val_steps=0)
    trainer.fit(TinyModel(**recipe), TinyData(), ckpt_path=ckpt_path, weights_only=True)
    trainer.save_checkpoint("end.ckpt")
    return see.seen


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        ({}, {"lr": 0.02, "weight_decay": 0.3}, {"lr": 0.02, "weight_decay": 0.3}),
        ({"optimizer": "sgd"}, {"momentum": 0.5}, {"momentum": 0.5, "nesterov": True, "lr": 1e-3}),
        ({"optimizer": "sgd", "momentum": 0.0}, {"momentum": 0.5}, {"momentum": 0.5, "nesterov": True}),
        ({"optimizer": "sgd"}, {"momentum": 0.0}, {"momentum": 0.0, "nesterov": False}),
        ({"optimizer": "rmsprop", "momentum": 0.0}, {"momentum": 0.5}, {"momentum": 0.5}),
        ({"optimizer": "muon"}, {"momentum": 0.5, "lr": 0.1}, {"momentum": 0.5, "lr": 0.1}),
        # Of 20 steps, 5 are done.
        ({}, {"schedule": "linear"}, {"lr": 1e-3 * 15 / 20}),
        ({}, {"warmup_fraction": 0.5}, {"lr": 1e-3 * 6 / 11}),
    ],
    ids=str,
)
def test_a_new_setting_is_in_force_from_the_first_step(
    before: dict[str, Any], now: dict[str, Any], expected: dict[str, Any]
) -> None:
    recipe = CONSTANT | before
    groups(1, **recipe)
    seen = groups(4, "end.ckpt", **recipe | now)
    assert len(seen) == 15
    assert {name: seen[0][name] for name in expected} == pytest.approx(expected)


def test_a_schedule_has_the_new_length_from_the_first_step() -> None:
    recipe: dict[str, Any] = {"schedule": "linear", "warmup_fraction": 0.0}
    groups(2, **recipe)
    rates = [group["lr"] for group in groups(4, "end.ckpt", **recipe)]
    assert rates == pytest.approx([1e-3 * left / 20 for left in range(10, 0, -1)])


def test_what_a_callback_did_to_the_groups_stays_if_no_setting_changes() -> None:
    class DecayMore(Callback):
        def on_train_epoch_end(self, trainer: Trainer, *_: Any) -> None:
            trainer.optimizers[0].param_groups[0]["weight_decay"] = 0.7

    trainer = tiny_trainer(DecayMore(), ExactResume(), max_epochs=1, num_sanity_val_steps=0)
    trainer.fit(TinyModel(**CONSTANT), TinyData())
    trainer.save_checkpoint("end.ckpt")
    assert groups(2, "end.ckpt", **CONSTANT)[0]["weight_decay"] == 0.7
