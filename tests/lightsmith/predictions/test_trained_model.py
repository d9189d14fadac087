"""A model is asked part by part, and each input gets its answer or the reason why there is none."""

from __future__ import annotations

from math import exp
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from datamodules.sources.no_input import NotAnInput, Note, Unreadable
from lightning_modules.training.answer import ClassProbabilities
from lightsmith.predictions.trained_model import TrainedModel, ask, load_trained, model_file
from tests.tiny_inputs import TinyInputs, tiny_texts


class Asked(TinyInputs):
    """Texts, whose batches go to the network as they are."""

    def on_after_batch_transfer(self, batch: Any, dataloader_idx: int) -> Any:
        return batch


def counting() -> TrainedModel:
    """A network that says how many words it was given."""

    def network(input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        words = attention_mask.sum(1)
        return torch.stack([words, -words], 1)

    return TrainedModel(network, Asked(tiny_texts().dataset), ClassProbabilities(["many", "few"]), torch.device("cpu"))


def test_answers_come_in_the_order_of_the_inputs() -> None:
    (answers,) = ask(counting(), [("first", "good"), ("second", "good bad word0")])
    assert [name for name, _ in answers.inputs] == ["first", "second"]
    assert answers.outputs[:, 0].tolist() == [1.0, 3.0]
    assert (answers.kept.tolist(), answers.reasons) == ([0, 1], {})
    assert answers.by_position[1] == pytest.approx([1 / (1 + exp(-6)), 1 / (1 + exp(6))], abs=1e-6)


def test_what_is_no_input_and_what_cannot_be_read_keep_their_places_with_a_reason() -> None:
    inputs = [("a", NotAnInput("no text")), ("b", "good"), ("c", Unreadable("torn")), ("d", Note("a note"))]
    (answers,) = ask(counting(), inputs)
    assert answers.kept.tolist() == [1]
    assert answers.reasons == {0: "no text", 2: "torn", 3: "a note"}


def test_no_more_than_one_part_is_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lightsmith.predictions.trained_model.ITEMS_AT_ONCE", 3)
    drawn = []

    def inputs() -> Any:
        for n in range(7):
            drawn.append(n)
            yield str(n), "good"

    parts = ask(counting(), inputs())
    assert len(next(parts).outputs) == 3
    assert drawn == [0, 1, 2]
    assert [len(answers.outputs) for answers in parts] == [3, 1]


def test_long_texts_make_smaller_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lightsmith.predictions.trained_model.CHARACTERS_AT_ONCE", 8)
    assert [len(answers.outputs) for answers in ask(counting(), [("x", "good")] * 5)] == [2, 2, 1]


def test_nothing_to_ask_gives_no_answers() -> None:
    assert list(ask(counting(), [])) == []


def test_a_run_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="nope"):
        load_trained(tmp_path / "nope")


def test_the_file_of_a_model_is_that_of_its_run_or_its_export(tmp_path: Path) -> None:
    assert model_file(tmp_path) == tmp_path / "checkpoints" / "best.ckpt"
    assert model_file(tmp_path / "x.ckpt") == tmp_path / "x.ckpt"
    (tmp_path / "proof.json").touch()
    assert model_file(tmp_path) == tmp_path / "model.onnx"
