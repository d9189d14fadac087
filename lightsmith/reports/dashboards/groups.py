"""Runs in groups, on the page and at Weights & Biases."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from lightsmith.reports.dashboards.board_runs import BoardRun
from lightsmith.reports.run_list import setting, written_settings
from lightsmith.reports.several_page import COLORS
from lightsmith.settings.experiments import config_of
from lightsmith.terminal import nearest

OWN = ("experiment", "study", "settings")
GROUP = "run.group"  # as Weights & Biases calls it


class RunGroup(NamedTuple):
    """Runs that share a colour, 0 to 7."""

    name: str
    color: int
    runs: list[BoardRun]


def groups_by(keys: Sequence[str], runs: Sequence[BoardRun]) -> list[RunGroup]:
    """Put runs into groups, in the order of their first runs; without keys each is a group of its own.

    Args:
        keys: experiment, study, settings, or the name of a setting.

    Raises:
        ValueError: nothing of that name tells runs apart.
    """
    known = [*OWN, *dict.fromkeys(name for run in runs for name in run.settings)]
    for key in keys:
        if key not in known:
            raise ValueError(f"group_by={key} tells no runs apart{nearest(key, known)} (there are {', '.join(known)})")
    differing = differing_settings(runs)
    found: dict[str, list[BoardRun]] = {}
    for run in runs:
        found.setdefault(_label(run, keys, differing), []).append(run)
    return [RunGroup(name, min(place, COLORS - 1), own) for place, (name, own) in enumerate(found.items())]


def differing_settings(runs: Sequence[BoardRun]) -> list[str]:
    """The settings in which some runs differ, seed apart."""
    names = dict.fromkeys(name for run in runs for name in run.settings)
    return [name for name in names if len({json.dumps(run.settings.get(name, "–"), default=str) for run in runs}) > 1]


def _label(run: BoardRun, keys: Sequence[str], differing: Sequence[str]) -> str:
    """Name a run's group; with the experiment's own settings it is called by the experiment."""
    if not keys:
        return run.name
    parts = {
        "experiment": run.found.experiment,
        "study": run.place.group,
        "settings": written_settings({name: run.settings[name] for name in differing if name in run.settings}, None),
    }
    said = [parts.get(key, _own_setting(run, key)) for key in keys]
    return " ".join(filter(None, said)) or run.found.experiment


def _own_setting(run: BoardRun, name: str) -> str:
    return f"{name}={setting(run.settings[name])}" if name in run.settings else ""


def wandb_keys(keys: Sequence[str], runs: Sequence[BoardRun]) -> list[str]:
    """Translate a grouping for Weights & Biases into ``run.group``, or ``config.`` and a setting's path."""
    settings = config_of(runs[0].found.folder)
    names = [name for key in keys for name in (differing_settings(runs) if key == "settings" else [key])]
    found = [GROUP if name == "study" else config_key(settings, name) for name in dict.fromkeys(names)]
    return [key for key in found if key is not None]


def config_key(settings: Mapping[str, object], name: str) -> str | None:
    """The path of a setting in a run's configuration; None where it stands in a list there, as callbacks do.

    Args:
        settings: nested, as in config.yaml.
        name: as on the command line, such as model.lr.
    """
    path, inner = ["config"], settings
    for part in name.split("."):
        if isinstance(inner, dict) and part not in inner and "init_args" in inner:
            path.append("init_args")
            inner = inner["init_args"]
        if not isinstance(inner, dict) or part not in inner:
            return None
        path.append(part)
        inner = inner[part]
    return ".".join(path)
