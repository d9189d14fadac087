from collections.abc import Callable
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from lightning.pytorch import Callback, LightningModule, Trainer

from callbacks import save_last
from callbacks.save_last import SaveLast, rotate
from tests.saved_training import fit, steps

BATCHES = 5  # of TinyData, in each epoch and each split


def test_newest_checkpoints_are_kept_in_order(tmp_path: Path) -> None:
    fit(SaveLast(keep=3, saving_share=1), epochs=4)
    assert steps(tmp_path) == {"last.ckpt": 20, "last-1.ckpt": 15, "last-2.ckpt": 10}


def test_a_single_one_can_be_kept(tmp_path: Path) -> None:
    fit(SaveLast(keep=1, saving_share=1))
    assert steps(tmp_path) == {"last.ckpt": 10}


def test_epoch_is_saved_after_its_validation(tmp_path: Path) -> None:
    fit(SaveLast(), epochs=1)
    loops = torch.load(tmp_path / "checkpoints/last.ckpt", weights_only=True)["loops"]["fit_loop"]
    assert loops["epoch_loop.val_loop.batch_progress"]["current"]["completed"] == BATCHES


def test_a_last_checkpoint_exists_at_every_instant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bool] = []

    def watched(change: Callable[..., Any]) -> Callable[..., Any]:
        def watch(*arguments: Any, **options: Any) -> Any:
            result = change(*arguments, **options)
            seen.append((tmp_path / "last.ckpt").exists())
            return result

        return watch

    for i in range(4):
        (tmp_path / "next.ckpt").write_text(str(i))
        rotate(tmp_path / "next.ckpt", keep=3)
        for name in ("replace", "unlink", "hardlink_to"):
            if i == 0:
                monkeypatch.setattr(Path, name, watched(getattr(Path, name)))
    assert len(seen) > 8
    assert all(seen)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {
        "last.ckpt": "3",
        "last-1.ckpt": "2",
        "last-2.ckpt": "1",
    }


def test_a_file_system_without_hard_links_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise PermissionError

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    fit(SaveLast(keep=3, saving_share=1), epochs=3)
    assert steps(tmp_path) == {"last.ckpt": 15, "last-1.ckpt": 10, "last-2.ckpt": 5}


def test_long_epochs_are_saved_every_few_minutes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    minutes = count()
    monkeypatch.setattr(save_last, "time", SimpleNamespace(monotonic=lambda: 60 * next(minutes)))
    fit(SaveLast(keep=9, every_minutes=2, saving_share=1), epochs=1)
    # The clock is read after each batch, before and after each save: at 2 minutes, at 4 + 2, and the epoch's end.
    assert list(steps(tmp_path).values()) == [4, 2, 5]


def test_short_epochs_are_saved_as_often_as_their_share_of_the_time_allows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    minutes = count()
    monkeypatch.setattr(save_last, "time", SimpleNamespace(monotonic=lambda: 60 * next(minutes)))
    fit(SaveLast(keep=9, every_minutes=1000), epochs=5)
    # A save takes one minute and an epoch about six; nine have to lie between two saves.
    assert sorted(steps(tmp_path).values()) == [5, 15, 25]


@pytest.mark.parametrize("end", [{"epochs": 4}, {"epochs": -1, "max_steps": 20}, {"epochs": 9, "stops": True}])
def test_the_last_epoch_is_always_saved(tmp_path: Path, end: dict[str, Any]) -> None:
    class Stop(Callback):
        def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
            trainer.should_stop = trainer.current_epoch == 3

    callbacks = [Stop()] if end.pop("stops", False) else []
    fit(*callbacks, SaveLast(keep=1, saving_share=1e-9), **end)
    assert steps(tmp_path) == {"last.ckpt": 20}


@pytest.mark.parametrize("wrong", [{"keep": 0}, {"every_minutes": 0.0}, {"saving_share": 0.0}])
def test_nonsense_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        SaveLast(**wrong)
