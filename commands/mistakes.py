"""Turning a mistake into one line that says what was wrong and what would be right."""

from __future__ import annotations

import importlib
import inspect
import re
from difflib import get_close_matches
from typing import Any

REFUSED = re.compile(r"Problem with given class_path '([\w.]+)':\s+(?:Option|Key|option) ['\"]?([\w.]+)['\"]? is not")
WRONG_CLASS = re.compile(r"Problem with given class_path '([^']*)'")
VALUE = re.compile(r"Parser key [\"']([\w.]+)[\"']:\s*(?:Expected an? (.+?)\. Got value: (.*))", re.DOTALL)
UNION = re.compile(r"Parser key [\"']([\w.]+)[\"']:.*Subtypes: \[(.+?)\]\s+Errors:.*Given value: (.*)", re.DOTALL)
RAISED = re.compile(r"Errors:\s+- (.*?)\s+- Expected an? <class 'NoneType'>", re.DOTALL)
LACKING = re.compile(r"Problem with given class_path '([\w.]+)':\s+the following arguments are required: (.+)")
NO_EXPERIMENT = re.compile(r"arguments are required: \w+\.(?:data|model)\b")
UNKNOWN = re.compile(r"(?:unrecognized arguments: --|does not accept option '|Key \"|option ')([\w.]+)")


def one_line(error: BaseException) -> str:
    """The message of an error on a single line."""
    return printable(" ".join(str(error).split())) or type(error).__name__


def printable(text: str) -> str:
    """The text with what a terminal would obey, or could not show, as escapes: a file's name may hold anything."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def nearest(name: str, choices: list[str]) -> str:
    """A question that offers the most similar choice, or nothing if none is similar."""
    close = get_close_matches(name, choices, n=1, cutoff=0.5)
    return f"; did you mean {close[0]}?" if close else ""


def explain(error: BaseException, known_keys: list[str]) -> str:
    """What a person needs to know of a parser's error: the key, the value, and the nearest valid choice."""
    message = str(error)
    group = _outermost_key(message)
    if found := REFUSED.search(message):
        class_path, option = found.groups()
        keys = [f"{group}.{name}" for name in init_arguments(class_path)]
        return f"unknown key {group}.{option}{nearest(f'{group}.{option}', keys)}"
    values = VALUE.findall(message)
    if values:
        key, expected, got = values[-1]
        key = key if group == key or not group else f"{group}.{key}"
        return f"{key}={got.strip().splitlines()[0]} is not {_readable(expected)}"
    if found := LACKING.search(message):
        return f"{group}: {found[1]} needs {found[2]}, as in --{group}.{found[2].partition(',')[0]}=…"
    if found := WRONG_CLASS.search(message):
        return f"{group}.class_path={found[1]} is not a class of Lightsmith, lightning or torch"
    if found := UNION.search(message):
        key, types, value = found.groups()
        return f"{key}={value.strip()} is not {_readable(types)}"
    if found := UNKNOWN.search(message):
        return f"unknown key {found[1]}{nearest(found[1], known_keys)}"
    if NO_EXPERIMENT.search(message):
        return "which experiment? give -c experiments/_defaults.yaml -c experiments/<name>.yaml"
    if found := RAISED.search(message):
        return " ".join(found[1].split())
    return one_line(error)


def _outermost_key(message: str) -> str:
    found = re.search(r"Parser key [\"']([\w.]+)[\"']", message)
    return found[1] if found else ""


def _readable(types: str) -> str:
    """`<class 'int'>, <class 'NoneType'>` as `an int or null`; a Literal as `one of …`."""
    if literals := re.findall(r"Literal\[(.+?)\]", types):
        return f"one of {', '.join(literals)}".replace("'", "")
    names = [name.replace("NoneType", "null") for name in re.findall(r"<class '(?:[\w]+\.)*(\w+)'>", types)]
    return " or ".join(names) if names else types


def init_arguments(class_path: str) -> list[str]:
    """The names that a class of Lightsmith accepts, its base classes' included."""
    module, _, name = class_path.rpartition(".")
    found: Any = getattr(importlib.import_module(module), name)
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    signatures = [inspect.signature(c.__init__) for c in found.__mro__ if "__init__" in vars(c)]
    return [p.name for s in signatures for p in s.parameters.values() if p.kind in named and p.name != "self"]
