"""Reads the options of a request: the form of its answers, and their deadline."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from lightning_modules.training.answer import Answer
from lightsmith.serving.limits import DEADLINE_MS, LONGEST_DEADLINE_MS
from lightsmith.serving.problems import ProblemError

DEADLINE_HEADER = "X-Deadline-Ms"


class Option(NamedTuple):
    """A parameter of the query: its type in OpenAPI, its meaning, and what it does to an answer."""

    type: str
    meaning: str
    apply: Callable[[Answer, str], Answer]


def _top(answer: Answer, value: str) -> Answer:
    if not value.isascii() or not value.isdigit() or not int(value[:9]) >= 1:
        raise ValueError(f"top={value[:50]} must be a whole number, at least 1")
    return answer.limited(int(value[:9]))


def _threshold(answer: Answer, value: str) -> Answer:
    try:
        threshold = float(value)
    except ValueError as error:
        raise ValueError(f"threshold={value[:50]} is no number") from error
    return answer.above(threshold)


def _latents(answer: Answer, value: str) -> Answer:
    if value not in ("true", "false"):
        raise ValueError(f"latents={value} must be true or false")
    return answer.with_latents() if value == "true" else answer


OPTIONS = {
    "top": Option("integer", "This many of the most probable classes.", _top),
    "threshold": Option(
        "number",
        "No prediction where the most probable class is less probable than this, above 0 and at most 1.",
        _threshold,
    ),
    "latents": Option("boolean", "An autoencoder's latents too.", _latents),
}


class Wish(NamedTuple):
    """The form of a request's answers, and the seconds until they are too late."""

    answer: Answer
    within_s: float


def wish_of(answer: Answer, query: Mapping[str, str], headers: Mapping[str, str]) -> Wish:
    """Read the options of a request.

    Raises:
        ProblemError: naming what is not known or not possible.
    """
    for name, value in query.items():
        if name not in OPTIONS:
            raise ProblemError(400, "query", f"?{name}= is not known", f"one of {', '.join(OPTIONS)}")
        try:
            answer = OPTIONS[name].apply(answer, value)
        except ValueError as error:
            meaning = OPTIONS[name].meaning
            raise ProblemError(400, "query", str(error).removeprefix("--"), f"?{name}=: {meaning}") from error
    return Wish(answer, _deadline_ms(headers) / 1000)


def _deadline_ms(headers: Mapping[str, str]) -> int:
    given = headers.get(DEADLINE_HEADER, str(DEADLINE_MS))
    if not given.isascii() or not given.isdigit() or not 1 <= int(given[:9]) <= LONGEST_DEADLINE_MS:
        expected = f"whole milliseconds from 1 to {LONGEST_DEADLINE_MS}"
        raise ProblemError(400, "deadline_header", f"{DEADLINE_HEADER} is {given[:50]!r}", expected)
    return int(given)


def finite(value: Any) -> Any:
    """Put null in place of numbers that JSON does not have."""
    if isinstance(value, dict):
        return {name: finite(one) for name, one in value.items()}
    if isinstance(value, float) and not abs(value) < float("inf"):
        return None
    return value
