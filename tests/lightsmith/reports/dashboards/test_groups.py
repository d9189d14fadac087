from __future__ import annotations

from pathlib import Path

import pytest

from lightsmith.reports.dashboards.board_runs import runs_of
from lightsmith.reports.dashboards.groups import config_key, groups_by, wandb_keys
from lightsmith.reports.dashboards.spec import Spec
from tests.lightsmith.reports.dashboards.made_boards import CONFIG, write_one, write_seeds, write_sweep

ALL = Spec("x", "X", "", "runs", (), ())


def test_runs_group_by_what_tells_them_apart(tmp_path: Path) -> None:
    write_one(tmp_path / "r/a", 1)
    write_one(tmp_path / "r/b", 2)
    write_one(tmp_path / "r/c", 1, settings={"model.lr": 0.1})
    runs = runs_of(ALL, f"{tmp_path}/r/*")
    for keys, sizes in ((["experiment"], [3]), (["settings"], [2, 1]), ([], [1, 1, 1])):
        assert [len(group.runs) for group in groups_by(keys, runs)] == sizes
    names = [group.name for group in groups_by(["experiment", "model.lr"], runs)]
    assert names == ["mnist_mlp", "mnist_mlp model.lr=0.1"]
    assert [group.color for group in groups_by([], runs)] == [0, 1, 2]
    with pytest.raises(ValueError, match=r"group_by=model.rl tells no runs apart; did you mean model.lr"):
        groups_by(["model.rl"], runs)


def test_seeds_of_one_study_are_one_group_and_trials_go_by_their_own_names(tmp_path: Path) -> None:
    seeds = runs_of(ALL, str(write_seeds(tmp_path / "mnist_mlp/20260101-000000-seeds")))
    (group,) = groups_by(["study", "settings"], seeds)
    assert (group.name, len(group.runs)) == ("mnist_mlp-20260101-000000-seeds", 3)
    assert wandb_keys(["study", "settings"], seeds) == ["run.group"]
    trials = runs_of(ALL, str(write_sweep(tmp_path / "mnist_mlp/20260101-000001-sweep")))
    names = ["default seed-2", "trial-0001", "trial-0002", "trial-0003", "winner-0002 seed-2"]
    assert [group.name for group in groups_by([], trials)] == names
    assert wandb_keys(["settings", "experiment"], trials) == ["config.model.init_args.lr", "config.experiment"]


def test_a_setting_has_its_path_in_the_configuration() -> None:
    assert config_key(CONFIG, "model.lr") == "config.model.init_args.lr"
    assert config_key(CONFIG, "trainer.max_epochs") == "config.trainer.max_epochs"
    assert config_key(CONFIG, "callbacks.SaveLast.keep") is None
    assert config_key(CONFIG, "model.rl") is None
