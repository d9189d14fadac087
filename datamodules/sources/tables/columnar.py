"""Tables that are stored by column: Parquet, and the Arrow files that datasets keeps."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datamodules.sources.tables.checks import check_columns

if TYPE_CHECKING:
    import pyarrow as pa

ROWS_AT_ONCE = 1000
READ_AHEAD_BYTES = 1_000_000
DESCRIPTION = "dataset_info.json"  # beside what save_to_disk wrote


class ColumnarTable:
    """A Parquet or Arrow file, read some rows at a time.

    Attributes:
        columns: their names.
    """

    notes: tuple[str, ...] = ()

    def __init__(self, path: Path, parquet: bool) -> None:
        self.path = path
        self._open = _ParquetFile if parquet else _ArrowFile
        with closing(self._open(path)) as file:
            self.schema = file.schema
        self.columns: list[str] = self.schema.names
        check_columns(len(self.columns))

    @property
    def settings(self) -> object:
        """The settings that the rows depend on besides the file."""
        return self.columns

    def holds(self, column: int) -> str:
        """Return what the values of a column are read as: texts, numbers, images, or else their type."""
        return _conversion(self.schema.types[column])[0]

    def declared(self, column: int) -> list[str] | None:
        """The class names that datasets wrote down for a column of integers, if any."""
        described = (self.schema.metadata or {}).get(b"huggingface")
        beside = self.path.parent / DESCRIPTION
        features = None
        if described:
            features = _member(_member(_parsed(described), "info"), "features")
        elif beside.is_file():
            features = _member(_parsed(beside.read_bytes()), "features")
        feature = _member(features, self.columns[column])
        names = _member(feature, "names")
        if _member(feature, "_type") == "ClassLabel" and isinstance(names, list):
            return [str(name) for name in names]
        return None

    def rows(self, columns: Sequence[int]) -> Iterator[list[Any]]:
        """The values of these columns in each row: text, or an image as bytes or the path of one."""
        converts = [_conversion(self.schema.types[column])[1] for column in columns]
        with closing(self._open(self.path)) as file:
            for batch in file.batches(columns):
                for start in range(0, batch.num_rows, ROWS_AT_ONCE):
                    part = batch.slice(start, ROWS_AT_ONCE)
                    values = [map(convert, part.column(c).to_pylist()) for c, convert in enumerate(converts)]
                    yield from map(list, zip(*values, strict=True))


class _ParquetFile:
    def __init__(self, path: Path) -> None:
        import pyarrow.parquet as pq

        # Read ahead little: the whole of a row group would be in memory otherwise.
        self._file = pq.ParquetFile(path, buffer_size=READ_AHEAD_BYTES, pre_buffer=False)
        self.schema: pa.Schema = self._file.schema_arrow
        self.close = self._file.close

    def batches(self, columns: Sequence[int]) -> Iterator[pa.RecordBatch]:
        names = [self.schema.names[column] for column in columns]
        for batch in self._file.iter_batches(ROWS_AT_ONCE, columns=list(dict.fromkeys(names))):
            yield batch.select(names)


class _ArrowFile:
    def __init__(self, path: Path) -> None:
        import pyarrow as pa

        self._file = pa.OSFile(str(path))
        try:
            self._reader = pa.ipc.open_stream(self._file)
        except pa.ArrowInvalid:
            self._reader = pa.ipc.open_file(self._file)
        self.schema: pa.Schema = self._reader.schema
        self.close = self._file.close

    def batches(self, columns: Sequence[int]) -> Iterator[pa.RecordBatch]:
        count = getattr(self._reader, "num_record_batches", None)
        found = self._reader if count is None else map(self._reader.get_batch, range(count))
        for batch in found:
            yield batch.select(list(columns))


def _conversion(stored: pa.DataType) -> tuple[str, Callable[[Any], Any]]:
    """Return what values of a type are read as, and a function that does it."""
    import pyarrow as pa

    types = pa.types
    if types.is_dictionary(stored):
        return _conversion(stored.value_type)
    if (
        types.is_string(stored)
        or types.is_large_string(stored)
        or types.is_string_view(stored)
        or types.is_null(stored)
    ):
        return "texts", _as_it_is
    if types.is_integer(stored) or types.is_boolean(stored):
        return "numbers", _text_of
    if types.is_floating(stored):
        return "numbers", _text_of_fraction
    if types.is_binary(stored) or types.is_large_binary(stored):
        return "images", _as_it_is
    if types.is_struct(stored) and stored.get_field_index("bytes") >= 0:  # as datasets keeps images
        return "images", _bytes_or_path
    return str(stored), _as_it_is


def _as_it_is(value: object) -> Any:
    return value


def _text_of(value: int | bool | None) -> str | None:
    return None if value is None else str(value)


def _text_of_fraction(value: float | None) -> str | None:
    """1.0 is 1: pandas writes integers so where some are missing; not-a-number is what it writes for these."""
    if value is None or value != value:
        return None
    return str(int(value)) if value.is_integer() else str(value)


def _bytes_or_path(value: dict[str, bytes | str] | None) -> bytes | str | None:
    return None if value is None else value["bytes"] or value.get("path")


def _parsed(content: bytes) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None


def _member(value: object, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else None
