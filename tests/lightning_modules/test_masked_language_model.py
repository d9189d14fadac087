from math import exp, log
from typing import Any

import pytest
import torch
from torch import nn

from lightning_modules.masked_language_model import MaskedLanguageModel, Perplexity
from tests.tiny_inputs import Texts

OUTPUTS = torch.tensor([[log(2.0), 1], [9 * log(8.0), 9]])  # perplexities 2 and 8


class Fixed(MaskedLanguageModel):
    def __init__(self, **recipe: Any) -> None:
        super().__init__(**recipe)
        self.network = nn.Identity()


def batch() -> Texts:
    ids = torch.ones(2, 4, dtype=torch.int64)
    return Texts(ids, ids, torch.zeros(2, dtype=torch.int64), torch.arange(2))


def test_perplexity_is_over_hidden_tokens_however_they_are_batched() -> None:
    whole, parts = Perplexity(), Perplexity()
    whole.update(OUTPUTS)
    for row in OUTPUTS:
        parts.update(row[None])
    expected = exp((log(2) + 9 * log(8)) / 10)
    assert whole.compute().item() == pytest.approx(expected)
    assert parts.compute().item() == pytest.approx(expected)


def test_the_loss_is_a_mean_over_texts() -> None:
    task = Fixed()
    assert task.loss(OUTPUTS, batch()).item() == pytest.approx((log(2) + log(8)) / 2)
    assert task.items(batch()) == 2


def test_a_text_without_hidden_tokens_loses_nothing() -> None:
    assert Fixed().loss(torch.zeros(1, 2), batch()).item() == 0


def test_predictions_are_what_the_answer_makes_of_the_outputs() -> None:
    task = Fixed()
    expected = torch.from_numpy(task.answer.predictions(OUTPUTS.numpy()))
    torch.testing.assert_close(task.predictions(OUTPUTS, batch()), expected)


def test_the_lowest_perplexity_is_the_best() -> None:
    assert Fixed().measured["val/perplexity"] == Fixed.headline.direction == "min"
