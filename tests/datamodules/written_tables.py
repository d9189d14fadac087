"""Tables that a test writes and loads."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from datamodules.sources.source import Source
from datamodules.sources.tables.labelled_items import load_table
from datamodules.texts import LABEL_COLUMNS, TEXT_COLUMNS

WRITERS: dict[str, Callable[[pd.DataFrame, Path], Any]] = {
    ".parquet": lambda frame, path: frame.to_parquet(path),
    ".arrow": lambda frame, path: _write_arrow(pa.Table.from_pandas(frame), path),
    ".csv": lambda frame, path: frame.to_csv(path, index=False),
    ".tsv": lambda frame, path: frame.to_csv(path, index=False, sep="\t"),
    ".tab": lambda frame, path: frame.to_csv(path, index=False, sep="\t"),
    ".json": lambda frame, path: frame.to_json(path, orient="records"),
    ".jsonl": lambda frame, path: frame.to_json(path, orient="records", lines=True),
    ".ndjson": lambda frame, path: frame.to_json(path, orient="records", lines=True),
}


def _write_arrow(table: pa.Table, path: Path) -> None:
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_stream(file, table.schema) as writer:
        writer.write_table(table)


def load(path: Path, text: tuple[str, ...] = TEXT_COLUMNS, label: tuple[str, ...] = LABEL_COLUMNS) -> Source:
    return load_table(path, "text", text, label)


def write(path: Path, **columns: list[Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    WRITERS[path.suffix](pd.DataFrame(columns), path)
    return path
