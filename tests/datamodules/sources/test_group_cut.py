"""Groups are cut whole, near every class's share, and the same way for a seed."""

import numpy as np
import pytest

from datamodules.sources.group_cut import cut_groups, groups_of_class, joined
from datamodules.sources.splits import stratified_cut


def test_joined_groups_reach_as_far_as_either_numbering() -> None:
    copies = np.array([7, 8, 7, 9, 5, 6])
    patients = np.array([1, 1, 2, 3, 4, 3])
    assert joined([copies, patients]).tolist() == [0, 0, 0, 3, 4, 3]
    assert joined([copies]).tolist() == [0, 1, 0, 3, 4, 5]


def test_groups_with_an_item_of_a_class_are_counted() -> None:
    assert groups_of_class(np.array([0, 0, 0, 1, 1]), np.array([4, 4, 6, 6, 7])).tolist() == [2, 2]


@pytest.mark.parametrize("seed", range(5))
def test_cuts_of_random_groups_are_whole_near_the_size_and_hold_every_class(seed: int) -> None:
    rng = np.random.default_rng(seed)
    groups = np.repeat(np.arange(400), rng.integers(1, 12, 400))
    labels = np.where(rng.random(len(groups)) < 0.8, groups % 3, rng.integers(0, 3, len(groups)))
    size = len(labels) // 10
    kept, cut = stratified_cut(labels, size, seed, groups)
    assert not np.isin(groups[cut], groups[kept]).any()
    assert sorted([*kept, *cut]) == list(range(len(labels)))
    assert abs(len(cut) - size) <= 0.1 * size
    shares = np.bincount(labels[cut], minlength=3) / np.bincount(labels)
    assert np.abs(shares - 0.1).max() < 0.02


def test_a_few_copies_hardly_change_a_cut_and_go_to_either_side() -> None:
    labels = np.arange(1000) % 2
    groups = np.arange(1000)
    groups[100:200] = groups[:100]  # a tenth of the items has a copy
    _, cut = stratified_cut(labels, 200, 0, groups)
    assert len(cut) == 200
    assert np.bincount(labels[cut]).tolist() == [100, 100]
    paired = np.isin(cut, np.arange(200)).sum()
    assert 20 <= paired <= 60  # about its share of 40, and not all copies on one side


def test_groups_larger_than_what_is_wanted_are_cut_for_the_sake_of_a_class() -> None:
    groups = np.repeat([0, 1, 2], 100)
    labels = np.arange(300) % 2
    kept, cut = stratified_cut(labels, 30, 0, groups, leave=2)
    assert len(cut) == 100
    assert len(np.unique(groups[kept])) == 2


def test_a_cut_depends_on_its_seed_alone() -> None:
    labels, groups = np.arange(300) % 2, np.arange(300) // 3
    cuts = [stratified_cut(labels, 30, seed, groups)[1].tolist() for seed in (1, 1, 2)]
    assert cuts[0] == cuts[1] != cuts[2]


def test_groups_that_cannot_be_cut_are_said() -> None:
    """Each class has two groups, but one of both classes; whichever is cut is the last of another."""
    labels, groups = np.array([0, 1, 0, 1]), np.array([0, 0, 1, 1])
    with pytest.raises(ValueError, match="cannot be cut"):
        cut_groups(labels, groups, np.array([1, 1]), seed=0, leave=2)
