"""Telling a file's split by the words of its path."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from pathlib import Path

from datamodules.sources.source import SPLIT_NAMES

HELD_OUT = "held out"  # what some make the validation split, and some the test split
IN_TWO_WORDS = re.compile(r"(held|hold)[^a-z]+out")
# What a name may say besides, as in trainset or test_data.
ENDINGS = "(?:s|sets?|data|datasets?|splits?|files?)?"
WORDS = {name: split for split, names in SPLIT_NAMES.items() for name in names}
WORDS |= dict.fromkeys(("eval", "evaluation", "holdout", "heldout"), HELD_OUT)


def files_by_split(files: Sequence[Path], folder: Path, notes: list[str]) -> dict[str, list[Path]]:
    """Those of the files whose path below ``folder`` names a split; its last word that does so counts.

    Args:
        notes: what a person should know of it is added.

    Raises:
        ValueError: two names for one split, such as val.csv and dev.csv.
    """
    found: dict[str, dict[str, list[Path]]] = {}  # split, word, files
    for file in files:
        words = re.split("[^a-z]+", IN_TWO_WORDS.sub(r"\1out", str(file.relative_to(folder)).lower()))
        if word := next(filter(None, map(_split_word, reversed(words))), None):
            found.setdefault(WORDS[word], {}).setdefault(word, []).append(file)
    held_out = found.pop(HELD_OUT, None)
    if held_out and (split := missing_split(found)):
        found[split] = held_out
        notes.append(f"{' and '.join(held_out)} serves as the {split} split")
    for split, by_word in found.items():
        if len(by_word) > 1:
            shown = " and ".join(str(of_word[0].relative_to(folder)) for of_word in by_word.values())
            raise ValueError(
                f"in data.source={str(folder)!r}, {shown} would both be the {split} split: rename one, or move it away"
            )
    return {split: next(iter(by_word.values())) for split, by_word in found.items()}


def missing_split(found: Collection[str]) -> str | None:
    """The split that held-out items serve as: test before val, as its score is what people report."""
    return next((split for split in ("test", "val") if split not in found), None)


def _split_word(word: str) -> str | None:
    """The name of a split in a word, such as train in trainset."""
    return next((name for name in WORDS if re.fullmatch(name + ENDINGS, word)), None)
