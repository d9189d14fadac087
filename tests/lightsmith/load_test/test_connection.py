from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from lightsmith.load_test.connection import Pool

Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def served(answer: Answer, ask: Callable[[Pool], Awaitable[object]], most: int = 2) -> object:
    """What a client gets of a server that answers so."""
    answering = []

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answering.append(asyncio.current_task())
        await answer(reader, writer)
        writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    pool = Pool("127.0.0.1", server.sockets[0].getsockname()[1], most)
    try:
        return await asyncio.wait_for(ask(pool), 10)
    finally:
        pool.close()
        await asyncio.gather(*filter(None, answering))
        server.close()


def says(*parts: bytes) -> Answer:
    """A server that answers each line in these parts, until nobody asks."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.readline():
            for part in parts:
                writer.write(part)
                await writer.drain()
                await asyncio.sleep(0.01)

    return answer


def test_an_answer_in_pieces_is_one_answer_and_the_connection_is_kept() -> None:
    clients = set()
    pieces = says(b"HTTP/1.1 200 O", b"K\r\nContent-", b"Length: 5\r\n\r\nhel", b"lo")

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        clients.add(writer.get_extra_info("peername"))
        await pieces(reader, writer)

    async def ask(pool: Pool) -> list[tuple[int, bytes]]:
        return [await pool.ask(b"one\n") for _ in range(3)]

    assert asyncio.run(served(answer, ask)) == [(200, b"hello")] * 3
    assert len(clients) == 1


def test_no_more_connections_than_allowed_are_open() -> None:
    clients: list[int] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        clients.append(1)
        await says(b"HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n")(reader, writer)

    async def ask(pool: Pool) -> list[tuple[int, bytes]]:
        return await asyncio.gather(*(pool.ask(b"one\n") for _ in range(9)))

    assert asyncio.run(served(answer, ask, most=2)) == [(503, b"")] * 9
    assert len(clients) == 2


@pytest.mark.parametrize("head", [b"", b"HTTP/1.1 200 OK\r\n\r\n"])
def test_an_answer_that_is_none_is_a_connection_error(head: bytes) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(head)

    with pytest.raises(ConnectionError):
        asyncio.run(served(answer, lambda pool: pool.ask(b"one\n")))


def test_a_connection_on_which_an_answer_may_still_come_carries_no_other_request() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            await asyncio.sleep(0.2 * (line == b"slow\n"))
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(line), line))

    async def ask(pool: Pool) -> tuple[int, bytes]:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(pool.ask(b"slow\n"), 0.05)
        return await pool.ask(b"quick\n")

    assert asyncio.run(served(answer, ask, most=1)) == (200, b"quick\n")
