"""Command lines parsed by the real parser, without running anything."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from jsonargparse import Namespace

from lightsmith.runs.experiment import ExperimentCLI
from tests.conftest import ROOT


class _ParsedError(Exception):
    """The command line is understood; nothing needs to be built."""


class _ParsingCLI(ExperimentCLI):
    """The real command line, up to the point where it would load data."""

    def before_instantiate_classes(self) -> None:
        raise _ParsedError


def parser_of_run() -> Callable[..., Namespace]:
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
