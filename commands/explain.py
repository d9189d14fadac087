"""`--explain=model.lr`: which layer a setting comes from, and what every layer says of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml
from jsonargparse import ArgumentParser, Namespace

from commands.allowed_classes import leaves, load_yaml
from commands.checkpoints import read_checkpoint
from commands.mistakes import nearest
from commands.run_folder import LAST_CHECKPOINT
from commands.settings_file import read_settings

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
    value = look_up(options.as_dict(), key)
    if value is UNSET:
        raise ValueError(f"--explain={key}: unknown key{nearest(key, sorted({known for known, _ in leaves(options)}))}")
    chosen = {part: {"class_path": options[part].class_path} for part in RECORDED_IN if options.get(part)}
    default = UNSET if key.endswith("class_path") else look_up(parser.parse_object(chosen).as_dict(), key)
    layers = [("class default", default)]
    layers += [(name, look_up(settings, key)) for name, settings in given_layers(arguments)]
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
    waiting = list(arguments)
    while waiting:
        option, separator, text = waiting.pop(0).partition("=")
        if not separator and waiting and not waiting[0].startswith("-"):
            text = waiting.pop(0)
        if option in ("-c", "--config"):
            if options:
                yield "command line", options
            yield text, read_settings(Path(text))
            options = {}
        elif option.startswith("--"):
            options[option.removeprefix("--").replace(".init_args", "")] = _parsed(text)
    yield "command line", options


def _parsed(text: str) -> Any:
    try:
        return load_yaml(text)
    except yaml.YAMLError:
        return text


def look_up(settings: Any, key: str) -> Any:
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


def shown(value: Any) -> str:
    """A value on one line, as YAML would have it."""
    return yaml.safe_dump(value, default_flow_style=True, width=float("inf")).removesuffix("...\n").strip()
