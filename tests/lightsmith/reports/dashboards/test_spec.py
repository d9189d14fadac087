from __future__ import annotations

import re
from pathlib import Path

import pytest

from lightsmith.reports.dashboards.spec import DASHBOARDS, PANELS, Panel, read_spec, shipped
from lightsmith.settings.experiments import header


def test_what_is_shipped_is_what_the_issue_of_many_runs_needs() -> None:
    assert shipped() == ["compression", "overview", "robustness", "seeds", "sweep"]


@pytest.mark.parametrize("name", shipped())
def test_a_shipped_dashboard_can_be_read_and_names_its_command(name: str) -> None:
    spec = read_spec(name)
    assert spec.name == name
    assert spec.about
    assert header(DASHBOARDS / f"{name}.yaml")["command"].startswith(f"make dashboard NAME={name}")


def test_every_kind_of_panel_but_a_text_is_in_a_shipped_one() -> None:
    kinds = {panel.kind for name in shipped() for section in read_spec(name).sections for panel in section.panels}
    assert kinds == PANELS.keys() - {"text"}


def test_a_file_of_ones_own_is_read(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(
        "title: Mine\nsections:\n"
        "- {title: A, panels: [{panel: curves, metrics: [val/loss], x: step}, {panel: text, text: hello}]}\n"
    )
    spec = read_spec(str(file))
    assert (spec.name, spec.title, spec.of, spec.group_by) == ("mine", "Mine", "runs", ())
    assert spec.sections[0].panels == (Panel("curves", ("val/loss",), over="step"), Panel("text", text="hello"))


PANEL = "{panel: curves, metrics: [val/loss]}"
SECTION = f"{{title: A, panels: [{PANEL}]}}"


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ("title: [", "mine.yaml is not YAML"),
        ("- a", "holds no settings"),
        (f"title: A\nsectoins: [{SECTION}]", "unknown key sectoins; did you mean sections?"),
        (f"sections: [{SECTION}]", "title=None must be a text"),
        ("title: A", "sections=None must be a list"),
        ("title: A\nsections: []", "sections=[] must be a list with something in it"),
        ("title: A\nsections: [b]", "section 1: b must say title, panels"),
        (f"title: A\nof: sweeps\nsections: [{SECTION}]", "of=sweeps is not one of runs, seeds"),
        (f"title: A\ngroup_by: [study, study]\nsections: [{SECTION}]", "group_by names study twice"),
        (f"title: A\nsections: [{SECTION}, {SECTION}]", "two sections are called A"),
        ("title: A\nsections: [{title: B, panels: [], x: 1}]", "section 1 has the unknown key x"),
        ("title: A\nsections: [{title: B, panels: [{panel: curve, metrics: [a]}]}]", "did you mean curves?"),
        ("title: A\nsections: [{title: B, panels: [x]}]", "B, panel 1: panel=x is not one of"),
        ("title: A\nsections: [{title: B, panels: [{panel: curves}]}]", "metrics=None must be a list"),
        ("title: A\nsections: [{title: B, panels: [{panel: curves, metric: [a]}]}]", "did you mean metrics?"),
        ("title: A\nsections: [{title: B, panels: [{panel: curves, metrics: [1]}]}]", "metrics=1 must be a name"),
        ("title: A\nsections: [{title: B, panels: [{panel: scatter, metrics: [a]}]}]", "takes 2 metrics, not 1"),
        ("title: A\nsections: [{title: B, panels: [{panel: curves, metrics: [a], x: time}]}]", "x=time is not one of"),
        ("title: A\nsections: [{title: B, panels: [{panel: text, text: ''}]}]", "text= must be a text"),
        ("title: A\nsections: [{title: B, panels: [{panel: ledger, metrics: [a]}]}]", "unknown key metrics"),
        ("title: A\nsections: [{title: B, panels: [{panel: ledger, title: C}]}]", "unknown key title"),
    ],
)
def test_a_mistake_is_one_line_with_what_would_be_right(tmp_path: Path, content: str, line: str) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(content)
    with pytest.raises(ValueError, match=re.escape(line)) as raised:
        read_spec(str(file))
    assert "mine.yaml" in str(raised.value)


def test_an_unknown_name_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(ValueError, match="--name=sweeps is no dashboard; did you mean sweep") as raised:
        read_spec("sweeps")
    assert "compression, overview, robustness, seeds, sweep" in str(raised.value)
