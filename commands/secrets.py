"""Keys and passwords stay in the environment: a run writes down every setting that it is given."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from typing import Any

from jsonargparse import Namespace

NAME = re.compile(
    r"(?:^|_)(?:(?:api|access|private)_?key|secret|passw(?:or)?d|(?:(?:api|auth|access|bearer|hf|hub)_?)token)$|^token$",
    re.IGNORECASE,
)
# A Hugging Face, GitHub or AWS key, and a password in an address.
VALUE = re.compile(r"hf_[A-Za-z0-9]{30}|gh[a-z]_[A-Za-z0-9]{30}|AKIA[A-Z0-9]{16}|://[^/\s:@]*:[^/\s@]+@")
SHORTEST_SECRET = 8  # characters; a shorter value of an environment variable may stand in a setting by chance


def refuse_secrets(settings: Any) -> None:
    """Refuse a key among settings, before any of them is written down.

    A setting is one if its name says so, if it looks like one, or if an environment variable with such a name holds it.

    Raises:
        ValueError: naming the setting, not its value.
    """
    known = [v for name, v in os.environ.items() if NAME.search(name) and len(v) >= SHORTEST_SECRET]
    for key, value in _texts(settings, ""):
        named = NAME.search(key.rpartition(".")[2])
        if value and (named or VALUE.search(value) or any(secret in value for secret in known)):
            raise ValueError(
                f"{key} is a key or password, and a run writes its settings down: take it out, and set it as an "
                "environment variable such as WANDB_API_KEY or HF_TOKEN"
            )


def _texts(settings: Any, key: str) -> Iterator[tuple[str, str]]:
    """(dotted key, value) of every text, however deep."""
    if isinstance(settings, Namespace):
        settings = vars(settings)
    if isinstance(settings, Mapping):
        for name, value in settings.items():
            yield from _texts(value, f"{key}.{name}".lstrip("."))
    elif isinstance(settings, list | tuple):
        for value in settings:
            yield from _texts(value, key)
    elif isinstance(settings, str | os.PathLike):
        yield key, str(settings)
