"""Messages between processes over a stream: a JSON object, and bytes beside it."""

from __future__ import annotations

import json
import struct
from asyncio import StreamReader
from typing import Any

from lightsmith.serving.problems import ProblemError

SIZES = struct.Struct(">II")  # bytes of the JSON, and of what is beside it
PROBLEM = ("status", "reason", "detail", "expected", "retry_after_s")


def frame(head: dict[str, Any], payload: bytes = b"") -> bytes:
    """A message, ready to be sent."""
    content = json.dumps(head).encode()
    return SIZES.pack(len(content), len(payload)) + content + payload


async def read_frame(reader: StreamReader) -> tuple[dict[str, Any], bytes]:
    """The next message.

    Raises:
        asyncio.IncompleteReadError, OSError: the other process has gone.
    """
    content, payload = SIZES.unpack(await reader.readexactly(SIZES.size))
    head: dict[str, Any] = json.loads(await reader.readexactly(content))
    return head, await reader.readexactly(payload)


def problem_members(problem: ProblemError) -> dict[str, Any]:
    """A problem for a message."""
    return {name: getattr(problem, name) for name in PROBLEM}
