"""Reads the comparison that a study of seeds recorded at its end."""

from __future__ import annotations

import json
from pathlib import Path

from lightsmith.studies.comparisons.answer import Comparison
from lightsmith.studies.seeds import COMPARISON
from lightsmith.terminal import shown


def read_comparison(study: Path) -> Comparison | None:
    """Read the comparison in a study's folder; None where fewer than two of its runs have come to their end.

    Raises:
        ValueError: it is not what a study writes.
    """
    path = study / COMPARISON
    if not path.is_file():
        return None
    try:
        return Comparison.of_json(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{shown(path)} is not what a study writes: restore it or remove it") from error
