"""Classes on a page: figures of each, and the confusion matrix."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from lightsmith.records.results import Results
from lightsmith.reports.parts import Part, Shown, table, text
from lightsmith.run_folder import CONFUSION_MATRIX

MOST_PAIRS = 100  # in the table of what is confused most
FIGURES = ("precision", "recall", "f1")

Counts = Counter[tuple[int, int]]  # how often a class (first, by its place) was taken for one (second)


def read_counts(run: Path, class_names: Sequence[str]) -> Counts | None:
    """The confusion matrix; None where a run has none.

    Raises:
        ValueError: it names other classes than the run's record.
    """
    path = run / CONFUSION_MATRIX
    if not path.is_file():
        return None
    places = {_as_in_file(name): place for place, name in enumerate(class_names)}
    with path.open(newline="", encoding="utf-8-sig") as file:
        heading, *rows = csv.reader(file)
    try:
        if heading == ["label", "prediction", "count"] and not {"prediction", "count"} <= places.keys():
            return Counter({(places[truth], places[said]): int(count) for truth, said, count in rows})
        said = [places[name] for name in heading[1:]]
        cells = ((places[row[0]], place, int(cell)) for row in rows for place, cell in zip(said, row[1:], strict=True))
        return Counter({(truth, place): count for truth, place, count in cells if count})
    except (KeyError, ValueError) as error:
        raise ValueError(f"{path} does not count the classes of results.json beside it") from error


def _as_in_file(name: str) -> str:
    """A class as its file has it: a name that is no UTF-8 is escaped there."""
    return name.encode("utf-8", errors="backslashreplace").decode("utf-8")


def confusion_parts(results: Results, counts: Counts) -> list[Part]:
    """The matrix, and a table of the classes that are confused most often."""
    names = results.data.classes
    wrong = [(names[truth], names[said], n) for (truth, said), n in counts.items() if truth != said]
    wrong.sort(key=lambda row: (-row[2], row[0], row[1]))
    cells = [value for (truth, said), n in sorted(counts.items()) for value in (truth, said, n)]
    right = sum(n for (truth, said), n in counts.items() if truth == said)
    about = f"{right:,} of {sum(counts.values()):,} test items lie on the diagonal: they were classified correctly."
    shown = wrong[:MOST_PAIRS]
    note = f" (the first {MOST_PAIRS} of {len(wrong):,})" if len(wrong) > MOST_PAIRS else ""
    columns = [Shown("true class"), Shown("taken for"), Shown("items", as_="count")]
    return [
        {"kind": "matrix", "title": "confusion matrix", "about": about, "classes": names, "cells": cells},
        table(f"what is confused most{note}", columns, shown)
        if shown
        else text("No test item was classified wrongly."),
    ]


def per_class_part(results: Results) -> Part | None:
    """The table of all classes; None where a run has not counted them."""
    if not results.per_class:
        return None
    columns = [Shown("class"), Shown("n", as_="count"), *(Shown(name, as_="metric") for name in FIGURES)]
    rows = [[row.class_, row.n, row.precision, row.recall, row.f1] for row in results.per_class]
    return table("figures of each class", columns, rows)
