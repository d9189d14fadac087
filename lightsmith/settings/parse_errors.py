"""Turning a mistake into one line that says what was wrong and what would be right."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Iterable, Sequence
from typing import Any

from lightsmith.settings.hints import hint
from lightsmith.terminal import one_line, printable

REFUSED = re.compile(
    r"Problem with given class_path '(?!lightning\.Callback')([\w.]+)':\s+"  # which is tried after the class itself
    r"(?:(?:Option|Key|option) ['\"]?([\w.-]+)['\"]? is not|unrecognized arguments: --([\w.-]+))"
)
NUMBER_FOR_KEY = re.compile(r"Key must be a string, got: (\S+)\.")
WRONG_CLASS = re.compile(r"Problem with given class_path '([^']*)'")
VALUE = re.compile(r"Parser key [\"']([\w.]+)[\"']:\s*(?:Expected an? (.+?)\. Got value: (.*))", re.DOTALL)
UNION = re.compile(r"Parser key [\"']([\w.]+)[\"']:.*Subtypes: \[(.+?)\]\s+Errors:.*Given value: (.*)", re.DOTALL)
INNER = re.compile(
    r"Parser key [\"'](\w+)[\"']:\s+Does not validate [\w ]+\s+Subtypes: \[(.+?)\]\s+Errors:.*?Given value: ([^\n]*)",
    re.DOTALL,
)
RAISED = re.compile(r"Errors:\s+- (.*?)\s+- Expected an? <class 'NoneType'>", re.DOTALL)
NO_VALUE = re.compile(r"argument (--\w+): expected one argument")
ALLOCATION = re.compile(r"(?i)memory|overflow|alloc|too large|too big|dimension|size")
PLAIN_WORD = re.compile(r"[^\W\d_]+|.")
SMALL = 100  # a whole number up to this one is in many a line by chance
LARGE = 10_000  # of layers, items or values: what may not fit in memory
LACKING = re.compile(r"Problem with given class_path '([\w.]+)':\s+the following arguments are required: (.+)")
NO_EXPERIMENT = re.compile(r"arguments are required: \w+\.(data|model)\b")
UNKNOWN = re.compile(r"(?:unrecognized arguments: --|does not accept option '|Key \"|option ')([\w.]*\w)")


def explain(error: BaseException, known_keys: list[str], given: Sequence[str] = ()) -> str:
    """Explain a parser's error: the key, the value, and the nearest valid choice."""
    message = str(error)
    if (found := NO_VALUE.search(message)) and (bare := [option for option in given if found[1] in option]):
        return f"{bare[-1]} needs a value, as in {bare[-1]}=…"
    group = _group(message)
    if found := REFUSED.search(message):
        class_path, option = found[1], found[2] or found[3]
        keys = [f"{group}.{name}" for name in init_arguments(class_path)]
        return f"unknown key {group}.{option}{hint(f'{group}.{option}', [*keys, *known_keys])}"
    values = VALUE.findall(message)
    if values:
        key, expected, got = values[-1]
        if group and group != key and "." not in key:
            key = f"{group}.{key}"
        value = next(iter(got.strip().splitlines()), "")
        return f"{key}={value} is not {_readable(expected)}{_quotes(expected, value)}"
    inner = [match for at in re.finditer("Parser key", message) if (match := INNER.match(message, at.start()))]
    if inner and group and inner[-1].start() > message.index("Parser key"):
        key, types, value = inner[-1].groups()
        return f"{group}.{key}={value.strip()} is not {_readable(types)}{_quotes(types, value.strip())}"
    if found := LACKING.search(message):
        return f"{group}: {found[1]} needs {found[2]}, as in --{group}.{found[2].partition(',')[0]}=…"
    if found := NUMBER_FOR_KEY.search(message):
        return f"unknown key {found[1]}"
    if found := WRONG_CLASS.search(message):
        return f"{_outermost_key(message)}.class_path={found[1]} is not a class of Lightsmith, lightning or torch"
    if found := UNION.search(message):
        key, types, value = found.groups()
        return f"{key}={value.strip()} is not {_readable(types)}{_quotes(types, value.strip())}"
    if found := UNKNOWN.search(message):
        whole = (option.lstrip("-").partition("=")[0] for option in given if f"--{found[1]}" in option in message)
        key = printable(next(whole, found[1]))  # an option may have a space in its name
        return f"unknown key {key}{hint(key, known_keys)}"
    if found := NO_EXPERIMENT.search(message):
        return (
            f"{found[1]} is not given; which experiment? give -c experiments/_defaults.yaml "
            "-c experiments/<name>.yaml, or say make exp NAME=<name> ARGS=…"
        )
    if found := RAISED.search(message):
        return " ".join(found[1].split())
    return one_line(error)


