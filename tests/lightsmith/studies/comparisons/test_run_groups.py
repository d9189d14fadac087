import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lightsmith.records.results import Results, read_results
from lightsmith.studies.comparisons.run_groups import differing, group_runs, same_kind, settings_of
from tests.written_runs import write_run

METRICS = {"accuracy": 0.5}


def run(folder: Path, name: str, seed: int, **more: Any) -> Results:
    return read_results(write_run(folder / name, seed, METRICS, **more))


def test_runs_of_one_setting_are_a_group_whatever_their_seed_and_the_place_of_their_data(tmp_path: Path) -> None:
    records = [
        run(tmp_path, "1", 2, settings={"data.source": "a"}),
        run(tmp_path, "2", 1, settings={"data.source": "b"}),
        run(tmp_path, "3", 1, settings={"model.lr": 0.1}),
    ]
    groups, older = group_runs(records)
    assert [group.seeds for group in groups] == [[1, 2], [1]]
    assert older == []
    assert differing(groups) == ["model.lr"]


def test_another_experiment_or_other_training_data_is_another_group(tmp_path: Path) -> None:
    records = [
        run(tmp_path, "1", 1),
        run(tmp_path, "2", 1, experiment="mnist_cnn"),
        run(tmp_path, "3", 1, fingerprint="sha256:other"),
    ]
    groups, _ = group_runs(records)
    assert differing(groups) == ["experiment", "training data"]
    assert len(groups) == 3


def test_of_runs_of_one_seed_the_one_that_ended_last_counts(tmp_path: Path) -> None:
    old, new = run(tmp_path, "2", 1), run(tmp_path, "1", 1)
    status = tmp_path / "2/status.json"
    status.write_text(json.dumps({**json.loads(status.read_text()), "since": "2026-01-01T00:00:00+00:00"}))
    groups, older = group_runs([old, new])
    assert [group.records for group in groups] == [[new]]
    assert older == [old]


def test_settings_that_were_not_recorded_are_those_of_the_configuration(tmp_path: Path) -> None:
    records = []
    for seed, lr in ((1, 0.1), (2, 0.1), (3, 0.2)):
        record = run(tmp_path, str(seed), seed)
        config = {"seed_everything": seed, "runs": str(seed), "model": {"class_path": "m", "init_args": {"lr": lr}}}
        (tmp_path / str(seed) / "config.yaml").write_text(json.dumps(config))
        records.append(replace(record, settings=None if seed == 1 else {"model.lr": 0.1}))
    assert settings_of(records)[0] == {"experiment": "mnist_mlp", "model.class_path": "m", "model.lr": 0.1}
    groups, _ = group_runs(records)
    assert [group.seeds for group in groups] == [[1, 2], [3]]


def test_without_a_configuration_a_run_is_like_no_other(tmp_path: Path) -> None:
    groups, _ = group_runs([replace(run(tmp_path, str(seed), seed), settings=None) for seed in (1, 2)])
    assert len(groups) == 2


def test_another_kind_of_task_is_refused_by_name(tmp_path: Path) -> None:
    other = replace(run(tmp_path, "2", 1), task="regression")
    with pytest.raises(ValueError, match=r"/1 is classification and .*/2 regression"):
        same_kind([run(tmp_path, "1", 1), other])
