"""A batch calls the hooks that callbacks fill, and no others."""

from typing import Any

import pytest
from lightning.pytorch import Callback, Trainer

from lightsmith.runs.empty_hooks import EVERY_BATCH, skip_empty_hooks
from tests.tiny_task import TinyData, TinyModel

QUIET: dict[str, Any] = {"accelerator": "cpu", "logger": False, "enable_checkpointing": False, "max_epochs": 1}
QUIET |= {"enable_progress_bar": False, "enable_model_summary": False, "num_sanity_val_steps": 0}


class Counts(Callback):
    """Counts some of its hooks: one of its own, one that it is given, and one of an epoch."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def on_train_batch_end(self, *_: Any) -> None:
        self.calls.append("batch")

    def on_train_epoch_end(self, *_: Any) -> None:
        self.calls.append("epoch")


class Inherits(Counts):
    """Fills nothing itself."""


def test_filled_hooks_are_called_whoever_fills_them(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in EVERY_BATCH:  # an empty one would be noticed
        monkeypatch.setattr(Callback, name, lambda *_: pytest.fail("an empty hook was called"))
    own, given = Inherits(), Counts()
    given.on_after_backward = lambda *_: given.calls.append("backward")  # type: ignore[method-assign]
    skip_empty_hooks([own, given])
    trainer = Trainer(callbacks=[own, given], limit_train_batches=2, **QUIET)
    trainer.fit(TinyModel(), TinyData())
    assert own.calls == ["batch", "batch", "epoch"]
    assert given.calls == ["backward", "batch", "backward", "batch", "epoch"]
