"""The safe fetcher: the only way out to URLs that come from platforms, people or models.

Whoever can make a program fetch a URL can make it talk to what only that program reaches (server-side
request forgery): https://cheatsheetseries.owasp.org/cheatsheets/Server_Side_Request_Forgery_Prevention_Cheat_Sheet.html
Hence each host is looked up once, all its addresses are checked, and the connection goes to those
addresses and no others (a second look-up could differ: DNS rebinding); for every redirect again.
"""

import asyncio
import importlib
import re
import socket
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self, TypeAlias, cast

from bot_host.kit.addresses import is_literal, is_odd_number, may_connect
from bot_host.kit.clean import one_line
from bot_host.kit.faults import FetchFailed, FetchRefused
from bot_host.kit.sniff import TEXT, UNKNOWN, is_among, sniff

if TYPE_CHECKING:
    from bot_host.kit import fetch_http

MAX_BYTES: Final = 20 * 1024 * 1024
TIMEOUT_S: Final = 30.0
MAX_REDIRECTS: Final = 5
PORTS: Final = frozenset({80, 443})
AT_ONCE: Final = 8
_MAX_URL: Final = 8192

Resolve: TypeAlias = Callable[[str, int], Awaitable[Sequence[str]]]
"""Host and port to addresses, as text. Raises OSError when the host is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """What was at an address."""

    url: str = field(repr=False)
    """Where it was in the end, after redirects. May hold a secret: not for logs."""
    status: int
    content_type: str
    """As the server says, in lower case and without parameters; empty when it does not say."""
    body: bytes = field(repr=False)
    truncated: bool = False
    """Whether there was more than `max_bytes` (only with `truncate`)."""
    charset: str = ""
    """As the server says."""
    etag: str = ""
    """To ask later whether it has changed (`If-None-Match`); a 304 comes as FetchFailed with that status."""
    last_modified: str = ""
    """The same for `If-Modified-Since`."""

    @property
    def real_type(self) -> str:
        """The type by the first bytes (`bot_host.kit.sniff`)."""
        return sniff(self.body)

    @property
    def text(self) -> str:
        """The body as text: by its byte order mark, the server's charset, else UTF-8; never an error."""
        for mark, name in (
            (b"\xef\xbb\xbf", "utf-8"),
            (b"\xff\xfe", "utf-16-le"),
            (b"\xfe\xff", "utf-16-be"),
        ):
            if self.body.startswith(mark):
                return self.body[len(mark) :].decode(name, "replace")
        try:
            return self.body.decode(self.charset or "utf-8", "replace")
        except (LookupError, ValueError):  # A name that no text codec has.
            return self.body.decode("utf-8", "replace")


