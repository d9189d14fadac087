"""Limits of a service, so that nobody can fill its memory or hold its connections."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from lightsmith.serving.problems import busy

IMAGE_BYTES = 20_000_000  # of one image; in base64 a third more
TEXT_BYTES = 2_000_000  # of one text, in whatever form
TEXT_CHARACTERS = 500_000
BATCH_BYTES = 64_000_000
BATCH_ITEMS = 256
# Of all requests that are being read or decoded.
BYTES_AT_ONCE = 128_000_000
HEADER_SECONDS = 15.0  # until a request's header is there, and of a connection without a request
BODY_SECONDS = 30.0
LINGER_SECONDS = 2.0  # for the rest of a body that was refused
CONNECTIONS = 1024
DEADLINE_MS = 10_000
LONGEST_DEADLINE_MS = 600_000
JSON_MEMBERS_BYTES = 200  # of a JSON object beside its texts: punctuation and numbers


class ByteBudget:
    """The bytes of all requests in memory."""

    def __init__(self, total: int = BYTES_AT_ONCE) -> None:
        self.free = total

    @contextmanager
    def claim(self, size: int) -> Iterator[None]:
        """Hold this many bytes.

        Raises:
            ProblemError: others hold them.
        """
        if size > self.free:
            raise busy("memory", "too many bytes of other requests are being read", 1.0)
        self.free -= size
        try:
            yield
        finally:
            self.free += size
