"""A client so small that it leaves the processors to the service: HTTP/1.1 on kept connections."""

from __future__ import annotations

import asyncio
import re

HEAD_END = b"\r\n\r\n"
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
CLOSING = re.compile(rb"\r\nconnection: *close", re.IGNORECASE)


class Connection(asyncio.Protocol):
    """A connection that carries one request at a time.

    Attributes:
        usable: whether it can carry another.
    """

    def __init__(self) -> None:
        self.usable = False
        self._received = bytearray()
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport, self.usable = transport, True

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        """Send a request; the status and the body of its answer.

        Raises:
            ConnectionError: the connection ended before, or the answer has no length.
        """
        if self._transport is None or not self.usable:
            raise ConnectionError("it is closed")
        self._received.clear()
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answer

    def data_received(self, data: bytes) -> None:
        self._received += data
        end = self._received.find(HEAD_END)
        if end < 0 or self._answer is None or self._answer.done():
            return
        length = LENGTH.search(self._received, 0, end)
        if length is None:
            self._fail("an answer without Content-Length")
        elif len(self._received) >= (whole := end + len(HEAD_END) + int(length[1])):
            self.usable = CLOSING.search(self._received, 0, end) is None
            body = bytes(self._received[end + len(HEAD_END) : whole])
            self._answer.set_result((int(self._received[9:12]), body))

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail("it was closed before the answer")

    def _fail(self, reason: str) -> None:
        self.usable = False
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(ConnectionError(reason))

    @property
    def waiting(self) -> bool:
        """True while an answer may still come, as after a time-out."""
        return self._answer is not None and (not self._answer.done() or self._answer.cancelled())

    def close(self) -> None:
        """End it."""
        self.usable = False
        if self._transport is not None:
            self._transport.close()


class Pool:
    """At most this many connections to one address; who finds none free waits."""

    def __init__(self, host: str, port: int, most: int) -> None:
        self.host, self.port = host, port
        self._free: list[Connection] = []
        self._places = asyncio.Semaphore(most)

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        """The status and the body of a request's answer.

        Raises:
            OSError: there is no connection, or it ended before the answer.
        """
        async with self._places:
            connection = self._free.pop() if self._free else None
            if connection is None or not connection.usable:
                connection = await self._connected()
            try:
                return await connection.ask(request)
            finally:
                self._keep(connection)

    async def _connected(self) -> Connection:
        _, connection = await asyncio.get_running_loop().create_connection(Connection, self.host, self.port)
        return connection

    def _keep(self, connection: Connection) -> None:
        """Keep a connection for the next request, unless it ended or still waits for an answer."""
        if connection.usable and not connection.waiting:
            self._free.append(connection)
        else:
            connection.close()

    def close(self) -> None:
        """End the connections that are not in use."""
        while self._free:
            self._free.pop().close()
