import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from callbacks.log_worst_predictions import LogWorstPredictions
from lightsmith.runs.loggers import build_loggers, finish_wandb
from tests.tiny_regression import TinyRegressor, TinyValues
from tests.tiny_task import TinyData, TinyModel, tiny_trainer


def test_keeps_the_mistakes_with_least_probability_for_the_true_class_worst_first() -> None:
    callback, model, data = LogWorstPredictions(count=6), TinyModel(), TinyData()
    tiny_trainer(callback).test(model, data, verbose=False)
    probabilities, labels = model.probabilities(data), data.dataset.labels
    wrong = [i for i in range(len(labels)) if probabilities[i].argmax() != labels[i]]
    expected = sorted(wrong, key=lambda i: float(probabilities[i, labels[i]]))[:6]
    assert len(wrong) > 6
    assert [mistake.position for mistake in callback.worst] == expected
    first = callback.worst[0]
    assert first.label == labels[first.position]
    assert first.prediction == probabilities[first.position].argmax()
    assert first.confidence == probabilities[first.position].max()


def test_right_predictions_are_never_kept_and_a_second_test_starts_anew() -> None:
    callback, model, data = LogWorstPredictions(count=1000), TinyModel(), TinyData()
    wrong = int((model.probabilities(data).argmax(1) != data.dataset.labels).sum())
    for _ in range(2):
        tiny_trainer(callback).test(model, data, verbose=False)
        assert len(callback.worst) == wrong < len(data.dataset)


def test_weights_and_biases_gets_item_label_prediction_and_confidence(tmp_path: Path) -> None:
    callback = LogWorstPredictions(count=3)
    loggers = build_loggers(["wandb"], tmp_path, "tiny", {})
    tiny_trainer(callback, logger=loggers).test(TinyModel(), TinyData(), verbose=False)
    finish_wandb()
    (path,) = tmp_path.rglob("*worst*.table.json")
    table = json.loads(path.read_text())
    assert table["columns"] == ["item", "label", "prediction", "confidence", "index"]
    assert [row[0] for row in table["data"]] == [f"test {mistake.position}" for mistake in callback.worst]
    assert {row[1] for row in table["data"]} <= set(TinyModel().class_names)


def test_images_stand_beside_the_table(tmp_path: Path) -> None:
    class Pictures(TinyData):
        def item(self, split: str, index: int) -> Any:
            return np.full((8, 8, 1), index, dtype=np.uint8)

    loggers = build_loggers(["wandb"], tmp_path, "tiny", {})
    callback = LogWorstPredictions(count=3)
    tiny_trainer(callback, logger=loggers).test(TinyModel(), Pictures(), verbose=False)
    finish_wandb()
    shades = {int(np.array(Image.open(path)).flat[0]) for path in tmp_path.rglob("worst_images*.png")}
    assert shades == {mistake.position for mistake in callback.worst}
    (path,) = tmp_path.rglob("worst_*.table.json")
    assert [row[3] for row in json.loads(path.read_text())["data"]] == [m.position for m in callback.worst]


def test_of_values_those_farthest_off_are_kept() -> None:
    callback, model, data = LogWorstPredictions(count=5), TinyRegressor(), TinyValues()
    model.standardise_by(data.values)
    tiny_trainer(callback).test(model, data, verbose=False)
    with torch.no_grad():
        values = model(data.test.points)[:, 0] * model.deviation + model.mean
    errors = (values - data.test.labels).abs()
    assert [wrong.position for wrong in callback.worst] == errors.argsort(descending=True)[:5].tolist()
    first = callback.worst[0]
    assert (first.value, first.label) == (values[first.position], data.test.labels[first.position])
