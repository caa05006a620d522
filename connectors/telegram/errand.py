"""What somebody asks the agent to do on Telegram: who asks, from where, and whether they may.

A bot that is an administrator can do more than most members. So each action looks when it runs what the
people who ask may do themselves, by getChatMember, and a chat that they are not in does not exist for them.
"""

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from telegram.error import BadRequest, Forbidden, InvalidToken, RetryAfter, TelegramError

from bot_host.connector import (
    ActionCall,
    ActionResult,
    Agent,
    BotHostError,
    Refused,
    Room,
    Visit,
    as_name,
    askers_of,
    one_line,
)
from connectors.telegram.errors import retry_after_s, say
from connectors.telegram.link import make_link
from connectors.telegram.lookups import Lookup, Untold
from connectors.telegram.places import SOURCE
from connectors.telegram.rights import SEND, Json, Right, is_inside, may

_LINK: Final = re.compile(
    r"(?:https?://)?(?:t|telegram)\.me/(?:c/(?P<number>[0-9]+)|(?P<name>[A-Za-z]\w+))"
    r"(?:/(?P<topic>[0-9]+))??(?:/(?P<message>[0-9]+))?/?(?:\?.*)?"
)
_KEY: Final = re.compile(r"(-[0-9]+)(?:-([0-9]+))?")
Handler = Callable[[Agent, ActionCall], Awaitable[ActionResult]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """A chat, or one topic of it."""

    chat: Json
    topic: str = ""

    @property
    def id(self) -> str:
        """The chat's id."""
        return str(self.chat["id"])

    @property
    def is_private(self) -> bool:
        """The chat of one person with the bot."""
        return bool(self.chat.get("type") == "private")

    @property
    def name(self) -> str:
        """How to speak of it."""
        if self.is_private:
            return "this private chat"
        return as_name(str(self.chat.get("title") or "")) if self.chat.get("title") else f"chat {self.id}"

    def link(self, message_id: str) -> str:
        """` LINK`: the address of a message; empty where it has none."""
        link = make_link(self.id, str(self.chat.get("username") or ""), message_id, topic=self.topic)
        return f" {link}" if link else ""


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
        """Find out who asks and where. Raises Refused, TelegramError."""
        askers = askers_of(agent, call, platform="Telegram")
        room = await agent.store.find_room(call.message.room_id)
        chat = await lookup.chat(room.channel_id) if room is not None else None
        if room is None or chat is None:
            raise Refused("the chat that this was asked in is not to be seen any more")
        return cls(lookup, agent, call, askers=askers, here=Spot(chat=chat, topic=room.thread_id))

    def argument(self, name: str) -> str:
        """A text argument; empty where it is not given."""
        return str(self.call.arguments.get(name, "")).strip()

    async def account(self) -> str:
        """The key of the account. Raises TelegramError."""
        return f"{SOURCE}:{(await self.lookup.me()).id}"

    # -- chats ------------------------------------------------------------------------------------------

    async def spot(self, asked: str) -> Spot:
        """The chat or topic that is meant, which the bot and all who ask are in; empty: this one.

        Raises Refused: in the same words for what is not there and what they are not in.
        """
        named = asked.strip()
        if not named:
            return self.here
        link, key = _LINK.fullmatch(named), _KEY.fullmatch(named)
        if link is not None:
            id = f"-100{link['number']}" if link["number"] else f"@{link['name']}"
            spots = await self._at(id, link["topic"] or "")
        elif key is not None:
            spots = await self._at(key[1], key[2] or "")
        elif named.startswith("@"):
            spots = await self._at(named, "")
        else:
            spots = await self._called(named)
        inside = [spot for spot in spots if await self._all_inside(spot)]
        name = one_line(named, 60)
        if not inside:
            raise Refused(f"there is no chat {name} that the bot and the person who asks are in")
        if len(inside) > 1:
            told = ", ".join(
                f"{spot.name} ({'-'.join(filter(None, (spot.id, spot.topic)))})" for spot in inside
            )
            raise Refused(f"several chats are called {name}: {told}; name one by its id")
        return inside[0]

    async def _at(self, chat_id: str, topic: str) -> list[Spot]:
        chat = await self.lookup.chat(chat_id)
        return [Spot(chat=chat, topic=topic)] if chat is not None else []

    async def _called(self, asked: str) -> list[Spot]:
        """The groups, channels and topics of a name, as far as the agent knows them."""
        wanted, found = asked.lstrip("#").casefold(), []
        for room in await self.rooms():
            if wanted == room.name.casefold():
                found += await self._at(room.channel_id, room.thread_id)
        return found[:10]

    async def rooms(self) -> list[Room]:
        """The groups, channels and topics that the agent has met."""
        rooms = await self.agent.store.get_rooms(self.agent.agent_id)
        return [room for room in rooms if room.source == SOURCE and room.channel_id.startswith("-")]

    async def _all_inside(self, spot: Spot) -> bool:
        if spot.is_private:
            return spot.id == self.here.id
        me = await self.lookup.me()
        if not is_inside(await self.member(spot, str(me.id))):
            return False
        return all([await self._is_inside(spot, asker) for asker in self.askers])

    async def _is_inside(self, spot: Spot, asker: str) -> bool:
        ids = self.lookup.ids_of(spot.id)
        places = (*ids, f"{spot.id}-{spot.topic}") if spot.topic else ids
        if self.lookup.config.door.refuse(Visit(user=asker, servers=ids, channels=places)):
            return False
        # Who speaks in a chat's own name is one of its administrators.
        return asker == spot.id or is_inside(await self.member(spot, asker))

    async def member(self, spot: Spot, user_id: str) -> Json | None:
        """Somebody's standing in a chat; None: none. Raises Refused where Telegram does not tell."""
        if user_id.startswith("-"):
            return None
        try:
            return await self.lookup.member(spot.id, user_id)
        except Untold:
            raise Refused(
                f"Telegram does not tell the bot who is in {spot.name}: make it an administrator there"
            ) from None

    # -- rights -----------------------------------------------------------------------------------------

    async def must(self, spot: Spot, right: Right) -> None:
        """All who ask, and the bot, may do this there. Raises Refused. In a private chat both may all."""
        if spot.is_private:
            return
        for asker in self.askers:
            if not await self._may(spot, asker, right):
                raise Refused(f"the person who asks lacks the right {right.name} in {spot.name}")
        me = await self.lookup.me()
        if not may(spot.chat, await self.member(spot, str(me.id)), right, is_bot=True):
            raise Refused(
                f"the bot itself lacks the right {right.name} in {spot.name}: make it an administrator "
                "there, with that right"
            )

    async def _may(self, spot: Spot, asker: str, right: Right) -> bool:
        if asker == spot.id:
            return await self._may_anonymous(spot, right)
        if asker.startswith("-"):
            raise Refused("it is not known who writes in a channel's name, nor what they may do")
        return may(spot.chat, await self.member(spot, asker), right)

    async def _may_anonymous(self, spot: Spot, right: Right) -> bool:
        """Which of the hidden administrators asks is not told: so each of them must be allowed it."""
        admins = await self.lookup.admins(spot.id)
        if spot.chat.get("type") == "channel":
            hidden = [each for each in admins if may(spot.chat, each, SEND)]
        else:
            hidden = [each for each in admins if each.get("is_anonymous")]
        return bool(hidden) and all(may(spot.chat, each, right) for each in hidden)

    # -- messages ---------------------------------------------------------------------------------------

    async def message(self) -> tuple[Spot, str]:
        """The message that is meant: by id or link, else the one that is answered, else the one that asks.

        Raises Refused. Whether it is there shows when something is done to it: bots cannot read a chat.
        """
        asked = self.argument("message")
        if link := _LINK.fullmatch(asked):
            if not link["message"]:
                raise Refused("that is no link of a message")
            return await self.spot(asked), link["message"]
        told = self.call.message.metadata
        message_id = asked or str(told.get("replied_id") or told.get("source_id") or "")
        # A press of a button has an id of its own, which is no message's.
        if not message_id.isdecimal() or len(message_id) > 12:
            raise Refused("name the message by its id or link, or answer it")
        return self.here, message_id


def errand(lookup: Lookup, do: Callable[[Errand], Awaitable[ActionResult]]) -> Handler:
    """An action's handler. What is refused is a result that the model can tell."""

    async def handler(agent: Agent, call: ActionCall) -> ActionResult:
        try:
            return await do(await Errand.begin(lookup, agent, call))
        except Refused as refusal:
            return ActionResult(success=False, error=str(refusal))
        except TelegramError as error:
            return ActionResult(success=False, error=_told(error))
        except BotHostError as error:
            return ActionResult(success=False, error=one_line(str(error), 200))

    return handler


def _told(error: TelegramError) -> str:
    if isinstance(error, RetryAfter):
        return f"Telegram asks to wait {retry_after_s(error):g} seconds"
    if isinstance(error, InvalidToken):
        # The library takes a 404 for a wrong token.
        return "the Bot API server does not know how to do that"
    if isinstance(error, BadRequest | Forbidden):
        return f"Telegram refused it: {say(error)}"
    return f"Telegram could not be asked: {say(error)}"


def told_of(spot: Spot, message_id: str) -> dict[str, Any]:
    """The data of a result that is about a message."""
    return {"chat_id": spot.id, "message_id": message_id}
