from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from lightning_modules.training.task import Headline
from lightsmith.studies.ledger import pareto, plot, print_table, recommended, shortcomings

ACCURACY, RMSE = Headline("accuracy", "max"), Headline("rmse", "min")


def row(name: str, val: float, test: float, ms: float, **more: Any) -> dict[str, Any]:
    known = {"zeros": 0.0, "file_zeros": 0.0, "exact": False, "unproved": [], "bytes": 10**6, "macs": 10**7}
    latency = {"latency_ms": {"1": ms / 20, "32": ms}}
    return {"name": name, "val_accuracy": val, "test_accuracy": test, **known, **latency, **more}


ROWS = [
    row("dense", 0.90, 0.90, 10.0),
    row("small", 0.895, 0.88, 4.0),
    row("tiny", 0.80, 0.81, 1.0),
    row("slow", 0.95, 0.89, 12.0),
]


@pytest.mark.parametrize(("max_drop", "name"), [(0.4, "dense"), (1.0, "small"), (10.5, "tiny")])
def test_the_fastest_within_the_drop_on_validation_is_recommended(max_drop: float, name: str) -> None:
    assert recommended(ROWS, max_drop, ACCURACY)["name"] == name


def test_the_recommended_is_judged_on_the_test_split() -> None:
    assert shortcomings(ROWS, ROWS[1], 1.0, ACCURACY) == ["small loses 2.00 points on the test split, more than 1.0"]
    assert shortcomings(ROWS, ROWS[1], 2.0, ACCURACY) == []


def test_lost_zeros_and_an_export_that_is_not_exact_are_named() -> None:
    lost = row("pruned", 0.9, 0.9, 5.0, zeros=0.8, file_zeros=0.7)
    wrong = row("wrong", 0.9, 0.9, 5.0, exact=True, unproved=["a logit differs by 1"])
    rounded = row("rounded", 0.9, 0.9, 5.0, unproved=["it loses 1 point"])  # the ledger judges what is recommended
    assert shortcomings([*ROWS, lost, wrong, rounded], ROWS[0], 1.0, ACCURACY) == [
        "pruned has 80.0% zeros, of which its file keeps 70.0%",
        "wrong: a logit differs by 1",
    ]


def test_no_variant_on_the_front_is_beaten_in_both() -> None:
    assert [found["name"] for found in pareto(ROWS, ACCURACY)] == ["tiny", "small", "dense"]


def test_the_table_marks_the_recommended_and_says_how_much_faster_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(ROWS, ROWS[1], ACCURACY)
    lines = capsys.readouterr().out.splitlines()
    (line,) = (line for line in lines if line.strip().startswith("small ←"))
    assert "88.00%" in line
    assert "2.50×" in line
    assert sum("←" in line for line in lines) == 1


def test_the_plot_is_an_image(tmp_path: Path) -> None:
    plot(ROWS, ROWS[1], "cifar_cnn", tmp_path / "pareto.png", ACCURACY)
    with Image.open(tmp_path / "pareto.png") as image:
        assert image.size == (960, 600)
        assert len(image.convert("RGB").getcolors(10**6) or []) > 100


def test_of_a_headline_that_is_to_be_low_a_variant_may_lose_per_cent() -> None:
    errors = [("dense", 5.0, 5.0, 10.0), ("small", 5.04, 5.2, 4.0), ("tiny", 9.0, 9.0, 1.0)]
    rows = [{**row(name, 0, 0, ms), "val_rmse": val, "test_rmse": test} for name, val, test, ms in errors]
    assert recommended(rows, 1.0, RMSE)["name"] == "small"
    assert shortcomings(rows, rows[1], 1.0, RMSE) == ["small loses 4.00 per cent on the test split, more than 1.0"]
    assert [found["name"] for found in pareto(rows, RMSE)] == ["tiny", "small", "dense"]
