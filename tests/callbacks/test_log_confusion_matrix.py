from pathlib import Path

import pytest
import torch

from callbacks.log_confusion_matrix import LogConfusionMatrix
from lightsmith.runs.loggers import build_loggers, finish_wandb
from tests.tiny_task import TinyData, TinyModel, tiny_trainer


def test_counts_every_test_item_with_true_classes_in_rows() -> None:
    callback, model, data = LogConfusionMatrix(), TinyModel(), TinyData()
    tiny_trainer(callback).test(model, data, verbose=False)
    labels, predictions = data.dataset.labels, model.probabilities(data).argmax(1)
    expected = [[int(((labels == i) & (predictions == j)).sum()) for j in range(3)] for i in range(3)]
    assert callback.counts.tolist() == expected
    assert int(callback.counts.sum()) == len(labels)
    assert expected != torch.tensor(expected).T.tolist()  # otherwise this could not tell rows from columns


def test_a_second_test_starts_at_zero() -> None:
    callback = LogConfusionMatrix()
    trainer = tiny_trainer(callback)
    for _ in range(2):
        trainer.test(TinyModel(), TinyData(), verbose=False)
    assert int(callback.counts.sum()) == len(TinyData().dataset)


def test_weights_and_biases_gets_the_table(tmp_path: Path) -> None:
    loggers = build_loggers(["csv", "wandb"], tmp_path, "tiny", {})
    tiny_trainer(LogConfusionMatrix(), logger=loggers).test(TinyModel(), TinyData(), verbose=False)
    finish_wandb()
    (table,) = tmp_path.rglob("*confusion_matrix*.table.json")
    assert all(name in table.read_text() for name in TinyModel().class_names)


def test_weights_and_biases_gets_no_table_of_many_classes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("callbacks.log_confusion_matrix.LARGEST_PLOT", 2)
    loggers = build_loggers(["wandb"], tmp_path, "tiny", {})
    callback = LogConfusionMatrix()
    tiny_trainer(callback, logger=loggers).test(TinyModel(), TinyData(), verbose=False)
    finish_wandb()
    assert not list(tmp_path.rglob("*confusion_matrix*"))
    assert int(callback.counts.sum()) == len(TinyData().dataset)
