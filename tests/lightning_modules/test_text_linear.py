"""The baseline of every text run: as good as scikit-learn's, and counted on training texts only."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from datamodules.review_words import ReviewWords
from tests.conftest import REAL_DATA, Cli

SMALL = ("--loggers=[]", "--data.train_size=200", "--model.pair_buckets=5000", "--trainer.max_epochs=1")


def scikit_learn(source: str) -> float:
    """Test accuracy of TF-IDF and logistic regression on the splits that a run gets."""
    splits = ReviewWords(source=source).source_found.splits
    features = TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True)
    fitted = make_pipeline(features, LogisticRegression(C=30.0, max_iter=1000))
    fitted.fit(splits["train"].items, splits["train"].labels)
    return float(fitted.score(splits["test"].items, splits["test"].labels))


def accuracy(experiment: Cli, tmp_path: Path, *options: str) -> float:
    assert experiment("text_linear", "--loggers=[]", *options).code == 0
    results = json.loads((tmp_path / "runs/text_linear/latest/results.json").read_text())
    return float(results["test"]["accuracy"])


def test_rarity_is_counted_on_all_training_texts_and_travels_with_the_weights(experiment: Cli, tmp_path: Path) -> None:
    assert experiment("text_linear", *SMALL, "--trainer.limit_train_batches=1").code == 0
    best = torch.load(tmp_path / "runs/text_linear/latest/checkpoints/best.ckpt", weights_only=True)
    found = best["state_dict"]["network.idf"]
    data = ReviewWords(train_size=200, max_vocabulary=60_000)
    the = data.tokenizer.token_to_id("the")
    having = sum(the in data.tokenizer.encode(text).ids for text in data.source_found.splits["train"].items)
    assert found[the] == pytest.approx(1 + torch.tensor(201 / (1 + having)).log())
    one_text_only = data.tokenizer.get_vocab_size() - 1  # the rarest word
    assert found[one_text_only] == 0


def test_a_run_from_anothers_weights_keeps_what_was_counted(experiment: Cli, tmp_path: Path) -> None:
    assert experiment("text_linear", *SMALL).code == 0
    first = (tmp_path / "runs/text_linear/latest").resolve()
    assert experiment("text_linear", *SMALL, "--data.train_size=20", f"--init_from={first}").code == 0
    folders = (first, tmp_path / "runs/text_linear/latest")
    states = [torch.load(f / "checkpoints/best.ckpt", weights_only=True)["state_dict"] for f in folders]
    assert torch.equal(states[0]["network.idf"], states[1]["network.idf"])


@pytest.mark.slow
def test_it_is_as_good_as_scikit_learn_on_the_sample(experiment: Cli, tmp_path: Path) -> None:
    assert abs(accuracy(experiment, tmp_path) - scikit_learn("sample")) <= 0.015  # 15 of 1,000 sentences


@pytest.mark.slow
@pytest.mark.real_data
@pytest.mark.skipif(not REAL_DATA.is_dir(), reason=f"no real data at {REAL_DATA}")
@pytest.mark.timeout(1200)
def test_it_is_as_good_as_scikit_learn_on_whole_reviews(experiment: Cli, tmp_path: Path) -> None:
    source = str(REAL_DATA / "imdb")
    assert accuracy(experiment, tmp_path, f"--data.source={source}") >= scikit_learn(source) - 0.003
