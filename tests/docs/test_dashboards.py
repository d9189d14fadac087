"""docs/dashboards.md says which dashboards and panels there are, and its example is one."""

from __future__ import annotations

import re
from pathlib import Path

from lightsmith.reports.dashboards.spec import PANELS, read_spec, shipped

TEXT = (Path(__file__).parents[2] / "docs/dashboards.md").read_text(encoding="utf-8")


def first_cells(heading: str) -> list[str]:
    """The names in the first column of the table with this heading."""
    table = TEXT.partition(f"| {heading} |")[2].partition("\n\n")[0]
    return re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)


def test_the_tables_name_what_there_is() -> None:
    assert sorted(first_cells("shipped")) == shipped()
    assert first_cells("panel") == list(PANELS)


def test_the_example_is_a_dashboard(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(TEXT.partition("```yaml\n")[2].partition("```")[0])
    spec = read_spec(str(file))
    assert (spec.title, spec.group_by, len(spec.sections[0].panels)) == ("My runs", ("experiment", "model.lr"), 4)
