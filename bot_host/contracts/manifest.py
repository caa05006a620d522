"""What a platform wants to be told of an app before anybody can install it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot_host.types.commands import CommandSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class AppAbout:
    """Who answers on an account, for its manifest."""

    name: str
    """The agent's."""
    commands: Sequence[CommandSpec]
    """All that it offers."""
    public_url: str = ""
    """Where platforms reach the host's web server, without a slash at the end; empty: nowhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AppManifest:
    """The app as the platform is to have it."""

    values: Mapping[str, Any]
    """JSON values."""
    notes: Sequence[str] = ()
    """What to do with it, a line each."""
