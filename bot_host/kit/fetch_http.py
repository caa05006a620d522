"""The HTTP of the fetcher, on aiohttp: one request to checked addresses. For `bot_host.kit.fetch` only."""

import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from bot_host.kit.clean import one_line
from bot_host.kit.faults import FetchFailed, FetchRefused
from bot_host.kit.sniff import UNKNOWN, is_among

_AGENT: Final = "BotHost/0.1"
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_ENCODINGS: Final = frozenset({"", "identity", "gzip", "deflate"})
_MAY_PASS: Final = frozenset({408, 425, 429})
_CONNECT_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class Target:
    """An address, taken apart once: what was checked is what is asked."""

    url: URL
    host: str
    port: int

    @property
    def origin(self) -> tuple[str, str, int]:
        """Scheme, host and port."""
        return self.url.scheme, self.host, self.port


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What is wanted."""

    types: frozenset[str]
    limit: int
    truncate: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came."""

    url: str
    status: int
    content_type: str
    charset: str
    body: bytes
    truncated: bool
    etag: str
    last_modified: str


@dataclass(frozen=True, slots=True)
class Redirect:
    """Somewhere else."""

    location: str


def parse(text: str, *, base: Target | None = None) -> Target:
    """`text` as an address. Raises FetchRefused when it is none, or none that may be asked."""
    try:
        url = URL(text)
        if base is not None:
            url = base.url.join(url)
        host, port = url.raw_host, url.port
    except (ValueError, TypeError):
        raise FetchRefused("that is not an address on the web") from None
    if url.scheme not in ("http", "https"):
        raise FetchRefused("only http and https addresses are read")
    if not host or port is None or not 0 < port < 65536 or "%" in host:
        raise FetchRefused("that is not an address on the web")
    if url.raw_user is not None or url.raw_password is not None:
        raise FetchRefused("an address with a user or password in it is not read")
    return Target(url.with_fragment(None), host, port)


class _Pinned(AbstractResolver):
    """Knows one host, and the addresses that were checked for it."""

    def __init__(self, host: str, addresses: Sequence[str]) -> None:
        self._host = host
        self._addresses = addresses

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        if host != self._host:
            raise OSError("another host than the one that was checked")
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for address in self._addresses
        ]

    async def close(self) -> None:
        """Nothing is open."""


async def ask(
    target: Target, addresses: Sequence[str], headers: Mapping[str, str], job: Job
) -> Answer | Redirect:
    """One GET over a connection of its own. Raises FetchRefused and FetchFailed."""
    shown = one_line(target.host, 100)
    connector = aiohttp.TCPConnector(
        resolver=_Pinned(target.host, addresses), use_dns_cache=False, force_close=True, limit=1
    )
    sent = {"User-Agent": _AGENT, "Accept": "*/*", "Accept-Encoding": "gzip, deflate"} | dict(headers)
    try:
        async with (
            aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_S),
                trust_env=False,
            ) as session,
            session.get(target.url, headers=sent, allow_redirects=False) as response,
        ):
            if response.status in _REDIRECTS:
                location = response.headers.get("Location", "")
                if not location:
                    raise FetchFailed(f"{shown} redirects to nowhere", status=response.status)
                return Redirect(location)
            return await _read(response, job, shown)
    except aiohttp.ClientSSLError:
        raise FetchFailed(f"{shown} has no certificate that can be trusted", retryable=False) from None
    except (aiohttp.InvalidURL, ValueError):
        raise FetchRefused("that is not an address on the web") from None
    except (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError, OSError):
        raise FetchFailed(f"no connection to {shown}, or it broke") from None
    except aiohttp.ClientError:
        raise FetchFailed(f"{shown} sent what is no HTTP answer", retryable=False) from None


async def _read(response: aiohttp.ClientResponse, job: Job, shown: str) -> Answer:
    status = response.status
    if not 200 <= status < 300:
        passes = status >= 500 or status in _MAY_PASS
        raise FetchFailed(f"{shown} answers with HTTP status {status}", status=status, retryable=passes)
    kind, charset = _content_type(response.headers.get("Content-Type", ""))
    if job.types and kind not in ("", UNKNOWN) and not is_among(kind, job.types):
        raise FetchRefused(f"{shown} has {one_line(kind, 60)} there, which is not wanted")
    if response.headers.get("Content-Encoding", "").strip().lower() not in _ENCODINGS:
        raise FetchFailed(f"{shown} sends it packed in a way that was not asked for", retryable=False)
    length = response.content_length
    if length is not None and length > job.limit and not job.truncate:
        raise FetchRefused(f"what {shown} has there is larger than {job.limit} bytes")
    body = bytearray()
    # Pieces are bounded by the library (it unpacks at most one buffer ahead of us), so a bomb never
    # becomes larger than the limit and one piece.
    async for piece in response.content.iter_any():
        body += piece
        if len(body) > job.limit:
            break
    truncated = len(body) > job.limit
    if truncated and not job.truncate:
        raise FetchRefused(f"what {shown} has there is larger than {job.limit} bytes")
    return Answer(
        url=str(response.url),
        status=status,
        content_type=kind,
        charset=charset,
        body=bytes(body[: job.limit]),
        truncated=truncated,
        etag=one_line(response.headers.get("ETag", ""), 200),
        last_modified=one_line(response.headers.get("Last-Modified", ""), 60),
    )


def _content_type(header: str) -> tuple[str, str]:
    """Type and charset, in lower case."""
    kind, _, rest = header.partition(";")
    charset = ""
    for part in rest.split(";"):
        name, _, value = part.partition("=")
        if name.strip().lower() == "charset":
            charset = value.strip().strip("\"'").lower()
    return kind.strip().lower(), charset


class Http:
    """What `bot_host.kit.fetch` uses of this module, which it loads late."""

    Answer = Answer
    Job = Job
    ask = staticmethod(ask)
    parse = staticmethod(parse)
