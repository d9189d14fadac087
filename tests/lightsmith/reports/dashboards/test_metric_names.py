from __future__ import annotations

from pathlib import Path

import pytest

from lightsmith.reports.dashboards.board_runs import BoardRun, runs_of
from lightsmith.reports.dashboards.metric_names import headlines_of, resolve
from lightsmith.reports.dashboards.spec import Panel, Section, Spec
from tests.lightsmith.reports.dashboards.made_boards import add_metric, write_one

ALL = Spec("x", "X", "", "runs", (), ())


def runs(*folders: Path) -> list[BoardRun]:
    return runs_of(ALL, " ".join(map(str, folders)))


def names(panel: Panel, found: list[BoardRun]) -> list[tuple[str, ...]]:
    (section,) = resolve([Section("A", (panel,))], found)
    return [resolved.metrics for resolved in section.panels]


def test_a_metric_that_no_run_logs_is_refused_with_the_nearest_that_one_does(tmp_path: Path) -> None:
    found = runs(write_one(tmp_path / "a"))
    assert names(Panel("curves", ("val/accuracy", "train/lr")), found) == [("val/accuracy", "train/lr")]
    with pytest.raises(ValueError, match="val/acuracy is logged by none of these runs; did you mean val/accuracy") as e:
        names(Panel("curves", ("val/loss", "val/acuracy")), found)
    assert "(they log " in str(e.value)


def test_a_pattern_means_what_is_logged_but_no_number_of_items(tmp_path: Path) -> None:
    run = write_one(tmp_path / "a")
    for name, value in (("robustness/n", 100), ("robustness/clean", 0.9), ("robustness/pgd", 0.2)):
        add_metric(run, name, value)
    assert names(Panel("bars", ("robustness/*",)), runs(run)) == [("robustness/clean", "robustness/pgd")]
    with pytest.raises(ValueError, match=r"robust/\* is logged by none of these runs; did you mean robustness/"):
        names(Panel("bars", ("robust/*",)), runs(run))


def test_the_headline_is_what_each_run_is_judged_by(tmp_path: Path) -> None:
    classes = write_one(tmp_path / "a", tested=False)
    values = write_one(tmp_path / "b", metric="rmse", tested=False)
    (values / "config.yaml").write_text("experiment: digit_angle")
    content = (values / "results.json").read_text()
    (values / "results.json").write_text(content.replace("mnist_mlp", "digit_angle"))
    found = runs(classes, values)
    assert headlines_of(found) == ["accuracy", "rmse"]
    assert names(Panel("curves", ("val/headline",)), found) == [("val/accuracy",), ("val/rmse",)]
    assert names(Panel("runs", ("val/headline", "val/loss")), found) == [("val/accuracy", "val/loss", "val/rmse")]
    (section,) = resolve([Section("A", (Panel("curves", ("val/headline",), "Best"),))], found)
    assert [panel.title for panel in section.panels] == ["Best: val/accuracy", "Best: val/rmse"]
    with pytest.raises(ValueError, match="test/accuracy is logged by none"):
        names(Panel("bars", ("test/headline",)), found)


def test_the_headline_of_a_run_that_is_not_finished_is_what_its_best_is_chosen_by(tmp_path: Path) -> None:
    run = write_one(tmp_path / "a")
    (run / "results.json").unlink()
    assert names(Panel("curves", ("val/headline",)), runs(run)) == [("val/accuracy",)]
    (run / "config.yaml").write_text("experiment: mnist_mlp")
    with pytest.raises(ValueError, match="val/headline is logged by none"):
        names(Panel("curves", ("val/headline",)), runs(run))


def test_a_run_that_has_logged_nothing_is_said_to_have(tmp_path: Path) -> None:
    run = write_one(tmp_path / "a")
    (run / "metrics.csv").unlink()
    with pytest.raises(ValueError, match="val/loss is logged by none of these runs: they have logged nothing yet"):
        names(Panel("curves", ("val/loss",)), runs(run))
