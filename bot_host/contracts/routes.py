"""Addresses of the HTTP API that a plugin brings."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from bot_host.contracts.plugin import Agent


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """An HTTP route, served at `/plugins/{plugin}{path}` (elizaos.md 2.4-05).

    There the first agent that has the plugin serves it, or the one that `?agent=` names; each agent's own is
    at `/api/v1/agents/{agent}/plugins/{plugin}{path}`.
    """

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
    path: str
    """Begins with `/`; `{name}` stands for one segment."""
    handler: "Callable[[Any, Agent], Awaitable[Any]]"
    """Gets the request (a Starlette `Request`) and the agent; returns a response or a JSON value."""
    public: bool = False
    """Served without the web token."""
    name: str = ""
