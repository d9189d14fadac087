"""A recording's clock stands still while testing, and says when a race is over."""

import json
import time
from pathlib import Path

from benchmarks.baselines.recording import Recording


def test_testing_is_off_the_clock(tmp_path: Path) -> None:
    recording = Recording(tmp_path / "r.json")
    recording.stepped(10)
    recording.validated(0.5)
    seconds = recording.seconds
    time.sleep(0.05)
    recording.finish(test_accuracy=0.4)
    record = json.loads((tmp_path / "r.json").read_text())
    assert record["seconds"] == seconds == record["curve"][0]["seconds"]
    assert record["samples_per_second"] == 10 / seconds
    assert record["first_step_seconds"] <= seconds
    assert record["test_accuracy"] == 0.4


def test_it_has_enough_at_the_target_or_at_the_last_sample(tmp_path: Path) -> None:
    recording = Recording(tmp_path / "r.json", until=0.9, max_samples=20)
    recording.stepped(10)
    recording.validated(0.8)
    assert not recording.enough
    recording.validated(0.9)
    assert recording.enough
    assert not recording.full
    recording.stepped(10)
    assert recording.full
