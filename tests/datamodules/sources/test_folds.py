from dataclasses import replace

import numpy as np
import pytest

from datamodules.mnist import MNIST
from datamodules.sources.folds import Fold, cut_fold, divide, pooled
from datamodules.sources.source import Examples, Source

FOLDS = 5


def source(labels: np.ndarray, groups: np.ndarray | None = None, names: tuple[str, ...] = ("a", "b", "c")) -> Source:
    texts = [f"text {n}" for n in range(len(labels))]
    is_class = np.issubdtype(labels.dtype, np.integer)
    return Source("here", list(names) if is_class else [], {"train": Examples(texts, labels, groups)})


def all_folds(given: Source, copies: np.ndarray | None = None, count: int = FOLDS) -> list[Source]:
    return [cut_fold(given, Fold(n, count), 0.1, 0, copies, "texts") for n in range(1, count + 1)]


@pytest.mark.parametrize("text", ["0/5", "6/5", "1/1", "5", "a/b", "-1/5", "1/5/2", "1.0/5", ""])
def test_a_fold_that_means_nothing_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^data.fold='.*' must be a fold and their number, such as 2/5$"):
        MNIST(fold=text)


@pytest.mark.parametrize("seed", range(5))
def test_every_item_is_in_one_fold_and_every_fold_has_its_share_of_each_class(seed: int) -> None:
    labels = np.random.default_rng(seed).choice(3, 1003, p=[0.7, 0.25, 0.05])
    folds = divide(labels, np.arange(1003), FOLDS, seed)
    sizes = np.bincount(folds)
    shares = np.stack([np.bincount(labels[folds == n], minlength=3) for n in range(FOLDS)])
    assert sizes.sum() == 1003
    assert np.ptp(sizes) <= 1
    assert np.ptp(shares, axis=0).max() <= 1
    assert np.array_equal(folds, divide(labels, np.arange(1003), FOLDS, seed))
    assert not np.array_equal(folds, divide(labels, np.arange(1003), FOLDS, seed + 1))


@pytest.mark.parametrize("seed", range(5))
def test_groups_stay_whole_and_the_classes_even(seed: int) -> None:
    rng = np.random.default_rng(seed)
    groups = np.concatenate([np.repeat(np.arange(60), rng.integers(2, 30, 60)), np.arange(1000, 1300)])
    labels = np.where(groups < 1000, groups % 3, rng.integers(0, 3, len(groups)))
    folds = divide(labels, groups, FOLDS, seed)
    assert all(len(np.unique(folds[groups == group])) == 1 for group in np.unique(groups))
    assert np.ptp(np.bincount(folds)) <= 2
    assert np.ptp([np.bincount(labels[folds == n], minlength=3) for n in range(FOLDS)], axis=0).max() <= 3


def test_a_fold_is_the_test_split_and_what_is_left_is_cut_into_training_and_validation() -> None:
    labels = np.arange(300) % 3
    found = all_folds(source(labels))
    assert sorted(text for fold in found for text in fold.splits["test"].items) == sorted(
        f"text {n}" for n in range(300)
    )
    for fold in found:
        items = [set(fold.splits[split].items) for split in ("train", "val", "test")]
        assert ([len(part) for part in items], len(set.union(*items))) == ([216, 24, 60], 300)
        for split, examples in fold.splits.items():
            assert [f"text {row}" for row in fold.rows[split]] == list(examples.items)
            assert np.array_equal(examples.labels, labels[fold.rows[split]])


def test_copies_and_groups_are_never_on_two_sides_of_a_fold() -> None:
    labels, copies, groups = np.zeros(200, np.int64), np.arange(200), np.arange(200) // 4
    copies[7] = copies[150]  # which joins two groups
    for fold in all_folds(source(labels, groups, ("a",)), copies):
        sides = [set(groups[fold.rows[split]]) for split in ("train", "val", "test")]
        assert len(set.union(*sides)) == sum(map(len, sides))
        assert sum(len({7, 150} & set(fold.rows[split].tolist())) == 2 for split in sides_of(fold)) == 1


def sides_of(fold: Source) -> list[str]:
    return list(fold.splits)


def test_values_are_spread_over_the_folds_from_low_to_high() -> None:
    values = np.random.default_rng(0).exponential(size=500).astype(np.float32)
    means = [float(fold.splits["test"].labels.mean()) for fold in all_folds(source(values))]
    assert max(means) / min(means) < 1.1


@pytest.mark.parametrize(("count", "few"), [(5, 4), (2, 3), (3, 3)])
def test_a_class_with_too_few_items_is_named(count: int, few: int) -> None:
    labels = np.concatenate([np.zeros(50, np.int64), np.ones(few, np.int64), np.full(50, 2)])
    line = f"data.fold=…/{count}: 'b' of here has {few} texts, of which {count} folds need {max(count, 4)} or more"
    with pytest.raises(ValueError, match=line):
        cut_fold(source(labels), Fold(1, count), 0.1, 0, None, "texts")


def test_training_and_validation_are_pooled_and_an_official_test_split_is_left_alone() -> None:
    sizes = {"train": 80, "val": 20, "test": 9}
    texts = {split: [f"{split} {n}" for n in range(size)] for split, size in sizes.items()}
    splits = {split: Examples(items, np.arange(len(items)) % 2) for split, items in texts.items()}
    given = Source("here", ["a", "b"], splits)
    pool = pooled(given)
    assert list(pool.splits) == ["train"]
    assert list(pool.splits["train"].items) == texts["train"] + texts["val"]
    assert pool.notes == ["The test split of 9 has no part in cross-validation"]
    seen = [text for fold in all_folds(pool) for text in fold.splits["test"].items]
    assert sorted(seen) == sorted(texts["train"] + texts["val"])
    alone = replace(given, splits={"train": splits["train"]})
    assert pooled(alone).splits["train"] is splits["train"]  # no copy, so that its encoding is found again
