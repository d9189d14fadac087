"""Check that runs were tested on the same items, and bring these into one order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from lightsmith.records.results import Results
from lightsmith.studies.comparisons.item_values import Table
from lightsmith.studies.comparisons.run_groups import named

FIRST = 7  # characters of a fingerprint that a person compares


def in_one_order(records: Sequence[Results], tables: Sequence[Table | None]) -> list[Table | None]:
    """The predictions of runs, each in the order of the first one's items.

    Raises:
        ValueError: two runs were tested on different data: named, with what differs.
    """
    known = [(record, table) for record, table in zip(records, tables, strict=True) if table is not None]
    for record, table in zip(records, tables, strict=True):
        _same_number(records[0], record)
        if table is None or not known:
            _same_fingerprint(records[0], record)
    if not known:
        return list(tables)
    first, reference = known[0]
    return [
        table if table is None else _ordered_as(reference, table, first, record)
        for record, table in zip(records, tables, strict=True)
    ]


def _same_number(first: Results, record: Results) -> None:
    if record.test.n != first.test.n:
        raise ValueError(
            f"{named(first)} was tested on {first.test.n:,} items and {named(record)} on {record.test.n:,}: "
            "compare runs of the same test data"
        )


def _same_fingerprint(first: Results, record: Results) -> None:
    one, other = (r.data.fingerprint.partition(":")[2][:FIRST] for r in (first, record))
    if record.data.fingerprint != first.data.fingerprint:
        raise ValueError(
            f"{named(first)} and {named(record)} are of different data (fingerprints {one}… and {other}…): "
            "compare runs of the same test data"
        )


def _ordered_as(reference: Table, table: Table, first: Results, record: Results) -> Table:
    if table.column("id").equals(reference.column("id")):
        ordered = table
    else:
        ids, wanted = (np.array(t.column("id").to_pylist()) for t in (table, reference))
        _same_ids(ids, wanted, first, record)
        place = np.empty(len(ids), int)
        place[np.argsort(wanted, kind="stable")] = np.argsort(ids, kind="stable")
        ordered = table.take(place)
    if differing := _other_labels(ordered, reference):
        raise ValueError(
            f"{named(first)} and {named(record)} have different labels for {differing:,} test items: "
            "compare runs of the same test data"
        )
    return ordered


def _same_ids(ids: np.ndarray, wanted: np.ndarray, first: Results, record: Results) -> None:
    strange = sum((Counter(ids.tolist()) - Counter(wanted.tolist())).values())
    if strange:
        raise ValueError(
            f"{strange:,} of {len(ids):,} test items of {named(record)} are not those of {named(first)}: "
            "compare runs of the same test data"
        )


def _other_labels(table: Table, reference: Table) -> int:
    one, other = table.column("label"), reference.column("label")
    if one.equals(other):
        return 0
    return sum(a != b for a, b in zip(one.to_pylist(), other.to_pylist(), strict=True))
