from __future__ import annotations

import json
from pathlib import Path

import pytest

from lightsmith.studies.tuning.batch_ladder import BatchLadder
from lightsmith.studies.tuning.tuning import FILE, read_tuning, typed
from tests.lightsmith.studies.tuning.found_tuning import found_tuning


def test_a_rate_for_a_other_batch_follows_the_rule_of_the_optimizer() -> None:
    adamw, sgd = found_tuning(), found_tuning(optimizer="SGD")
    assert adamw.other_batch == 512
    assert adamw.rate_at(512) == typed(2 * adamw.rate)
    assert sgd.rate_at(512) == typed(4 * sgd.rate)
    assert sgd.rate_at(128) == sgd.rate


def test_the_experiments_own_batch_is_no_other_one() -> None:
    assert found_tuning(batch_size=512).other_batch is None
    assert found_tuning(ladder=BatchLadder([], "memory")).other_batch is None


def test_the_record_holds_what_was_measured_and_is_read_again() -> None:
    found = found_tuning()
    Path(FILE).write_text(json.dumps(found.as_json()))
    record = read_tuning(Path())
    assert record["suggested"] == found.rate == float(f"{record['suggested']:g}"), "as it is typed"
    assert (record["option"], record["value"], record["suggested_batch_size"]) == ("model.lr", 0.003, 512)
    assert len(record["rates"]) == len(record["losses"]) == len(record["smoothed"]) == 80
    assert record["batches"][1]["items_per_second"] == pytest.approx(128 / 0.0015)


@pytest.mark.parametrize("content", ["", "{}", "[1]", '{"schema": 2}'])
def test_what_no_tune_writes_is_refused(content: str) -> None:
    Path(FILE).write_text(content)
    with pytest.raises(ValueError, match=r"tune.json is not what a tune writes"):
        read_tuning(Path())
