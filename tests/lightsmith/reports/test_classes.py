from __future__ import annotations

from pathlib import Path

import pytest

from lightsmith.reports.classes import read_counts

NAMES = ["ant", "bee", "prediction"]


def test_a_square_matrix_and_a_list_of_pairs_are_read_alike(tmp_path: Path) -> None:
    (tmp_path / "confusion_matrix.csv").write_text("label,ant,bee,prediction\nant,2,0,1\nbee,0,3,0\nprediction,0,0,4\n")
    square = read_counts(tmp_path, NAMES)
    assert square == {(0, 0): 2, (0, 2): 1, (1, 1): 3, (2, 2): 4}
    rows = "label,prediction,count\nant,ant,2\nant,prediction,1\nbee,bee,3\nprediction,prediction,4\n"
    (tmp_path / "confusion_matrix.csv").write_text(rows)
    assert read_counts(tmp_path, NAMES) == square


def test_a_run_without_a_matrix_has_none_and_one_of_other_classes_is_refused(tmp_path: Path) -> None:
    assert read_counts(tmp_path, NAMES) is None
    (tmp_path / "confusion_matrix.csv").write_text("label,wasp\nwasp,2\n")
    with pytest.raises(ValueError, match="does not count the classes"):
        read_counts(tmp_path, NAMES)
