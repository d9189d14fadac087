"""Parts of a page in Markdown: their words and tables, without their charts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from lightsmith.reports.parts import Part

SPECIAL = re.compile(r"([\\`*_\[\]<>|])")  # what Markdown would obey


def markdown(title: str, parts: Sequence[Part]) -> str:
    """The texts and tables of some parts, below a title."""
    written = [_table(part) if part["kind"] == "table" else _plain(part["text"]) for part in parts if _has_words(part)]
    return "\n\n".join([f"### {_plain(title)}"] * bool(title) + written)


def _has_words(part: Part) -> bool:
    return part["kind"] in ("table", "text")


def _table(part: Part) -> str:
    heads = [_plain(column["name"]) for column in part["columns"]]
    rows = [[_cell(cell, row == part["marked"]) for cell in cells] for row, cells in enumerate(part["rows"])]
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(value: Any, marked: bool) -> str:
    """A figure with the digits that a person reads; of a row that stands out in bold."""
    said = "–" if value is None else f"{value:.4g}" if isinstance(value, float) else _plain(str(value))
    return f"**{said}**" if marked else said


def _plain(text: str) -> str:
    return SPECIAL.sub(r"\\\1", " ".join(text.split()))
