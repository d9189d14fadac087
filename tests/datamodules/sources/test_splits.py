"""Splits are cut seeded, stratified and only where the source has none."""

from dataclasses import replace

import numpy as np
import pytest

from datamodules.sources.source import Examples, Source
from datamodules.sources.splits import check_classes, choose_train, cut_missing_splits, stratified_cut, subset


def source(*, labels: list[int], **official: list[int]) -> Source:
    """Items are distinct texts, so that a split can be traced to what it was cut from."""
    splits = {
        split: Examples([f"{split} {i}" for i in range(len(given))], np.array(given, dtype=np.int64))
        for split, given in {"train": labels, **official}.items()
    }
    return Source("films", ["bad", "good", "odd"], splits)


def test_missing_splits_are_cut_from_train_disjoint_and_whole() -> None:
    found = source(labels=[0] * 70 + [1] * 30)
    cut = cut_missing_splits(found, val_fraction=0.1, test_fraction=0.2, seed=0)
    assert {split: len(examples) for split, examples in cut.splits.items()} == {"train": 70, "val": 10, "test": 20}
    together = [item for examples in cut.splits.values() for item in examples.items]
    assert sorted(together) == sorted(found.splits["train"].items)
    for split, counts in {"train": [49, 21], "val": [7, 3], "test": [14, 6]}.items():
        assert np.bincount(cut.splits[split].labels).tolist() == counts
    assert cut.notes == [
        "There is no test split, so 20 of the 100 training items were set aside for the test (seed 0). "
        "That is few: the score may be off by 20 points",
        "There is no val split, so 10 of the 100 training items were set aside for validation (seed 0)",
    ]


def test_items_keep_their_labels_through_a_cut() -> None:
    labels = [0, 1] * 20
    cut = cut_missing_splits(source(labels=labels), 0.25, 0.25, seed=3)
    for examples in cut.splits.values():
        assert [labels[int(item.split()[1])] for item in examples.items] == examples.labels.tolist()


def test_official_splits_are_never_touched() -> None:
    found = source(labels=[0, 1] * 10, test=[0, 1, 1], val=[0, 0])
    assert cut_missing_splits(found, 0.5, 0.4, seed=0) == found
    only_test = source(labels=[0, 1] * 10, test=[0, 1, 1])
    cut = cut_missing_splits(only_test, 0.5, 0.4, seed=0)
    assert cut.splits["test"] is only_test.splits["test"]
    assert len(cut.splits["val"]) == len(cut.splits["train"]) == 10
    assert len(cut.notes) == 1


def test_a_cut_depends_on_its_seed_alone() -> None:
    labels = np.array([0, 1] * 50)
    assert np.array_equal(stratified_cut(labels, 20, seed=1)[1], stratified_cut(labels, 20, seed=1)[1])
    assert not np.array_equal(stratified_cut(labels, 20, seed=1)[1], stratified_cut(labels, 20, seed=2)[1])


def test_rare_classes_are_on_both_sides_of_a_cut() -> None:
    labels = np.array([0] * 97 + [1] * 3)
    for size in (2, 10, 99):
        kept, cut = stratified_cut(labels, size, seed=0)
        assert set(labels[cut]) == set(labels[kept]) == {0, 1}
        assert len(kept) + len(cut) == 100


@pytest.mark.parametrize("counts", [[50, 50], [7, 11, 13], [1, 1, 98], [3, 3, 3, 3, 3, 3, 994]])
def test_a_subset_has_exactly_the_size_asked_for_and_every_class(counts: list[int]) -> None:
    labels = np.repeat(np.arange(len(counts)), counts)
    examples = Examples(np.arange(len(labels)), labels)
    for size in range(len(counts), len(labels) + 1):
        chosen = subset(examples, size, seed=0)
        assert len(chosen) == size
        shares = np.bincount(chosen.labels, minlength=len(counts))
        assert shares.min() >= 1
        assert all(share <= max(1, np.ceil(size * c / sum(counts))) for share, c in zip(shares, counts, strict=True))
        assert np.array_equal(labels[np.asarray(chosen.items)], chosen.labels)


def test_a_subset_smaller_than_the_number_of_classes_has_one_of_each() -> None:
    examples = Examples(list("abcd"), np.arange(4))
    assert sorted(subset(examples, 2, seed=0).items) == list("abcd")


def test_a_subset_as_large_as_the_data_is_the_data() -> None:
    examples = Examples(list("abcd"), np.array([0, 1, 0, 1]))
    assert subset(examples, 4, seed=0) is examples
    assert subset(examples, 400, seed=0) is examples


def test_a_class_too_small_to_cut_is_named() -> None:
    said = r"class 'good' \(2\) of films has too few training items to cut a test and a val split from: give each 3"
    with pytest.raises(ValueError, match=said):
        cut_missing_splits(source(labels=[0] * 10 + [1] * 2), 0.1, 0.1, seed=0)
    assert len(cut_missing_splits(source(labels=[0] * 10 + [1] * 2, test=[0, 1]), 0.1, 0.1, 0).splits["val"]) == 2
    with pytest.raises(ValueError, match=r"class 'good' \(1\) of films has too few .* a val split from: give each 2"):
        cut_missing_splits(source(labels=[0] * 10 + [1], test=[0, 1]), 0.1, 0.1, seed=0)


