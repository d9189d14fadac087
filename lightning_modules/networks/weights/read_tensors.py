"""Reading a file of tensors that nobody vouches for."""

from __future__ import annotations

import re
import warnings
import zipfile
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from torch import Tensor

GLOBAL = re.compile(r"GLOBAL ([\w.]+)")
MOST_VALUES = 1_000_000  # a third of a second of counting


def read_tensors(path: Path) -> Any:
    """Read what ``torch.save`` wrote: tensors and plain values. No code in it runs, and it cannot ask for memory.

    Raises:
        ValueError: anything else, such as a damaged file, a pickle with code, or one that declares more than it holds.
    """
    try:
        _check_archive(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of kinds of tensors that are refused below
            content = torch.load(path, map_location="cpu", weights_only=True)
        _check_values(content, path.stat().st_size)
    except Exception as error:  # hostile bytes can make the unpickler raise anything
        raise ValueError(f"{path} cannot be read as a checkpoint ({_reason(error)})") from error
    return content


def _reason(error: Exception) -> str:
    """Say what is wrong with the file, without torch's advice to load it unsafely."""
    if named := GLOBAL.search(str(error)):
        return f"it names {named[1]}, which is neither a tensor nor a plain value"
    if isinstance(error, UnpicklingError):
        return "it holds more than tensors and plain values"
    return " ".join(str(error).split())[:100] or type(error).__name__


def _check_archive(path: Path) -> None:
    """Refuse compressed entries and sizes beyond the file's own: torch would allocate what they declare."""
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
    if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
        raise ValueError("it is compressed, which torch.save never does")
    if sum(entry.file_size for entry in entries) > path.stat().st_size:
        raise ValueError("it declares more than it holds")


def _check_values(content: object, file_size: int) -> None:
    """Refuse tensors larger than their file, and containers that hold each other over and over."""
    waiting, values = [content], 0
    while waiting:
        value = waiting.pop()
        if isinstance(value, Tensor):
            if value.layout is not torch.strided or value.numel() * value.element_size() > file_size:
                raise ValueError(f"it declares a tensor of {tuple(value.shape)} that it does not hold")
        elif isinstance(value, (dict, list, tuple)):
            values += len(value)
            if values > MOST_VALUES:
                raise ValueError(f"it declares more than {MOST_VALUES} values")
            waiting += value.values() if isinstance(value, dict) else value
