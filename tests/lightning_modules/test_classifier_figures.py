import csv
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.loggers import CSVLogger

from tests.tiny_task import TinyData, TinyModel, fit, tiny_trainer


def test_metric_names_and_values() -> None:
    model, data = TinyModel(), TinyData()
    trainer = fit(model)
    assert {"train/loss", "train/lr"} <= set(trainer.callback_metrics)
    (figures,) = trainer.validate(model, data, verbose=False)
    assert set(figures) == {f"val/{name}" for name in ("n", "loss", "accuracy", "precision", "recall", "f1")}
    (tested,) = trainer.test(model, data, verbose=False)
    probabilities, labels = model.probabilities(data), data.dataset.labels
    predicted = probabilities.argmax(1)
    recalls = [float((predicted[labels == label] == label).float().mean()) for label in range(3)]
    assert tested["test/accuracy"] == pytest.approx(float((predicted == labels).float().mean()))
    assert tested["test/recall"] == pytest.approx(sum(recalls) / 3)
    assert tested["test/loss"] == pytest.approx(float(F.nll_loss(probabilities.log(), labels)), abs=1e-5)


def columns(*names: str) -> list[list[float]]:
    """For each row of metrics.csv that has the first, these columns."""
    with Path("metrics.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row[names[0]]]
    return [[float(row[name]) for name in names] for row in rows]


class RecordLosses(Callback):
    """The plain loss of each batch, and the number of its items."""

    def __init__(self) -> None:
        self.seen: list[tuple[float, int]] = []

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        with torch.no_grad():
            statistics = deepcopy(pl_module.network.state_dict())  # type: ignore[union-attr]
            logits = pl_module(*batch.inputs)
            pl_module.network.load_state_dict(statistics)  # type: ignore[union-attr]
        self.seen.append((float(F.cross_entropy(logits, batch.label)), len(batch.label)))

    def mean(self, *batches: int) -> float:
        return sum(self.seen[i][0] * self.seen[i][1] for i in batches) / sum(self.seen[i][1] for i in batches)


@pytest.mark.parametrize("accumulate", [1, 3])
def test_the_loss_of_an_epoch_is_of_all_its_items_and_that_of_a_step_of_those_since_the_last(accumulate: int) -> None:
    record, every = RecordLosses(), 2
    trainer = tiny_trainer(record, max_epochs=2, logger=CSVLogger(".", name="", version=""), log_every_n_steps=every,
                           accumulate_grad_batches=accumulate, num_sanity_val_steps=0)  # fmt: skip
    trainer.fit(TinyModel(lr=0.1), TinyData(35))  # batches of 8, 8, 8, 8 and 3, twice
    epochs = [value for value, _ in columns("train/loss", "step")]
    assert epochs == pytest.approx([record.mean(*range(5)), record.mean(*range(5, 10))], rel=1e-5)
    ends = [i for i in range(10) if i % 5 == 4 or (i % 5 + 1) % accumulate == 0]  # the batches that end a step
    logged = [end for step, end in enumerate(ends) if (step + 1) % every == 0]
    begun = [max([0, 5 * (end // 5), *(earlier + 1 for earlier in logged if earlier < end)]) for end in logged]
    expected = [record.mean(*range(start, end + 1)) for start, end in zip(begun, logged, strict=True)]
    assert [value for value, _ in columns("train/loss_step", "step")] == pytest.approx(expected, rel=1e-5)


def test_an_epoch_that_is_cut_short_has_the_mean_of_what_it_saw() -> None:
    record = RecordLosses()
    fit(TinyModel(), record, logger=CSVLogger(".", name="", version=""), max_steps=3, max_epochs=-1)
    assert columns("train/loss") == [[pytest.approx(record.mean(0, 1, 2), rel=1e-5)]]


def test_every_logged_loss_is_the_plain_cross_entropy() -> None:
    plain, smooth = TinyModel(), TinyModel(label_smoothing=0.3)
    data, taught = TinyData(), TinyModel()
    taught.loss_transforms["attack"] = lambda batch, logits, loss: loss + 5
    figures = []
    for model in (plain, smooth, taught):
        trainer = fit(model, max_epochs=1, limit_train_batches=1)
        seen = float(trainer.callback_metrics["train/loss"])
        model.load_state_dict(TinyModel().state_dict())
        (validated,), (tested,) = (run(model, data, verbose=False) for run in (trainer.validate, trainer.test))
        figures.append((seen, validated["val/loss"], tested["test/loss"]))
    assert figures[0] == figures[1] == figures[2]


def test_figures_say_of_how_many_items_they_are() -> None:
    model, data = TinyModel(), TinyData(35)
    options: dict[str, Any]
    for options, n in (({}, 35), ({"limit_test_batches": 2, "limit_val_batches": 2}, 16)):
        trainer = tiny_trainer(**options)
        assert trainer.test(model, data, verbose=False)[0]["test/n"] == n
        assert trainer.validate(model, data, verbose=False)[0]["val/n"] == n


def test_a_loss_that_is_no_number_is_not_left_out_of_the_mean() -> None:
    data = TinyData()
    data.dataset.points[3] = torch.nan
    (figures,) = tiny_trainer().validate(TinyModel(), data, verbose=False)
    assert figures["val/loss"] != figures["val/loss"]
    assert figures["val/n"] == 40


def test_logging_can_be_switched_off() -> None:
    assert fit(TinyModel(), log_every_n_steps=0).global_step == 10
