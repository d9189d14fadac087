import random

import pytest

from lightning_modules.networks.probes.text_noise import add_typos, drop_words

TEXT = " ".join(["wonderful", "a", "film", "indeed"] * 250)


def test_the_share_of_words_that_get_a_typo_is_as_asked() -> None:
    words = TEXT.split()
    changed = [w for w, typed in zip(words, add_typos(TEXT, 0.2, random.Random(0)).split(), strict=True) if w != typed]
    assert "a" not in changed
    assert len(changed) / 750 == pytest.approx(0.2, abs=0.05)


def test_a_typo_is_one_of_four_kinds() -> None:
    seen = {add_typos("ab", 1.0, random.Random(seed)) for seed in range(200)}
    assert {"aab", "b", "ba"} < seen
    assert {len(word) for word in seen} == {1, 2, 3}


def test_nothing_is_drawn_from_the_global_generator() -> None:
    random.seed(1)
    state = random.getstate()
    assert add_typos(TEXT, 0.5, random.Random(3)) == add_typos(TEXT, 0.5, random.Random(3))
    assert random.getstate() == state


def test_the_share_of_words_that_are_left_out_is_as_asked_and_one_is_left() -> None:
    assert len(drop_words(TEXT, 0.3, random.Random(0)).split()) / 1000 == pytest.approx(0.7, abs=0.05)
    assert drop_words("good film", 1.0, random.Random(0)) == "good"
    assert drop_words(TEXT, 0.0, random.Random(0)) == TEXT


def test_an_empty_text_stays_empty() -> None:
    assert add_typos(" ", 1.0, random.Random(0)) == drop_words("", 1.0, random.Random(0)) == ""
