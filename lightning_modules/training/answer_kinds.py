"""The answers of all kinds of task, by the kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lightning_modules.training.answer import Answer, ClassProbabilities
from lightning_modules.training.answers.reconstruction import Reconstruction
from lightning_modules.training.answers.surprise import Surprise
from lightning_modules.training.answers.value_with_interval import ValueWithInterval

KINDS: dict[str, type[Answer]] = {
    answer.kind: answer for answer in (ClassProbabilities, ValueWithInterval, Reconstruction, Surprise)
}


def answer_from(settings: Mapping[str, Any]) -> Answer:
    """The answer that has these ``settings``.

    Raises:
        ValueError: there is no such kind, or it cannot have them.
    """
    kind = settings.get("kind")
    if kind not in KINDS:
        raise ValueError(f"an answer of the kind {kind!r} is not known, only {', '.join(KINDS)}")
    return KINDS[kind].restored(settings)
