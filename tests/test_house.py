"""The rooms of DESIGN: who imports whom, how large files and folders are, which tests there are."""

from __future__ import annotations

import re
import sys
from graphlib import CycleError, TopologicalSorter
from typing import NamedTuple

import pytest

from tests.conftest import ROOT
from tests.product_files import ROOMS, imports, module_file, namesake, product_files

FILES = product_files()
SCANNED = (*ROOMS, "docs", "experiments")  # folders whose list of files answers a question
MOST_FILES = 20
MOST_LINES = 250
TESTED_SHARE = 0.95  # the others are typed shapes and glue without a behaviour of their own
NO_SUBJECT = re.compile(r"^(utils?|common|helpers?|base|misc|tools?)(\.py)?$")


class Room(NamedTuple):
    """A row of the table: paths that it may import of Lightsmith, and libraries."""

    ours: list[str]
    libraries: set[str]


def import_table() -> dict[str, Room]:
    page = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    section = page.partition("## Who may import whom")[2].partition("\n## ")[0]
    rows = [row.split("|")[1:4] for row in section.splitlines() if row.startswith("| `")]
    named = [[re.findall(r"`([^`]+)`", cell) for cell in row] for row in rows]
    return {room[0]: Room(ours, set(libraries)) for room, ours, libraries in named}


TABLE = import_table()


def room_of(file: str) -> str:
    """The row of a file: the longest that its path begins with."""
    return max((room for room in TABLE if file.startswith(room)), key=len, default="")


def strangers(file: str) -> list[str]:
    """What a file imports that the row of its room does not name."""
    row = TABLE[room_of(file)]
    found = []
    for name in imports(file):
        ours, library = module_file(name), name.partition(".")[0]
        if ours is not None:
            known = any(ours.startswith(path) for path in row.ours)
        else:
            known = library in sys.stdlib_module_names or library in row.libraries
        if not known:
            found.append(f"{file} imports {name}")
    return found


def test_every_file_has_a_row_in_the_table_of_imports() -> None:
    assert [file for file in FILES if not room_of(file)] == []
    assert all(any(file.startswith(room) for file in FILES) for room in TABLE)


@pytest.mark.parametrize("room", TABLE)
def test_a_room_imports_what_its_row_of_the_table_names(room: str) -> None:
    files = [file for file in FILES if room_of(file) == room]
    assert sorted(stranger for file in files for stranger in strangers(file)) == []


def test_every_library_of_the_table_is_imported_in_its_room() -> None:
    for room, row in TABLE.items():
        imported = {name.partition(".")[0] for file in FILES if room_of(file) == room for name in imports(file)}
        assert row.libraries - imported == set(), room


def test_no_import_leads_back_to_where_it_came_from() -> None:
    graph = {file: {module_file(name) for name in imports(file)} - {None, file} for file in FILES}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" → ".join(error.args[1]))


def test_every_file_and_folder_is_named_after_its_subject() -> None:
    parts = {part for file in FILES for part in file.split("/")}
    assert [part for part in parts if NO_SUBJECT.match(part)] == []


@pytest.mark.parametrize("top", SCANNED)
def test_a_folder_can_be_taken_in_at_a_glance(top: str) -> None:
    folders = [ROOT / top, *(path for path in (ROOT / top).rglob("*") if path.is_dir() and path.name != "__pycache__")]
    files = {folder: [p for p in folder.iterdir() if p.is_file() and p.name != "__init__.py"] for folder in folders}
    assert {str(folder): len(found) for folder, found in files.items() if len(found) > MOST_FILES} == {}


def test_a_file_can_be_read_in_one_sitting() -> None:
    lines = {file: len((ROOT / file).read_text(encoding="utf-8").splitlines()) for file in FILES}
    assert {file: count for file, count in lines.items() if count > MOST_LINES} == {}


def test_a_file_has_a_test_of_its_name() -> None:
    tested = [file for file in FILES if not file.endswith("__init__.py")]
    lacking = [file for file in tested if not namesake(file).is_file()]
    assert len(lacking) <= (1 - TESTED_SHARE) * len(tested), lacking
