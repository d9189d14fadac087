"""Unlabelled texts from plain files and tables, one after the other, whatever their encoding and whoever wrote them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from datamodules.sources.no_input import NotAnInput, Note, Unreadable, files_below
from datamodules.sources.source import check_regular, first_line
from datamodules.sources.tables.columns import NoColumnError
from datamodules.sources.text_encoding import recognise_encoding
from datamodules.sources.text_rows import ROWS, Reading

TEXT_SUFFIXES = tuple(ROWS)
Text = str | Unreadable | NotAnInput | Note


def read_texts(path: Path, reading: Reading) -> Iterator[tuple[str, Text]]:
    """(name, text) for each text in a file, or in the files below a folder, where a .txt file is one text.

    A name is the file with the line that a record begins in, from 1 on; of a list in JSON, and of Parquet, with its
    position. No more than a record is in memory, but for JSON that is one value.

    Raises:
        ValueError: a file, not one of several in a folder, that cannot be read.
    """
    if path.is_dir():
        for name, file in files_below(path):
            if isinstance(file, Path):
                yield from _in_folder(file, reading)
            else:
                yield name, file
    else:
        yield from _rows(path, reading)


def _in_folder(file: Path, reading: Reading) -> Iterator[tuple[str, Text]]:
    """The texts of one of several files: what cannot be read is named and does not keep the others from it."""
    suffix = file.suffix.lower()
    try:
        if suffix not in TEXT_SUFFIXES:
            yield str(file), NotAnInput(f"not one of {' '.join(TEXT_SUFFIXES)}")
        elif suffix == ".txt":
            yield str(file), _whole(file)
        else:
            yield from _rows(file, reading)
    except NoColumnError as error:  # such as a list of the other files
        yield str(file), NotAnInput(str(error))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or first_line(error)
        yield str(file), Unreadable(reason.removeprefix(f"{file} cannot be read: "))


def _whole(path: Path) -> str:
    check_regular(path)
    return path.read_text(recognise_encoding(path), "replace")


def _rows(path: Path, reading: Reading) -> Iterator[tuple[str, Text]]:
    suffix = path.suffix.lower()
    if suffix not in TEXT_SUFFIXES:
        raise ValueError(f"{path} is not a {', '.join(TEXT_SUFFIXES[:-1])} or {TEXT_SUFFIXES[-1]} file")
    try:
        if not path.is_file():  # a pipe would never end
            raise ValueError("not a file")
        for line, text in ROWS[suffix](path, reading):
            yield f"{path}:{line}", text
    except NoColumnError:
        raise
    except Exception as error:  # parsers raise anything for bytes that somebody made up
        reason = first_line(error).replace("--data.", "--")  # as the options are called where a run is not meant
        raise ValueError(f"{path} cannot be read: {reason}") from error
