from __future__ import annotations

import asyncio

import pytest

from lightsmith.serving.problems import ProblemError
from lightsmith.serving.workers.frames import frame, problem_members, read_frame


def read(content: bytes) -> list[tuple[dict[str, object], bytes]]:
    """All messages in some bytes."""

    async def all_of_them() -> list[tuple[dict[str, object], bytes]]:
        reader, found = asyncio.StreamReader(), []
        reader.feed_data(content)
        reader.feed_eof()
        while not reader.at_eof():
            found.append(await read_frame(reader))
        return found

    return asyncio.run(all_of_them())


def test_messages_arrive_as_they_were_sent_and_in_order() -> None:
    sent = [({"item": 1, "text": 'ä "\n'}, b"\0\xff" * 100_000), ({}, b"")]
    assert read(b"".join(frame(*message) for message in sent)) == sent


def test_half_a_message_is_none() -> None:
    with pytest.raises(asyncio.IncompleteReadError):
        read(frame({"item": 1}, b"abc")[:-1])


def test_a_problem_is_the_same_on_the_other_side() -> None:
    problem = ProblemError(503, "queue_full", "so many wait", "later", 2.5)
    ((head, _),) = read(frame(problem_members(problem)))
    there = ProblemError(**head)  # type: ignore[arg-type]
    assert (there.members, there.headers) == (problem.members, problem.headers)
