"""Each of several processes has random generators of its own, and a position that counts what all have done."""

import random
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from lightning.pytorch import LightningModule
from lightning.pytorch.trainer.states import TrainerFn

from lightsmith.runs.exact_resume import KEY, ExactResume, seed_by_rank


def test_processes_draw_differently_from_each_other_and_the_same_each_time() -> None:
    def draws(rank: int, step: int) -> tuple[float, ...]:
        seed_by_rank(rank, step)
        return random.random(), float(np.random.random()), float(torch.rand(()))

    assert draws(0, 0) == draws(0, 0)
    seen = [draws(rank, step) for rank in (0, 1, 2) for step in (0, 7)]
    assert len({value for drawn in seen for value in drawn}) == 3 * len(seen)


def test_on_another_number_of_processes_as_many_items_are_done() -> None:
    batches = dict.fromkeys(("ready", "started", "processed", "completed"), 6)
    fit_loop = {"epoch_progress": {"current": {"completed": 2}}, "epoch_loop.batch_progress": {"current": batches}}
    checkpoint: dict[str, Any] = {KEY: {"ranks": [{}, {}]}, "loops": {"fit_loop": fit_loop}, "callbacks": {}}
    checkpoint |= {"datamodule_hyper_parameters": {"batch_size": 10}, "hyper_parameters": {}}
    data = SimpleNamespace(start=(0, 0), batch_size=10)
    state = SimpleNamespace(fn=TrainerFn.FITTING)
    trainer: Any = SimpleNamespace(callbacks=[], datamodule=data, state=state, world_size=1)
    ExactResume().on_load_checkpoint(trainer, LightningModule(), checkpoint)
    assert data.start == (2, 12)
    assert batches["processed"] == 12
