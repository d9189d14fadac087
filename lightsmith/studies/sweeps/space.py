"""The space of a sweep: a W&B sweep YAML, which `wandb sweep` takes as well."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from math import prod
from pathlib import Path
from typing import Any, Literal, get_args

from lightsmith.settings.yaml_files import read_settings
from lightsmith.studies.sweeps.parameters import Parameter, read_parameters, told
from lightsmith.terminal import nearest, one_line

Method = Literal["bayes", "random", "grid"]
Goal = Literal["minimize", "maximize"]
KEYS = ("method", "metric", "parameters", "early_terminate", "run_cap", "name", "description")
OF_WANDB = ("program", "command", "project", "entity")  # what its agent needs, and a sweep here does not
OWN = ("folder", "runs", "resume", "experiment", "loggers", "monitor", "baseline", "trainer.enable_progress_bar")
STOPPING = {"hyperband": ("type", "min_iter", "max_iter", "s", "eta", "strict"), "median": ("type", "min_iter")}


@dataclass(frozen=True)
class Stopping:
    """A rule that ends trials early.

    Attributes:
        kind: ``hyperband`` (Li et al. 2018), or ``median``: worse than the median of the trials before it.
        min_iter: validations that every trial gets.
        eta: of hyperband, the share 1/eta of trials goes on.
    """

    kind: str
    min_iter: int
    eta: int


@dataclass(frozen=True)
class Space:
    """The parameters that a sweep chooses from, and its method and metric.

    Attributes:
        method: ``bayes`` is Optuna's TPE.
        metric: as it is logged, such as ``val/accuracy``; None for the headline of the task.
        goal: None for what is better of the metric.
        cap: the number of trials that the file asks for.
        stopping: None where every trial comes to its end.
    """

    method: Method
    metric: str | None
    goal: Goal | None
    parameters: list[Parameter]
    cap: int | None = None
    stopping: Stopping | None = None

    def grid(self) -> list[dict[str, Any]]:
        """All points of a grid, by key, as Optuna keeps them; the last parameter changes fastest."""
        points = [[told(value) for value in parameter.points or []] for parameter in self.parameters]
        return [dict(zip((p.key for p in self.parameters), point, strict=True)) for point in product(*points)]

    @property
    def size(self) -> int:
        """The number of points of a grid."""
        return prod(len(parameter.points or []) for parameter in self.parameters)

    def constants(self) -> list[str]:
        """The options for what is the same in all trials, and so belongs to the default settings too."""
        return [
            parameter.option(told(parameter.values[0])) for parameter in self.parameters if len(parameter.values) == 1
        ]

    def options(self, drawn: Mapping[str, object]) -> list[str]:
        """The options of the command line for what was drawn, by key."""
        return [parameter.option(drawn[parameter.key]) for parameter in self.parameters]


def read_space(path: Path) -> Space:
    """The space in a YAML file.

    Raises:
        ValueError: one line with the file, the key, what it says and what would be right.
    """
    if not path.is_file():
        near = sorted(path.parent.glob("[!.]*.yaml"))
        raise ValueError(f"--sweep={path} does not exist{nearest(str(path), list(map(str, near)))}")
    settings = read_settings(path)
    try:
        return _space(settings)
    except ValueError as error:
        raise ValueError(f"{path}: {one_line(error)}") from error


def _space(settings: Mapping[str, Any]) -> Space:
    for key in settings:
        if key not in (*KEYS, *OF_WANDB):
            raise ValueError(f"unknown key {key}{nearest(key, [*KEYS, *OF_WANDB])}")
    method: Any = settings.get("method")
    if method not in get_args(Method):
        near = nearest(str(method), list(get_args(Method)))
        raise ValueError(f"method={method} is not one of {', '.join(get_args(Method))}{near}")
    metric, goal = _metric(settings.get("metric"))
    parameters = read_parameters(settings.get("parameters"))
    _check_parameters(parameters, method)
    cap = settings.get("run_cap")
    if cap is not None and not _counts(cap):
        raise ValueError(f"run_cap={cap} must be a whole number of trials, 1 or more")
    return Space(method, metric, goal, parameters, cap, _stopping(settings.get("early_terminate")))


def _metric(given: object) -> tuple[str | None, Goal | None]:
    if given is None:
        return None, None
    if not isinstance(given, dict) or not isinstance(given.get("name"), str):
        raise ValueError(f"metric={given} must say name and goal, such as {{name: val/accuracy, goal: maximize}}")
    for key in given:
        if key not in ("name", "goal"):
            raise ValueError(f"metric has the unknown key {key}{nearest(str(key), ['name', 'goal'])}")
    goal = given.get("goal", "minimize")  # W&B's default
    if goal not in get_args(Goal):
        raise ValueError(f"metric.goal={goal} is not one of {', '.join(get_args(Goal))}")
    return given["name"], goal


def _check_parameters(parameters: list[Parameter], method: Method) -> None:
    keys = [parameter.key for parameter in parameters]
    for key in keys:
        if key in OWN:
            raise ValueError(f"{key} cannot be swept: the sweep sets it for every trial")
        if keys.count(key) > 1:
            raise ValueError(f"{key} is given twice, once nested and once with a dot")
    if method == "grid":
        endless = [parameter.key for parameter in parameters if parameter.points is None]
        if endless:
            raise ValueError(f"{endless[0]} has no end of values, as a grid needs: give values, or method bayes")


def _stopping(given: Any) -> Stopping | None:
    if given is None:
        return None
    kind = given.get("type") if isinstance(given, dict) else given
    if kind not in STOPPING:
        raise ValueError(f"early_terminate.type={kind} is not one of hyperband, median")
    for key in given:
        if key not in STOPPING[kind]:
            raise ValueError(f"early_terminate has the unknown key {key}{nearest(str(key), list(STOPPING[kind]))}")
    for key in ("min_iter", "max_iter", "s", "eta"):
        if key in given and not _counts(given[key]):
            raise ValueError(f"early_terminate.{key}={given[key]} must be a whole number, 1 or more")
    eta = given.get("eta", 3)
    if eta < 2:
        raise ValueError(f"early_terminate.eta={eta} must be 2 or more")
    # W&B names the first bracket directly, or as max_iter / eta^s.
    first = given.get("min_iter") or max(1, given.get("max_iter", 1) // eta ** given.get("s", 1))
    return Stopping(kind, first, eta)


def _counts(value: object) -> bool:
    return type(value) is int and value >= 1
