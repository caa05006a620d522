"""Connectors whose platform calls the host over HTTP: webhooks, signed events, pages of an installation."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, runtime_checkable


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRequest:
    """A request as it came. Nothing of it is to be trusted before the route has checked its secret."""

    method: str
    path: str
    """Below the platform's name: `/events`."""
    query: Mapping[str, str] = field(default_factory=dict)
    """Of a name that stands there twice: the last."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Names in lower case."""
    body: bytes = b""
    """Raw, as signatures are made over it; at most a megabyte."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpAnswer:
    """What the caller gets."""

    status: int = 200
    body: bytes = b""
    content_type: str = "text/plain; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)
    """Instead of those that the host puts on every answer, and besides them."""


HttpHandler = Callable[[HttpRequest], Awaitable[HttpAnswer | None]]
"""Answers within seconds, by 200 only when what was brought is on disk; None: it is not this account's.

The next account of the platform that has the address is asked then, and also after 401 and 403, which stand
where nobody else takes it. What it raises is answered with 500, so that the platform delivers again.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRoute:
    """An address of a connector, served at `/{platform}{path}` without the web token.

    So it has to check a secret of its own. While the host stops, the host answers with 503 in its place.
    """

    method: Literal["GET", "POST"]
    path: str
    """Begins with `/`, and is compared as it is. Several accounts may have the same."""
    handler: HttpHandler


@runtime_checkable
class HttpConnector(Protocol):
    """A connector that is called over HTTP."""

    def http_routes(self) -> Sequence[HttpRoute]:
        """Its addresses; asked for at each request, whether or not the connector runs."""

    def use_address(self, base: str) -> None:
        """Where its routes are, as the platform reaches them: `https://bots.example.org/slack` + `path`.

        Called before `run` and `check`; not called where there is no web server.
        """
