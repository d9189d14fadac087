"""IMDb without a neural network: TF-IDF over words and pairs of words, and logistic regression (scikit-learn)."""

from __future__ import annotations

from pathlib import Path

from jsonargparse import auto_cli
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from benchmarks.baselines.recording import Recording
from datamodules.review_words import ReviewWords


def main(data: str, output: Path, seed: int = 1) -> None:
    """Fit once; ``seed`` changes nothing, as the solver is deterministic."""
    splits = ReviewWords(source=data).source_found.splits
    train, val, test = (splits[split] for split in ("train", "val", "test"))
    classifier = make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True), LogisticRegression(C=30.0, max_iter=1000)
    )
    recording = Recording(output)
    classifier.fit(train.items, train.labels)
    recording.stepped(len(train))
    recording.validated(classifier.score(val.items, val.labels))
    recording.finish(classifier.score(test.items, test.labels))


if __name__ == "__main__":
    auto_cli(main, as_positional=False)
