from __future__ import annotations

from pathlib import Path

from lightsmith.reports.curves import Curve, curve_charts, over_epochs, over_steps, read_curves, thinned

LINES = ["epoch,step,train/loss,val/loss", "0,15,,0.5", "0,15,0.9,", "1,31,,0.25", "1,31,0.4,"]


def test_a_metric_has_a_point_for_each_row_that_logged_it(tmp_path: Path) -> None:
    (tmp_path / "metrics.csv").write_text("\n".join(LINES) + "\n")
    curves = read_curves(tmp_path)
    assert curves == {
        "train/loss": Curve([15, 31], [0, 1], [0.9, 0.4]),
        "val/loss": Curve([15, 31], [0, 1], [0.5, 0.25]),
    }
    assert over_epochs(curves["val/loss"]) == [(1, 0.5), (2, 0.25)]
    assert over_steps(curves["val/loss"]) == [(15, 0.5), (31, 0.25)]


def test_a_long_curve_keeps_its_ends_and_says_that_points_are_left_out() -> None:
    points = [(float(n), float(n)) for n in range(10_001)]
    chosen = thinned(points, 400)
    assert (len(chosen), chosen[0], chosen[-1]) == (400, points[0], points[-1])
    steps = list(range(10_001))
    (chart,) = curve_charts({"val/loss": Curve(steps, steps, [1.0] * 10_001)}, None)
    assert "400 of 10,001 points" in chart["about"]


def test_a_run_without_metrics_has_no_curves(tmp_path: Path) -> None:
    assert read_curves(tmp_path) == {}
    assert curve_charts({}, 1) == []
