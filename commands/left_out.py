"""What was left out, in few words: how many for which reason, and the names of some."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence

SHOWN_NAMES = 3
SHOWN_REASONS = 6
# What is said of a file that was whole once; its details, such as a number of bytes, stay in results.json.
DAMAGE = re.compile(
    r"(?i)truncat|broken|corrupt|damag|premature|unexpected end|decoder|cannot decode|checksum|stream|not enough"
    r"|\bbad\b|at first"
)
OTHER_FORMAT = re.compile(r"not (?:an?|one of) .*(?:JPEG|\.jpg)")


def grouped(left_out: Sequence[tuple[str, str]]) -> str:
    """Such as ``1 damaged (a.jpg), 12 not usable images (IMG_1.HEIC, IMG_2.HEIC, IMG_3.HEIC, …)``; damage first.

    Args:
        left_out: (item, reason) of each.
    """
    groups: dict[str, list[str]] = defaultdict(list)
    for item, reason in left_out:
        groups[_kind(reason)].append(item)
    ordered = sorted(groups.items(), key=lambda group: (group[0] != "damaged", -len(group[1])))
    said = [f"{len(items):,} {kind} ({_names(items)})" for kind, items in ordered[:SHOWN_REASONS]]
    if rest := ordered[SHOWN_REASONS:]:
        said.append(f"{sum(len(items) for _, items in rest):,} for {len(rest)} other reasons")
    return ", ".join(said)


def _kind(reason: str) -> str:
    """A reason without what differs from item to item."""
    if DAMAGE.search(reason):
        return "damaged"
    if OTHER_FORMAT.match(reason):
        return "not usable images"
    return re.sub(r"\d[\d.,]*\d|\d", "…", reason)


def _names(items: Sequence[str]) -> str:
    """The first few, without their folders where that leaves different names."""
    first = list(items[:SHOWN_NAMES])
    short = [item.rstrip("/").rpartition("/")[2] for item in first]
    names = short if len(set(short)) == len(short) else first
    return ", ".join(names) + (", …" if len(items) > SHOWN_NAMES else "")
