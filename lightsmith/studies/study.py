"""study.json: many runs of one experiment, planned together, each in a folder of its own within the study's."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal, get_args

from lightsmith.records.status import read_status
from lightsmith.replace_file import replace_file, replace_json
from lightsmith.run_folder import create_run_folder, has_checkpoint, hold
from lightsmith.settings.experiments import experiment_name
from lightsmith.settings.secrets import refuse_secrets
from lightsmith.settings.yaml_files import read_settings
from lightsmith.terminal import shown

SCHEMA = 1
FILE = "study.json"

Kind = Literal["seeds", "folds", "sweep", "tune"]
State = Literal["planned", "running", "finished", "failed", "interrupted"]


@dataclass(frozen=True)
class Member:
    """One run of a study.

    Attributes:
        name: of its folder within the study's.
        options: of the command line, beside those that all members have.
    """

    name: str
    options: list[str]


@dataclass(frozen=True)
class MemberStatus:
    """The state of a study's run.

    Attributes:
        state: ``planned`` until it has a folder.
        reason: why it failed or was interrupted.
    """

    state: State
    reason: str | None = None


@dataclass(frozen=True)
class Study:
    """Runs that answer one question together.

    Attributes:
        kind: what differs between them.
        experiment: its name.
        typed: the options that the study was begun with.
        settings: files in the study's folder, copies of the YAML files that were given: a study that goes on after
            these were edited goes on as it began.
        options: of the command line, for every run.
        folder: the study's; no part of the file.
    """

    kind: Kind
    experiment: str
    typed: list[str]
    settings: list[str]
    options: list[str]
    members: list[Member]
    folder: Path
    schema: int = SCHEMA

    def folder_of(self, member: Member) -> Path:
        """The run folder of a member, which is there once its run has begun."""
        return self.folder / member.name

    def command_of(self, member: Member) -> list[str]:
        """The options of `cli.py run` that a member begins with, all but its folder."""
        configs = [f"--config={self.folder / file}" for file in self.settings]
        return [*configs, f"--experiment={self.experiment}", *self.options, *member.options]

    def status_of(self, member: Member) -> MemberStatus:
        """Read a member's state from its run's status.json, which knows of processes that were killed."""
        return status_in(self.folder_of(member))

    @property
    def finished(self) -> list[Member]:
        """The members that came to their end."""
        return [member for member in self.members if self.status_of(member).state == "finished"]

    def with_members(self, members: Sequence[Member]) -> Study:
        """Replace a study's members, and write it down.

        Raises:
            OSError: the disk cannot be written.
        """
        changed = replace(self, members=list(members))
        changed.write()
        return changed

    def write(self) -> None:
        """Write study.json, durably and in one step.

        Raises:
            OSError: the disk cannot be written.
        """
        content = {"schema": self.schema, **{name: v for name, v in asdict(self).items() if name != "folder"}}
        replace_json(self.folder / FILE, content)


def create_study(
    runs: Path, kind: Kind, typed: Sequence[str], configs: Sequence[Path], options: Sequence[str] = (), name: str = ""
) -> Study:
    """Make the folder of a new study, still without members, as ``<runs>/<experiment>/<time>-<kind>/``.

    Args:
        runs: folder that holds all runs.
        kind: of the study.
        typed: the options that it is begun with, for its record.
        configs: the YAML files of the experiment, in order.
        options: of the command line, for every run.
        name: the experiment's; that of its YAML when empty.

    Raises:
        ValueError: a key or password among the settings, or the disk cannot be written.
        OSError: a YAML file is gone, or the disk is full.
    """
    for file in configs:
        refuse_secrets(read_settings(file))
    refuse_secrets(_by_name([*typed, *options]))
    experiment = name or experiment_name(configs)
    folder = create_run_folder(runs, experiment, kind)
    settings = [f"settings-{n}{file.suffix}" for n, file in enumerate(configs, 1)]
    for copy, file in zip(settings, configs, strict=True):
        replace_file(folder / copy, file.read_bytes())
    study = Study(kind, experiment, list(typed), settings, list(options), [], folder)
    study.write()
    return study


def _by_name(options: Sequence[str]) -> dict[str, str]:
    """The values of options by name, whether they stand behind an equals sign or in the next word."""
    pairs = zip(options, [*options[1:], ""], strict=False)
    return {name: value or after for (name, _, value), after in ((o.lstrip("-").partition("="), n) for o, n in pairs)}


def read_study(folder: Path) -> Study:
    """The study in a folder.

    Raises:
        ValueError: there is none, or it is not what a study writes.
    """
    path = folder / FILE
    if not path.is_file():
        raise ValueError(f"{shown(folder)} holds no {FILE}: give the folder of a study")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["schema"] != SCHEMA or content["kind"] not in get_args(Kind):
            raise ValueError("of another version")
        members = [Member(**member) for member in content.pop("members")]
        return Study(**content, members=members, folder=folder)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{shown(path)} is not what a study writes: restore it or remove it") from error


def is_study(folder: Path) -> bool:
    """Return whether a folder is that of a study."""
    return (folder / FILE).is_file()


def status_in(folder: Path) -> MemberStatus:
    """Read the state of the run in a folder, if there is one."""
    if not folder.is_dir():
        return MemberStatus("planned")
    status = read_status(folder)
    if status is None:  # killed before it wrote one, or it was removed
        return MemberStatus("interrupted" if has_checkpoint(folder) else "planned")
    return MemberStatus(status.state, status.reason)


@contextmanager
def working_on(study: Study) -> Iterator[None]:
    """Keep other processes of this machine from working on a study, until this one ends or is killed.

    Raises:
        ValueError: another one does.
    """
    held = hold(study.folder)
    try:
        yield
    finally:
        os.close(held)
