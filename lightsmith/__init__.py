"""The machine that the verbs drive; for notebooks, ``run`` and ``load``."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lightsmith.notebooks import load, run

__all__ = ["load", "run"]


def __getattr__(name: str) -> Any:
    """Import what notebooks use when it is asked for: every verb imports this package, and few need it."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module("lightsmith.notebooks"), name)
