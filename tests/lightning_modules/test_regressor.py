"""Values in their own units, with intervals that hold what they promise."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from tests.tiny_regression import TinyRegressor, TinyValues
from tests.tiny_task import TinyData, tiny_trainer


def fitted(data: TinyValues, epochs: int = 30, **recipe: Any) -> TinyRegressor:
    model = TinyRegressor(**recipe)
    tiny_trainer(max_epochs=epochs, num_sanity_val_steps=0).fit(model, data)
    return model


def errors(model: TinyRegressor, points: Tensor, labels: Tensor) -> Tensor:
    """Predicted less true values (N,), in their units."""
    with torch.no_grad():
        return model.network(points)[:, 0] * model.deviation + model.mean - labels


def test_figures_are_in_the_units_of_the_values() -> None:
    data = TinyValues()
    model = fitted(data)
    (figures,) = tiny_trainer().test(model, data, verbose=False)
    found = errors(model, data.test.points, data.test.labels)
    labels = data.test.labels
    assert figures["test/rmse"] == pytest.approx(float(found.square().mean().sqrt()), rel=1e-4)
    assert figures["test/mae"] == pytest.approx(float(found.abs().mean()), rel=1e-4)
    explained = 1 - found.square().sum() / (labels - labels.mean()).square().sum()
    assert figures["test/r2"] == pytest.approx(float(explained), rel=1e-3)
    assert figures["test/rmse"] < 5  # whose own deviation is about 37, around 1,000


@pytest.mark.parametrize(("loss", "plain"), [("mse", F.mse_loss), ("l1", F.l1_loss), ("huber", F.huber_loss)])
def test_the_loss_is_of_standardised_values(loss: Any, plain: Any) -> None:
    data = TinyValues()
    model = fitted(data, epochs=1, loss=loss)
    assert model.mean == pytest.approx(float(data.train.labels.mean()), rel=1e-5)
    assert model.deviation == pytest.approx(float(data.train.labels.std(correction=0)), rel=1e-4)
    (figures,) = tiny_trainer().test(model, data, verbose=False)
    target = (data.test.labels - model.mean) / model.deviation
    with torch.no_grad():
        expected = plain(model.network(data.test.points)[:, 0], target)
    assert figures["test/loss"] == pytest.approx(float(expected), rel=1e-4)


def test_the_interval_reaches_as_far_as_the_errors_of_nine_in_ten_validation_items() -> None:
    data = TinyValues()
    model = fitted(data)
    of_validation = errors(model, data.val.points, data.val.labels).abs().sort().values
    assert model.half_width == pytest.approx(float(of_validation[72]), rel=1e-3)  # the 73rd: ⌈81 · 0.9⌉
    (figures,) = tiny_trainer().test(model, data, verbose=False)
    inside = errors(model, data.test.points, data.test.labels).abs() <= (model.half_width or 0.0)
    assert figures["test/coverage"] == pytest.approx(float(inside.float().mean()))
    assert 0.8 <= figures["test/coverage"] <= 1


def test_predictions_are_value_low_and_high_as_the_answer_has_them() -> None:
    data = TinyValues()
    model = fitted(data)
    batches: Any = tiny_trainer().predict(model, data)
    found = torch.cat(batches)
    outputs = model.network(data.test.points).detach().numpy()
    torch.testing.assert_close(found, torch.from_numpy(model.answer.predictions(outputs)))
    assert model.answer.columns == ["value", "low", "high"]
    torch.testing.assert_close(found[:, 2] - found[:, 1], torch.full((80,), 2 * (model.half_width or 0.0)))


@pytest.mark.parametrize("size", [1, 8])
def test_of_too_few_validation_items_no_interval_is_known(size: int) -> None:
    data = TinyValues(size)
    model = fitted(data, epochs=1)
    assert model.answer.half_width is None
    (figures,) = tiny_trainer().test(model, data, verbose=False)
    assert "test/coverage" not in figures


def test_a_checkpoint_has_the_interval_of_its_own_weights(tmp_path: Any) -> None:
    data, model = TinyValues(), TinyRegressor()
    trainer = tiny_trainer(max_epochs=2, num_sanity_val_steps=0)
    trainer.fit(model, data)
    trainer.save_checkpoint(tmp_path / "x.ckpt")
    other = TinyRegressor()
    other.on_load_checkpoint(torch.load(tmp_path / "x.ckpt", weights_only=True))
    assert other.answer == model.answer
    assert other.answer.half_width is not None


def test_data_without_values_is_refused() -> None:
    with pytest.raises(ValueError, match="TinyRegressor needs data with values, which TinyData lacks"):
        tiny_trainer(max_epochs=1).fit(TinyRegressor(), TinyData())


def test_what_a_teacher_of_other_values_says_comes_in_the_students_own_scale() -> None:
    student, teacher = TinyRegressor(), TinyRegressor()
    student.standardise_by({"mean": 10.0, "deviation": 2.0})
    teacher.standardise_by({"mean": 0.0, "deviation": 4.0})
    batch = next(iter(TinyValues().test_dataloader()))
    with torch.no_grad():
        said = teacher.outputs(batch) * 4
        torch.testing.assert_close(student.outputs_of(teacher, batch) * 2 + 10, said)
