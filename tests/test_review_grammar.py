"""The review grammar is deterministic, honest about its splits, and unreadable without word order."""

import csv
import json
import os
import random
import re
import subprocess
import sys
import time
from itertools import combinations
from pathlib import Path

import pytest
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from tests import review_grammar
from tests.conftest import Cli
from tests.review_grammar import (
    BLAME,
    CLASS_NAMES,
    PRAISE,
    Texts,
    adjective_pairs,
    compose,
    review_splits,
    reviews,
)

NEGATIVE, POSITIVE = (CLASS_NAMES.index(name) for name in ("negative", "positive"))


@pytest.fixture(scope="module")
def splits() -> dict[str, Texts]:
    return review_splits()


def words(text: str) -> list[str]:
    """Lower-case words in reading order; "an" counts as "a"."""
    return ["a" if word == "an" else word for word in re.findall(r"[a-z']+", text.lower())]


def adjective_meetings(texts: list[str]) -> set[frozenset[str]]:
    """Pairs of adjectives that some sentence of `texts` joins."""
    adjectives = {*PRAISE, *BLAME}
    sentences = (sentence for text in texts for sentence in re.split(r"\. |! ", text))
    return {
        frozenset(pair)
        for sentence in sentences
        for pair in combinations(sorted(adjectives.intersection(words(sentence))), 2)
    }


def twins(seed: int) -> tuple[str, str]:
    """The negative and the positive review that one state of the generator gives."""
    pairs = adjective_pairs(range(10))
    negative, positive = (compose(random.Random(seed), label, pairs) for label in (NEGATIVE, POSITIVE))
    return negative, positive


def test_same_seed_gives_the_same_reviews_and_another_seed_others() -> None:
    assert reviews(50, seed=3) == reviews(50, seed=3)
    assert not set(reviews(50, seed=3)[0]) & set(reviews(50, seed=4)[0])


def test_reviews_do_not_depend_on_the_hash_seed_of_the_process() -> None:
    program = "from tests.review_grammar import reviews; print(reviews(50, seed=3))"
    root = Path(review_grammar.__file__).parents[1]
    for hash_seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
        printed = subprocess.check_output([sys.executable, "-c", program], cwd=root, env=environment, text=True)
        assert printed.strip() == str(reviews(50, seed=3))


def test_every_python_writes_the_same_first_review() -> None:
    (text,), _ = reviews(1, seed=0)
    assert text == (
        "An adventure about a runaway violinist. First the forgettable first hour, then the tired "
        "casting: it all adds up. My daughter called it lazy and flat; she is right. My former teacher "
        "found the suspense graceful, but she is mistaken: it is bland. That is my view, having seen it "
        "on two evenings."
    )


def test_default_splits_are_eight_one_and_one_thousand(splits: dict[str, Texts]) -> None:
    assert {name: len(texts) for name, (texts, _) in splits.items()} == {"train": 8000, "val": 1000, "test": 1000}


def test_classes_are_balanced_in_every_split(splits: dict[str, Texts]) -> None:
    for texts, labels in splits.values():
        assert len(labels) == len(texts)
        assert labels.count(NEGATIVE) == labels.count(POSITIVE) == len(texts) // 2


def test_no_review_occurs_twice_within_or_across_splits(splits: dict[str, Texts]) -> None:
    texts = [" ".join(text.lower().split()) for split, _ in splits.values() for text in split]
    assert len(set(texts)) == len(texts)


def test_no_two_adjectives_meet_in_sentences_of_different_splits(splits: dict[str, Texts]) -> None:
    meetings = [adjective_meetings(texts) for texts, _ in splits.values()]
    assert all(meetings)
    for one, other in combinations(meetings, 2):
        assert not one & other


def test_every_word_of_the_test_split_is_known_from_training(splits: dict[str, Texts]) -> None:
    train, test = ({word for text in splits[name][0] for word in words(text)} for name in ("train", "test"))
    assert len(train) >= 300
    assert test <= train


def test_reviews_are_15_to_80_words_of_filled_in_sentences(splits: dict[str, Texts]) -> None:
    for text in splits["test"][0]:
        assert 15 <= len(text.split()) <= 80
        assert not re.search(r"[{}]|\s\s|\n|\ba [aeiou]|\ban [^aeiou]|[.!?] [a-z]", text), text


def test_opposite_verdicts_can_consist_of_the_same_words() -> None:
    same_words = [
        (negative, positive)
        for negative, positive in map(twins, range(300))
        if sorted(words(negative)) == sorted(words(positive))
    ]
    assert len(same_words) >= 50
    assert all(words(negative) != words(positive) for negative, positive in same_words)


def test_verdict_exchanges_praise_and_blame_and_nothing_else() -> None:
    adjectives = {*PRAISE, *BLAME}
    for negative, positive in map(twins, range(300)):
        exchanged = [(a, b) for a, b in zip(words(negative), words(positive), strict=True) if a != b]
        assert exchanged
        assert all({a, b} <= adjectives and (a in PRAISE) != (b in PRAISE) for a, b in exchanged)


def test_bag_of_words_stays_below_85_percent(splits: dict[str, Texts]) -> None:
    bag = make_pipeline(CountVectorizer(), LogisticRegression(max_iter=1000)).fit(*splits["train"])
    assert 0.5 < bag.score(*splits["test"]) <= 0.85


def test_ten_thousand_reviews_take_less_than_a_second_of_processor_time() -> None:
    def seconds() -> float:
        start = time.process_time()
        reviews(10_000, seed=0)
        return time.process_time() - start

    assert min(seconds() for _ in range(3)) < 1  # the best of three: other processes share the cache


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_imdb_lstm_reads_the_order_that_text_linear_misses(experiment: Cli, tmp_path: Path) -> None:
    source = tmp_path / "grammar"
    source.mkdir()
    for split, (texts, labels) in review_splits(train=2500, val=500).items():
        with (source / f"{split}.csv").open("w", newline="") as file:
            rows = zip(texts, (CLASS_NAMES[label] for label in labels), strict=True)
            csv.writer(file).writerows([("text", "label"), *rows])
    accuracies = {}
    for name in ("imdb_lstm", "text_linear"):
        assert experiment(name, "--loggers=[]", f"--data.source={source}").code == 0
        results = json.loads((tmp_path / "runs" / name / "latest" / "results.json").read_text())
        accuracies[name] = results["test"]["accuracy"]
    assert accuracies["imdb_lstm"] >= 0.95
    assert accuracies["text_linear"] <= 0.85
