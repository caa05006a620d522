"""Where a message goes, and what became of it."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final, Self, TypeAlias

from bot_host.types.ids import UUID

Payload: TypeAlias = dict[str, Any]
"""One platform request's worth of a message, in the connector's own words. JSON values only: it is stored."""
LANE: Final = "lane"
"""In `Target.extra`: what is sent there waits for nothing else that goes to the channel."""

MOVED_PART: Final = "moved"
"""In `Target.extra`: the part was made for a room that has other ids now. What its payload says of messages
there (what it replies to) does not hold any more."""

ASKED_BY: Final = "asked_by"
"""In `Target.extra`: the platform's id of the person without a role for whom this is said to a shared room. A
connector that can tell refuses it where they may not write themselves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where to send (elizaos.md 2.15-02). Either a room that we know, or a platform's own ids."""

    source: str
    """The platform: `discord`, `telegram` …"""
    account: str = ""
    """`platform:id` of the account that speaks; empty: the agent's only one on that platform."""
    room_id: UUID | None = None
    channel_id: str = ""
    thread_id: str = ""
    server_id: str = ""
    entity_id: UUID | None = None
    reply_to: str = ""
    """The platform id of the message to answer, where the platform shows such a link."""
    extra: dict[str, str] = field(default_factory=dict)
    """What only this platform needs to find the place again; and `agent`, the name of who speaks."""

    def to_dict(self) -> dict[str, Any]:
        """As JSON values, without what is empty."""
        # Not `asdict`: it copies in depth, and this is done several times for each message.
        values = {key: value for key in self.__dataclass_fields__ if (value := getattr(self, key))}
        return {**values, "extra": dict(self.extra)} if self.extra else values

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """The inverse of `to_dict`."""
        return cls(**values)


def destination_of(account: str, target: Target) -> str:
    """What is sent in order: an account's channel, and thread where there is one.

    What has a way of its own (`extra["lane"]`: the answer to a command, say) waits for nothing else there.
    """
    lane = target.extra.get(LANE, "")
    return "/".join(filter(None, (account, target.channel_id, target.thread_id, lane)))


def for_eyes(target: Target) -> Target:
    """`target` for the sender's eyes alone, where an answer has a way of its own (`extra["lane"]`)."""
    if LANE not in target.extra:
        return target
    return replace(target, extra={**target.extra, "private": "1"})


def account_of(destination: str) -> str:
    """The account of a destination."""
    return destination.partition("/")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedRoom:
    """A destination that refuses whatever is sent there."""

    destination: str
    account: str
    agent_id: UUID
    room_id: UUID | None
    """None: the agent knows no such room."""
    reason: str
    closed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A payload that the platform took."""

    platform_message_id: str
    """Empty where the platform gives none."""
