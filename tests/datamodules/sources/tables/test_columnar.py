"""Whatever a column is stored as, its values come as text, or as images."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datamodules.sources.tables.columnar import ColumnarTable

COLUMNS: dict[str, tuple[pa.Array, str, list[Any]]] = {
    "text": (pa.array(["a", None]), "texts", ["a", None]),
    "large": (pa.array(["a", "b"], pa.large_string()), "texts", ["a", "b"]),
    "words": (pa.array(["a", "b"]).dictionary_encode(), "texts", ["a", "b"]),
    "nothing": (pa.nulls(2), "texts", [None, None]),
    "integer": (pa.array([7, None]), "numbers", ["7", None]),
    "flag": (pa.array([True, False]), "numbers", ["True", "False"]),
    "fraction": (pa.array([1.0, float("nan")]), "numbers", ["1", None]),
    "half": (pa.array([0.5, -2.0]), "numbers", ["0.5", "-2"]),
    "bytes": (pa.array([b"\x89PNG", None]), "images", [b"\x89PNG", None]),
    "image": (pa.array([{"bytes": b"x", "path": "a"}, {"bytes": None, "path": "b"}]), "images", [b"x", "b"]),
    "list": (pa.array([[1], [2]]), "list<item: int64>", [[1], [2]]),
}


def parquet(path: Path, table: pa.Table) -> ColumnarTable:
    pq.write_table(table, path)
    return ColumnarTable(path, parquet=True)


@pytest.fixture
def table() -> pa.Table:
    return pa.table({name: values for name, (values, _, _) in COLUMNS.items()})


def test_each_column_says_what_it_holds_and_is_read_as_that(tmp_path: Path, table: pa.Table) -> None:
    found = parquet(tmp_path / "t.parquet", table)
    assert found.columns == list(COLUMNS)
    read = list(zip(*found.rows(range(len(COLUMNS))), strict=True))
    for place, (name, (_, holds, values)) in enumerate(COLUMNS.items()):
        assert (name, found.holds(place).replace("element", "item")) == (name, holds)
        assert (name, list(read[place])) == (name, values)


@pytest.mark.parametrize("writer", [pa.ipc.new_stream, pa.ipc.new_file])
def test_both_forms_of_arrow_files_are_read_in_the_asked_order(tmp_path: Path, table: pa.Table, writer: Any) -> None:
    with pa.OSFile(str(tmp_path / "t.arrow"), "wb") as file, writer(file, table.schema) as out:
        out.write_table(table)
    found = ColumnarTable(tmp_path / "t.arrow", parquet=False)
    assert list(found.rows([4, 0])) == [["7", "a"], [None, None]]


def test_a_column_asked_for_twice_comes_twice(tmp_path: Path, table: pa.Table) -> None:
    assert list(parquet(tmp_path / "t.parquet", table).rows([0, 0])) == [["a", "a"], [None, None]]


def test_class_names_are_those_that_datasets_wrote_into_the_file_or_beside_it(tmp_path: Path, table: pa.Table) -> None:
    feature = '{"integer": {"names": ["no", "yes"], "_type": "ClassLabel"}, "text": {"_type": "Value"}}'
    inside = table.replace_schema_metadata({"huggingface": f'{{"info": {{"features": {feature}}}}}'})
    assert parquet(tmp_path / "in.parquet", inside).declared(4) == ["no", "yes"]
    plain = parquet(tmp_path / "t.parquet", table)
    assert plain.declared(4) is None
    (tmp_path / "dataset_info.json").write_text(f'{{"features": {feature}}}')
    assert plain.declared(4) == ["no", "yes"]
    assert plain.declared(0) is None
    (tmp_path / "dataset_info.json").write_text("[" * 100_000)
    assert plain.declared(4) is None
