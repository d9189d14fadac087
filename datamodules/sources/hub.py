"""A single short test of whether the Hugging Face hub can be reached; its own clients retry for a minute."""

from __future__ import annotations

from typing import Literal

HUB_TIMEOUT_SECONDS = 10


def why_unreachable(kind: Literal["dataset", "model"], name: str, revision: str | None = None) -> Exception | None:
    """Ask the hub about a repository and return the error, if any; after one, its clients use their caches only."""
    from huggingface_hub import HfApi, constants

    try:
        HfApi().repo_info(name, repo_type=kind, revision=revision, timeout=HUB_TIMEOUT_SECONDS)
    except Exception as error:  # noqa: BLE001  # whatever a network, or none, makes of it
        constants.HF_HUB_OFFLINE = True
        return error
    return None
