from __future__ import annotations

from lightsmith.reports.dashboards.markdown import markdown
from lightsmith.reports.parts import Shown, chart, table, text


def test_texts_and_tables_stay_and_charts_go() -> None:
    columns = [Shown("run"), Shown("accuracy", as_="metric")]
    parts = [
        text("It is\nbetter."),
        chart("a", "b", Shown("x"), Shown("y"), []),
        table("t", columns, [["a", 0.123456], ["b", None]], marked=0),
    ]
    assert markdown("Which", parts) == (
        "### Which\n\nIt is better.\n\n| run | accuracy |\n| --- | --- |\n| **a** | **0.1235** |\n| b | – |"
    )
    assert markdown("", [text("only")]) == "only"


def test_what_markdown_would_obey_is_shown_as_it_is() -> None:
    assert markdown("", [text("<b>*a*_|`[x](y)")]) == r"\<b\>\*a\*\_\|\`\[x\](y)"
