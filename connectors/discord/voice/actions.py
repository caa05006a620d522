"""JOIN_VOICE and LEAVE_VOICE: what people in voice channels can ask of the agent."""

from collections.abc import Sequence
from typing import Final

import aiohttp
import discord

from bot_host.connector import (
    Action,
    ActionCall,
    ActionResult,
    Agent,
    ConnectorError,
    Memory,
    ModelType,
    Refused,
    Role,
    State,
    create_unique_uuid,
)
from connectors.discord.config import DiscordConfig
from connectors.discord.errand import Lookup
from connectors.discord.permissions import CONNECT, SPEAK, VIEW, names_of, permissions_in
from connectors.discord.rest import Rest, describe
from connectors.discord.voice.book import Json
from connectors.discord.voice.voices import Voices

VOICE_CHANNEL: Final = 2
STAGE: Final = 13
_NO_MODEL: Final = (
    "there is no speech model (TEXT_TO_SPEECH), so nothing can be said aloud; whoever runs this bot can name "
    "one under models.openai.speech"
)


def voice_actions(voices: Voices, rest: Rest, config: DiscordConfig) -> tuple[Action, ...]:
    """The actions of one account; none where voice is off."""
    return VoiceActions(voices, Lookup(rest, config)).actions() if voices.on else ()


class VoiceActions:
    """See `voice_actions`."""

    def __init__(self, voices: Voices, lookup: Lookup) -> None:
        self._voices = voices
        self._lookup = lookup

    def actions(self) -> tuple[Action, ...]:
        """For the contract `ActingConnector`."""
        return (
            Action(
                name="JOIN_VOICE",
                similes=("JOIN_CHANNEL", "JOIN_VC", "START_VOICE"),
                description=(
                    "Join the Discord voice channel that the person who asks is in, and from then on say "
                    "answers aloud there. You cannot hear what is said there: people write, you speak."
                ),
                handler=self._join,
                validate=self._can_join,
                idempotent=True,
            ),
            Action(
                name="LEAVE_VOICE",
                similes=("LEAVE_CHANNEL", "LEAVE_VC", "STOP_VOICE"),
                description="Leave the Discord voice channel that you are in.",
                handler=self._leave,
                validate=self._can_leave,
                idempotent=True,
            ),
        )

    async def _can_join(self, _agent: Agent, _message: Memory, _state: State) -> bool:
        return self._voices.is_open

    async def _can_leave(self, agent: Agent, _message: Memory, _state: State) -> bool:
        return bool(self._mine(agent))

    def _mine(self, agent: Agent) -> list[str]:
        """The servers in which this agent is in a voice channel."""
        sessions = self._voices.sessions.items()
        return [guild_id for guild_id, each in sessions if each.agent is agent and not each.ended]

    async def _join(self, agent: Agent, call: ActionCall) -> ActionResult:
        try:
            guild_id, channel_id = await self._channel_to_join(agent, call)
            session = await self._voices.join(agent, guild_id=guild_id, channel_id=channel_id)
        except (Refused, ConnectorError) as refusal:
            return ActionResult(success=False, error=str(refusal))
        except (discord.DiscordException, aiohttp.ClientError, OSError) as error:
            return ActionResult(success=False, error=f"Discord could not be asked: {describe(error)}")
        here = ""
        for message in _asking(call):
            user_id = _user_of(agent, message)
            in_server = message.world_id == create_unique_uuid(agent.agent_id, guild_id)
            if in_server and self._voices.seats.sits_in(guild_id, channel_id, user_id):
                session.also_for(message.room_id, message.entity_id, user_id)
                here = " and what you answer to this person here, as long as they sit there"
        return ActionResult(
            text=f"You are in their voice channel now. Said aloud: what you answer in the chat of the voice "
            f"channel itself{here}. You cannot hear them: they have to write."
        )

    async def _channel_to_join(self, agent: Agent, call: ActionCall) -> tuple[str, str]:
        """The one channel in which those who ask are. Raises Refused."""
        if agent.get_model(ModelType.TEXT_TO_SPEECH) is None:
            raise Refused(_NO_MODEL)
        askers = [_user_of(agent, message) for message in _asking(call)]
        seats = {seat for user_id in askers if (seat := self._voices.seats.seat(user_id)) is not None}
        if not seats:
            raise Refused("the person who asks is in no voice channel; they have to join one first")
        if len(seats) > 1:
            raise Refused("those who ask are in different voice channels")
        [(guild_id, channel_id)] = seats
        seated = [each for each in askers if self._voices.seats.sits_in(guild_id, channel_id, each)]
        for user_id in seated:
            if self._lookup.rules.refuse_place(guild_id=guild_id, channel_id=channel_id, user_id=user_id):
                raise Refused("the agent is not to talk in that channel (allow and deny of its connector)")
        await self._check_rights(guild_id, channel_id, seated)
        return guild_id, channel_id

    async def _check_rights(self, guild_id: str, channel_id: str, askers: Sequence[str]) -> None:
        channel = await self._lookup.find("/channels/{id}", id=channel_id)
        if channel is None:
            raise Refused("the agent cannot see that channel: an admin there can grant View Channel")
        guild = await self._lookup.get("/guilds/{id}", id=guild_id)
        if channel["type"] == STAGE:
            raise Refused("that is a stage; the agent speaks in voice channels only")
        if channel["type"] != VOICE_CHANNEL:
            raise Refused("that is no voice channel")
        for user_id in askers:
            # Somebody may have been moved there by a moderator.
            if (VIEW | CONNECT) & ~await self._may(guild, channel, user_id):
                raise Refused("the person who asks may not connect to that channel themselves")
        lacks = (VIEW | CONNECT | SPEAK) & ~await self._may(guild, channel, self._voices.seats.me)
        if lacks:
            raise Refused(
                f"the bot itself lacks {names_of(lacks)} in that channel: an admin there can grant it"
            )

    async def _may(self, guild: Json, channel: Json, user_id: str) -> int:
        member = await self._lookup.find(
            "/guilds/{guild}/members/{user}", guild=str(guild["id"]), user=user_id
        )
        return permissions_in(guild, member, channel) if member is not None else 0

    async def _leave(self, agent: Agent, call: ActionCall) -> ActionResult:
        for message in _asking(call):
            for guild_id in self._mine(agent):
                if await self._may_send_away(agent, message, guild_id):
                    await self._voices.leave(guild_id, "it was asked to")
                    return ActionResult(text="You have left the voice channel.")
        return ActionResult(
            success=False,
            error="only somebody who sits in that voice channel, or an admin, can ask for that",
        )

    async def _may_send_away(self, agent: Agent, message: Memory, guild_id: str) -> bool:
        session = self._voices.sessions.get(guild_id)
        if session is None:
            return False
        if self._voices.seats.sits_in(guild_id, session.channel_id, _user_of(agent, message)):
            return True
        in_server = message.world_id == create_unique_uuid(agent.agent_id, guild_id)
        return in_server and await agent.get_sender_role(message) in (Role.OWNER, Role.ADMIN)


def _asking(call: ActionCall) -> list[Memory]:
    """All messages that the turn answers."""
    return list({message.id: message for message in (*call.answering, call.message)}.values())


def _user_of(agent: Agent, message: Memory) -> str:
    """Discord's id of who wrote a message; empty: not known."""
    user_id = str(message.metadata.get("from_id", ""))
    expected = create_unique_uuid(agent.agent_id, user_id) if user_id else agent.agent_id
    # The id is the platform's word only where it is that of the person whose message it is.
    return user_id if expected == message.entity_id else ""
