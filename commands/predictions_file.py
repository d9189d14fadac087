"""The file that `classify` writes: .jsonl or .csv, whole or not at all."""

from __future__ import annotations

import csv
import io
import json
import os
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from commands.durable_checkpoints import replace_file
from commands.failures import RunFailedError

SUFFIXES = (".jsonl", ".csv")


def check_output(output: Path, given: Path) -> None:
    """Refuse, before anything is classified, a file that could not be written afterwards.

    Args:
        given: what is to be classified.

    Raises:
        ValueError: naming what is in the way.
    """
    if output.is_dir():
        raise ValueError(f"--output={output} is a folder: name a file in it, such as {output / 'predictions.jsonl'}")
    if output.exists() and output.samefile(given):
        raise ValueError(f"--output={output} would overwrite the input: name another file")
    if not _is_device(output) and output.suffix.lower() not in SUFFIXES:
        raise ValueError(f"--output={output} must end in {' or '.join(SUFFIXES)}")
    if not output.resolve().parent.is_dir():
        raise ValueError(f"--output={output}: there is no folder {output.parent}")
    try:
        with tempfile.TemporaryFile(dir=output.resolve().parent):  # asking for permission is not enough for root
            writable = os.access(output, os.W_OK) or not output.exists()
    except OSError:
        writable = _is_device(output)
    if not writable:
        raise ValueError(f"--output={output} cannot be written; name a file that can")


def check_not_among(output: Path, given: Path, names: Iterable[str]) -> None:
    """Refuse to overwrite one of the files of a folder that are to be classified.

    Args:
        names: of the inputs, ``file`` or ``file:line``.

    Raises:
        ValueError: the output is one of them.
    """
    if not output.exists() or not output.resolve().is_relative_to(given.resolve()):
        return
    inside = str(given / output.resolve().relative_to(given.resolve()))
    if any(name == inside or name.startswith(f"{inside}:") for name in names):
        raise ValueError(f"--output={output} is among the inputs in {given}: name another file")


def write_predictions(output: Path, rows: Sequence[dict[str, Any]], class_names: Sequence[str]) -> None:
    """Write a row for each input, in order; one with an error has neither prediction nor probabilities.

    Raises:
        RunFailedError: the disk cannot be written; what was there before is left.
    """
    text = _as_csv(rows, class_names) if output.suffix.lower() == ".csv" else _as_json_lines(rows)
    content = text.encode(errors="backslashreplace")  # a name that is no UTF-8 is written as JSON escapes it
    try:
        output.write_bytes(content) if _is_device(output) else replace_file(output.resolve(), content)
    except OSError as error:
        raise RunFailedError(f"--output={output} could not be written: {error.strerror}") from error


def _is_device(output: Path) -> bool:
    return output.exists() and not output.is_file()


def _as_json_lines(rows: Sequence[dict[str, Any]]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def _as_csv(rows: Sequence[dict[str, Any]], class_names: Sequence[str]) -> str:
    file = io.StringIO(newline="")
    writer = csv.writer(file)
    writer.writerow(["item", "prediction", "error", *(f"probability_{name}" for name in class_names)])
    for row in rows:
        probabilities = row.get("probabilities", {})
        shares = [probabilities.get(name, "") for name in class_names]
        writer.writerow([row["item"], row.get("prediction", ""), row.get("error", ""), *shares])
    return file.getvalue()
