"""Reads what a study recorded at its end, such as the comparison of its seeds."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from lightsmith.studies.comparisons.answer import Comparison
from lightsmith.studies.seeds import COMPARISON
from lightsmith.terminal import shown

Record = TypeVar("Record")


def read_comparison(study: Path) -> Comparison | None:
    """Read the comparison in a study's folder; None where fewer than two of its runs have come to their end.

    Raises:
        ValueError: it is not what a study writes.
    """
    return read_written(study / COMPARISON, Comparison.of_json, "a study")


def read_written(path: Path, make: Callable[[Any], Record], writer: str) -> Record | None:
    """Read a record from JSON; None where it has not been written yet.

    Args:
        path: the file.
        make: makes the record of the file's content.
        writer: what writes such files, for the message.

    Raises:
        ValueError: it is not what ``writer`` writes.
    """
    if not path.is_file():
        return None
    try:
        return make(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{shown(path)} is not what {writer} writes: restore it or remove it") from error
