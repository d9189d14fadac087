"""Answers to what cannot be done: RFC 9457, problem details for HTTP."""

from __future__ import annotations

from http import HTTPStatus
from math import ceil
from typing import Any

from lightsmith.terminal import printable

MEDIA_TYPE = "application/problem+json"
# The names of RFC 9110, where Python 3.11 and 3.13 differ.
TITLES = {413: "Content Too Large", 422: "Unprocessable Content"}


class ProblemError(Exception):
    """A request that is not answered with a prediction.

    Args:
        status: of HTTP.
        reason: a word for metrics, which a client may rely on too.
        detail: what was wrong.
        expected: what would be right.
        retry_after_s: after how long the same request may succeed; None where it never will.
    """

    def __init__(
        self, status: int, reason: str, detail: str, expected: str = "", retry_after_s: float | None = None
    ) -> None:
        super().__init__(detail)
        # A client's own words are repeated in it, such as a header's bytes that are no UTF-8.
        self.status, self.reason, self.detail, self.expected = status, reason, printable(detail), expected
        self.retry_after_s = retry_after_s

    @property
    def members(self) -> dict[str, Any]:
        """The JSON object that is the answer."""
        title = TITLES.get(self.status) or HTTPStatus(self.status).phrase
        expected = {"expected": self.expected} if self.expected else {}
        return {
            **{"type": "about:blank", "title": title, "status": self.status},
            **{"detail": self.detail, **expected, "reason": self.reason},
        }

    @property
    def headers(self) -> dict[str, str]:
        """Headers beside it."""
        found = {"WWW-Authenticate": "Bearer"} if self.status == HTTPStatus.UNAUTHORIZED else {}
        if self.retry_after_s is not None:
            found["Retry-After"] = str(max(1, ceil(self.retry_after_s)))
        return found


def busy(reason: str, detail: str, retry_after_s: float) -> ProblemError:
    """A refusal that has nothing to do with what was asked."""
    return ProblemError(503, reason, detail, "the same request later, after Retry-After seconds", retry_after_s)


def too_late(retry_after_s: float) -> ProblemError:
    """The refusal of an item that was let in, and waited too long."""
    return busy("deadline", "its turn would have come too late", retry_after_s)
