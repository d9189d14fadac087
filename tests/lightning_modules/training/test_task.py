from typing import Any

import pytest
import torch

from lightning_modules.training.answer_kinds import KINDS
from lightning_modules.training.task import Headline, Task, class_path
from tests.tiny_regression import TinyRegressor, TinyValues
from tests.tiny_task import TinyData, TinyModel, tiny_trainer


@pytest.mark.parametrize(
    ("headline", "before", "after", "worse_by"),
    [
        (Headline("accuracy", "max"), 0.90, 0.88, 2.0),
        (Headline("accuracy", "max"), 0.88, 0.90, -2.0),
        (Headline("rmse", "min"), 2.0, 2.5, 25.0),
        (Headline("rmse", "min"), 0.0, 0.5, 50.0),
    ],
)
def test_worse_is_points_of_a_share_and_per_cent_of_what_is_to_be_low(
    headline: Headline, before: float, after: float, worse_by: float
) -> None:
    assert headline.worse_by(before, after) == pytest.approx(worse_by)
    assert headline.unit == ("points of accuracy" if headline.direction == "max" else "per cent of rmse")


def test_a_task_says_what_it_measures_and_in_which_direction() -> None:
    measured = TinyModel().measured
    assert measured["val/accuracy"] == "max"
    assert measured["train/loss"] == measured["val/loss"] == "min"
    assert measured["train/lr"] is None


def test_a_task_has_to_measure_its_headline() -> None:
    with pytest.raises(AssertionError, match="TinyModel does not measure its headline"):
        TinyModel().measure({})


def test_a_class_is_said_as_a_yaml_says_it() -> None:
    assert class_path(TinyModel()) == "tests.tiny_task.TinyModel"


@pytest.mark.parametrize("task", [TinyModel(), TinyRegressor()], ids=lambda task: task.kind)
def test_a_kind_measures_its_headline_and_knows_its_direction(task: Task) -> None:
    assert task.measured[f"val/{task.headline.metric}"] == task.headline.direction
    assert task.headline.metric in task.metric_names
    assert KINDS[task.kind] is task.answer_type is type(task.answer)
    assert task.answer_type.target == task.target


@pytest.mark.parametrize(("model", "data"), [(TinyModel, TinyData), (TinyRegressor, TinyValues)])
def test_predictions_of_test_and_of_the_answer_are_the_same(model: Any, data: Any) -> None:
    task, source = model(), data()
    tiny_trainer(max_epochs=1, num_sanity_val_steps=0).fit(task, source)
    batch = next(iter(source.test_dataloader()))
    with torch.no_grad():
        outputs = task.eval().outputs(batch)
        said = task.predictions(outputs, batch)
    assert said.shape == (len(batch.index), len(task.answer.columns))
    torch.testing.assert_close(torch.from_numpy(task.answer.predictions(outputs.numpy())), said)


def test_the_plain_loss_is_what_training_lowers_unless_a_kind_says_otherwise() -> None:
    task, loss = TinyRegressor(), torch.tensor(1.5)
    assert task.objective(torch.zeros(2, 1), None, loss) is loss  # type: ignore[arg-type]  # not looked at
