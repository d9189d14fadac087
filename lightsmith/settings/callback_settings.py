"""Settings of callbacks by the name of their class: ``--callbacks.LogWorstPredictions.count=5``."""

from __future__ import annotations

import json
import re
from argparse import ArgumentError
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from jsonargparse import ArgumentParser, Namespace
from lightning.pytorch import Callback

from lightsmith.settings.hints import hint
from lightsmith.settings.parse_errors import explain, init_arguments
from lightsmith.settings.yaml_files import read_settings
from lightsmith.terminal import nearest

OPTION = re.compile(r"--|-[a-zA-Z]")  # what is no value; a negative number is one
BY_NAME = re.compile(r"--callbacks\.(\w+(?:\.\d+)?)\.(?:init_args\.)?([A-Za-z_][\w.]*)")
OF_THE_LAST = re.compile(r"--trainer\.callbacks\.(?:init_args\.)?([A-Za-z_][\w.]*)")
CONFIG = ("-c", "--config")
ADDING = ("--trainer.callbacks", "--trainer.callbacks+")


class Setting(NamedTuple):
    """One option of one callback; ``target`` is its class, with its number (``.2``) where a run has several."""

    target: str
    option: str
    text: str

    @property
    def written(self) -> str:
        """The setting as a person types it."""
        return f"--callbacks.{self.target}.{self.option}={self.text}"


def parse_with_callbacks(parser: ArgumentParser, arguments: Sequence[str]) -> Namespace:
    """Parse arguments after writing the settings of callbacks into ``trainer.callbacks``.

    Settings count in the order given, from YAML files (``callbacks: {ModelCheckpoint: {monitor: val/f1}}``) and from
    the command line.

    Raises:
        ValueError: a callback or an option that is not there, or one that could be of several callbacks.
        ArgumentError: an option that the parser does not take.
    """
    plain, settings, nameless = take_settings(arguments)
    config = parser.parse_args([option for option in plain if not option.startswith("--print_config")])
    verb = config.subcommand
    if not (settings or nameless):
        return config if "--print_config" not in " ".join(plain) else parser.parse_args(plain)
    dumped = yaml.safe_load(parser.dump(config, skip_unset=False, skip_validation=True))[verb]["trainer"]["callbacks"]
    callbacks = dumped or []
    if not isinstance(callbacks, list):
        callbacks = [callbacks]
    for option, text in nameless:
        raise ValueError(_which(option, text, callbacks))
    for target in dict.fromkeys(setting.target for setting in settings):
        position = _position(target, callbacks, settings)
        callbacks[position] = _changed(callbacks[position], [s for s in settings if s.target == target])
    return parser.parse_args([*plain, "--callbacks=null", f"--trainer.callbacks={json.dumps(callbacks)}"])


def take_settings(arguments: Sequence[str]) -> tuple[list[str], list[Setting], list[tuple[str, str]]]:
    """Arguments without the settings of callbacks, those settings, and (option, text) of those without a name.

    A setting of a callback that the command line adds stands behind it too, in Lightning's form: a parser asks for what
    its class requires. That form counts there only, where it cannot be of another callback.
    """
    settings = list(_settings(arguments))
    plain: list[str] = []
    nameless: list[tuple[str, str]] = []
    added = ""  # the class that a nameless setting is of
    for option, value, written in split_options(arguments):
        if BY_NAME.fullmatch(option):
            continue
        if (found := OF_THE_LAST.fullmatch(option)) and not added:
            nameless.append((found[1], value))
            continue
        plain += written
        if option in ADDING:
            added = value
            of_it = [setting for setting in settings if setting.target == class_name(value)]
            plain += [f"--trainer.callbacks.{option}={text}" for _, option, text in of_it]
        elif option in CONFIG:
            added = ""
    return plain, settings, nameless


def _settings(arguments: Sequence[str]) -> Iterator[Setting]:
    """Every setting of a callback by name, in the order given."""
    for option, value, _ in split_options(arguments):
        if found := BY_NAME.fullmatch(option):
            yield Setting(found[1], found[2], value)
        elif option in CONFIG:
            yield from _settings_of_file(read_settings(Path(value)).get("callbacks"))
        elif option.startswith("--callbacks"):
            raise ValueError(
                f"{option}={value}: a callback is added with --trainer.callbacks+=<its class>, and set with "
                "--callbacks.<its class>.<option>=…"
            )


