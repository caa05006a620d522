"""What somebody asks the agent to do on Discord: who asks, from where, and whether they may.

A bot sees more than most members do. So each action looks when it runs what the people who ask may do
themselves, freshly from the REST API, and what they may not see does not exist for them
(elizaos.md 6.7-03: there a member can have channels read that are closed to them).
"""

import logging
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import aiohttp
import discord

from bot_host.connector import (
    ActionCall,
    ActionResult,
    Agent,
    BotHostError,
    ConnectorError,
    Fresh,
    Refused,
    askers_of,
    one_line,
)
from connectors.discord.config import DiscordConfig
from connectors.discord.decode import REPLY
from connectors.discord.permissions import (
    ALL,
    MANAGE_THREADS,
    READ,
    VIEW,
    all_may_read,
    names_of,
    permissions_in,
)
from connectors.discord.places import MESSAGE_TYPES, THREAD_TYPES, Book, Me, clean_name
from connectors.discord.rest import Json, Rest, describe
from connectors.discord.rules import Rules

log = logging.getLogger(__name__)

TIMEOUT_S: Final = 20.0
FRESH_S: Final = 5.0
"""How long an answer about roles and channels is good for: the calls of one turn share it."""
PRIVATE_THREAD: Final = 12
_ID: Final = re.compile(r"(?:<#)?(\d{5,20})>?")
_LINK: Final = re.compile(r"https://(?:\w+\.)?discord(?:app)?\.com/channels/(?:@me|\d+)/(\d+)(?:/(\d+))?")

Handler = Callable[[Agent, ActionCall], Awaitable[ActionResult]]