def test_copies_are_on_one_side_of_every_cut_and_it_is_said() -> None:
    found = source(labels=[0, 1] * 150)
    copies = np.arange(300) // 6
    cut = cut_missing_splits(found, 0.1, 0.2, seed=0, copies=copies)
    sides = {split: set(copies[rows].tolist()) for split, rows in cut.rows.items()}
    assert {split: len(rows) for split, rows in cut.rows.items()} == {"test": 60, "val": 30, "train": 210}
    assert sum(map(len, sides.values())) == 50 == len(set.union(*sides.values()))
    assert cut.notes[-1] == "copies are on the same side of every cut"
    assert "That is few: the score may be off by 26 points" in cut.notes[0]  # 10 texts, however often


def test_copies_and_groups_go_together_by_way_of_each_other() -> None:
    found = source(labels=[0, 1] * 30)
    found.splits["train"] = replace(found.splits["train"], groups=np.arange(60) // 2)
    copies = np.arange(60)
    copies[1::4] = copies[2::4]  # one of each pair is copied in the next pair
    cut = cut_missing_splits(found, 0.2, 0.2, seed=0, copies=copies)
    fours = {split: set((rows // 4).tolist()) for split, rows in cut.rows.items()}
    assert sum(map(len, fours.values())) == 15
    assert cut.notes[-1] == "copies and groups are on the same side of every cut"


def test_without_copies_a_cut_is_the_same_as_ever() -> None:
    found = source(labels=[0, 1, 1] * 30)
    plain, numbered = (cut_missing_splits(found, 0.2, 0.1, 0, copies) for copies in (None, np.arange(90)))
    assert plain.notes == numbered.notes
    assert plain.splits["test"].items[:4] == ["train 6", "train 8", "train 11", "train 17"]
    for split in ("train", "val", "test"):
        assert plain.splits[split].items == numbered.splits[split].items
        assert plain.splits[split].items == [f"train {row}" for row in plain.rows[split]]


def test_a_class_of_too_few_different_items_is_cut_all_the_same_and_said() -> None:
    found = source(labels=[0] * 40 + [1] * 40)
    copies = np.concatenate([np.zeros(40, dtype=np.int64), np.arange(40, 80) // 2 * 2])
    cut = cut_missing_splits(found, 0.1, 0.1, seed=0, copies=copies)
    assert [np.bincount(cut.splits[split].labels).tolist() for split in ("train", "val", "test")] == [
        [32, 32],
        [4, 4],
        [4, 4],
    ]
    (said,) = [note for note in cut.notes if "so few different" in note]
    assert said.startswith("class 'bad': so few different items that copies of one stand in train and in what was cut")
    goods = [set((copies[rows[rows >= 40]]).tolist()) for rows in cut.rows.values()]
    assert sum(map(len, goods)) == 20


def test_a_rare_class_stays_in_train_if_asked_and_it_is_said() -> None:
    found = source(labels=[0] * 20 + [1] * 20 + [2] * 2)
    cut = cut_missing_splits(found, 0.1, 0.1, seed=0, rare_classes="train")
    assert [np.bincount(cut.splits[split].labels).tolist() for split in ("test", "val")] == [[2, 2], [2, 2]]
    assert np.bincount(cut.splits["train"].labels).tolist() == [16, 16, 2]
    assert "class 'odd' (2) has too few items to cut: it is in train only, in no test or val split" in cut.notes
    with pytest.raises(ValueError, match=r"class 'odd' \(2\) of films .* or let --data.rare_classes=train keep such"):
        cut_missing_splits(found, 0.1, 0.1, seed=0)
    with pytest.raises(ValueError, match=r"'bad' \(1\), 'good' \(1\) .* bring these splits yourself$"):
        cut_missing_splits(source(labels=[0, 1]), 0.1, 0.1, seed=0, rare_classes="train")


def test_a_class_of_too_few_groups_is_named() -> None:
    found = source(labels=[0, 1] * 20)
    found.splits["train"] = replace(found.splits["train"], groups=np.arange(40) // 20)
    with pytest.raises(ValueError, match=r"'bad' \(2\), 'good' \(2\) of films has too few training groups to cut"):
        cut_missing_splits(found, 0.1, 0.1, seed=0)


def test_of_many_items_nothing_is_said_about_few() -> None:
    notes = cut_missing_splits(source(labels=[0, 1] * 2500), 0.1, 0.1, seed=0).notes
    assert notes[0] == "There is no test split, so 500 of the 5,000 training items were set aside for the test (seed 0)"


def test_a_choice_of_train_says_which_rows_it_is() -> None:
    cut = cut_missing_splits(source(labels=[0, 1] * 50), 0.1, 0.1, seed=0)
    few = choose_train(cut, 10, seed=0)
    assert few.splits["train"].items == subset(cut.splits["train"], 10, seed=0).items
    assert few.splits["train"].items == [f"train {row}" for row in few.rows["train"]]
    official = source(labels=[0, 1] * 50, val=[0, 1], test=[0, 1])
    assert choose_train(official, 10, seed=0).rows["train"].tolist() == [
        int(item.split()[1]) for item in subset(official.splits["train"], 10, seed=0).items
    ]


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (source(labels=[]), "films holds no train items"),
        (source(labels=[0, 1], val=[]), "films holds no val items"),
        (source(labels=[1, 1]), "films has only one class, 'good'"),
        (source(labels=[0, 1], test=[2]), "the test split of films has a class 'odd' that the training items lack"),
    ],
)
def test_data_that_cannot_be_learnt_from_is_refused(found: Source, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check_classes(found)
    check_classes(source(labels=[0, 1, 1, 1, 1], test=[1]))
