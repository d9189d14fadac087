from __future__ import annotations

import json
from pathlib import Path

import pytest

from lightsmith.reports.ledger_page import ledger_page
from lightsmith.reports.page_file import write_page
from tests.lightsmith.reports.conftest import Browser
from tests.lightsmith.reports.made_runs import write_ledger

NAMES = """
    const texts = [...document.querySelectorAll("svg text.name")];
    const frames = texts.map((one) => [one.textContent, one.getBoundingClientRect()]);
    return frames.map(([name, frame]) => [name, frame.left, frame.top, frame.right, frame.bottom]);
"""


@pytest.mark.parametrize("width", [1100, 390])
def test_the_recommended_variant_is_marked_and_no_name_lies_on_another(
    tmp_path: Path, browser: Browser, width: int
) -> None:
    folder = write_ledger(tmp_path / "runs/mnist_mlp-compressed/20260101-000000")
    write_page(folder / "report.html", ledger_page(folder))
    browser.open(folder / "report.html", width)
    browser.wait("return document.querySelector('svg text.name');")
    names = browser(NAMES)
    assert [name for name, *_ in names if "recommended" in name] == ["pruned_int8 – recommended"]
    assert len(names) == 5
    for place, (name, left, top, right, bottom) in enumerate(names):
        for other, *box in names[place + 1 :]:
            apart = right <= box[0] or box[2] <= left or bottom <= box[1] or box[3] <= top
            assert apart, f"{name} lies on {other}"
    ledger = json.loads((folder / "ledger.json").read_text())
    rows = browser.rows("variants, the recommended one in bold")
    expected = [
        (row["name"], f"{row['test_accuracy']:.4f}", f"{row['bytes'] / 1e6:.2f} MB") for row in ledger["variants"]
    ]
    assert [(row[0], row[1], row[3]) for row in rows] == expected
    assert browser("return document.querySelector('tr.marked').cells[0].textContent;") == "pruned_int8"
    assert browser.complaints() == []


def test_a_ledger_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "ledger.json").write_text('{"variants": []}')
    with pytest.raises(ValueError, match="is not what compress writes"):
        ledger_page(tmp_path)
