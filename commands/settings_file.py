"""Reading YAML that nobody vouches for, before anything acts on it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, cast

import yaml

from commands.mistakes import one_line

LARGEST_BYTES = 100_000  # a resolved config.yaml takes 5,000
DEEPEST = 20  # levels of nesting
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
URL = re.compile(r"(?:\w+::)*[a-zA-Z][\w+.-]+:/")  # one slash, as Path leaves it; a Windows drive has one letter


def read_settings(path: Path) -> dict[str, Any]:
    """The settings in a YAML file, as plain values.

    Raises:
        ValueError: not YAML, no settings, or YAML that a person would not write (see ``check_yaml``).
    """
    if path.stat().st_size > LARGEST_BYTES:
        raise ValueError(f"{path} has {path.stat().st_size} bytes; settings take no more than {LARGEST_BYTES}")
    try:
        text = path.read_text(encoding="utf-8")
        check_yaml(text)
        settings = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError) as error:  # the latter for no UTF-8, or a date such as 2026-99-99
        raise ValueError(f"{path} is not YAML: {one_line(error)}") from error
    if not isinstance(settings, dict):
        raise ValueError(f"{path} holds no settings such as trainer: {{max_epochs: 3}}")
    for key in settings:
        if not isinstance(key, str):
            raise ValueError(f"{path}: unknown key {key!r}; a key is a word such as trainer")
    _check_characters(settings, "")
    return settings


def _check_characters(value: Any, key: str) -> None:
    """Refuse the null character, which ends a name for the operating system."""
    if isinstance(value, dict):
        for name, inner in value.items():
            _check_characters(inner, f"{key}.{name}".lstrip("."))
    elif isinstance(value, list):
        for inner in value:
            _check_characters(inner, key)
    elif isinstance(value, str) and "\0" in value:
        raise ValueError(f"{key}={value!r} holds a null character, which no path or name can")


def check_yaml(text: str) -> None:
    """Refuse aliases (they can multiply without end), tags, deep nesting, and a key that is given twice.

    Raises:
        yaml.YAMLError: naming the line.
    """
    depth = 0
    for event in yaml.parse(text, Loader=LOADER):
        if isinstance(event, yaml.AliasEvent):
            raise _refusal(f"the alias *{event.anchor}: write the value itself", event)
        if tag := getattr(event, "tag", None):
            raise _refusal(f"the tag {tag}: plain values only", event)
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            raise _refusal(f"more than {DEEPEST} levels of nesting", event)
    _check_repeated(yaml.compose(text, Loader=LOADER))


def _check_repeated(node: yaml.Node | None) -> None:
    if isinstance(node, yaml.MappingNode):
        seen = set()
        for key, value in node.value:
            if not key.value:
                raise _refusal("a key is empty", key)
            if key.value in seen and isinstance(key, yaml.ScalarNode):
                raise _refusal(f"{key.value} is given twice", key)
            seen.add(str(key.value))
            _check_repeated(value)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            _check_repeated(value)


def _refusal(problem: str, at: yaml.Event | yaml.Node) -> yaml.YAMLError:
    return yaml.MarkedYAMLError(problem=problem, problem_mark=cast("yaml.Mark", at.start_mark))


def refuse_url(key: str, value: object) -> None:
    """Lightsmith reads and writes local files only; what an option of a class calls a URL is that class's business.

    Raises:
        ValueError: naming the key and the value.
    """
    if URL.match(str(value)) and not key.lower().endswith(("url", "uri")):
        raise ValueError(f"{key}={value} is a URL: download the file and give its path")
