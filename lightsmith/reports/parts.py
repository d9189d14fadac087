"""The parts that a page is built from, as plain values that ``page/page.js`` draws.

Figures stand there as they are recorded, beside the name of the format that they are shown in (``FORMATS`` in
``page/elements.js``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

DIGITS = 7  # of figures that are computed here, and of points on a curve: those of a float32

Part = dict[str, Any]


class Shown(NamedTuple):
    """A figure with its name, the format that it is shown in, and its key in the record.

    The same names a column of a table, or an axis of a chart.
    """

    name: str
    value: Any = None
    as_: str = "text"
    key: str | None = None


def rounded(value: float) -> float:
    """A figure without the digits that differ from machine to machine."""
    return float(f"{value:.{DIGITS}g}")


def section(title: str, parts: Iterable[Part | None]) -> Part:
    """A part of the page with a heading; None among its parts leaves nothing."""
    return {"title": title, "parts": [part for part in parts if part is not None]}


def facts(rows: Iterable[Shown]) -> Part:
    """A list of names, each with a figure or text."""
    return {
        "kind": "facts",
        "rows": [{"name": row.name, "value": row.value, "as": row.as_, "key": row.key} for row in rows],
    }


def text(words: str, muted: bool = False) -> Part:
    """A paragraph of text."""
    return {"kind": "text", "text": words, "muted": muted}


def table(title: str, columns: Sequence[Shown], rows: Iterable[Sequence[object]], marked: int | None = None) -> Part:
    """A sortable table; ``marked`` is the place of a row that stands out."""
    named = [{"name": column.name, "as": column.as_} for column in columns]
    return {
        "kind": "table",
        "title": title,
        "caption": title,
        "columns": named,
        "rows": [list(row) for row in rows],
        "marked": marked,
    }


def series(
    name: str, points: Iterable[Sequence[float]], color: int = 0, kind: str = "line", **options: object
) -> dict[str, Any]:
    """Points of a chart that belong together.

    Args:
        points: (x, y) of each.
        color: 0 to 7.
        kind: line, dots or bars.
        options: ``dashed``; ``width`` of bars, in units of x; ``names`` and ``sizes`` (pixels) of dots; ``group``, by
            which the legend calls several series.
    """
    flat = [rounded(float(value)) for point in points for value in point]
    return {"name": name, "kind": kind, "color": color, "xy": flat, **options}


def chart(
    title: str,
    about: str,
    x: Shown,
    y: Shown,
    drawn: Sequence[Mapping[str, object]],
    x_axis: Mapping[str, object] | None = None,
    y_axis: Mapping[str, object] | None = None,
    **options: object,
) -> Part:
    """A chart over two axes.

    Args:
        about: a sentence that stands below it and is read to who cannot see it.
        drawn: of ``series``.
        x_axis: ``log``, ``zero``, ``low``, ``high`` or ``pad`` of the axis.
        y_axis: the same.
        options: ``guides``, dashed lines with a name each; ``labels``, to name dots.
    """
    axes = {
        "x": {"name": x.name, "as": x.as_, **(x_axis or {})},
        "y": {"name": y.name, "as": y.as_, **(y_axis or {})},
    }
    return {"kind": "chart", "title": title, "about": about, **axes, "series": list(drawn), **options}