def _outermost_key(message: str) -> str:
    found = re.search(r"Parser key [\"']([\w.]+)[\"']", message)
    return found[1] if found else ""


def _group(message: str) -> str:
    """The key that an option of the class in question stands under: for a callback, its name."""
    found, key = WRONG_CLASS.search(message), _outermost_key(message)
    return f"callbacks.{found[1].rpartition('.')[2]}" if found and key == "trainer.callbacks" else key


def _readable(types: str) -> str:
    """`<class 'int'>, <class 'NoneType'>` as `an int or null`; a Literal as `one of …`."""
    if literals := re.findall(r"Literal\[(.+?)\]", types):
        return f"one of {', '.join(literals)}".replace("'", "")
    names = [name.replace("NoneType", "null") for name in re.findall(r"<class '(?:[\w]+\.)*(\w+)'>", types)]
    return " or ".join(names) if names else types


def _quotes(types: str, value: str) -> str:
    """Advice for a text that YAML took for a number or for true or false."""
    plain = re.fullmatch(r"-?[\d.]+(?:e[+-]?\d+)?|True|False", value)
    return ", which takes text: put it in quotes" if plain and "'str'" in types else ""


def blame(error: BaseException, settings: Iterable[tuple[str, object]]) -> str:
    """Name the setting that a class's error about its arguments is caused by.

    That is the one setting with most to show for it (see ``_evidence``); where two have as much, none is named. For an
    error about memory or size that names nothing, it is the largest of the large numbers.
    """
    line = one_line(error).partition(" Exception raised from ")[0]  # torch appends its C++ frames
    given = [(k, v) for k, v in settings if not isinstance(v, bool | None) and not k.endswith("class_path")]
    if any(_holds(line, key) for key, _ in given):
        return line
    ranked = [(_evidence(key, value, line), key, value) for key, value in given]
    most = max((evidence for evidence, _, _ in ranked), default=(0, 0))
    named = {f"{key}={value}" for evidence, key, value in ranked if evidence == most > (0, 0)}
    sizes = [(k, v) for k, v in given if isinstance(v, int | float) and abs(v) >= LARGE and "seed" not in k]
    numbers = [(abs(value), f"{key}={value}") for key, value in sizes]
    if not named and numbers and ALLOCATION.search(f"{type(error).__name__} {line}"):
        named = {max(numbers)[1]}
    return f"{named.pop()}: {line}" if len(named) == 1 else line


def _evidence(key: str, value: object, line: str) -> tuple[int, int]:
    """Rank how surely an error's line is about a setting: by its name and value, name as code, value, name.

    Of values, which may be parts of each other, the longest counts. ``linear`` or 10 may stand in a line for many
    reasons, so a plain word counts as a value only in quotes, and a small number never.
    """
    word, text = key.rpartition(".")[2], printable(str(value))
    named = _holds(line, word)
    code = named and ("_" in word or bool(re.search(rf"[`'\"]{word}[`'\"=]|\b{word}=", line)))
    small = isinstance(value, int) and 0 <= value <= SMALL
    quoted = f"{text!r}" in line or any(f"{mark}{text}{mark}" in line for mark in "'\"`")
    said = bool(text) and not small and (quoted or (not PLAIN_WORD.fullmatch(text) and _holds(line, text)))
    rank = max(4 * (named and said), 3 * code, 2 * said, 1 * named)
    return rank, len(text) * said


def _holds(line: str, text: str) -> bool:
    """Return whether a text stands in a line as a whole, and not as a part of a longer word, number or dotted name."""
    return bool(re.search(rf"(?<![\w.-]){re.escape(text)}(?!\w|\.\w)", line))


def init_arguments(class_path: str) -> list[str]:
    """The names that a class of Lightsmith accepts, its base classes' included."""
    return [parameter.name for parameter in init_parameters(class_path)]


def init_parameters(class_path: str | None) -> list[inspect.Parameter]:
    """The arguments that a class accepts, its base classes' included."""
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    if class_path is None:
        return []
    signatures = [inspect.signature(vars(c)["__init__"]) for c in init_classes(class_path)]
    return [p for s in signatures for p in s.parameters.values() if p.kind in named and p.name != "self"]


def imported(class_path: str) -> Any:
    """Import a class by its dotted name."""
    module, _, name = class_path.rpartition(".")
    return getattr(importlib.import_module(module), name)


def init_classes(class_path: str) -> list[type]:
    """A class and those of its bases whose ``__init__`` gets what it is given, through ``**kwargs``."""
    classes = []
    for owner in (c for c in imported(class_path).__mro__ if "__init__" in vars(c)):
        classes.append(owner)
        if not any(p.kind is p.VAR_KEYWORD for p in inspect.signature(owner.__init__).parameters.values()):
            break
    return classes