class SafeFetcher:
    """Reads http and https addresses that nobody vouches for.

    `allow_hosts` (`name` or `name:port`) and `allow_private` open private and loopback addresses on all
    ports, for servers of one's own and for tests; the addresses of cloud metadata servers stay closed. They
    are for code and the admin's config only, never for what a platform or a model says. `ports`: those that
    other hosts are read on. `at_once`: more fetches than that wait for their turn. `resolve`: instead of
    the system's look-up. Limits of a single fetch can be set on the call. No cookies, no proxies and no
    `.netrc` of the environment.
    """

    def __init__(
        self,
        *,
        allow_hosts: Iterable[str] = (),
        allow_private: bool = False,
        ports: Collection[int] = PORTS,
        max_bytes: int = MAX_BYTES,
        timeout: float = TIMEOUT_S,
        max_redirects: int = MAX_REDIRECTS,
        at_once: int = AT_ONCE,
        resolve: Resolve | None = None,
    ) -> None:
        self._allow_hosts = frozenset(host.lower() for host in allow_hosts)
        self._allow_private = allow_private
        self._ports = frozenset(ports)
        self._max_bytes = max_bytes
        self._timeout = timeout
        self._max_redirects = max_redirects
        self._turns = asyncio.Semaphore(at_once)
        self._resolve = resolve or _system_resolve
        self._closed = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Begin no further fetch. No connection outlives its fetch, so there is nothing else to let go."""
        self._closed = True

    async def fetch(
        self,
        url: str,
        *,
        content_types: Collection[str] = (),
        max_bytes: int | None = None,
        timeout: float | None = None,
        truncate: bool = False,
        headers: Mapping[str, str] | None = None,
    ) -> Fetched:
        """Read `url`. Raises FetchRefused and FetchFailed, with no more than the host in their messages.

        `content_types`: what may come (`image/png`, `image/*`); empty: anything. Both what the server says
        and what the first bytes say must be among them; where the server says nothing
        (`application/octet-stream`, or no type at all) only the bytes count. `max_bytes` counts what comes
        out of decompression; more is refused, or left off with `truncate`. `timeout` (seconds) is for the
        whole, look-ups, redirects and the wait for a turn included. `headers` (a token, say) go to the
        first host only, not along with a redirect to another scheme, host or port.
        """
        if self._closed:
            raise FetchFailed("the fetcher is closed", retryable=False)
        http = await _load()
        job = http.Job(
            types=frozenset(kind.lower() for kind in content_types),
            limit=self._max_bytes if max_bytes is None else max_bytes,
            truncate=truncate,
        )
        seconds = self._timeout if timeout is None else timeout
        host = ""
        try:
            async with asyncio.timeout(seconds), self._turns:
                target = http.parse(_plain(url))
                first = target
                for _ in range(self._max_redirects + 1):
                    host = one_line(target.host, 100)
                    addresses = await self._addresses(target)
                    sent = headers if target.origin == first.origin else None
                    answer = await http.ask(target, addresses, sent or {}, job)
                    if isinstance(answer, http.Answer):
                        return _checked(answer, job.types, host)
                    target = http.parse(_plain(answer.location), base=target)
        except TimeoutError:
            raise FetchFailed(f"{host or 'the address'} took longer than {seconds:g} seconds") from None
        raise FetchRefused(f"{host} redirects more than {self._max_redirects} times")

    async def _addresses(self, target: "fetch_http.Target") -> list[str]:
        """The addresses of a host, all of them allowed."""
        host, port = target.host, target.port
        shown = one_line(host, 100)
        named = host.lower() in self._allow_hosts or f"{host.lower()}:{port}" in self._allow_hosts
        private = named or self._allow_private
        if is_odd_number(host):
            raise FetchRefused(f"{shown} is an unusual spelling of an address")
        literal = is_literal(host)
        if literal and not may_connect(host, private=private):
            raise FetchRefused(f"{shown} is not on the public internet")
        if port not in self._ports and not private:
            known = " and ".join(str(port) for port in sorted(self._ports)) or "none"
            raise FetchRefused(f"{shown}: port {port} is not open to fetching; open: {known}")
        if literal:
            found: Sequence[str] = [host]
        else:
            try:
                found = await self._resolve(host, port)
            except (OSError, UnicodeError):
                raise FetchFailed(f"the host {shown} cannot be found") from None
        if not found:
            raise FetchFailed(f"the host {shown} cannot be found")
        if not all(may_connect(address, private=private) for address in found):
            raise FetchRefused(f"{shown} is not on the public internet")
        return list(dict.fromkeys(found))


async def _load() -> "type[fetch_http.Http]":
    """Import the HTTP library in a thread, at the first fetch: it takes a while."""
    module = await asyncio.to_thread(importlib.import_module, "bot_host.kit.fetch_http")
    return cast("type[fetch_http.Http]", module.Http)


async def _system_resolve(host: str, port: int) -> Sequence[str]:
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
    return [str(entry[4][0]) for entry in found]


_BAD_CHARACTERS: Final = re.compile(r"[\x00-\x20\x7f\\\u2028\u2029]")


def _plain(url: object) -> str:
    """`url` without blanks around it. Raises FetchRefused for what parsers read in different ways."""
    if not isinstance(url, str):
        raise FetchRefused(f"an address is a text, not {type(url).__name__}")
    text = url.strip(" \t\r\n")
    if len(text) > _MAX_URL:
        raise FetchRefused("the address is too long")
    if not text or _BAD_CHARACTERS.search(text):
        raise FetchRefused("that is not an address on the web")
    return text


def _checked(answer: "fetch_http.Answer", types: Collection[str], host: str) -> Fetched:
    """The answer as ours, when its bytes are of an allowed type too."""
    fetched = Fetched(
        url=answer.url,
        status=answer.status,
        content_type=answer.content_type,
        body=answer.body,
        truncated=answer.truncated,
        charset=answer.charset,
        etag=answer.etag,
        last_modified=answer.last_modified,
    )
    if not types:
        return fetched
    real, said = fetched.real_type, fetched.content_type
    if said in ("", UNKNOWN):
        fits = is_among(real, types)
    elif real == UNKNOWN:
        fits = True  # No mark to go by; what the server says was checked before the body was read.
    elif real.startswith("text/"):
        fits = not said.startswith(("image/", "audio/", "video/")) and (
            real in (TEXT, "text/xml") or is_among(real, types)
        )
    else:
        fits = is_among(real, types)
    if not fits:
        raise FetchRefused(f"{host} sent something else than it said, or than was wanted ({real})")
    return fetched
