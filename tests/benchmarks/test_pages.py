"""Every figure that a page shows of a measurement is the one in the JSON."""

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks import pages
from benchmarks.pages import figure_text, render_pages
from lightsmith.settings.experiments import experiment_files, header


def measurement(*found: float, items: int = 10_000, headline: str = "accuracy", **said: Any) -> dict[str, Any]:
    figures = {
        "headline": headline,
        "seconds": 7.2,
        "fit_seconds": 3.1,
        "peak_memory_bytes": 1.5e9,
        "precision": "32-true",
    }
    about = {"experiment": "mnist_mlp", "data": "sample", "variant": "", "command": "make exp NAME=mnist_mlp"}
    machine = {"cpu": "A CPU", "cores": 2, "gpu": None, "torch": "2.14.1"}
    tests: list[dict[str, Any]] = [{"n": items, headline: figure} for figure in found]
    if headline != "accuracy" and items < 1000:
        tests[0]["interval"] = {headline: [found[0] - 0.1, found[0] + 0.1]}
    runs = [{"seed": seed, "test": test, **figures} for seed, test in enumerate(tests, 1)]
    return {**about, "machine": machine, "commit": "abc1234", "date": "2026-11-26", "runs": runs, **said}


@pytest.mark.parametrize("page", render_pages(), ids=lambda page: page.name)
def test_a_page_shows_what_was_measured(page: Path) -> None:
    assert page.read_text(encoding="utf-8") == render_pages()[page], "write it anew with make measure or make bench"


def test_an_accuracy_names_its_items_and_seeds_and_below_a_thousand_its_interval() -> None:
    assert figure_text(measurement(0.9876)) == "accuracy 98.8% (n = 10,000)"
    assert figure_text(measurement(0.9, 0.8)) == "accuracy 85.0% (n = 10,000; 2 seeds, 80.0%–90.0%)"
    # 107 of 153: Wilson's interval by the formula in his paper.
    assert figure_text(measurement(107 / 153, items=153)) == "accuracy 69.9% (n = 153, 95% interval 62.3%–76.6%)"


def test_another_headline_is_named_with_its_own_interval() -> None:
    assert figure_text(measurement(4.3216, headline="rmse")) == "rmse 4.322 (n = 10,000)"
    few = figure_text(measurement(8.5, 8.7, items=500, headline="rmse"))
    assert few == "rmse 8.6 (n = 500, 95% interval 8.4–8.6; 2 seeds, 8.5–8.7)"


def test_a_measurement_reaches_readme_header_and_benchmarks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "experiments.json"
    real = measurement(0.7, items=153, data="digits", command="make exp NAME=mnist_mlp DATA=path/to/digits")
    variant = measurement(0.5, data="digits", variant="from scratch")
    file.write_text(json.dumps([measurement(0.958, items=500), real, variant]))
    monkeypatch.setattr(pages, "EXPERIMENTS_FILE", file)
    rendered = render_pages()
    path = tmp_path / "mnist_mlp.yaml"
    path.write_text(rendered[experiment_files()["mnist_mlp"]])
    fields = header(path)
    assert fields["sample"].startswith(
        "test accuracy 95.8% (n = 500, 95% interval 93.7%–97.2%), make exp in 7 s; 2 cores, A CPU,"
    )
    assert fields["real"].startswith("digits, test accuracy 70.0% (n = 153,")
    assert "scratch" not in fields["real"]
    row = next(line for line in rendered[pages.README].splitlines() if line.startswith("| `mnist_mlp`"))
    assert "from scratch: accuracy 50.0% (n = 10,000) in 3 s" in row
    assert "`make exp NAME=mnist_mlp DATA=path/to/digits` | accuracy 70.0%" in rendered[pages.BENCHMARKS]


def test_a_race_shows_all_its_contenders_and_who_does_not_get_there() -> None:
    text = render_pages()[pages.BENCHMARKS]
    races = json.loads((pages.RESULTS / "amd-epyc-2-cores.json").read_text())["races"]
    for race in races.values():
        assert f"commit {race['commit']}" in text
        assert not race["commit"].endswith("+")
        for name, figures in race["contenders"].items():
            row = next(line for line in text.splitlines() if line.startswith(f"| {name} |"))
            assert f"{figures['samples_per_second']['median']:,.0f}" in row
            assert ("not in" in row) == (race["target"] is not None and "seconds_to_target" not in figures)
