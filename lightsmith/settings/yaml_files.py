"""Reading YAML that nobody vouches for, before anything acts on it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, ClassVar, cast

import yaml

from lightsmith.terminal import one_line

LARGEST_BYTES = 100_000  # a resolved config.yaml takes 5,000
DEEPEST = 20  # levels of nesting
LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
# What is read as a number, a yes or no, or nothing; by its first character. All else is text, also what YAML 1.1 takes
# for a number of base 60 or 8 (2:4, 007) or for a boolean (on, no), which somebody may well call a column or a class.
PLAIN_VALUES = (
    ("null", r"~|null|Null|NULL|", "~nN"),
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"[-+]?(?:0|[1-9][0-9_]*|0x[0-9a-fA-F_]+|0b[01_]+)", "-+0123456789"),
    (
        "float",
        r"[-+]?(?:[0-9][0-9_]*\.[0-9_]*|\.[0-9][0-9_]*|[0-9][0-9_]*(?=[eE]))(?:[eE][-+]?[0-9]+)?",
        "-+.0123456789",
    ),
    ("float", r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)", "-+."),
)
URL = re.compile(r"(?:\w+::)*[a-zA-Z][\w+.-]+:/")  # one slash, as Path leaves it; a Windows drive has one letter


class _PlainLoader(LOADER):  # type: ignore[misc]  # the C one, where there is one
    """YAML in which a value that could be text is text."""

    yaml_implicit_resolvers: ClassVar[dict[str, Any]] = {}


for kind, pattern, first in PLAIN_VALUES:
    characters = [*first, ""] if kind == "null" else list(first)
    _PlainLoader.add_implicit_resolver(f"tag:yaml.org,2002:{kind}", re.compile(f"^(?:{pattern})$"), characters)


def parse_yaml(text: str) -> Any:
    """Read YAML, once ``check_yaml`` has let it pass.

    Raises:
        yaml.YAMLError: the text is not YAML.
    """
    check_yaml(text)
    loader = _PlainLoader(text)
    try:
        return loader.get_single_data()
    finally:
        loader.dispose()


def read_settings(path: Path) -> dict[str, Any]:
    """The settings in a YAML file, as plain values.

    Raises:
        ValueError: not YAML, no settings, or YAML that a person would not write (see ``check_yaml``).
    """
    if path.stat().st_size > LARGEST_BYTES:
        raise ValueError(f"{path} has {path.stat().st_size} bytes; settings take no more than {LARGEST_BYTES}")
    try:
        text = path.read_text(encoding="utf-8")
        settings = parse_yaml(text)
    except (yaml.YAMLError, ValueError) as error:  # the latter for no UTF-8
        raise ValueError(f"{path} is not YAML: {one_line(error)}") from error
    if not isinstance(settings, dict):
        raise ValueError(f"{path} holds no settings such as trainer: {{max_epochs: 3}}")
    for key in settings:
        if not isinstance(key, str):
            raise ValueError(f"{path}: unknown key {key!r}; a key is a word such as trainer")
    _check_characters(settings, "")
    return settings


def _check_characters(value: object, key: str) -> None:
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
    """Refuse a URL, as only local files are read and written; keys that end in url or uri are left to their classes.

    Raises:
        ValueError: naming the key and the value.
    """
    if URL.match(str(value)) and not key.lower().endswith(("url", "uri")):
        raise ValueError(f"{key}={value} is a URL: download the file and give its path")
