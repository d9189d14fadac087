"""Figures are medians with their range, added to the machine's file and drawn."""

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks import report
from benchmarks.report import Machine, file_stem, median_text, plot, print_table, save, summarize, time_figure

ABOUT: Machine = {"cpu": "AMD EPYC (R)", "cores": 2, "gpu": None, "torch": "2.14.1"}


def record(speed: float, *accuracies: float) -> dict[str, Any]:
    curve = [{"seconds": i, "samples": 100 * i, "accuracy": accuracy} for i, accuracy in enumerate(accuracies, 1)]
    return {
        "seconds": 9.0,
        "samples_per_second": speed,
        "first_step_seconds": 0.1,
        "test_accuracy": None,
        "curve": curve,
    }


def test_medians_ranges_and_the_first_time_the_target_is_reached() -> None:
    runs = [record(10, 0.5, 0.9), record(30, 0.9, 0.8), record(20, 0.1, 0.2)]
    summary = summarize({"ours": runs}, target=0.9)["ours"]
    assert summary["samples_per_second"] == {"median": 20, "min": 10, "max": 30}
    assert summary["seconds_to_target"] == {"median": 1.5, "min": 1, "max": 2}  # the third never got there
    assert "test_accuracy" not in summary
    assert summary["curve"] == runs[2]["curve"]
    assert "seconds_to_target" not in summarize({"ours": [record(1, 0.9)]}, target=None)["ours"]


def test_the_table_compares_with_the_first(capsys: pytest.CaptureFixture[str]) -> None:
    print_table("mnist_mlp", summarize({"ours": [record(2000, 0.99)], "tutorial": [record(500, 0.99)]}, 0.98), 0.98)
    out = capsys.readouterr().out
    assert "seconds to 98% of validation" in out
    assert [word for word in out.split() if word.endswith("×")] == ["1.00×", "0.25×"]


def test_experiments_are_added_to_the_machines_file_and_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "RESULTS", tmp_path)
    race = {"contenders": summarize({"ours": [record(1, 0.5, 0.9)]}, None)}
    for name in ("mnist_mlp", "cifar_cnn"):
        path = save(name, race, ABOUT)
    assert path.name == "amd-epyc-r-2-cores.json"
    assert set(json.loads(path.read_text())["races"]) == {"mnist_mlp", "cifar_cnn"}
    assert plot(path).read_bytes().startswith(b"\x89PNG")


def test_gpus_have_files_of_their_own() -> None:
    assert file_stem(ABOUT) == "amd-epyc-r-2-cores"
    assert file_stem({**ABOUT, "gpu": "NVIDIA H200"}) == "nvidia-h200-2-cores"


def test_times_are_those_to_the_target_where_there_is_one() -> None:
    assert time_figure(0.98) == ("seconds_to_target", "seconds to 98% of validation")
    assert time_figure(None) == ("seconds", "seconds")
    assert median_text({"seconds": {"median": 2.04}}, "seconds", ".1f") == "2.0"
    assert median_text({}, "seconds_to_target", ".1f", "not in 9 s") == "not in 9 s"
