import json
from typing import Any

import pytest
import yaml
from jsonargparse import Namespace

from lightsmith.launch.wandb_agent import from_agent
from lightsmith.settings.changed import TRANSIENT
from tests.parsed import parser_of_run


def given_by_agent(**config: Any) -> list[str]:
    """The arguments that W&B's own code makes of a run's configuration."""
    from wandb.sdk.launch.sweeps.utils import create_sweep_command_args  # takes seconds, in whatever collects this file

    arguments: list[str] = create_sweep_command_args({"args": {name: {"value": v} for name, v in config.items()}})[
        "args"
    ]
    return arguments


def test_what_python_writes_becomes_what_yaml_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_SWEEP_ID", "abc")
    given = given_by_agent(
        **{"model.variational": True, "model.teacher": None, "model.widths": [1, 2], "data.source": "x"}
    )
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


def test_a_run_that_the_agent_starts_again_gets_the_settings_that_it_had(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_SWEEP_ID", "abc")
    parse = parser_of_run()
    settings = recorded(parse("mnist_mlp", "--model.lr=0.02", "--loggers=[csv]", "--trainer.precision=32-true"))
    notes = {"cli_version": "5.0.0", "t": {"1": [5, 53]}}
    again = from_agent(given_by_agent(**{"model.lr": 0.02}, **settings, _wandb=notes, wandb_version=1))
    assert not [argument for argument in again if "wandb" in argument.partition("=")[0]]
    assert recorded(parse("mnist_mlp", *again)) == settings


def recorded(settings: Namespace) -> dict[str, Any]:
    """Settings as a run gives them to its loggers."""
    plain: dict[str, Any] = json.loads(json.dumps(settings.as_dict(), default=str))
    return {name: value for name, value in plain.items() if name not in TRANSIENT}
