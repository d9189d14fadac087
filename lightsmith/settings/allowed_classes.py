"""The classes that a YAML or an option may name: those of a few packages, and never a function."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from os import PathLike
from typing import Any

import yaml
from jsonargparse import Namespace, set_loader, set_parsing_settings

from lightsmith.settings.parse_errors import init_parameters
from lightsmith.settings.yaml_files import parse_yaml, refuse_url

ALLOWED_PACKAGES = [
    "lightning_modules",
    "datamodules",
    "callbacks",
    "lightsmith",
    "lightning",
    "torch",
    "torchmetrics",
    "torchvision",
    "transformers",
    "peft",
    "torchao",
]
LARGEST = 2**63 - 1
LONGEST = 1000


def allow_only(packages: Sequence[str]) -> None:
    """Let the parser import classes of Lightsmith's packages and of these, and read nothing but plain local YAML.

    Raises:
        ValueError: a package that is no dotted name, or jsonargparse, which could undo this.
    """
    set_parsing_settings(
        import_path_denylist=["*", "torch.utils.cpp_extension"],  # which compiles, and prints when imported
        import_path_allowlist=[*ALLOWED_PACKAGES, *packages],
        instantiate_subclass_spec_in_any=False,  # where a class takes anything, a class_path stays a dict
        config_read_mode_urls_enabled=False,
        config_read_mode_fsspec_enabled=False,  # Lightning switches it on: -c=https://… would be downloaded
    )
    set_loader("yaml", load_yaml, exceptions=(yaml.YAMLError,))


def load_yaml(text: str) -> Any:
    """Parse the value of an option, or a file of them; braces without values, such as {epoch}, are a text."""
    value = parse_yaml(text)
    bare = isinstance(value, dict) and value and all(inner is None for inner in value.values())
    return text if bare and ":" not in text.strip()[:-1] else value


def packages_on_command_line(arguments: Sequence[str]) -> list[str]:
    """The values of ``--allow_package``, before anything else is parsed: a YAML cannot extend what it may name."""
    parser = ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    parser.add_argument("--allow_package", action="append", default=[])
    packages: list[str] = parser.parse_known_args(arguments)[0].allow_package
    return packages


def check_parsed(settings: Namespace) -> None:
    """Refuse what the parser takes for a class or a path and Lightsmith does not: functions, and URLs.

    A function that returns the right class would pass as one, such as ``load_from_checkpoint``, which unpickles.

    Raises:
        ValueError: naming the key and the value.
    """
    if not isinstance(settings.trainer, Namespace):
        raise ValueError(f"trainer={settings.trainer} holds no settings such as trainer: {{max_epochs: 3}}")
    for key, value in leaves(settings):
        refuse_url(key, value)
        name = f"{value.__module__}.{value.__qualname__}" if hasattr(value, "__qualname__") else value
        called = callable(value) and not isinstance(value, (type, PathLike))  # jsonargparse's paths can be called
        if called or (key.endswith("class_path") and not _is_class(value)):
            raise ValueError(f"{key}={name} is not a class")
        if isinstance(value, (str, PathLike)) and len(str(value)) > LONGEST:
            raise ValueError(f"{key}={str(value)[:50]}… is longer than {LONGEST} characters")
        if isinstance(value, int) and abs(value) > LARGEST:
            raise ValueError(f"{key}={value} is too large for a number of 64 bits")
    _check_nulls(settings)


def _check_nulls(settings: object, key: str = "") -> None:
    """Refuse null where a class expects something: the parser takes it everywhere."""
    if isinstance(settings, (list, tuple)):
        for value in settings:
            _check_nulls(value, key)
    elif isinstance(settings, Namespace):
        for name, value in vars(settings).items():
            _check_nulls(value, inner_key(key, name))
        for parameter in init_parameters(settings.get("class_path")):
            given = settings.get("init_args", {}).get(parameter.name, parameter.default)
            if (
                given is None
                and parameter.default not in (None, parameter.empty)
                and "None" not in str(parameter.annotation)
            ):
                raise ValueError(f"{key}.{parameter.name}=null is not {parameter.annotation}")


def _is_class(path: str) -> bool:
    """Return whether a dotted name that the parser has imported is a class at the top of a module."""
    module, _, name = path.rpartition(".")
    return isinstance(getattr(sys.modules.get(module), name, None), type)


def inner_key(key: str, name: str) -> str:
    """The dotted key of a setting within that of another key, with ``init_args`` left out."""
    return key if name == "init_args" else f"{key}.{name}".lstrip(".")


def leaves(settings: object, key: str = "") -> Iterator[tuple[str, Any]]:
    """(dotted key, value) of everything in nested settings, with the ``init_args`` left out of the keys."""
    if isinstance(settings, (Namespace, dict)):
        for name, value in (vars(settings) if isinstance(settings, Namespace) else settings).items():
            yield from leaves(value, inner_key(key, name))
    elif isinstance(settings, (list, tuple, set)):
        for value in settings:
            yield from leaves(value, key)
    else:
        yield key, settings
