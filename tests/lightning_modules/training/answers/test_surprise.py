import json
from math import exp, log

import numpy as np
import pytest

from lightning_modules.training.answer_kinds import answer_from
from lightning_modules.training.answers.surprise import Surprise

OUTPUTS = np.array([[3 * log(5), 3], [0, 0]], np.float32)


def test_a_text_is_scored_by_its_mean_surprise_and_the_perplexity() -> None:
    predictions = Surprise().predictions(OUTPUTS)
    assert predictions.dtype == np.float32
    np.testing.assert_allclose(predictions, np.array([[log(5), 5, 3], [0, 1, 0]]), rtol=1e-6)


def test_a_line_of_predictions_has_plain_numbers() -> None:
    answer, prediction = Surprise(), Surprise().predictions(OUTPUTS)[0]
    line = json.loads(json.dumps(answer.line(prediction)))
    assert line == {"loss": pytest.approx(log(5)), "perplexity": pytest.approx(5), "hidden_tokens": 3}
    assert list(answer.cells(prediction)) == answer.header == ["loss", "perplexity", "hidden_tokens", "error"]
    assert answer.shown(prediction) == ["perplexity 5 (loss 1.609, hidden tokens 3)"]


def test_it_travels_as_json_and_has_no_labels_to_write() -> None:
    answer = answer_from(json.loads(json.dumps(Surprise().settings)))
    assert answer == Surprise()
    assert answer.labelled(0) == {}


def test_a_number_of_classes_means_nothing_to_it() -> None:
    with pytest.raises(ValueError, match="--top=3 is for class probabilities"):
        Surprise().limited(3)


def test_the_perplexity_of_a_loss_is_its_exponential() -> None:
    loss, perplexity, _ = Surprise().predictions(np.array([[2.5, 1]], np.float32))[0]
    assert perplexity == pytest.approx(exp(loss))
