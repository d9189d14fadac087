"""Options for reading new data whose columns or format differ from the training data's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from datamodules.sources.tables.columns import as_columns

# What an option is called, and where a data module keeps the columns that it names.
COLUMNS = {"text_column": "text_columns", "image_column": "image_columns", "label_column": "label_columns"}
FORMAT = ("delimiter", "encoding", "header", "quotes")


def read_otherwise(data: Any, options: dict[str, object]) -> None:
    """Let a data module look for other columns, or expect another format of CSV files; None keeps what it has.

    Args:
        options: by name, those of ``COLUMNS`` and ``FORMAT``. Several columns are a list, or stand between commas.

    Raises:
        ValueError: one that means nothing to this data, or a delimiter or an encoding that there is not.
    """
    given = {name: value for name, value in options.items() if value is not None}
    for name, value in given.items():
        if not hasattr(data, COLUMNS.get(name, "delimited")):
            raise ValueError(f"--{name}={value} means nothing to this model's data")
        if name in COLUMNS:
            setattr(data, COLUMNS[name], as_columns(_names(value), ()))
    expected = {name: given[name] for name in FORMAT if name in given}
    if expected:
        with as_called_here():
            data.delimited = replace(data.delimited, **expected)


def _names(value: object) -> Any:
    """One name, or the list of several."""
    if not isinstance(value, str) or "," not in value:
        return value
    return [name.strip() for name in value.split(",")]


@contextmanager
def as_called_here() -> Iterator[None]:
    """Call options in what data modules say by the names that these commands have for them.

    Raises:
        ValueError: with the same message, but for these names.
    """
    try:
        yield
    except ValueError as error:
        message = str(error).replace("--data.", "--").replace("data.source=", "--data=")
        raise ValueError(message.removeprefix("data.")) from error
