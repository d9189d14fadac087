"""Labelled items from tables, on disk or on the Hugging Face hub."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import numpy as np

from datamodules.sources.hub_tables import read_hub
from datamodules.sources.labels.classes import Classes
from datamodules.sources.labels.labels import LabelColumn, Labels
from datamodules.sources.source import SPLIT_NAMES, Examples, Source
from datamodules.sources.stored_items import Stored, keep_rows
from datamodules.sources.tables.chosen import Chosen, Wanted, choose_tables
from datamodules.sources.tables.columns import Column, join_texts
from datamodules.sources.tables.delimited import DelimitedFormat
from datamodules.sources.tables.files import Found, Table, find_tables, unreadable
from datamodules.sources.tables.groups import read_groups

AS_FOUND = DelimitedFormat()
CLASSES = Classes()


class Split(NamedTuple):
    """A split as it was read."""

    chosen: list[Chosen]
    stored: Stored


def load_table(
    location: str | Path,
    kind: str,
    item_columns: Sequence[Column],
    label_columns: Sequence[Column],
    given: DelimitedFormat = AS_FOUND,
    cache: bool = True,
    group_column: str | None = None,
    labels: Labels = CLASSES,
) -> Source:
    """Load labelled items from a table or folder on disk (``Path``), or from the hub (``str``, "owner/name@revision").

    Integer labels keep the class names that the file declares, if any; others become classes in the order of numbers or
    of letters. Values are read as they are written.

    Args:
        kind: "image" or "text", what the item column holds: images as bytes or as paths beside the table.
        item_columns: the first that a table has is used; one of several names has the texts of all of them.
        label_columns: the same for labels; none where none are needed.
        given: what is known of delimited files.
        cache: whether to keep what was read under data/.
        group_column: the one that says which rows belong together.
        labels: what the label column holds.

    Raises:
        ValueError: unreadable file, no such column, items of another kind, or hub out of reach.
    """
    found, root = _find(location, kind)
    if "train" not in found.splits:
        raise ValueError(f"{location} has no train split, only {', '.join(found.splits)}")
    wanted = Wanted(kind, item_columns, label_columns, given)
    notes, ignored = list(found.notes), list(found.ignored)
    splits = {}
    for split in (name for name in SPLIT_NAMES if name in found.splits):
        if chosen := choose_tables(split, found.splits[split], wanted, notes, ignored):
            splits[split] = Split(chosen, _store(chosen, kind, root, cache))
            notes += splits[split].stored.notes
    origin = f"hub data set {location}" if isinstance(location, str) else f"table {location}"
    groups = {}
    if group_column is not None:
        groups = read_groups({split: read.chosen for split, read in splits.items()}, group_column, notes, cache)
    return _source(origin, splits, labels, groups, notes, ignored)


def _find(location: str | Path, kind: str) -> tuple[Found, Path]:
    """The files by split, and the folder that the paths of images may begin from."""
    if isinstance(location, str):
        return Found(*read_hub(location), []), Path()
    if location.is_dir():
        return find_tables(location, kind), location
    return Found({"train": [location]}, [], []), location.parent


def _store(chosen: Sequence[Chosen], kind: str, root: Path, cache: bool) -> Stored:
    """Read the needed columns of a split's tables, from the cache if they are there."""
    settings = [(read.table.settings, read.items, read.label, read.declared) for read in chosen]
    folders = [_image_folder(table, items, root) if kind == "image" else "" for table, items, _ in chosen]
    rows = chain.from_iterable(map(_rows, chosen, folders))
    notes = (note for table, _, _ in chosen for note in table.notes)
    return keep_rows(rows, notes, [table.path for table, _, _ in chosen], (kind, settings, folders), kind, root, cache)


def _rows(chosen: Chosen, folder: str) -> Iterator[tuple[str | bytes | None, str | None]]:
    """(item, label) of each row.

    Args:
        folder: what paths of images are relative to, itself relative to the folder of the data.
    """
    table, items, label = chosen
    names = chosen.declared
    try:
        for row in table.rows(items if label is None else [*items, label]):
            item = join_texts(row[: len(items)])
            if folder and isinstance(item, str) and item.strip():
                item = f"{folder}/{item}"
            yield item, None if label is None else _declared_name(row[-1], names)
    except Exception as error:  # parsers raise anything for bytes that somebody made up
        raise unreadable(table.path, error) from error


def _declared_name(label: str | None, names: list[str] | None) -> str | None:
    """The class that an integer stands for; of -1, or any that none stands for, none."""
    if label is None or names is None:
        return label
    return names[int(label)] if 0 <= int(label) < len(names) else None


def _image_folder(table: Table, items: list[int], root: Path) -> str:
    """The folder, below ``root``, that a table's paths of images start from: its own, or else the root."""
    own = table.path.parent
    first = next((row[0] for row in table.rows(items) if isinstance(row[0], str) and row[0].strip()), None)
    if first is None or own == root or ((root / first).exists() and not (own / first).exists()):
        return ""
    return str(own.relative_to(root))


def _source(
    origin: str,
    splits: dict[str, Split],
    labels: Labels,
    groups: dict[str, np.ndarray],
    notes: list[str],
    ignored: list[tuple[str, str]],
) -> Source:
    """Read the labels, and keep the complete rows of all splits."""
    first = splits["train"].chosen[0]
    label_column = first.label_name
    item_column = " or ".join(first.table.columns[place] for place in first.items)
    stored = {split: read.stored for split, read in splits.items()}
    labelled = labels.read(LabelColumn(label_column, item_column, first.declared, stored), notes)
    examples: dict[str, Examples] = {}
    empty: list[tuple[str, str]] = []
    unlabelled: list[tuple[str, str]] = []
    for split, read in splits.items():
        if split not in labelled.labels:
            notes.append(f"no {split} split: its labels are all {labels.empty}")
            ignored += [(str(table.path), "it has no labels") for table, _, _ in read.chosen]
            continue
        present, found = read.stored.items.present, labelled.labels[split]
        lacking = labels.missing(found)
        complete = np.flatnonzero(present & ~lacking)
        together = groups[split][complete] if split in groups else None
        examples[split] = Examples(read.stored.items.take(complete), found[complete], together)
        empty += [(f"{split} row {i}", f"no {item_column}") for i in np.flatnonzero(~present).tolist()]
        unlabelled += [
            (f"{split} row {i}", labels.why_none(read.stored.labels.text(i), label_column))
            for i in np.flatnonzero(present & lacking).tolist()
        ]
    skipped = sorted(empty + unlabelled, key=_by_row)
    return Source(origin, labelled.class_names, examples, notes, skipped, empty, ignored, unusable=unlabelled)


def _by_row(skipped: tuple[str, str]) -> tuple[int, int]:
    split, _, row = skipped[0].split(" ")
    return list(SPLIT_NAMES).index(split), int(row)
