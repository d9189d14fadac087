"""`--explain=model.lr`: which layer a setting comes from, and what every layer says of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml
from jsonargparse import ArgumentParser, Namespace

from lightsmith.checkpoints.rebuild import read_checkpoint
from lightsmith.run_folder import LAST_CHECKPOINT
from lightsmith.settings.allowed_classes import leaves, load_yaml
from lightsmith.settings.callback_settings import ADDING, CONFIG, class_name, split_options
from lightsmith.settings.hints import hint
from lightsmith.settings.parse_errors import init_parameters
from lightsmith.settings.yaml_files import read_settings

UNSET = object()
RECORDED_IN = {"model": "hyper_parameters", "data": "datamodule_hyper_parameters"}


def explain_setting(key: str, parser: ArgumentParser, options: Namespace, arguments: Sequence[str]) -> list[str]:
    """Lines for a person: the value of ``key`` and where it comes from, then each layer, later ones winning.

    Args:
        key: such as ``model.lr``; ``model.init_args.lr`` is the same.
        parser: of the command, for the defaults of its classes.
        options: what it parsed.
        arguments: what it was given.

    Raises:
        ValueError: no such key.
    """
    key = key.replace(".init_args", "")
    callbacks = _by_class(options.as_dict())
    value = look_up({**options.as_dict(), "callbacks": callbacks}, key)
    if value is UNSET:
        known = [key for key, _ in leaves(options) if not key.startswith("trainer.callbacks.")]
        known += [f"callbacks.{name}.{option}" for name, given in callbacks.items() for option in given]
        raise ValueError(f"--explain={key}: unknown key{hint(key, sorted(set(known)))}")
    layers = [("class default", _default(key, parser, options))]
    layers += [(name, _said(settings, key)) for name, settings in given_layers(arguments)]
    source = [name for name, said in layers if said is not UNSET][-1:] or ["another setting"]
    if source == ["class default"] and layers[0][1] != value:
        source = ["another setting"]  # such as data.tokenizer_of, which follows model.pretrained
    layers += _checkpoint_layer(key, options)
    width = max(len(name) for name, _ in layers)
    rows = [f"  {name:<{width}}  {'not set' if said is UNSET else shown(said)}" for name, said in layers]
    return [f"{key}={shown(value)} from: {source[0]}", *rows]


def given_layers(arguments: Sequence[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """(name, settings) of each configuration file and of the options between them, in the order given."""
    options: dict[str, Any] = {}
    added = ""  # the class that a setting of the last callback is of
    for option, text, _ in split_options(arguments):
        key = option.removeprefix("--").replace(".init_args", "")
        if option in CONFIG:
            if options:
                yield "command line", options
            yield text, read_settings(Path(text))
            options = {}
        elif option.startswith("--trainer.callbacks."):
            options[key.replace("trainer.callbacks", f"callbacks.{added}", 1)] = _parsed(text)
        elif option.startswith("--"):
            if option in ADDING:
                added = class_name(text)
            options[key] = _parsed(text)
    yield "command line", options


def _said(settings: dict[str, object], key: str) -> Any:
    """Look up a key in one layer. A callback's is found by its class first, then in the list of callbacks."""
    said = look_up(settings, key)
    if said is UNSET:
        return look_up({"callbacks": _by_class(settings)}, key)
    return said


def _by_class(settings: dict[str, object]) -> dict[str, dict[str, Any]]:
    """The options of each callback in ``trainer.callbacks`` by the name of its class; of several, with its number."""
    listed = look_up(settings, "trainer.callbacks")
    options: dict[str, dict[str, Any]] = {}
    if not isinstance(listed, list):
        return options
    for entry in listed:
        if isinstance(entry, dict) and "class_path" in entry:
            name = class_name(entry["class_path"])
            number = 1 + sum(other.partition(".")[0] == name for other in options)
            options[f"{name}.{number}" if number > 1 else name] = entry.get("init_args") or {}
    return options


def _default(key: str, parser: ArgumentParser, options: Namespace) -> Any:
    """The default that a setting has in its class."""
    if key.endswith("class_path"):
        return UNSET
    if key.startswith("callbacks."):
        return look_up({"callbacks": _callback_defaults(options)}, key)
    chosen = {part: {"class_path": options[part].class_path} for part in RECORDED_IN if options.get(part)}
    return look_up(parser.parse_object(chosen).as_dict(), key)


def _callback_defaults(options: Namespace) -> dict[str, dict[str, Any]]:
    """The default options of the run's callbacks, by the name of their class."""
    paths = (entry.class_path for entry in options.trainer.callbacks or [])
    return {
        class_name(path): {p.name: p.default for p in init_parameters(path) if p.default is not p.empty}
        for path in paths
    }


def _parsed(text: str) -> Any:
    try:
        return load_yaml(text)
    except yaml.YAMLError:
        return text


def look_up(settings: object, key: str) -> Any:
    """The value of a dotted key in nested dicts, through ``init_args``, or ``UNSET``.

    An option stands there under its whole name, and a list that is added to under its name with a plus.
    """
    if not key:
        return settings
    if not isinstance(settings, dict):
        return UNSET
    for name, inner in settings.items():
        rest = f"{key}.".removeprefix(f"{name.removesuffix('+')}.")
        if len(rest) <= len(key) and (found := look_up(inner, rest.rstrip("."))) is not UNSET:
            return found
    return look_up(settings["init_args"], key) if "init_args" in settings else UNSET


def _checkpoint_layer(key: str, options: Namespace) -> list[tuple[str, Any]]:
    path = options.get("ckpt_path") or (options.get("resume") and options.resume / LAST_CHECKPOINT)
    if not path:
        return []
    part, _, name = key.partition(".")
    recorded = read_checkpoint(Path(path)).get(RECORDED_IN.get(part, ""), {})
    return [(f"checkpoint {path}, which the settings above overrule", look_up(recorded, name))]


def shown(value: object) -> str:
    """A value on one line, as YAML would have it."""
    return yaml.safe_dump(value, default_flow_style=True, width=float("inf")).removesuffix("...\n").strip()
