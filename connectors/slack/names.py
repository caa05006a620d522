"""The names of people and channels: looked up once, kept for a while, never in anybody's way."""

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient

from bot_host.connector import one_line
from connectors.slack.errors import code_of
from connectors.slack.events import PUBLIC, Ids, display_name
from connectors.slack.external import STRANGER

log = logging.getLogger(__name__)

MOST: Final = 5_000
"""Entries each of people and channels."""
KEEP_S: Final = 3600.0
"""`user_change` and `channel_rename` bring news earlier."""
AGAIN_S: Final = 60.0
"""After a look-up that failed, a message must not wait for the same failure again."""
PATIENCE_S: Final = 2.0
"""For all look-ups of one event together: Slack wants its acknowledgement within three seconds."""
MOST_AT_ONCE: Final = 10
"""Look-ups for one event; who mentions more people gets ids for the rest."""
GONE: Final = frozenset({"user_not_found", "user_not_visible", "channel_not_found"})


@dataclass(frozen=True, slots=True)
class Known:
    """What was learned of one person or channel."""

    name: str
    user_name: str = ""
    is_bot: bool | None = None
    teams: tuple[str, ...] = ()
    """A person's workspace, and its organisation."""
    open: bool | None = None
    """Of a channel: whether everybody of the workspace may read it."""
    outsiders: bool = False
    """A guest, or a channel that others read than full members of the workspace."""
    until: float = 0.0


