"""A wire to a PostgreSQL server that can be cut at a given moment: a proxy on loopback.

It cuts between two messages of the protocol: the client sends what belongs together in one piece.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit


class Wire:
    """Carries bytes both ways, until told otherwise."""

    def __init__(self, url: str) -> None:
        self._to = url
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._cut_at: tuple[bytes, bool] | None = None
        self.said: list[bytes] = []
        """What clients sent, a piece each."""
        self.url = ""

    async def open(self) -> None:
        """Listen."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        parts = urlsplit(self._to)
        user, at, _ = parts.netloc.rpartition("@")
        query = [pair for pair in parse_qsl(parts.query) if pair[0] not in ("host", "port", "sslmode")]
        self.url = urlunsplit(
            parts._replace(
                netloc=f"{user}{at}127.0.0.1:{port}", query=urlencode([*query, ("sslmode", "disable")])
            )
        )
        self.is_up = True

    async def close(self) -> None:
        """Cut all, and listen no more."""
        self.cut()
        assert self._server is not None
        self._server.close()
        await self._server.wait_closed()

    def cut(self) -> None:
        """Cut every connection there is; new ones are carried if `is_up`."""
        for writer in list(self._open):
            writer.transport.abort()
        self._open.clear()

    def go_down(self) -> None:
        """Cut every connection, and each that comes."""
        self.is_up = False
        self.cut()

    def cut_at(self, word: bytes, *, passed_on: bool) -> None:
        """Cut at the next piece with `word`; if `passed_on`, after the server did what it says."""
        self._cut_at = (word, passed_on)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self.is_up:
            writer.transport.abort()
            return
        parts = urlsplit(self._to)
        folder = dict(parse_qsl(parts.query)).get("host", "")
        if folder.startswith("/"):
            theirs = await asyncio.open_unix_connection(f"{folder}/.s.PGSQL.{parts.port or 5432}")
        else:
            theirs = await asyncio.open_connection(parts.hostname or "127.0.0.1", parts.port or 5432)
        pair = {writer, theirs[1]}
        self._open |= pair
        back = asyncio.get_running_loop().create_task(_carry(theirs[0], writer))
        try:
            with contextlib.suppress(OSError):
                await self._carry_there(reader, *theirs, back)
        finally:
            back.cancel()
            for end in pair:
                end.transport.abort()
            self._open -= pair

    async def _carry_there(
        self,
        reader: asyncio.StreamReader,
        answers: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        back: "asyncio.Task[None]",
    ) -> None:
        while piece := await reader.read(1 << 16):
            self.said.append(piece)
            if self._cut_at is not None and self._cut_at[0] in piece:
                _, passed_on = self._cut_at
                self._cut_at = None
                if passed_on:
                    back.cancel()
                    await asyncio.wait([back])
                    writer.write(piece)
                    await answers.read(1 << 16)
                return
            writer.write(piece)
            await writer.drain()


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while piece := await reader.read(1 << 16):
            writer.write(piece)
            await writer.drain()
    writer.close()


@asynccontextmanager
async def wire_to(url: str) -> AsyncIterator[Wire]:
    """A wire to this server."""
    wire = Wire(url)
    await wire.open()
    try:
        yield wire
    finally:
        await wire.close()
