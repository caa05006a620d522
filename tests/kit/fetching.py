"""A web server, a look-up of names and a fetcher, for the tests of the fetcher."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

import pytest
from aiohttp import web

from bot_host.kit.fetch import Fetched, SafeFetcher
from bot_host.types.errors import FetchFailed, FetchRefused

PNG = b"\x89PNG\r\n\x1a\n" + bytes(40)
SECRET = "bot12345:very-secret"


class Names:
    """A look-up. Each name has its answers, one after another; the last one stays."""

    def __init__(self, **answers: list[list[str]]) -> None:
        self.answers = {name.replace("_", "."): value for name, value in answers.items()}
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append(host)
        if host not in self.answers:
            raise OSError("no such host")
        left = self.answers[host]
        return left.pop(0) if len(left) > 1 else left[0]


class Site:
    """A web server whose pages are functions."""

    def __init__(self) -> None:
        self.pages: dict[str, Callable[[web.Request], Awaitable[web.StreamResponse]]] = {}
        self.requests: list[web.Request] = []
        self.port = 0
        self._runner: web.AppRunner | None = None

    def page(self, path: str, **how: object) -> None:
        async def answer(_: web.Request) -> web.StreamResponse:
            return web.Response(**how)  # type: ignore[arg-type]

        self.pages[path] = answer

    def redirect(self, path: str, location: str, status: int = 302) -> None:
        self.page(path, status=status, headers={"Location": location})

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request)
        page = self.pages.get(request.path)
        return await page(request) if page else web.Response(status=404, text="secret page")

    async def __aenter__(self) -> "Site":
        app = web.Application()
        app.router.add_route("*", "/{rest:.*}", self._serve)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.port = int(self._runner.addresses[0][1])
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._runner is not None
        await self._runner.cleanup()


@contextlib.asynccontextmanager
async def raw_server(
    talk: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
) -> AsyncIterator[int]:
    """A server that says what it likes."""
    running: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        running.add(task)
        try:
            await reader.readuntil(b"\r\n\r\n")
            await talk(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()
            running.discard(task)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in list(running):
            task.cancel()
        if running:
            await asyncio.wait(running)


def fetcher(names: Names | None = None, **more: object) -> SafeFetcher:
    known = names or Names(site_test=[["127.0.0.1"]])
    return SafeFetcher(**({"resolve": known, "allow_hosts": ["site.test"]} | more))  # type: ignore[arg-type]


async def refusal(work: Awaitable[Fetched]) -> str:
    with pytest.raises(FetchRefused) as caught:
        await work
    return str(caught.value)


async def failure(work: Awaitable[Fetched]) -> FetchFailed:
    with pytest.raises(FetchFailed) as caught:
        await work
    assert SECRET not in str(caught.value)
    return caught.value