class Lookup:
    """Names, as decode asks for them. An old name is better than none: it stays until a newer one comes."""

    def __init__(self) -> None:
        self._users: OrderedDict[str, Known] = OrderedDict()
        self._channels: OrderedDict[str, Known] = OrderedDict()
        self._team = ""

    # what decode asks

    def user(self, id: str) -> str:
        """A person's display name; empty when it is not known."""
        return self._users[id].name if id in self._users else ""

    def user_name(self, id: str) -> str:
        """A person's short name."""
        return self._users[id].user_name if id in self._users else ""

    def is_bot(self, id: str) -> bool | None:
        """Whether it is a bot's user; None: not known."""
        return self._users[id].is_bot if id in self._users else None

    def teams(self, id: str) -> tuple[str, ...]:
        """A person's workspace, and its organisation; empty: not known."""
        return self._users[id].teams if id in self._users else ()

    def knows(self, id: str) -> bool:
        """Whether this person has been looked up lately."""
        return bool(self.user(id))

    def channel(self, id: str) -> str:
        """A channel's name without `#`; empty when it is not known."""
        return self._channels[id].name if id in self._channels else ""

    def is_open(self, channel: str) -> bool | None:
        """Whether everybody of the workspace may read a channel; None: not known."""
        return self._channels[channel].open if channel in self._channels else None

    def has_outsiders(self, channel: str, user: str) -> bool:
        """Whether a channel, in which this person speaks, has readers beside the workspace's full members.

        Guests read only the channels that they are in; who never speaks in one is not noticed.
        """
        tables = ((self._channels, channel), (self._users, user))
        return any(table[id].outsiders for table, id in tables if id in table)

    def team(self) -> str:
        """The workspace's name."""
        return self._team

    # what the client tells

    def learn_team(self, name: str) -> None:
        """The workspace's name, by `auth.test`."""
        self._team = one_line(name)

    async def fill(self, ids: Ids, web: AsyncWebClient) -> None:
        """Look up what is not known or old. Never raises; takes two seconds at most."""
        now = time.monotonic()
        users = [id for id in ids.users if self._stale(self._users, id, now)][:MOST_AT_ONCE]
        channels = [id for id in ids.channels if self._stale(self._channels, id, now)][:MOST_AT_ONCE]
        if not users and not channels:
            return
        try:
            async with asyncio.timeout(PATIENCE_S):
                for id in users:
                    await self._look_up_user(id, web)
                for id in channels:
                    await self._look_up_channel(id, web)
        except TimeoutError:
            log.warning("slack: the look-up of names took too long; going on without")
            for id in users:
                self._postpone(self._users, id)
            for id in channels:
                self._postpone(self._channels, id)

    def learn(self, event: Mapping[str, Any]) -> None:
        """Take names out of an event that has been taken in."""
        kind = event.get("type")
        user, channel = event.get("user"), event.get("channel")
        if kind == "user_change" and isinstance(user, Mapping) and self.knows(str(user.get("id"))):
            self._keep_user(str(user["id"]), user)
        elif kind in ("channel_rename", "group_rename") and isinstance(channel, Mapping):
            name, id = one_line(str(channel.get("name", ""))), str(channel.get("id"))
            known = self._channels.get(id, Known(name))
            self._keep(self._channels, id, replace(known, name=name, until=_later()))
        elif kind == "team_rename":
            self._team = one_line(str(event.get("name", "")))
        elif kind == "message" and isinstance(channel, str) and channel in self._channels:
            self._hear(channel, event)

    def _hear(self, channel: str, event: Mapping[str, Any]) -> None:
        """What a message says of who reads its channel."""
        known = self._channels[channel]
        told = event.get("channel_type")
        open = told == PUBLIC if isinstance(told, str) else known.open
        outsiders = known.outsiders or self.has_outsiders("", str(event.get("user")))
        if (open, outsiders) != (known.open, known.outsiders):
            self._channels[channel] = replace(known, open=open, outsiders=outsiders)

    @staticmethod
    def _stale(table: "OrderedDict[str, Known]", id: str, now: float) -> bool:
        return id not in table or table[id].until <= now

    @staticmethod
    def _keep(table: "OrderedDict[str, Known]", id: str, known: Known) -> None:
        table[id] = known
        table.move_to_end(id)
        if len(table) > MOST:
            table.popitem(last=False)

    def _postpone(self, table: "OrderedDict[str, Known]", id: str, *, name: str = "") -> None:
        old = table.get(id, Known(name))
        if old.until <= time.monotonic():
            self._keep(table, id, replace(old, name=old.name or name, until=time.monotonic() + AGAIN_S))

    def _keep_user(self, id: str, user: Mapping[str, Any]) -> None:
        told = user.get("is_bot")
        is_bot = told if isinstance(told, bool) else None
        short = one_line(str(user.get("name") or ""))
        guest = any(user.get(flag) for flag in ("is_restricted", "is_ultra_restricted", "is_stranger"))
        self._keep(
            self._users,
            id,
            Known(
                display_name(user),
                short,
                is_bot,
                teams_of(user),
                outsiders=bool(guest),
                until=_later(),
            ),
        )

    async def _look_up_user(self, id: str, web: AsyncWebClient) -> None:
        try:
            answer = await web.users_info(user=id)
            self._keep_user(id, answer["user"])
        except (SlackClientError, aiohttp.ClientError, KeyError, TypeError) as error:
            self._failed(self._users, "users.info", id, error)

    async def _look_up_channel(self, id: str, web: AsyncWebClient) -> None:
        try:
            answer = await web.conversations_info(channel=id)
            self._keep_channel(id, answer["channel"])
        except (SlackClientError, aiohttp.ClientError, KeyError, TypeError, AttributeError) as error:
            self._failed(self._channels, "conversations.info", id, error)

    def _keep_channel(self, id: str, told: Mapping[str, Any]) -> None:
        open = told.get("is_channel") is True and told.get("is_private") is False
        shared = any(told.get(flag) for flag in ("is_shared", "is_ext_shared", "is_org_shared"))
        # A guest who spoke there is still in it.
        outsiders = shared or (id in self._channels and self._channels[id].outsiders)
        name = one_line(str(told.get("name") or ""))
        self._keep(self._channels, id, Known(name, open=open, outsiders=outsiders, until=_later()))

    def _failed(self, table: "OrderedDict[str, Known]", method: str, id: str, error: Exception) -> None:
        code = code_of(error) if isinstance(error, SlackApiError) else type(error).__name__
        log.warning("slack: %s of %s failed: %s", method, id, code)
        # Who is gone for good is called by the id; for a passing fault a known name is kept, if there is one.
        self._postpone(table, id, name=id if code in GONE else "")


def teams_of(user: Mapping[str, Any]) -> tuple[str, ...]:
    """A person's workspace, and its organisation. https://docs.slack.dev/reference/objects/user-object"""
    if user.get("is_stranger") is True:
        return (STRANGER,)
    grid = user.get("enterprise_user")
    grid = grid if isinstance(grid, Mapping) else {}
    own, shared = grid.get("teams"), (user.get("team_id"), grid.get("enterprise_id"))
    found = (*shared, *(own if isinstance(own, list) else ()))
    return tuple(id for id in found if isinstance(id, str) and id)


def _later() -> float:
    return time.monotonic() + KEEP_S