class Lookup:
    """What Discord says of servers, channels and members, a few seconds old at the most."""

    def __init__(self, rest: Rest, config: DiscordConfig) -> None:
        self.rest = rest
        self.rules = Rules.of(config)
        self._fresh = Fresh(FRESH_S)

    async def get(self, path: str, **ids: Any) -> Any:
        """A GET, or what it answered just now. Raises as `Rest.request`."""

        async def ask() -> Any:
            return await self.rest.request("GET", path, timeout=TIMEOUT_S, **ids)

        return await self._fresh.get(path.format(**ids), ask)

    async def find(self, path: str, **ids: Any) -> Any | None:
        """The same; None where there is no such thing, or the bot is not let see it."""
        try:
            return await self.get(path, **ids)
        except (discord.NotFound, discord.Forbidden):
            return None

    async def me(self) -> Me:
        """The bot itself."""
        user = (await self.rest.log_in()).user
        assert user is not None
        return Me(id=str(user.id), name=user.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """A channel or thread, with what decides about the permissions in it."""

    channel: Json
    parent: Json
    """Of a thread the channel that it is in; else the channel itself."""
    guild: Json | None
    """None: a direct message."""

    @property
    def id(self) -> str:
        """The channel's id."""
        return str(self.channel["id"])

    @property
    def is_thread(self) -> bool:
        """A thread, or a post of a forum."""
        return self.channel["type"] in THREAD_TYPES

    @property
    def name(self) -> str:
        """How to speak of it."""
        if self.guild is None:
            return "this private chat"
        return f"#{clean_name(self.channel.get('name')) or self.id}"


class Errand:
    """One call of an action."""

    def __init__(self, lookup: Lookup, agent: Agent, call: ActionCall, *, askers: Sequence[str], here: Spot):
        self.lookup = lookup
        self.agent = agent
        self.call = call
        self.askers = askers
        """The ids of all whom the turn answers: each of them must be allowed what is asked."""
        self.here = here

    @classmethod
    async def begin(cls, lookup: Lookup, agent: Agent, call: ActionCall) -> "Errand":
        """Find out who asks and where. Raises Refused, and as `Rest.request`."""
        askers = askers_of(agent, call, platform="Discord")
        room = await agent.store.find_room(call.message.room_id)
        channel = await lookup.find("/channels/{id}", id=room.channel_id) if room is not None else None
        if channel is None:
            raise Refused("the channel that this was asked in is not to be seen any more")
        here = await look_at(lookup, channel)
        return cls(lookup, agent, call, askers=askers, here=here)

    @property
    def message_id(self) -> str:
        """Discord's id of the message that asks."""
        return str(self.call.message.metadata["source_id"])

    def argument(self, name: str) -> str:
        """A text argument; empty where it is not given."""
        return str(self.call.arguments.get(name, "")).strip()

    @property
    def guild(self) -> Json:
        """The server. Raises Refused in a direct message."""
        if self.here.guild is None:
            raise Refused("this is possible in a server only, not in a private chat")
        return self.here.guild

    # -- channels ---------------------------------------------------------------------------------------

    async def spot(self, asked: str = "") -> Spot:
        """The channel that is meant, which all who ask can see, and everybody here may hear of.

        Raises Refused: in the same words for what is not there and what they cannot see.
        """
        named = asked.strip()
        if not named:
            await self._must_see(self.here, "this channel")
            return self.here
        link, plain = _LINK.match(named), _ID.fullmatch(named)
        unknown = f"there is no channel {one_line(named, 100)} that the person who asks can see"
        if link or plain:
            found = await self.lookup.find("/channels/{id}", id=(link or plain)[1])  # type: ignore[index]
            spots = [await look_at(self.lookup, found)] if found else []
        else:
            spots = await self._named(named)
        seen = [spot for spot in spots if await self._all_see(spot)]
        if not seen:
            raise Refused(unknown)
        if len(seen) > 1:
            told = ", ".join(f"{spot.name} ({spot.id})" for spot in seen[:10])
            raise Refused(f"several channels are called {one_line(named, 60)}: {told}; name one by its id")
        await self.must_be_open(seen[0])
        return seen[0]

    async def _named(self, asked: str) -> list[Spot]:
        wanted = asked.lstrip("#").casefold()
        return [spot for spot in await self._spots() if spot.name.lstrip("#").casefold() == wanted]

    async def _spots(self) -> list[Spot]:
        channels = await self.channels()
        known = {str(channel["id"]): channel for channel in channels}
        return [await look_at(self.lookup, channel, known) for channel in channels]

    async def channels(self) -> list[Json]:
        """The server's channels and its active threads. Raises Refused in a direct message."""
        guild_id = str(self.guild["id"])
        channels = await self.lookup.get("/guilds/{id}/channels", id=guild_id)
        threads = await self.lookup.get("/guilds/{id}/threads/active", id=guild_id)
        found = [*channels, *threads.get("threads", ())]
        return [channel | {"guild_id": guild_id} for channel in found]

    async def visible(self) -> list[Spot]:
        """What of the server all who ask can see, and everybody here may hear of."""
        return [
            spot for spot in await self._spots() if await self._all_see(spot) and await self._is_open(spot)
        ]

    async def _all_see(self, spot: Spot) -> bool:
        return all([await self._sees(spot, asker) for asker in self.askers])

    async def _sees(self, spot: Spot, asker: str) -> bool:
        member = await _member(self.lookup, spot, asker)
        if spot.guild is not None and self.lookup.rules.refuse_place(
            guild_id=str(spot.guild["id"]),
            channel_id=spot.id,
            parent_id=str(spot.channel.get("parent_id") or ""),
            user_id=asker,
            roles=[str(role) for role in member.get("roles", ())] if member else (),
        ):
            return False
        return bool(await self.may(spot, asker) & VIEW)

    async def _must_see(self, spot: Spot, said: str) -> None:
        if not await self._all_see(spot):
            raise Refused(f"the person who asks cannot see {said}")

    async def must_be_open(self, spot: Spot) -> None:
        """Raises Refused where some of those who read along here may not read there."""
        if not await self._is_open(spot):
            raise Refused(
                f"not everybody who reads along here may read {spot.name}: ask again in a private chat"
            )

    async def _is_open(self, spot: Spot) -> bool:
        here = self.here
        if here.guild is None or spot.id == here.id:
            return True
        if spot.guild is None or str(spot.guild["id"]) != str(here.guild["id"]):
            return False
        if spot.channel["type"] == PRIVATE_THREAD:
            return False
        me = await self.lookup.me()
        return all_may_read(here.guild, here.parent, spot.parent, but=me.id)

    # -- permissions ------------------------------------------------------------------------------------

    async def may(self, spot: Spot, user_id: str) -> int:
        """What somebody may do there; 0 for who is not in the server."""
        if spot.guild is None:
            # A private chat has two in it, and both may do there what there is to do.
            return ALL if spot.id == self.here.id else 0
        return await permissions_of(self.lookup, spot, user_id)

    async def must(self, spot: Spot, flags: int) -> None:
        """All who ask, and the bot, have these permissions there. Raises Refused."""
        for asker in self.askers:
            lacks = flags & ~await self.may(spot, asker)
            if lacks:
                raise Refused(f"the person who asks lacks {names_of(lacks)} in {spot.name}")
        me = await self.lookup.me()
        lacks = flags & ~await self.may(spot, me.id)
        if lacks:
            raise Refused(f"the bot itself lacks {names_of(lacks)} in {spot.name}: an admin can grant it")

    async def readable(self, asked: str = "") -> Spot:
        """A channel whose history all who ask may read. Raises Refused."""
        spot = await self.spot(asked)
        if spot.guild is not None and not spot.is_thread and spot.channel["type"] not in MESSAGE_TYPES:
            raise Refused(f"{spot.name} holds no messages itself; name one of its threads")
        await self.must(spot, READ)
        return spot

    # -- messages ---------------------------------------------------------------------------------------

    async def message(self, asked: str, channel: str = "") -> tuple[Spot, Json]:
        """The message that is meant: by id or link, else the one that is answered, else the one that asks.

        Its channel is one whose history all who ask may read. Raises Refused.
        """
        link = _LINK.match(asked)
        message_id = link[2] if link and link[2] else asked
        if message_id and not message_id.isdecimal():
            raise Refused("name the message by its id or link")
        if message_id:
            spot = await self.readable(link[1] if link and link[2] else channel)
            return spot, await self._read(spot, message_id)
        spot = await self.readable()
        asking = await self._read(spot, self.message_id)
        answered = str((asking.get("message_reference") or {}).get("message_id") or "")
        if asking.get("type") == REPLY and answered:
            return spot, await self._read(spot, answered)
        return spot, asking

    async def _read(self, spot: Spot, message_id: str) -> Json:
        found = await self.lookup.find("/channels/{id}/messages/{message}", id=spot.id, message=message_id)
        if found is None:
            raise Refused(f"there is no message {one_line(message_id, 30)} in {spot.name}")
        message: Json = found
        return message

    async def book(self) -> Book:
        """The names of the server's channels and roles."""
        book = Book()
        if self.here.guild is not None:
            known = {**self.here.guild, "channels": await self.channels(), "threads": []}
            book.learn("GUILD_CREATE", known, me=await self.lookup.me())
        return book


async def _member(lookup: Lookup, spot: Spot, user_id: str) -> Json | None:
    if spot.guild is None:
        return None
    guild_id = str(spot.guild["id"])
    member: Json | None = await lookup.find("/guilds/{guild}/members/{user}", guild=guild_id, user=user_id)
    return member


async def permissions_of(lookup: Lookup, spot: Spot, user_id: str) -> int:
    """What somebody may do in a server's channel; 0 for who is not in the server."""
    member = await _member(lookup, spot, user_id)
    if member is None or spot.guild is None:
        return 0
    value = permissions_in(spot.guild, member, spot.parent)
    if spot.channel["type"] != PRIVATE_THREAD or value & MANAGE_THREADS:
        return value
    inside = await lookup.find("/channels/{id}/thread-members/{user}", id=spot.id, user=user_id)
    return value if inside is not None else 0


async def look_at(lookup: Lookup, channel: Json, known: Mapping[str, Json] | None = None) -> Spot:
    """A channel with what decides about it. `known`: channels by id, where they have been read already."""
    guild_id = str(channel.get("guild_id") or "")
    if not guild_id:
        return Spot(channel=channel, parent=channel, guild=None)
    guild = await lookup.get("/guilds/{id}", id=guild_id)
    parent: Json | None = channel
    if channel["type"] in THREAD_TYPES:
        parent_id = str(channel["parent_id"])
        parent = (known or {}).get(parent_id) or await lookup.find("/channels/{id}", id=parent_id)
    if parent is None:
        # Without what decides about it a thread is open to nobody but owners and administrators.
        shut = {"type": 0, "id": guild_id, "allow": "0", "deny": str(VIEW)}
        parent = {"id": str(channel["parent_id"]), "permission_overwrites": [shut]}
    return Spot(channel=channel, parent=parent, guild=guild)


def errand(lookup: Lookup, do: Callable[[Errand], Awaitable[ActionResult]]) -> Handler:
    """An action's handler. What is refused is a result that the model can tell."""

    async def handler(agent: Agent, call: ActionCall) -> ActionResult:
        try:
            return await do(await Errand.begin(lookup, agent, call))
        except Refused as refusal:
            return ActionResult(success=False, error=str(refusal))
        except discord.HTTPException as error:
            said = one_line(error.text, 200)
            return ActionResult(success=False, error=f"Discord refused it ({describe(error)}): {said}")
        except (discord.DiscordException, aiohttp.ClientError, OSError, ConnectorError) as error:
            return ActionResult(success=False, error=f"Discord could not be asked: {describe(error)}")
        except BotHostError as error:
            return ActionResult(success=False, error=one_line(str(error), 200))

    return handler
