from typing import Any

import pytest
import yaml
from wandb.sdk.launch.sweeps.utils import create_sweep_command_args

from lightsmith.launch.wandb_agent import from_agent
from tests.parsed import parsed


def given_by_agent(**config: Any) -> list[str]:
    """The arguments that W&B's own code makes of a run's configuration."""
    arguments: list[str] = create_sweep_command_args({"args": {name: {"value": v} for name, v in config.items()}})["args"]
    return arguments


def test_what_python_writes_becomes_what_yaml_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_SWEEP_ID", "abc")
    given = given_by_agent(**{"model.variational": True, "model.teacher": None, "model.widths": [1, 2], "data.source": "x"})
    assert given == ["--model.variational=True", "--model.teacher=None", "--model.widths=[1, 2]", "--data.source=x"]
    read = [argument.partition("=") for argument in from_agent(given)]
    assert {name: yaml.safe_load(text) for name, _, text in read} == {
        "--model.variational": True,
        "--model.teacher": None,
        "--model.widths": [1, 2],
        "--data.source": "x",
    }


def test_nested_parameters_become_dotted_options(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_SWEEP_ID", "abc")
    given = given_by_agent(model={"lr": 0.01, "schedule": "linear"}, trainer={"max_epochs": 2, "max_time": None})
    assert from_agent(given) == [
        "--model.lr=0.01",
        "--model.schedule=linear",
        "--trainer.max_epochs=2",
        "--trainer.max_time=null",
    ]


def test_without_an_agent_nothing_changes() -> None:
    given = ["run", "--model.x=None", "--_wandb=1"]
    assert from_agent(given) == given
