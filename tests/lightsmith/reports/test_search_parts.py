from __future__ import annotations

from lightsmith.reports.search_parts import search_parts, searched
from lightsmith.reports.sweep_record import Trial


def trials(*settings: dict[str, object]) -> list[Trial]:
    return [Trial(f"trial-{n}", own, 0.5 + n / 10, "val/accuracy") for n, own in enumerate(settings)]


def test_settings_in_which_trials_differ_have_an_axis() -> None:
    found = trials({"model.lr": 0.1, "a": 1}, {"model.lr": 0.2, "a": 1, "seed_everything": 2})
    assert searched(found) == ["model.lr"]
    lines = search_parts(found, "max", {})[2]
    assert lines is not None
    assert [axis["name"] for axis in lines["axes"]] == ["model.lr", "val/accuracy"]


def test_trials_of_one_setting_have_no_lines_and_no_trials_a_word() -> None:
    history, importance, lines = search_parts(trials({"a": 1}, {"a": 1}), "min", {})
    assert history is not None
    assert history["series"][1]["xy"] == [1, 0.5, 2, 0.5]
    assert (importance, lines) == (None, None)
    assert search_parts([], "max", {}) == [{"kind": "text", "text": "No trial has come to a figure.", "muted": True}]
