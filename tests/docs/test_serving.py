"""docs/serving.md says what the service does: its routes, options, limits and commands."""

from __future__ import annotations

import re
import shlex

import pytest

from lightsmith.serving import limits
from lightsmith.serving.admission import MOST_WAITING
from lightsmith.serving.wish import DEADLINE_HEADER, OPTIONS
from tests.conftest import ROOT
from tests.lightsmith.serving.conftest import Client, folders, photos  # noqa: F401  # fixtures

TEXT = (ROOT / "docs/serving.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^make (serve|image|load|verify-manifests) (.*?)(?: +#.*)?$", TEXT, re.MULTILINE)


def test_every_route_is_on_the_page_and_every_route_of_the_page_is_there(photos: Client) -> None:  # noqa: F811
    section = TEXT.partition("## The interface")[2].partition("## Batches")[0]
    named = set(re.findall(r"`(?:GET |POST )?(/[\w./]*)`", section))
    assert named == photos("/openapi.json").json["paths"].keys()


def test_every_option_is_on_the_page() -> None:
    assert set(re.findall(r"`\?(\w+)=", TEXT)) == OPTIONS.keys()
    assert f"`{DEADLINE_HEADER}: 500`" in TEXT
    assert f"{limits.DEADLINE_MS:,} when unset" in TEXT


def test_limits_are_those_of_the_code() -> None:
    section = " ".join(TEXT.partition("## Limits")[2].partition("## The end")[0].split())
    for words in (
        f"at most {limits.IMAGE_BYTES // 10**6} MB",
        f"a text {limits.TEXT_CHARACTERS:,} characters",
        f"a batch {limits.BATCH_BYTES // 10**6} MB and {limits.BATCH_ITEMS} items",
        f"being read {limits.BYTES_AT_ONCE // 10**6} MB",
        f"{MOST_WAITING:,} items wait",
        f"within {limits.HEADER_SECONDS:g} seconds, a body within {limits.BODY_SECONDS:g}",
        f"and {limits.CONNECTIONS:,} connections",
    ):
        assert words in section, words


@pytest.mark.parametrize(("verb", "command"), COMMANDS)
def test_a_command_names_what_the_makefile_knows(verb: str, command: str) -> None:
    recipe = (ROOT / "Makefile").read_text(encoding="utf-8").partition(f"\n{verb}:")[2].partition("\n\n")[0]
    known = re.findall(r"\$\(([A-Z_]+)\)", recipe)
    assert {word.partition("=")[0] for word in shlex.split(command)} <= {*known}