def _settings_of_file(callbacks: object) -> Iterator[Setting]:
    if callbacks is None:
        return
    if not isinstance(callbacks, dict) or not all(isinstance(options, dict) for options in callbacks.values()):
        raise ValueError(
            "callbacks sets options by class, such as callbacks: {ModelCheckpoint: {save_top_k: 2}}; a list of "
            "callbacks belongs under trainer: callbacks+:"
        )
    for target, options in callbacks.items():
        inner = options.get("init_args")
        for option, value in (inner if isinstance(inner, dict) else options).items():
            yield Setting(str(target), str(option), value if isinstance(value, str) else json.dumps(value))


def split_options(arguments: Sequence[str]) -> Iterator[tuple[str, str, list[str]]]:
    """(option, value, as written) of each option, whether it is written with = or with a blank."""
    waiting = list(arguments)
    while waiting:
        written = [waiting.pop(0)]
        option, separator, value = written[0].partition("=")
        if option.startswith("-") and not separator and waiting and not OPTION.match(waiting[0]):
            value = waiting.pop(0)
            written.append(value)
        yield option, value, written


def class_name(path: str) -> str:
    """The last part of a dotted name."""
    return path.rpartition(".")[2]


def _position(target: str, callbacks: list[dict[str, Any]], settings: list[Setting]) -> int:
    """The position in the list of the callback that a setting names.

    Raises:
        ValueError: it is not there, or there are several.
    """
    name, _, number = target.partition(".")
    names = [class_name(entry["class_path"]) for entry in callbacks]
    found = [i for i, other in enumerate(names) if other == name]
    asked = next(setting for setting in settings if setting.target == target)
    if not found:
        raise ValueError(
            f"{asked.written}: this run has no {name}{nearest(name, names)} (it has {', '.join(names)}; "
            "--trainer.callbacks+=<class> adds one)"
        )
    if number and not 0 < int(number) <= len(found):
        raise ValueError(f"{asked.written}: this run has {len(found)} {name}")
    if not number and len(found) > 1:
        forms = (f"--callbacks.{name}.{n}.{asked.option}" for n in range(1, len(found) + 1))
        raise ValueError(f"{asked.written}: this run has {len(found)} {name}: say which, {' or '.join(forms)}")
    return found[int(number or 1) - 1]


def _changed(entry: dict[str, Any], settings: list[Setting]) -> dict[str, Any]:
    """A callback, as YAML has it, with some settings changed.

    Raises:
        ValueError: it has no such option, or the option takes no such value.
    """
    known = init_arguments(entry["class_path"])
    for setting in settings:
        if setting.option.partition(".")[0] not in known:
            key = f"callbacks.{setting.target}.{setting.option}"
            close = hint(key, [f"callbacks.{setting.target}.{name}" for name in known])
            raise ValueError(f"unknown key {key}{close} (it has {', '.join(known)})")
    name = class_name(entry["class_path"])
    parser = ArgumentParser(exit_on_error=False)
    parser.add_subclass_arguments(Callback, f"callbacks.{name}")
    given = [f"--callbacks.{name}.init_args.{setting.option}={setting.text}" for setting in settings]
    try:
        parsed = parser.parse_args([f"--callbacks.{name}={json.dumps(entry)}", *given])
    except ArgumentError as error:
        raise ValueError(explain(error, [])) from error
    changed: dict[str, Any] = yaml.safe_load(parser.dump(parsed, skip_unset=False))["callbacks"][name]
    return changed


def _which(option: str, text: str, callbacks: list[dict[str, Any]]) -> str:
    """The question which callback a setting without a name is of."""
    having = [entry["class_path"] for entry in callbacks if option in init_arguments(entry["class_path"])]
    forms = [f"--callbacks.{class_name(path)}.{option}={text}" for path in having]
    instead = f"say {' or '.join(forms)}" if forms else "none in this run has such an option"
    return f"--trainer.callbacks.{option}={text} does not say of which callback: {instead}"
