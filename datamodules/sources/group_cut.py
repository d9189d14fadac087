"""Cutting a split so that no group of items is taken apart: random, seeded, and near every class's share."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def joined(numberings: Sequence[np.ndarray]) -> np.ndarray:
    """Groups int64 (n,) of what has the same number in any numbering, by way of others too; named by their first."""
    parts = [np.unique(numbers, return_inverse=True)[1].reshape(-1) for numbers in numberings]
    groups = np.arange(len(parts[0]))
    while True:
        before = groups
        for part in parts:
            least = np.full(part.max(initial=-1) + 1, len(groups))
            np.minimum.at(least, part, groups)
            groups = least[part]
        if np.array_equal(before, groups):
            return groups


def groups_of_class(labels: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Count the groups that have an item of each occurring class, in ascending order of the labels: int64 (C,)."""
    span = groups.max() + 1
    return np.unique(np.unique(labels * span + groups) // span, return_counts=True)[1]


def cut_groups(labels: np.ndarray, groups: np.ndarray, wanted: np.ndarray, seed: int, leave: int) -> np.ndarray:
    """Ascending positions of the items to cut: whole groups, together about ``wanted`` items of each class.

    Of the groups of several items a random choice comes as near as it can to their part of what is wanted; items that
    are alone fill up the rest. At least one item of every class is cut, and ``leave`` groups of it are not.

    Args:
        wanted: int64 (C,), for the classes that occur in ascending order.

    Raises:
        ValueError: groups that hold several classes forbid that.
    """
    return _Cut(labels, groups, wanted, seed, leave).chosen()


class _Cut:
    """The state of one cut. Classes count from 0 here, and only those that occur."""

    def __init__(self, labels: np.ndarray, groups: np.ndarray, wanted: np.ndarray, seed: int, leave: int) -> None:
        self.labels = np.unique(labels, return_inverse=True)[1].reshape(-1)
        _, self.groups, sizes = np.unique(groups, return_inverse=True, return_counts=True)
        self.groups = self.groups.reshape(-1)
        self.alone = sizes[self.groups] == 1
        self.wanted, self.leave = wanted, leave
        self.rng = np.random.default_rng(seed)
        self.left = groups_of_class(self.labels, self.groups)  # groups of each class that are not cut
        self.cut = np.zeros(len(wanted), dtype=np.int64)  # items of each class that are
        order = np.argsort(self.groups, kind="stable")
        order = order[~self.alone[order]]
        starts = np.flatnonzero(np.diff(self.groups[order], prepend=-1))
        self.members = np.split(order, starts[1:]) if len(order) else []

    def chosen(self) -> np.ndarray:
        """Ascending positions of the items to cut."""
        contents = [np.unique(self.labels[members], return_counts=True) for members in self.members]
        taken = self._choose(contents)
        alone = self._fill()
        self._complete(contents, taken)
        return np.sort(np.concatenate([*(self.members[i] for i in taken), alone]))

    def _choose(self, contents: list[tuple[np.ndarray, np.ndarray]]) -> list[int]:
        """Groups in random order, each if it brings the classes nearer to their shares."""
        count = np.bincount(self.labels, minlength=len(self.wanted))
        grouped = np.bincount(self.labels[~self.alone], minlength=len(self.wanted))
        goal = self.wanted * grouped / count
        taken = []
        for i in self.rng.permutation(len(contents)).tolist():
            classes, counts = contents[i]
            if self._free(classes) and self._farther(classes, counts, goal) < 0:
                self._take(classes, counts)
                taken.append(i)
        return taken

    def _fill(self) -> np.ndarray:
        """Items that are alone, at random, as many of each class as are wanted still."""
        chosen = [np.empty(0, dtype=np.int64)]
        for label, wanted in enumerate(self.wanted - self.cut):
            members = np.flatnonzero(self.alone & (self.labels == label))
            count = max(min(wanted, len(members), self.left[label] - self.leave), 0)
            chosen.append(self.rng.permutation(members)[:count])
            self.cut[label] += count
            self.left[label] -= count
        return np.concatenate(chosen)

    def _complete(self, contents: list[tuple[np.ndarray, np.ndarray]], taken: list[int]) -> None:
        """Add, for a class of which nothing is cut, the group that costs the others least."""
        for label in range(len(self.wanted)):
            if self.cut[label]:
                continue
            others = [i for i, (classes, _) in enumerate(contents) if i not in taken and label in classes]
            free = [i for i in others if self._free(contents[i][0])]
            if not free:
                raise ValueError(
                    "data.group_column: its groups cannot be cut so that every split has every class; bring the splits "
                    "yourself"
                )
            best = min(free, key=lambda i: self._farther(*contents[i], self.wanted))
            self._take(*contents[best])
            taken.append(best)

    def _free(self, classes: np.ndarray) -> bool:
        return bool((self.left[classes] > self.leave).all())

    def _farther(self, classes: np.ndarray, counts: np.ndarray, goal: np.ndarray) -> float:
        """Measure how much farther a group takes the classes from their shares; each class weighs the same."""
        off = self.cut[classes] - goal[classes]
        return float((((off + counts) ** 2 - off**2) / goal[classes] ** 2).sum())

    def _take(self, classes: np.ndarray, counts: np.ndarray) -> None:
        self.cut[classes] += counts
        self.left[classes] -= 1
