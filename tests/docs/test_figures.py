"""A measured figure on a page says of which commit it is, or comes from the JSON of a measurement."""

import re
from pathlib import Path

import pytest

from tests.conftest import ROOT

# Decisions are dated, and keep what was true on their day.
PAGES = [ROOT / "README.md", *sorted(page for page in (ROOT / "docs").glob("*.md") if page.stem != "decisions")]
# Accuracies, durations with a fraction, and factors: what only a measurement can say.
FIGURE = re.compile(r"\b\d+\.\d+ ?%|\b\d+\.\d+ m?s\b|\b\d+\.\d+×|\b\d+\.\d+ points")
RENDERED = re.compile(r"<!-- (\w+): written by .*?<!-- end of \1 -->", re.DOTALL)
EXAMPLE = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
COMMIT = re.compile(r"\bcommits? [0-9a-f]{7}\b")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_measured_figure_names_its_commit(page: Path) -> None:
    written = EXAMPLE.sub("", RENDERED.sub("", page.read_text(encoding="utf-8")))
    sections = re.split(r"^#+ ", written, flags=re.MULTILINE)
    measured = {section.partition("\n")[0]: section for section in sections if FIGURE.search(section)}
    assert [title for title, text in measured.items() if not COMMIT.search(text) and title != "Withdrawn claims"] == []
