"""Parquet, CSV and JSON tables, on disk or on the Hugging Face hub."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from datamodules.arrow_column import ArrowColumn
from datamodules.hub import why_unreachable
from datamodules.sources import SPLIT_NAMES, Examples, Source, first_line
from datamodules.table_files import read_tables

if TYPE_CHECKING:
    from datasets import Dataset

CACHE = Path("data")
SHOWN_COLUMNS = 20


def load_table(location: str | Path, kind: str, item_columns: Sequence[str], label_columns: Sequence[str]) -> Source:
    """Parquet, CSV or JSON: a file or folder on disk (``Path``), or a hub data set (``str``, "owner/name@revision").

    The first column of ``item_columns`` and of ``label_columns`` that exists is used. Integer labels keep the class
    names that the file declares, if any; strings become classes in alphabetical order.

    Args:
        kind: "image" or "text", what the item column holds: images as bytes or as paths beside the table.

    Raises:
        ValueError: unreadable file, no such column, items of another kind, or hub out of reach.
    """
    tables = _hub_tables(location) if isinstance(location, str) else read_tables(location, CACHE / "tables")
    splits = {split: tables[name] for split, names in SPLIT_NAMES.items() for name in names if name in tables}
    if "train" not in splits:
        raise ValueError(f"{location} has no train split, only {', '.join(tables)}")
    columns = splits["train"].column_names
    item_column = _pick_column(f"data.{kind}_column", item_columns, columns, location)
    label_column = _pick_column("data.label_column", label_columns, columns, location)
    class_names, to_label = _classes(splits["train"], label_column)
    folder = Path() if isinstance(location, str) else location if location.is_dir() else location.parent
    skipped: list[tuple[str, str]] = []
    examples = {}
    for split, table in splits.items():
        items, present = _table_items(table, item_column, kind, folder)
        labels = [_class_index(stored, to_label, split, label_column) for stored in table[label_column][:]]
        labelled = np.array([label is not None for label in labels], dtype=bool)
        skipped += [
            (f"{split} row {i}", f"no {label_column if present[i] else item_column}")
            for i in np.flatnonzero(~(present & labelled)).tolist()
        ]
        complete = np.flatnonzero(present & labelled)
        examples[split] = Examples(items.take(complete), np.array([labels[i] for i in complete], np.int64))
    origin = f"hub data set {location}" if isinstance(location, str) else f"table {location}"
    empty = [(item, reason) for item, reason in skipped if reason == f"no {item_column}"]
    return Source(origin, class_names, examples, skipped=skipped, empty=empty)


def _hub_tables(name: str) -> dict[str, Dataset]:
    import datasets

    repository, _, revision = name.partition("@")
    if reason := why_unreachable("dataset", repository, revision or None):
        datasets.config.HF_HUB_OFFLINE = True  # a copy of its own
    try:
        return dict(datasets.load_dataset(repository, revision=revision or None, cache_dir=str(CACHE / "hub")))
    except Exception as error:
        raise ValueError(
            f"data.source=hub: {repository} could not be fetched from the Hugging Face hub "
            f"({first_line(reason or error)}); DATA=sample and DATA=<path> work offline"
        ) from error


def _pick_column(key: str, wanted: Sequence[str], columns: Sequence[str], location: str | Path) -> str:
    lowered = {name.lower(): name for name in columns}
    for name in wanted:
        if name.lower() in lowered:
            return lowered[name.lower()]
    found = ", ".join(columns[:SHOWN_COLUMNS]) + (", …" if len(columns) > SHOWN_COLUMNS else "")
    raise ValueError(f"no {' or '.join(wanted)} column in {location}: it has {found}; name one with --{key}")


def _classes(table: Dataset, column: str) -> tuple[list[str], dict[Any, int]]:
    """The class names and the map from a stored label to its class index."""
    from datasets import ClassLabel, Value

    feature = table.features[column]
    if isinstance(feature, ClassLabel):
        return list(feature.names), {i: i for i in range(feature.num_classes)}
    if not isinstance(feature, Value) or "binary" in feature.dtype:
        kind = feature.dtype if isinstance(feature, Value) else type(feature).__name__
        raise ValueError(f"column {column!r} holds a {kind}: labels must be integers or strings")
    values = {value for value in table.unique(column) if value is not None}
    if any(isinstance(value, float) and not value.is_integer() for value in values):
        raise ValueError(f"column {column!r} holds fractions: labels must be integers or strings")
    found = sorted(values, key=lambda value: (isinstance(value, str), value))
    names = [str(int(value)) if isinstance(value, float) else str(value) for value in found]
    return names, {value: i for i, value in enumerate(found)}


def _class_index(stored: Any, to_label: dict[Any, int], split: str, column: str) -> int | None:
    """The class of a stored label; None where there is none.

    Raises:
        ValueError: a label that the training split lacks.
    """
    if stored is not None and stored not in to_label:
        raise ValueError(f"the {split} split has {column}={stored!r}, which is not among the training labels")
    return to_label.get(stored)


def _table_items(table: Dataset, column: str, kind: str, folder: Path) -> tuple[ArrowColumn, np.ndarray]:
    """A column's texts, or images as encoded bytes or paths, and bool (n,): where there is one."""
    import pyarrow as pa
    from datasets import Image

    if isinstance(table.features[column], Image):
        table = table.cast_column(column, Image(decode=False))
    stored = table.data.column(column)
    textual = pa.types.is_string(stored.type) or pa.types.is_large_string(stored.type)
    nested = pa.types.is_struct(stored.type)  # how datasets keeps images: bytes or a path, or neither
    encoded = nested or pa.types.is_binary(stored.type) or pa.types.is_large_binary(stored.type)
    if len(stored) > stored.null_count and not (textual or (kind == "image" and encoded)):
        raise ValueError(f"column {column!r} holds {stored.type} values, not {kind}s; name another")
    present = ~stored.is_null().to_numpy()
    if nested:
        present &= ~np.logical_and.reduce([part.is_null().to_numpy() for part in stored.flatten()])
    return ArrowColumn(stored, partial(_image_item, folder) if kind == "image" else _as_it_is), present


def _image_item(folder: Path, stored: Any) -> bytes | Path | None:
    """Encoded bytes, or the path of a file beside the table."""
    item = stored.get("bytes") or stored.get("path") if isinstance(stored, dict) else stored
    return folder / item if isinstance(item, str) else item


def _as_it_is(stored: Any) -> Any:
    return stored
