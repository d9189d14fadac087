"""Where data comes from: image folders, Parquet/CSV/JSON tables on disk, and data sets on the Hugging Face hub."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from datasets import Dataset

CACHE = Path("data")
TABLE_SUFFIXES = {".parquet": "parquet", ".csv": "csv", ".json": "json", ".jsonl": "json"}
IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".ppm", ".pgm")
SPLIT_NAMES = {
    "train": ("train", "training"),
    "val": ("val", "valid", "validation", "dev"),
    "test": ("test", "testing"),
}


@dataclass(frozen=True)
class Examples:
    """One split: items (a uint8 array (N, H, W, C), or a sequence of file paths, encoded bytes or texts) and labels."""

    items: Sequence[Any] | np.ndarray
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, positions: np.ndarray) -> Examples:
        """The examples at int64 ``positions`` (n,), in that order."""
        if isinstance(self.items, np.ndarray):
            return Examples(self.items[positions], self.labels[positions])
        return Examples([self.items[i] for i in positions], self.labels[positions])


@dataclass(frozen=True)
class Source:
    """Labelled data as found: ``splits`` maps train, val and test (those that exist) to examples.

    ``notes`` are sentences for the person, ``skipped`` pairs an item left out with the reason.
    """

    origin: str
    class_names: list[str]
    splits: dict[str, Examples]
    notes: list[str] = field(default_factory=list)
    skipped: list[tuple[str, str]] = field(default_factory=list)


def load_image_folder(folder: Path) -> Source:
    """Class sub-folders of image files, either directly in ``folder`` or inside train/, val/ and test/.

    Raises:
        ValueError: no class folders, a class without images, or a split with a class that train lacks.
    """
    roots = _split_folders(folder) or {"train": folder}
    if "train" not in roots:
        raise ValueError(f"data.source={str(folder)!r} has {', '.join(sorted(roots))} but no train folder beside it")
    class_names = sorted(p.name for p in roots["train"].iterdir() if p.is_dir() and not p.name.startswith("."))
    if not class_names:
        raise ValueError(
            f"data.source={str(folder)!r} holds no class folders; expected {folder}/<class>/<image>, "
            f"{folder}/train/<class>/<image>, or Parquet, CSV or JSON files"
        )
    skipped: list[tuple[str, str]] = []
    splits = {split: _class_folders(root, class_names, skipped) for split, root in roots.items()}
    return Source(f"image folder {folder}", class_names, splits, skipped=skipped)


def _split_folders(folder: Path) -> dict[str, Path]:
    """Sub-folders named as splits; none unless there is one for training or for testing."""
    found = {p.name.lower(): p for p in folder.iterdir() if p.is_dir()}
    roots = {split: found[name] for split, names in SPLIT_NAMES.items() for name in names if name in found}
    return roots if "train" in roots or "test" in roots else {}


def _class_folders(root: Path, class_names: list[str], skipped: list[tuple[str, str]]) -> Examples:
    unknown = sorted(p.name for p in root.iterdir() if p.is_dir() and p.name not in class_names)
    unknown = [name for name in unknown if not name.startswith(".")]
    if unknown:
        raise ValueError(f"{root} has a class {unknown[0]!r} that the training images lack (they have {class_names})")
    paths: list[Path] = []
    labels: list[int] = []
    for label, name in enumerate(class_names):
        files = sorted(p for p in (root / name).rglob("*") if p.is_file() and not p.name.startswith("."))
        images = [p for p in files if p.suffix.lower() in IMAGE_SUFFIXES]
        skipped += [(str(p), f"not one of {' '.join(IMAGE_SUFFIXES)}") for p in files if p not in images]
        if not images:
            raise ValueError(f"class {name!r} has no images in {root / name}: add some or remove the folder")
        paths += images
        labels += [label] * len(images)
    return Examples(paths, np.array(labels, dtype=np.int64))


def load_table(location: str | Path, kind: str, item_columns: Sequence[str], label_columns: Sequence[str]) -> Source:
    """Parquet, CSV or JSON: a file or folder on disk (``Path``), or a hub data set (``str``, "owner/name@revision").

    The first column of ``item_columns`` and of ``label_columns`` that exists is used. Integer labels keep the class
    names that the file declares, if any; strings become classes in alphabetical order.

    Args:
        kind: "image" or "text", as in the option ``data.<kind>_column`` that an error points to.

    Raises:
        ValueError: unreadable file, no such column, or hub out of reach.
    """
    tables = _hub_tables(location) if isinstance(location, str) else _local_tables(location)
    splits = {split: tables[name] for split, names in SPLIT_NAMES.items() for name in names if name in tables}
    if "train" not in splits:
        raise ValueError(f"{location} has no train split, only {', '.join(tables)}")
    columns = splits["train"].column_names
    item_column = _pick_column(f"data.{kind}_column", item_columns, columns, location)
    label_column = _pick_column("data.label_column", label_columns, columns, location)
    class_names, to_label = _classes(splits["train"], label_column)
    skipped: list[tuple[str, str]] = []
    examples = {
        split: _table_examples(table, split, item_column, label_column, to_label, skipped)
        for split, table in splits.items()
    }
    origin = f"hub data set {location}" if isinstance(location, str) else f"table {location}"
    return Source(origin, class_names, examples, skipped=skipped)


def _hub_tables(name: str) -> dict[str, Dataset]:
    from datasets import load_dataset

    repository, _, revision = name.partition("@")
    try:
        return dict(load_dataset(repository, revision=revision or None, cache_dir=str(CACHE / "hub")))
    except (OSError, ConnectionError) as error:
        raise ValueError(
            f"data.source=hub: {repository} could not be fetched from the Hugging Face hub ({_first_line(error)}); "
            "DATA=sample and DATA=<path> work offline"
        ) from error


def _local_tables(path: Path) -> dict[str, Dataset]:
    from datasets import load_dataset, logging
    from datasets.exceptions import DatasetGenerationError

    logging.disable_progress_bar()
    logging.set_verbosity_error()
    cache = str(CACHE / "tables")
    try:
        if path.is_dir():
            return dict(load_dataset(str(path), cache_dir=cache))
        return dict(load_dataset(TABLE_SUFFIXES[path.suffix.lower()], data_files=str(path), cache_dir=cache))
    except (DatasetGenerationError, ValueError, OSError) as error:
        raise ValueError(
            f"data.source={str(path)!r} cannot be read: {_first_line(error.__cause__ or error)}"
        ) from error


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def _pick_column(key: str, wanted: Sequence[str], columns: Sequence[str], location: str | Path) -> str:
    lowered = {name.lower(): name for name in columns}
    for name in wanted:
        if name.lower() in lowered:
            return lowered[name.lower()]
    raise ValueError(
        f"no {' or '.join(wanted)} column in {location}: it has {', '.join(columns)}; name one with --{key}"
    )


def _classes(table: Dataset, column: str) -> tuple[list[str], dict[Any, int]]:
    """The class names and the map from a stored label to its class index."""
    declared = getattr(table.features[column], "names", None)
    if declared:
        return list(declared), {i: i for i in range(len(declared))}
    values = {value for value in table.unique(column) if value is not None}
    if any(isinstance(value, float) and not value.is_integer() for value in values):
        raise ValueError(f"column {column!r} holds fractions: labels must be integers or strings")
    found = sorted(values, key=lambda value: (isinstance(value, str), value))
    names = [str(int(value)) if isinstance(value, float) else str(value) for value in found]
    return names, {value: i for i, value in enumerate(found)}


def _table_examples(
    table: Dataset, split: str, item: str, label: str, to_label: dict[Any, int], skipped: list[tuple[str, str]]
) -> Examples:
    """One split of a table as examples; rows without an item or a label are skipped and listed."""
    from datasets import Image

    if isinstance(table.features[item], Image):
        table = table.cast_column(item, Image(decode=False))
    items: list[Any] = []
    labels: list[int] = []
    for row, (value, stored) in enumerate(zip(table[item][:], table[label][:], strict=True)):
        content = (value["bytes"] or Path(value["path"])) if isinstance(value, dict) else value
        if content is None or stored is None:
            skipped.append((f"{split} row {row}", f"no {item if content is None else label}"))
        elif stored not in to_label:
            raise ValueError(f"{split} row {row} has {label}={stored!r}, which is not among the training labels")
        else:
            items.append(content)
            labels.append(to_label[stored])
    return Examples(items, np.array(labels, dtype=np.int64))


def fingerprint(source: Source) -> str:
    """``sha256:…`` over every split's items and labels, and the class names, wherever they are stored."""
    digest = hashlib.sha256("\0".join(source.class_names).encode())
    for split in sorted(source.splits):
        examples = source.splits[split]
        digest.update(f"\0{split}\0".encode() + examples.labels.tobytes())
        if isinstance(examples.items, np.ndarray):
            digest.update(np.ascontiguousarray(examples.items))
            continue
        for item in examples.items:
            content = item.read_bytes() if isinstance(item, Path) else item.encode() if isinstance(item, str) else item
            digest.update(len(content).to_bytes(8, "little") + content)
    return f"sha256:{digest.hexdigest()}"
