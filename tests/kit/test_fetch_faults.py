"""The safe fetcher: too much, too slow, broken."""

import asyncio
import gzip
import zlib
from collections.abc import AsyncIterator, Sequence

import pytest
from aiohttp import web

from bot_host.kit.fetch import SafeFetcher
from tests.kit.fetching import SECRET, Site, failure, fetcher, raw_server, refusal


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with Site() as one:
        yield one


async def test_size(site: Site) -> None:
    site.page("/", body=b"x" * 1000)
    url = f"http://site.test:{site.port}/"
    assert len((await fetcher().fetch(url, max_bytes=1000)).body) == 1000
    assert "larger than 999 bytes" in await refusal(fetcher().fetch(url, max_bytes=999))
    assert "larger than 10 bytes" in await refusal(fetcher(max_bytes=10).fetch(url))
    part = await fetcher().fetch(url, max_bytes=999, truncate=True)
    assert (len(part.body), part.truncated) == (999, True)


async def test_size_without_a_length(site: Site) -> None:
    sent = 0

    async def endless(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b"y" * 10_000)
            sent += 10_000

    site.pages["/"] = endless
    url = f"http://site.test:{site.port}/"
    await refusal(fetcher().fetch(url, max_bytes=50_000))
    got = await fetcher().fetch(url, max_bytes=50_000, truncate=True)
    assert got.body == b"y" * 50_000
    assert sent < 100_000_000


def _bomb(kind: str) -> bytes:
    zeros = bytes(64 * 1024 * 1024)
    if kind == "gzip":
        return gzip.compress(zeros, 9)
    if kind == "members":
        return gzip.compress(zeros[: 1024 * 1024], 9) * 64
    return zlib.compress(zeros, 9)


@pytest.mark.parametrize("kind", ["gzip", "members", "deflate"])
async def test_bombs(site: Site, kind: str) -> None:
    packed = _bomb(kind)
    assert len(packed) < 100_000
    encoding = "deflate" if kind == "deflate" else "gzip"
    site.page("/", body=packed, headers={"Content-Encoding": encoding})
    url = f"http://site.test:{site.port}/"
    assert "larger than 200000 bytes" in await refusal(fetcher().fetch(url, max_bytes=200_000))
    part = await fetcher().fetch(url, max_bytes=200_000, truncate=True)
    assert part.body == bytes(200_000)


async def test_packed_pages_are_read(site: Site) -> None:
    site.page("/", body=gzip.compress(b"small " * 10), headers={"Content-Encoding": "gzip"})
    site.page("/twice", body=b"x", headers={"Content-Encoding": "gzip, gzip"})
    site.page("/wrong", body=b"not packed at all", headers={"Content-Encoding": "gzip"})
    url = f"http://site.test:{site.port}/"
    assert (await fetcher().fetch(url)).text == "small " * 10
    assert "gzip" in site.requests[0].headers["Accept-Encoding"]
    assert "packed" in str(await failure(fetcher().fetch(f"{url}twice")))
    await failure(fetcher().fetch(f"{url}wrong"))


async def test_a_slow_body_is_given_up() -> None:
    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.01)

    async with raw_server(talk) as port:
        error = await failure(fetcher(timeout=0.3).fetch(f"http://site.test:{port}/{SECRET}"))
    assert str(error) == "site.test took longer than 0.3 seconds"
    assert error.retryable


async def test_a_look_up_without_an_end_is_given_up() -> None:
    async def forever(_host: str, _port: int) -> Sequence[str]:
        await asyncio.Event().wait()
        return []

    one = SafeFetcher(resolve=forever, timeout=0.05)
    assert "took longer" in str(await failure(one.fetch("http://site.test/")))


async def test_cancelling_is_not_swallowed(site: Site) -> None:
    began = asyncio.Event()

    async def hang(_: web.Request) -> web.StreamResponse:
        began.set()
        await asyncio.Event().wait()
        raise AssertionError

    site.pages["/"] = hang
    task = asyncio.create_task(fetcher().fetch(f"http://site.test:{site.port}/"))
    await began.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_so_many_at_once(site: Site) -> None:
    running = most = 0
    full, go = asyncio.Event(), asyncio.Event()

    async def count(_: web.Request) -> web.StreamResponse:
        nonlocal running, most
        running += 1
        most = max(most, running)
        if running == 2:
            full.set()
        await go.wait()
        running -= 1
        return web.Response(text="ok")

    site.pages["/"] = count
    one = fetcher(at_once=2)
    tasks = [asyncio.create_task(one.fetch(f"http://site.test:{site.port}/")) for _ in range(6)]
    await full.wait()
    go.set()
    assert [got.text for got in await asyncio.gather(*tasks)] == ["ok"] * 6
    assert most == 2


WRONG = [
    b"HTTP/1.1 200 OK\r\nX-Long: " + b"a" * 100_000 + b"\r\n\r\n",
    b"HTTP/1.1 200 OK\r\n" + b"".join(b"X-%d: y\r\n" % n for n in range(50_000)) + b"\r\n",
    b"HTTP/1.1 200 " + b"O" * 100_000 + b"\r\n\r\n",
    b"SSH-2.0-OpenSSH_9.6\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00",
    b"",
    b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort",
    b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
]


@pytest.mark.parametrize("answer", WRONG, ids=range(len(WRONG)))
async def test_servers_that_talk_nonsense(answer: bytes) -> None:
    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        await writer.drain()

    async with raw_server(talk) as port:
        error = await failure(fetcher().fetch(f"http://site.test:{port}/{SECRET}"))
    assert "site.test" in str(error)


async def test_tls_without_a_certificate_of_ours() -> None:
    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    async with raw_server(talk) as port:
        await failure(fetcher(timeout=5.0).fetch(f"https://site.test:{port}/{SECRET}"))
