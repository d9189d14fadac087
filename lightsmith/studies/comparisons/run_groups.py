"""Runs in groups of the same settings, which differ in their seed alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from lightsmith.records.results import Results
from lightsmith.records.status import read_status
from lightsmith.settings.changed import HARMLESS, TRANSIENT, flat

SEED, SOURCE = "seed_everything", "data.source"  # what makes no other settings: the data is told by its fingerprint
EXPERIMENT, DATA = "experiment", "training data"


class RunGroup(NamedTuple):
    """Runs of one experiment and the same settings, each of another seed.

    Attributes:
        settings: the experiment, and what differs from its YAML, by name as on the command line.
        records: of the runs, by seed.
    """

    settings: dict[str, Any]
    records: list[Results]

    @property
    def seeds(self) -> list[int]:
        return [record.seed for record in self.records]


def group_runs(records: Sequence[Results]) -> tuple[list[RunGroup], list[Results]]:
    """Put runs into groups, in the order of their first runs.

    Returns:
        The groups, and the runs of a seed that has a newer run in its group: one that repeats a seed says nothing new.
    """
    groups: list[RunGroup] = []
    for record, own in zip(records, settings_of(records), strict=True):
        settings = {**own, DATA: record.data.fingerprint}
        found = next((group for group in groups if group.settings == settings), None)
        if found is None:
            groups.append(RunGroup(settings, [record]))
        else:
            found.records.append(record)
    newest = [{record.seed: record for record in sorted(group.records, key=age)} for group in groups]
    kept = [RunGroup(group.settings, [n[seed] for seed in sorted(n)]) for group, n in zip(groups, newest, strict=True)]
    older = [r for group, n in zip(groups, newest, strict=True) for r in group.records if n[r.seed] is not r]
    return kept, older


def settings_of(records: Sequence[Results]) -> list[dict[str, Any]]:
    """The experiment and settings of each run, without its seed and the place of its data.

    If one of the runs does not say what differs from its experiment, as those of schema 1, they are all of config.yaml.
    """
    known = [record.settings for record in records if record.settings is not None]
    given = known if len(known) == len(records) else [_configured(record.folder) for record in records]
    return [_told(record.experiment, settings) for record, settings in zip(records, given, strict=True)]


def _told(experiment: str, settings: dict[str, object]) -> dict[str, Any]:
    kept = {name: settings[name] for name in sorted(settings) if name not in (SEED, SOURCE)}
    return {EXPERIMENT: experiment, **kept}


def _configured(folder: Path | None) -> dict[str, Any]:
    path = Path() if folder is None else folder / "config.yaml"
    if not path.is_file():
        return {"settings": f"unknown, of {folder}"}
    named = flat({k: v for k, v in yaml.safe_load(path.read_text(encoding="utf-8")).items() if k not in TRANSIENT})
    return {name.replace(".init_args", ""): value for name, value in named if not name.startswith(HARMLESS)}


def age(record: Results) -> tuple[str, str]:
    """Give a key that sorts runs from the oldest to the newest: their end, or the time in the folder's name."""
    assert record.folder is not None
    status = read_status(record.folder)
    return ("" if status is None else status.since, record.folder.name)


def differing(groups: Sequence[RunGroup]) -> list[str]:
    """The names of the settings that are not the same in all groups."""
    names = dict.fromkeys(name for group in groups for name in group.settings)
    first = groups[0].settings
    return [
        name for name in names if any(group.settings.get(name, names) != first.get(name, names) for group in groups[1:])
    ]


def same_kind(records: Sequence[Results]) -> None:
    """Refuse runs of different kinds of task.

    Raises:
        ValueError: naming two of them.
    """
    first = records[0]
    for record in records[1:]:
        if record.task != first.task:
            raise ValueError(
                f"{named(first)} is {first.task} and {named(record)} {record.task}: compare runs of one kind of task"
            )


def named(record: Results) -> str:
    """The last parts of a run's path, which tell it from others."""
    assert record.folder is not None
    return "/".join(record.folder.parts[-2:])
