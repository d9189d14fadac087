"""Checkpoints that are written beside a training."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from threading import Event
from typing import Any

import pytest
import torch

from callbacks.save_last import FRESH, SaveLast
from lightsmith.checkpoints import durable as durable_checkpoints
from lightsmith.checkpoints.durable import CHECKPOINT_DRAFT, DurableCheckpointIO, check_whole
from lightsmith.runs.trainer import ExperimentTrainer
from tests.tiny_task import TinyData, TinyModel

QUIET: dict[str, Any] = {"accelerator": "cpu", "logger": False, "log_every_n_steps": 1}
QUIET |= {"enable_progress_bar": False, "enable_model_summary": False, "num_sanity_val_steps": 0}


@pytest.fixture
def slow_disk(monkeypatch: pytest.MonkeyPatch) -> Event:
    """A disk that takes nothing before the event is set."""
    released, fsync = Event(), os.fsync
    monkeypatch.setattr(os, "fsync", lambda number: (released.wait(10), fsync(number))[1])
    return released


def step_of(path: Path) -> int:
    return int(DurableCheckpointIO().load_checkpoint(path)["global_step"])


def of_step(step: int) -> dict[str, Any]:
    return {"global_step": step, "weights": torch.full((5000,), step)}


def test_a_training_does_not_wait_for_the_disk_and_who_reads_does(tmp_path: Path, slow_disk: Event) -> None:
    path = tmp_path / "best.ckpt"
    path.write_bytes(b"an earlier one")
    beside, checkpoint = DurableCheckpointIO(beside=lambda: True), of_step(1)
    beside.save_checkpoint(checkpoint, path)
    checkpoint["weights"].fill_(7)  # as the next step would
    assert path.read_bytes() == b"an earlier one"
    slow_disk.set()
    assert (beside.load_checkpoint(path)["weights"] == 1).all()


def test_what_is_done_when_saved_comes_after_the_file_and_in_order(tmp_path: Path, slow_disk: Event) -> None:
    path, beside, found = tmp_path / FRESH, DurableCheckpointIO(beside=lambda: True), []
    for step in (1, 2):
        beside.save_checkpoint(of_step(step), path)
        beside.when_saved(lambda: found.append(step_of(path)))
    assert not found
    slow_disk.set()
    beside.teardown()
    assert found == [1, 2]


def test_a_first_file_of_a_name_is_there_at_once(tmp_path: Path) -> None:
    """Lightning gives a second checkpoint of a name another one, where it finds the first."""
    DurableCheckpointIO(beside=lambda: True).save_checkpoint(of_step(1), tmp_path / "best.ckpt")
    assert step_of(tmp_path / "best.ckpt") == 1


def test_a_large_checkpoint_is_not_copied(tmp_path: Path, slow_disk: Event, monkeypatch: pytest.MonkeyPatch) -> None:
    slow_disk.set()
    monkeypatch.setattr(durable_checkpoints, "MOST_COPIED_BYTES", 1000)
    beside = DurableCheckpointIO(beside=lambda: True)
    beside.save_checkpoint(of_step(1), tmp_path / FRESH)
    assert step_of(tmp_path / FRESH) == 1


def test_a_failure_beside_a_training_ends_it_at_the_next_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(number: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", fail)
    beside = DurableCheckpointIO(beside=lambda: True)
    beside.save_checkpoint(of_step(1), tmp_path / FRESH)
    with pytest.raises(OSError, match="Input/output error"):
        beside.teardown()
    beside.teardown()  # said once
    assert not (tmp_path / FRESH).exists()


def test_a_training_has_written_all_of_its_checkpoints_when_it_ends(tmp_path: Path) -> None:
    trainer = ExperimentTrainer(callbacks=[SaveLast(saving_share=1)], max_epochs=3, default_root_dir=tmp_path, **QUIET)
    trainer.fit(TinyModel(), TinyData())
    assert {p.name: step_of(p) for p in tmp_path.rglob("last*.ckpt")} == {"last.ckpt": 15, "last-1.ckpt": 10}
    trainer.save_checkpoint(tmp_path / "mine.ckpt")
    trainer.save_checkpoint(tmp_path / "mine.ckpt")  # no training is under way: it is written when this returns
    check_whole(tmp_path / "mine.ckpt")
    assert not list(tmp_path.rglob(CHECKPOINT_DRAFT))
