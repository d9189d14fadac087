"""Reading commands out of the documents."""

from __future__ import annotations

import shlex
from collections.abc import Callable

import pytest


@pytest.fixture(scope="session")
def make_exp() -> Callable[[str], tuple[dict[str, str], list[str]]]:
    """The assignments of a ``make exp`` line, and the options that the Makefile turns them into."""

    def read(line: str) -> tuple[dict[str, str], list[str]]:
        given = dict(word.split("=", 1) for word in shlex.split(line, comments=True)[2:])
        data = [f"--data.source={given['DATA']}"] if "DATA" in given else []
        baseline = ["--baseline=true"] if given.get("BASELINE") == "1" else []
        return given, data + baseline + shlex.split(given.get("ARGS", ""))

    return read
