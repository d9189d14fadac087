"""Reading commands out of the documents, and parsing them without running anything."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path

import pytest
from jsonargparse import Namespace

from commands.experiment import ExperimentCLI

ROOT = Path(__file__).parents[2]
Parse = Callable[..., Namespace]


class _ParsedError(Exception):
    """The command line is understood; nothing needs to be built."""


class _ParsingCLI(ExperimentCLI):
    """The real command line, up to the point where it would load data."""

    def before_instantiate_classes(self) -> None:
        raise _ParsedError


@pytest.fixture(scope="session")
def parse() -> Parse:
    """``parse("mnist_mlp", "--model.lr=1")``: the settings of ``run``; a mistake raises ValueError."""
    command = ["run", f"--config={ROOT}/experiments/_defaults.yaml"]
    cli = _ParsingCLI.__new__(_ParsingCLI)
    with pytest.raises(_ParsedError):
        cli.__init__([*command, f"--config={ROOT}/experiments/mnist_mlp.yaml"])  # type: ignore[misc]  # keeps its parser

    def call(name: str, *options: object) -> Namespace:
        cli.parse_arguments(cli.parser, [*command, f"--config={ROOT}/experiments/{name}.yaml", *map(str, options)])
        settings: Namespace = cli.config.run
        return settings

    return call


@pytest.fixture(scope="session")
def make_exp() -> Callable[[str], tuple[dict[str, str], list[str]]]:
    """The assignments of a ``make exp`` line, and the options that the Makefile turns them into."""

    def read(line: str) -> tuple[dict[str, str], list[str]]:
        given = dict(word.split("=", 1) for word in shlex.split(line, comments=True)[2:])
        data = [f"--data.source={given['DATA']}"] if "DATA" in given else []
        return given, data + shlex.split(given.get("ARGS", ""))

    return read
