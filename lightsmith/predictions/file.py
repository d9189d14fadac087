"""The file that `make predict` writes: .jsonl or .csv, row by row, whole or not at all."""

from __future__ import annotations

import csv
import json
import os
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from lightning_modules.training.answer import Answer
from lightsmith.run_folder import home_of
from lightsmith.runs.failures import RunFailedError
from lightsmith.terminal import shown

FOLDER = "predictions"  # in a run's
SUFFIXES = (".jsonl", ".csv")
# What a spreadsheet would compute rather than show (OWASP, CSV injection); a number is what it looks like.
FORMULA = re.compile(r"[=+\-@\t\r](?!\d+(\.\d+)?$)")


class PredictionsFile:
    """Rows in order: an item and what is said of it, such as its class and the probabilities; or item and error.

    Args:
        put: takes the text of the file as it is made.
        as_csv: a table with a header, otherwise a JSON object a line.
        answer: says how a prediction is written.
    """

    def __init__(self, put: Callable[[str], None], as_csv: bool, answer: Answer) -> None:
        self.put = put
        self.answer = answer
        self.table = csv.writer(SimpleNamespace(write=put)) if as_csv else None
        if self.table is not None:
            self.table.writerow(["item", *map(in_cell, answer.header)])

    def write(self, item: str, prediction: np.ndarray, **labels: object) -> None:
        """Write the row of an item with its prediction.

        Args:
            prediction: float32 (len(answer.columns),).
            labels: what is known of the item, for JSON.
        """
        if self.table is None:
            self._put_object({"item": item, **labels, **self.answer.line(prediction)})
        else:
            self._put_cells(item, self.answer.cells(prediction))

    def write_error(self, item: str, reason: str, **labels: object) -> None:
        """Write the row of an item that could not be read."""
        if self.table is None:
            self._put_object({"item": item, **labels, "error": reason})
        else:
            self._put_cells(item, {"error": reason})

    def _put_cells(self, item: str, cells: Mapping[str, object]) -> None:
        assert self.table is not None
        self.table.writerow(map(in_cell, [item, *(cells.get(column, "") for column in self.answer.header)]))

    def _put_object(self, row: dict[str, object]) -> None:
        self.put(json.dumps(row, ensure_ascii=False) + "\n")


def in_cell(value: object) -> Any:
    """Mark a text that a spreadsheet would take for a formula; return any other value as it is."""
    return f"'{value}" if isinstance(value, str) and FORMULA.match(value) else value


def check_top(top: int | None) -> None:
    """Refuse rows without a class.

    Raises:
        ValueError: fewer than one is asked for.
    """
    if top is not None and top < 1:
        raise ValueError(f"--top={top} must be at least 1")


@contextmanager
def predictions_file(output: Path, answer: Answer) -> Iterator[PredictionsFile]:
    """A file that appears under its name at the end, with all rows; what was there before stays until then.

    Raises:
        RunFailedError: the disk cannot be written.
    """
    as_csv = output.suffix.lower() == ".csv"
    # A spreadsheet takes a CSV file for UTF-8 by its mark. A name that is no UTF-8 is written as JSON escapes it.
    encoded: dict[str, Any] = {"encoding": "utf-8-sig" if as_csv else "utf-8", "errors": "backslashreplace"}
    with _draft_of(output) as draft, draft.open("w", newline="", **encoded) as file:

        def put(text: str) -> None:
            with _explained(output):
                file.write(text)

        yield PredictionsFile(put, as_csv, answer)
        with _explained(output):
            file.flush()
            if draft.is_file():
                os.fsync(file.fileno())


@contextmanager
def _draft_of(output: Path) -> Iterator[Path]:
    """A path beside a file that takes its place at the end, in a folder that is made for it; a device is itself."""
    if _is_device(output):
        yield output
        return
    target = output.resolve()
    draft, made = target.with_name(f".{target.name}-{os.getpid()}"), not target.parent.exists()
    try:
        with _explained(output):
            target.parent.mkdir(exist_ok=True)
        yield draft
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)
        if made:
            with suppress(OSError):  # it is not empty: all went well
                target.parent.rmdir()


@contextmanager
def _explained(output: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise RunFailedError(f"--output={output} could not be written: {error.strerror}") from error


def free_path(folder: Path, name: str, suffix: str = "") -> Path:
    """A path in a folder that nothing has yet: the name, or the first of name-2, name-3 and so on."""
    for n in count(1):
        path = folder / f"{name}{'' if n == 1 else f'-{n}'}{suffix}"
        if not path.exists():
            return path
    raise AssertionError("count() does not end")


def check_output(output: Path, given: Path | None) -> None:
    """Refuse, before anything is classified, a file that could not be written afterwards.

    Args:
        given: what is to be classified, if it is a file or folder.

    Raises:
        ValueError: naming what is in the way.
    """
    if output.is_dir():
        raise ValueError(f"--output={output} is a folder: name a file in it, such as {output / 'predictions.jsonl'}")
    if given is not None and output.exists() and output.samefile(given):
        raise ValueError(f"--output={output} would overwrite the input: name another file")
    if not _is_device(output) and output.suffix.lower() not in SUFFIXES:
        raise ValueError(f"--output={output} must end in {' or '.join(SUFFIXES)}")
    if not output.resolve().parent.is_dir():
        raise ValueError(f"--output={output}: there is no folder {output.parent}")
    if not (_is_device(output) or is_writable(output.resolve().parent)) or not _may_replace(output):
        raise ValueError(f"--output={output} cannot be written; name a file that can")


def writable_home(run: Path, advice: str) -> Path:
    """The folder that a trained model belongs to, into which something is to be written.

    Args:
        run: as in ``home_of``.
        advice: what to do where it cannot be, with the mark before it.

    Raises:
        ValueError: it cannot be written.
    """
    home = home_of(run)
    if not is_writable(home):
        raise ValueError(f"{shown(home)} cannot be written{advice}")
    return home


def is_writable(folder: Path) -> bool:
    """Return whether a file can be made in a folder, by making one: root is always permitted."""
    try:
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def _may_replace(output: Path) -> bool:
    return os.access(output, os.W_OK) or not output.exists()


def name_among(output: Path, given: Path) -> str | None:
    """The name of an existing output among the inputs in a folder; None if it is not in there."""
    if not output.exists() or not output.resolve().is_relative_to(given.resolve()):
        return None
    return str(given / output.resolve().relative_to(given.resolve()))


def _is_device(output: Path) -> bool:
    return output.exists() and not output.is_file()
