"""The settings of a run that differ from its experiment's YAML."""

from __future__ import annotations

from argparse import ArgumentError
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from jsonargparse import Namespace
from lightning.pytorch.cli import LightningArgumentParser

from lightsmith.settings.allowed_classes import inner_key
from lightsmith.settings.callback_settings import CONFIG, class_name, parse_with_callbacks, split_options
from lightsmith.settings.changed import HARMLESS, TRANSIENT
from lightsmith.settings.experiments import EXPERIMENTS, experiment_files
from lightsmith.settings.yaml_files import parse_yaml

CALLBACKS = "trainer.callbacks"
MODE = ".mode"  # of a callback that watches a metric: it follows the metric


def experiment_defaults(
    parser: LightningArgumentParser, given: Sequence[str], parsed: Namespace, experiment: str
) -> dict[str, Any] | None:
    """The resolved settings of an experiment as its YAML has them, nested; None where it cannot be read any more.

    Args:
        parser: of the command line.
        given: the command line.
        parsed: what came of it, before anything was settled.
        experiment: its name. The YAML files that were given count for one that is none of experiments/.
    """
    verb, files = given[0], [Path(str(file)) for file in parsed[given[0]].config or []]
    own = experiment_files().get(experiment)
    known = [EXPERIMENTS / "_defaults.yaml", own] if own else files
    try:
        config = parsed if _are_all(known, given) else parse_with_callbacks(parser, [verb, *map(_option, known)])
    except (ValueError, ArgumentError):  # edited since, or given its model by the command line
        return None
    text = parser.dump(config, skip_validation=True)
    return {name: value for name, value in parse_yaml(text)[verb].items() if name not in TRANSIENT}


def _are_all(files: Sequence[Path], given: Sequence[str]) -> bool:
    """Return whether a command line names these YAML files and nothing else."""
    options = list(split_options(given[1:]))
    named = [Path(value).resolve() for option, value, _ in options if option in CONFIG]
    return len(named) == len(options) and named == [file.resolve() for file in files]


def _option(file: Path) -> str:
    return f"--config={file}"


def own_settings(
    defaults: Mapping[str, object], settings: Mapping[str, object], followed: Mapping[str, object]
) -> dict[str, Any]:
    """The settings that differ from an experiment's, by dotted name as on the command line.

    A callback that the experiment does not have is True, and its options are there; one that the run lacks is None.

    Args:
        defaults: of the experiment, resolved, nested.
        settings: those of the run.
        followed: what a setting that is not set follows from the machine or the task, by name.
    """
    before, now = dict(_named(defaults)), dict(_named(settings))
    standing = {**followed, **{name: value for name, value in before.items() if value is not None}}
    names = [name for name in dict.fromkeys([*now, *before]) if not name.startswith(HARMLESS)]
    return {name: now.get(name) for name in names if now.get(name) != standing.get(name) and not name.endswith(MODE)}


def _named(settings: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    """(dotted name, value) of everything in nested settings; options of callbacks stand under their class."""
    if key == CALLBACKS:
        yield from _of_callbacks(settings or [])
    elif isinstance(settings, dict) and settings:
        for name, value in settings.items():
            yield from _named(value, inner_key(key, name))
    else:
        yield key, settings


def _of_callbacks(entries: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, Any]]:
    """Each callback as present, and its options; of several of one class, with their numbers."""
    seen: list[str] = []
    for entry in entries:
        name = class_name(entry["class_path"])
        seen.append(name)
        number = "" if seen.count(name) == 1 else f".{seen.count(name)}"
        yield f"callbacks.{name}{number}", True
        for option, value in (entry.get("init_args") or {}).items():
            yield f"callbacks.{name}{number}.{option}", value
