"""Tables that a test writes and loads."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from datamodules.sources import Source
from datamodules.tables import load_table
from datamodules.texts import LABEL_COLUMNS, TEXT_COLUMNS

WRITERS: dict[str, Callable[[pd.DataFrame, Path], Any]] = {
    ".parquet": lambda frame, path: frame.to_parquet(path),
    ".csv": lambda frame, path: frame.to_csv(path, index=False),
    ".json": lambda frame, path: frame.to_json(path, orient="records"),
    ".jsonl": lambda frame, path: frame.to_json(path, orient="records", lines=True),
}


def load(path: Path, text: tuple[str, ...] = TEXT_COLUMNS, label: tuple[str, ...] = LABEL_COLUMNS) -> Source:
    return load_table(path, "text", text, label)


def write(path: Path, **columns: list[Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    WRITERS[path.suffix](pd.DataFrame(columns), path)
    return path
