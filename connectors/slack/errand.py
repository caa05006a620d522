"""What somebody asks the agent to do on Slack: who asks, from where, and whether they may.

A bot may read public channels that guests cannot see, and private ones that it was invited to. So each action
looks when it runs which conversations the people who ask can see themselves: what they cannot see does not
exist for them, and what not everybody who reads along may know is told in direct messages only.
"""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError

from bot_host.connector import (
    ActionCall,
    ActionResult,
    Agent,
    BotHostError,
    Refused,
    Visit,
    askers_of,
    one_line,
)
from connectors.slack.config import person_key
from connectors.slack.errors import SEND_ADVICE, code_of, fault_of
from connectors.slack.history import Busy
from connectors.slack.link import read_link
from connectors.slack.lookups import Json, Workspace, is_full

_CHANNEL: Final = re.compile(r"(?:<#)?([CDG][A-Z0-9]{4,})(?:\|[^<>]*)?>?")
_PLACE: Final = re.compile(r"https?://[a-z0-9.-]+/archives/([CDG][A-Z0-9]+)/?")
_TS: Final = re.compile(r"[0-9]{6,12}\.[0-9]{6}")
_THREAD: Final = re.compile(r"[?&]thread_ts=([0-9]{6,12}\.[0-9]{6})")
ADMINS: Final = ("is_admin", "is_owner", "is_primary_owner")
Handler = Callable[[Agent, ActionCall], Awaitable[ActionResult]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """A conversation, or one thread of it."""

    channel: Json
    thread: str = ""

    @property
    def id(self) -> str:
        """The conversation's id."""
        return str(self.channel["id"])

    @property
    def is_direct(self) -> bool:
        """The direct messages of one person with the bot."""
        return bool(self.channel.get("is_im"))

    @property
    def is_public(self) -> bool:
        """Everybody in the workspace but guests may read it."""
        hidden = any(self.channel.get(flag) for flag in ("is_private", "is_im", "is_mpim"))
        return not hidden and self.channel.get("is_private") is False

    @property
    def name(self) -> str:
        """How to speak of it."""
        if self.is_direct:
            place = "this direct message"
        elif self.channel.get("is_mpim"):
            place = "this group message"
        else:
            place = f"#{one_line(str(self.channel.get('name') or self.id), 80)}"
        return f"the thread in {place}" if self.thread else place


class Errand:
    """One call of an action."""

    def __init__(
        self, workspace: Workspace, agent: Agent, call: ActionCall, *, askers: Sequence[str], here: Spot
    ):
        self.workspace = workspace
        self.agent = agent
        self.call = call
        self.askers = askers
        """The ids of all whom the turn answers: each of them must be allowed what is asked."""
        self.here = here

    @classmethod
    async def begin(cls, workspace: Workspace, agent: Agent, call: ActionCall) -> "Errand":
        """Find out who asks and where. Raises Refused, and as `Workspace.get`."""

        def key(id: str) -> str:
            return workspace.own_key(person_key(id))

        askers = askers_of(agent, call, platform="Slack", key=key)
        room = await agent.store.find_room(call.message.room_id)
        channel = await workspace.channel(room.channel_id) if room is not None else None
        if room is None or channel is None:
            raise Refused("the channel that this was asked in is not to be seen any more")
        # A mention in a channel begins a thread, and is meant for the channel.
        begins = room.thread_id == call.message.metadata.get("source_id")
        return cls(
            workspace,
            agent,
            call,
            askers=askers,
            here=Spot(channel=channel, thread="" if begins else room.thread_id),
        )

    def argument(self, name: str) -> str:
        """A text argument; empty where it is not given."""
        return str(self.call.arguments.get(name, "")).strip()

    @property
    def account(self) -> str:
        """The key of the account."""
        return f"slack:{self.workspace.me.team_id}"

    # -- conversations ----------------------------------------------------------------------------------

    async def spot(self, asked: str = "") -> Spot:
        """The conversation or thread that is meant; all who ask can see it, everybody here may hear of it.

        Raises Refused: in the same words for what is not there and what they cannot see.
        """
        named = asked.strip()
        if not named:
            return self.here
        spot = await self._named(named)
        if spot is None or not await self._all_see(spot):
            raise Refused(f"there is no channel {one_line(named, 100)} that the person who asks can see")
        if not await self.is_open(spot):
            raise Refused(f"not everybody who reads along here may read {spot.name}: ask again in private")
        return spot

    async def _named(self, named: str) -> Spot | None:
        if linked := read_link(named):
            thread = _THREAD.search(named)
            return await self._at(linked.channel_id, thread[1] if thread else linked.message_id)
        if place := (_PLACE.match(named) or _CHANNEL.fullmatch(named)):
            return await self._at(place[1], "")
        wanted = named.lstrip("#").casefold()
        for channel in await self.workspace.channels():
            if wanted == str(channel.get("name") or "").casefold():
                # The list may be some minutes old.
                return await self._at(str(channel["id"]), "")
        return None

    async def _at(self, id: str, thread: str) -> Spot | None:
        channel = await self.workspace.channel(id)
        return Spot(channel=channel, thread=thread) if channel is not None else None

    async def _all_see(self, spot: Spot) -> bool:
        return all([await self.sees(spot, asker) for asker in self.askers])

    async def sees(self, spot: Spot, asker: str) -> bool:
        """Whether somebody can see a conversation: they are in it, or it is public and they are no guest."""
        if spot.is_direct:
            return spot.id == self.here.id
        visit = Visit(
            user=asker,
            servers=(self.workspace.me.team_id,),
            channels=(spot.id,),
            groups=self.workspace.groups.of(asker),
        )
        if self.workspace.config.door.refuse(visit):
            return False
        return await may_see(self.workspace, spot, asker)

    async def is_open(self, spot: Spot) -> bool:
        """Whether everybody who reads along here may read there."""
        here, workspace = self.here, self.workspace
        if here.is_direct or spot.id == here.id:
            return True
        if spot.is_direct:
            return False
        if here.is_public and not spot.is_public:
            return False  # Whoever comes in later reads what was said.
        readers = await workspace.members(here.id) - {workspace.me.user_id}
        if spot.is_public:
            people = await workspace.people()
            readers = frozenset(r for r in readers if not is_full(people.get(r), workspace.me.team_id))
            readers = frozenset(r for r in readers if not (people.get(r) or {}).get("is_bot"))
        return not readers or readers <= await workspace.members(spot.id)

    async def must_write(self, spot: Spot) -> None:
        """All who ask may write there. Raises Refused."""
        for asker in self.askers:
            if why := await lacks_to_write(self.workspace, spot, asker, here=self.here.id):
                raise Refused(why)

    # -- messages ---------------------------------------------------------------------------------------

    async def message(self) -> tuple[Spot, str]:
        """The message that is meant: by link or id, else what the thread is about, else the one that asks.

        Raises Refused. Whether it is there shows when something is done to it.
        """
        asked = self.argument("message")
        if linked := read_link(asked):
            return await self.spot(linked.channel_id), linked.message_id
        if asked:
            if not _TS.fullmatch(asked):
                raise Refused("name the message by its id or link")
            return await self.spot(self.argument("channel")), asked
        ts = self.here.thread or str(self.call.message.metadata.get("source_id") or "")
        if not _TS.fullmatch(ts):
            raise Refused("name the message by its id or link")
        return self.here, ts


async def may_see(workspace: Workspace, spot: Spot, user_id: str) -> bool:
    """Whether somebody can see a channel. Raises as `Workspace.get`."""
    if spot.is_public and is_full(await workspace.user(user_id), workspace.me.team_id):
        return True
    return user_id in await workspace.members(spot.id)


async def lacks_to_write(workspace: Workspace, spot: Spot, user_id: str, *, here: str = "") -> str:
    """Why somebody may not write in a conversation; empty: they may. Raises as `Workspace.get`.

    `here`: the id of the one in which they ask.
    """
    if spot.is_direct:
        return "" if spot.id == here else "that is a direct message, and not of the person who asks"
    if not await may_see(workspace, spot, user_id):
        return "the person who asks cannot see that channel (any more)"
    if spot.channel.get("is_archived"):
        return f"{spot.name} is archived"
    told = spot.channel.get("properties")
    limits = told.get("posting_restricted_to") if isinstance(told, Mapping) else None
    if isinstance(limits, Mapping) and user_id not in (limits.get("user") or ()):
        person = await workspace.user(user_id) or {}
        if not any(person.get(flag) for flag in ADMINS):
            return f"only some may write in {spot.name}, and the person who asks is none of them"
    return ""


def errand(workspace: Workspace, do: Callable[[Errand], Awaitable[ActionResult]]) -> Handler:
    """An action's handler. What is refused is a result that the model can tell."""

    async def handler(agent: Agent, call: ActionCall) -> ActionResult:
        try:
            return await do(await Errand.begin(workspace, agent, call))
        except Refused as refusal:
            return ActionResult(success=False, error=str(refusal))
        except SlackApiError as error:
            return ActionResult(success=False, error=told_of(error))
        except Busy as error:
            return ActionResult(success=False, error=f"Slack asks to wait {error.after_s:.0f} seconds")
        except (SlackClientError, aiohttp.ClientError, TimeoutError, OSError) as error:
            return ActionResult(success=False, error=f"Slack could not be asked: {fault_of(error)}")
        except BotHostError as error:
            return ActionResult(success=False, error=one_line(str(error), 200))

    return handler


def told_of(error: SlackApiError) -> str:
    """A refusal of Slack's with the way out."""
    code = code_of(error)
    data: Any = getattr(error.response, "data", None)
    if code == "missing_scope":
        needed = str(data.get("needed") or "that it needs") if isinstance(data, dict) else "that it needs"
        return (
            f"the app lacks the scope {one_line(needed, 60)}: an admin can add it (OAuth & Permissions) and "
            "install the app again"
        )
    if code in ("not_in_channel", "channel_not_found"):
        return "the bot is not in that channel: somebody can invite it there with /invite"
    if code == "unknown_method":
        return "this Slack server does not know how to do that"
    advice = SEND_ADVICE.get(code)
    return f"Slack refused it: {one_line(code, 60)}{f'; {advice}' if advice else ''}"
