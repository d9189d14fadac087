"""Keys and passwords stay in the environment: a run writes down every setting that it is given."""

from __future__ import annotations

import os
import re

from lightsmith.settings.allowed_classes import leaves

NAME = re.compile(
    r"(?:^|_)(?:(?:api|access|private)_?key|secret|passw(?:or)?d|(?:(?:api|auth|access|bearer|hf|hub)_?)token)$|^token$",
    re.IGNORECASE,
)
# A Hugging Face, GitHub or AWS key, and a password in an address.
VALUE = re.compile(r"hf_[A-Za-z0-9]{30}|gh[a-z]_[A-Za-z0-9]{30}|AKIA[A-Z0-9]{16}|://[^/\s:@]*:[^/\s@]+@")
SHORTEST_SECRET = 8  # characters; a shorter value of an environment variable may stand in a setting by chance


def refuse_secrets(settings: object) -> None:
    """Refuse a secret, such as an API key, among settings, before any of them is written down.

    A setting is one if its name says so, if it looks like one, or if an environment variable with such a name holds it.

    Raises:
        ValueError: naming the setting, not its value.
    """
    known = [v for name, v in os.environ.items() if NAME.search(name) and len(v) >= SHORTEST_SECRET]
    for key, setting in leaves(settings):
        value = str(setting) if isinstance(setting, str | os.PathLike) else ""
        named = NAME.search(key.rpartition(".")[2])
        if value and (named or VALUE.search(value) or any(secret in value for secret in known)):
            raise ValueError(
                f"{key} is a key or password, and a run writes its settings down: take it out, and set it as an "
                "environment variable such as WANDB_API_KEY or HF_TOKEN"
            )
