from pathlib import Path

import numpy as np

from datamodules.sources.item_names import name_item
from datamodules.sources.joined_items import JoinedItems, join_examples
from datamodules.sources.source import Examples

PARTS = {"train": ["a", "b", "c"], "val": ["d"], "test": ["e", "f"]}


def test_items_are_found_by_their_place_in_all_and_named_by_where_they_lie() -> None:
    joined = JoinedItems(PARTS)
    assert (len(joined), list(joined), joined[1:4]) == (6, list("abcdef"), ["b", "c", "d"])
    chosen = joined.take(np.array([5, 3, 0])).take(np.array([0, 1]))
    assert (list(chosen), [chosen.place_of(n) for n in range(2)]) == (["f", "d"], [("test", 1), ("val", 0)])
    assert [name_item(chosen, n, "train", Path()) for n in range(2)] == ["test row 1", "val row 0"]


def test_labels_and_groups_follow_the_items_and_arrays_stay_arrays() -> None:
    groups = np.array([3, 3, 1])
    one = Examples(np.zeros((3, 2, 2, 1), np.uint8), np.array([0, 1, 0]), groups)
    other = Examples(np.ones((1, 2, 2, 1), np.uint8), np.array([1]), np.array([3]))
    joined = join_examples({"train": one, "val": other})
    assert isinstance(joined.items, np.ndarray)
    assert joined.groups is not None
    assert (joined.items.shape, joined.labels.tolist(), joined.groups.tolist()) == (
        (4, 2, 2, 1),
        [0, 1, 0, 1],
        [3, 3, 1, 3],
    )
    texts = {"train": Examples(["a", "b"], np.array([0, 1])), "val": Examples(["c"], np.array([1]))}
    assert isinstance(join_examples(texts).items, JoinedItems)
    assert join_examples(texts).groups is None
