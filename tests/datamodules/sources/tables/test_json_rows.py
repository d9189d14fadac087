"""Objects in JSON are rows, in whatever form they are written."""

import json
from pathlib import Path
from typing import Any

import pytest

from datamodules.sources.tables.json_rows import JsonTable

ROWS: list[dict[str, Any]] = [
    {"text": "a", "label": 1, "id": 1},
    {"text": "b", "label": "007", "id": "A2"},
    {"text": None, "label": True},
]
READ = [["a", "1"], ["b", "007"], [None, "True"]]
COLUMNS = {name: [row.get(name) for row in ROWS] for name in ("text", "label", "id")}


@pytest.mark.parametrize(
    "content",
    [
        "\n".join(map(json.dumps, ROWS)),
        "\n" + "\n\n".join(map(json.dumps, ROWS)) + "\n",
        json.dumps(ROWS),
        json.dumps(ROWS, indent=1),
        "\n".join(json.dumps(row, indent=1) for row in ROWS),
        json.dumps(COLUMNS),
        json.dumps({name: dict(enumerate(column)) for name, column in COLUMNS.items()}, indent=1),
        "\ufeff" + json.dumps(ROWS),
    ],
)
def test_every_form_gives_the_same_rows_and_numbers_as_written(tmp_path: Path, content: str) -> None:
    (tmp_path / "t.json").write_text(content)
    table = JsonTable(tmp_path / "t.json")
    assert table.columns == ["text", "label", "id"]
    assert list(table.rows([0, 1])) == READ


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"text": "a"}\n{broken\n', "line 2 is not JSON"),
        ('{"text": "a"}\n[1]\n', "line 2 is not an object with columns"),
        ("[1, 2]", "object 1 is not an object with columns"),
        ('{"text": "a", "label": NaN}\n', "NaN is not a value"),
        ('{"text": {"b": 1}}\n{"text": "c"}\n', "line 1: column 'text' holds a dict"),
    ],
)
def test_what_is_no_row_is_refused_with_its_place(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "t.jsonl").write_text(content)
    with pytest.raises(ValueError, match=message):
        list(JsonTable(tmp_path / "t.jsonl").rows([0]))
