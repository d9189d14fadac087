from __future__ import annotations

from typing import Any

import pytest
import torch

from lightning_modules.classifier import Classifier
from lightsmith.studies.tuning import climb as module
from lightsmith.studies.tuning.batch_ladder import BatchLadder
from lightsmith.studies.tuning.climb import climb, longest_batch
from lightsmith.studies.tuning.copied_fit import TunedCLI


def test_every_size_is_timed_until_an_epoch_would_have_few_steps(
    built: TunedCLI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(BatchLadder, "in_vain", False)
    seen = note_sizes(monkeypatch)
    found = climb(built)
    assert [rung.batch_size for rung in found.rungs] == [4, 8, 16, 32]
    assert found.ended == "items"
    assert seen == [size for size in (4, 8, 16, 32) for _ in range(module.WARM_UP + module.TIMED)]
    assert all(rung.step_seconds > 0 for rung in found.rungs)
    assert [rung.memory_bytes for rung in found.rungs] == sorted(rung.memory_bytes for rung in found.rungs)


def note_sizes(monkeypatch: pytest.MonkeyPatch, most: int = 1000) -> list[int]:
    """The sizes of the batches that are trained on from now on; larger ones do not fit."""
    original, seen = Classifier.training_step, []

    def training_step(self: Classifier, batch: Any, batch_idx: int) -> Any:
        if len(batch.label) > most:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")
        seen.append(len(batch.label))
        return original(self, batch, batch_idx)

    monkeypatch.setattr(Classifier, "training_step", training_step)
    return seen


def test_running_out_of_memory_is_an_outcome(built: TunedCLI, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BatchLadder, "in_vain", False)
    note_sizes(monkeypatch, most=8)
    found = climb(built)
    assert ([rung.batch_size for rung in found.rungs], found.ended) == ([4, 8], "memory")


@pytest.mark.slow
def test_memory_that_ends_at_the_smallest_batch_leaves_no_rung(
    built: TunedCLI, monkeypatch: pytest.MonkeyPatch
) -> None:
    note_sizes(monkeypatch, most=2)
    assert climb(built) == BatchLadder([], "memory")


@pytest.mark.slow
def test_larger_batches_in_vain_are_enough(built: TunedCLI, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BatchLadder, "in_vain", True)
    assert climb(built).ended == "throughput"


@pytest.mark.slow
def test_a_batch_that_would_take_too_much_of_the_machine_is_not_tried(
    built: TunedCLI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "most_memory_bytes", lambda: 0.0)
    found = climb(built)
    assert ([rung.batch_size for rung in found.rungs], found.ended) == ([4], "memory")


@pytest.mark.slow
def test_another_error_is_none_of_memory(built: TunedCLI, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Classifier, "training_step", lambda *_: torch.zeros(2) @ torch.zeros(3))
    with pytest.raises(RuntimeError, match="size"):
        climb(built)


def test_a_batch_is_fetched_anew_for_each_step_and_the_data_keeps_its_size(built: TunedCLI) -> None:
    fetch = longest_batch(built.datamodule, 32)
    one, other = fetch(), fetch()
    assert one.image is not other.image
    assert torch.equal(one.image, other.image)
    assert (len(one.index), built.datamodule.batch_size) == (32, 16)
