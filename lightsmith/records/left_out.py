"""Summaries of what was left out: how many items for which reason, and the names of some."""

from __future__ import annotations

import re
from collections.abc import Sequence
from heapq import nsmallest
from typing import NamedTuple

SHOWN_NAMES = 3
SHOWN_REASONS = 6
# What is said of a file that was whole once; its details, such as a number of bytes, stay in results.json.
DAMAGE = re.compile(
    r"(?i)truncat|broken|corrupt|damag|premature|unexpected end|decoder|cannot decode|checksum|stream|not enough"
    r"|\bbad\b|at first"
)
DAMAGED, UNUSABLE = "damaged", "not usable images"
MANY = re.compile(r"([\d,]+) files: (.*)", re.DOTALL)
OTHER_FORMAT = re.compile(r"not (?:an?|one of) .*(?:JPEG|\.jpg)|.* cannot be read here")


class _Group(NamedTuple):
    """Items that were left out for one kind of reason."""

    kind: str
    counts: list[int]
    items: list[str]
    reasons: set[str]

    @property
    def total(self) -> int:
        return sum(self.counts)

    @property
    def said(self) -> str:
        """The group in a few words: its number and kind with some names; a single item by its name."""
        (reason, *others) = self.reasons
        if self.kind in (DAMAGED, UNUSABLE):
            kind = self.kind if self.total > 1 else self.kind.removesuffix("s")
            return f"{self.total:,} {kind} ({_names(self.items)})"
        if self.total == 1:
            return f"{_names(self.items)} ({reason})"
        return f"{self.total:,} {self.kind if others else reason} ({_names(self.items)})"


def grouped(left_out: Sequence[tuple[str, str]]) -> str:
    """Summarise: ``1 damaged (a.jpg), 12 not usable images (IMG_1.HEIC, IMG_2.HEIC, IMG_3.HEIC, …)``; damage first.

    Args:
        left_out: (item, reason) of each; a reason such as ``30 files: not an image`` counts 30.
    """
    groups: dict[str, _Group] = {}
    for item, said in left_out:
        many = MANY.fullmatch(said)
        count, reason = (int(many[1].replace(",", "")), many[2]) if many else (1, said)
        kind = _kind(reason)
        group = groups.setdefault(kind, _Group(kind, [], [], set()))
        group.counts.append(count)
        group.items.append(item)
        group.reasons.add(reason)
    ordered = sorted(groups.values(), key=lambda group: (group.kind != DAMAGED, -group.total))
    parts = [group.said for group in ordered[:SHOWN_REASONS]]
    if rest := ordered[SHOWN_REASONS:]:
        parts.append(f"{sum(group.total for group in rest):,} for {len(rest)} other reasons")
    return ", ".join(parts)


def _kind(reason: str) -> str:
    """A reason without what differs from item to item."""
    if DAMAGE.search(reason):
        return DAMAGED
    if OTHER_FORMAT.match(reason):
        return UNUSABLE
    return re.sub(r"\d[\d.,]*\d|\d", "…", reason)


def _names(items: Sequence[str]) -> str:
    """The first few by name, without their folders where that leaves different names."""
    first = nsmallest(SHOWN_NAMES, items)
    short = [item.rstrip("/").rpartition("/")[2] for item in first]
    names = short if len(set(short)) == len(short) else first
    return ", ".join(names) + (", …" if len(items) > SHOWN_NAMES else "")
