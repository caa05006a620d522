"""What is kept encrypted."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from bot_host.types.ids import UUID

SECRET_KEY: Final = "BOT_HOST_SECRET_KEY"
"""The variable that may hold the key of what is kept encrypted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedSecret:
    """Secrets of one account of an app, as the database has them."""

    platform: str
    app: str
    """The app's own id on the platform."""
    account: str
    """The account's: a workspace, an organisation."""
    value: str
    """Sealed; empty: there are none any more."""
    about: dict[str, Any] = field(default_factory=dict)
    """What is no secret: a name, since when, why it is over. Nothing about people."""
    updated_at: datetime

    @property
    def label(self) -> str:
        """What it is sealed for, so that it opens for nothing else."""
        return f"{self.platform}/{self.app}/{self.account}"


@dataclass(frozen=True, slots=True, kw_only=True)
class EndedAccount:
    """What ended with an account."""

    parts: tuple[int, ...]
    """Numbers of the parts that are not sent any more."""
    rooms: tuple[tuple[UUID, UUID], ...]
    """Agent and room of the messages that are not answered any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptAccount:
    """An account of an app with its secrets, opened."""

    id: str
    """The account's id on the platform."""
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Empty: the account is over, or `error` says why they cannot be read."""
    about: Mapping[str, Any] = field(default_factory=dict)
    """What is no secret, as JSON values. Nothing about people."""
    error: str = ""
    """Why the secrets cannot be read, with the way out."""
