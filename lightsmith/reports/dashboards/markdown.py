"""Parts of a page in Markdown: their words and tables, without their charts."""

from __future__ import annotations

import re
from collections.abc import Sequence

from lightsmith.reports.parts import Part

SPECIAL = re.compile(r"([\\`*_\[\]<>|])")  # what Markdown would obey


def markdown(title: str, parts: Sequence[Part]) -> str:
    """The texts and tables of some parts, below a title."""
    written = [WRITTEN[part["kind"]](part) for part in parts if part["kind"] in WRITTEN]
    return "\n\n".join([f"### {_plain(title)}"] * bool(title) + written)


def _text(part: Part) -> str:
    return _plain(part["text"])


def _table(part: Part) -> str:
    heads = [_plain(column["name"]) for column in part["columns"]]
    rows = [[_cell(cell, row == part["marked"]) for cell in cells] for row, cells in enumerate(part["rows"])]
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(value: object, marked: bool) -> str:
    """A value as a person reads it; of a row that stands out in bold."""
    return f"**{_said(value)}**" if marked else _said(value)


def _said(value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.4g}"
    return _plain(str(value))


def _plain(text: str) -> str:
    return SPECIAL.sub(r"\\\1", " ".join(text.split()))


WRITTEN = {"table": _table, "text": _text}  # by the kind of a part
