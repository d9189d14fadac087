"""A verb has one name everywhere: on the command line, as a file and function, as a make target, on a page."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import pytest

import cli
from lightsmith.runs.experiment import METHODS
from tests.conftest import ROOT

TARGETS = set(re.findall(r"^([a-z][a-z-]*):.*## ", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
TEXT = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
OWN_TARGET = {"run": "exp"}  # the one that a person types most has a name that says on what
LIGHTNINGS = METHODS.keys() - {"run"}  # fit, validate, test, predict: commands.run does these with an experiment
VERBS = sorted(cli.VERBS.keys() - (LIGHTNINGS - {"predict"}))  # predict is ours too, without an experiment


def test_every_file_of_commands_is_a_verb_and_every_verb_a_file() -> None:
    files = {path.stem for path in (ROOT / "commands").glob("*.py")} - {"__init__"}
    assert files == {verb.replace("-", "_") for verb in VERBS}


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_is_its_file_its_function_and_its_line_in_the_help(verb: str) -> None:
    module, name = cli.VERBS[verb].module, verb.replace("-", "_")
    function = getattr(import_module(module), name)
    assert (module, function.__module__) == (f"commands.{name}", module)
    assert Path(str(function.__code__.co_filename)).stem == name
    assert f"\n  {verb} " in cli.overview()


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_is_a_make_target_and_stands_on_a_page(verb: str) -> None:
    target = OWN_TARGET.get(verb, verb)
    assert target in TARGETS
    assert re.search(rf"\bmake {target}\b", TEXT)


def test_lightnings_own_verbs_are_those_of_run() -> None:
    assert {name for name, verb in cli.VERBS.items() if verb.module == "commands.run"} == METHODS.keys() - {"predict"}
