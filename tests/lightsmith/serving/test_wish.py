from __future__ import annotations

import pytest

from lightning_modules.training.answer import ClassProbabilities
from lightning_modules.training.answers.reconstruction import Reconstruction
from lightsmith.serving.problems import ProblemError
from lightsmith.serving.wish import finite, wish_of

CLASSES = ClassProbabilities(["a", "b"])


def test_a_request_says_how_and_by_when() -> None:
    assert wish_of(CLASSES, {}, {}) == (CLASSES, 10.0)
    wish = wish_of(CLASSES, {"top": "1", "threshold": "0.5"}, {"X-Deadline-Ms": "250"})
    assert (wish.within_s, wish.answer) == (0.25, CLASSES.limited(1).above(0.5))
    assert wish_of(Reconstruction(3), {"latents": "true"}, {}).answer == Reconstruction(3, listed=True)
    assert wish_of(Reconstruction(3), {"latents": "false"}, {}).answer == Reconstruction(3)


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"latents": "true"}, "latents=true is for autoencoders"),
        ({"latents": "1"}, "latents=1 must be true or false"),
        ({"threshold": "1e400"}, "threshold=inf must be"),
        ({"threshold": "much"}, "threshold=much is no number"),
        ({"top": "²"}, "top=² must be a whole number"),
        ({"top": "-1"}, "top=-1 must be a whole number"),
    ],
)
def test_what_is_not_possible_is_a_problem(query: dict[str, str], words: str) -> None:
    with pytest.raises(ProblemError) as refused:
        wish_of(CLASSES, query, {})
    assert refused.value.status == 400
    assert words in refused.value.detail


def test_json_has_no_infinities() -> None:
    line = {"loss": 3.0, "perplexity": float("inf"), "probabilities": {"a": float("nan")}, "prediction": "a"}
    assert finite(line) == {"loss": 3.0, "perplexity": None, "probabilities": {"a": None}, "prediction": "a"}
