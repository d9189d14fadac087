"""Commands of benchmarks name data in the same way from any folder."""

from pathlib import Path

import pytest

from benchmarks.command_line import absolute_source


def test_only_the_path_of_a_data_set_becomes_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert [absolute_source(data) for data in ("sample", "hub", "mnist")] == ["sample", "hub", str(tmp_path / "mnist")]
