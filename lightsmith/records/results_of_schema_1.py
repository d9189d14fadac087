"""Read results.json as versions until November 2026 wrote it: of classification alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def as_schema_2(content: Mapping[str, Any]) -> dict[str, Any]:
    """Bring a record of schema 1 into the form of schema 2. What was not recorded then is None, or empty.

    Args:
        content: of a results.json of schema 1. Its first versions lack ``test.n``, ``best`` and some others.
    """
    data, test = content["data"], content["test"]
    return {
        **content,
        "schema": 2,
        "task": "classification",
        "headline": {"metric": "accuracy", "value": test["accuracy"], "direction": "max"},
        "settings": None,
        "test": {"n": data["test"], **test},
        "best": content.get("best"),
    }
