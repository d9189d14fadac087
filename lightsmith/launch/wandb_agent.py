"""The arguments that Weights & Biases' sweep agent starts a run with, as Lightsmith reads them."""

from __future__ import annotations

import ast
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

SWEEP = "WANDB_SWEEP_ID"  # which the agent sets
HIDDEN = ("_wandb", "wandb_version")  # what it adds to a run that it starts again
PYTHON_WORDS = {"None": "null", "True": "true", "False": "false"}


def from_agent(arguments: Sequence[str]) -> list[str]:
    """Arguments as an agent means them; unchanged where none started this process.

    It writes values as Python does (``--model.variational=True``, ``--model.teacher=None``) and what is nested in the
    YAML as one dict (``--model={'lr': 0.01}``). A run that it starts again gets its whole recorded configuration, and
    W&B's own notes beside it (wandb/wandb#4237).
    """
    if SWEEP not in os.environ:
        return list(arguments)
    return [plain for argument in arguments for plain in _plain(argument)]


def _plain(argument: str) -> Iterator[str]:
    option, separator, text = argument.partition("=")
    if option.removeprefix("--") in HIDDEN:
        return
    value = _value(text) if separator and option.startswith("--") else text
    if isinstance(value, Mapping) and "class_path" not in value:
        yield from _leaves(option, value)
    elif isinstance(value, (Mapping, list, tuple)):
        yield f"{option}={json.dumps(value)}"
    else:
        yield f"{option}={PYTHON_WORDS.get(text, text)}" if separator else argument


def _value(text: str) -> Any:
    """A dict or list that Python wrote; any other text as it is."""
    if not text.startswith(("{", "[", "(")):
        return text
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return text


def _leaves(option: str, settings: Mapping[str, object]) -> Iterator[str]:
    """An option for each setting of a nested dict; what names a class stays whole."""
    for name, value in settings.items():
        key = f"{option}.{name}"
        if isinstance(value, Mapping) and value and "class_path" not in value:
            yield from _leaves(key, value)
        else:
            yield f"{key}={value if isinstance(value, str) else json.dumps(value)}"
