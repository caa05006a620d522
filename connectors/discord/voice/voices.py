"""The voice channels of one account: joined on request, left when nobody is there any more."""

import asyncio
import contextvars
import logging
from collections.abc import Coroutine
from typing import Any, Final

import aiohttp
import discord

from bot_host.connector import Agent, ConnectorError, ConnectorHost, one_line
from connectors.discord.config import DiscordConfig
from connectors.discord.gateway import Pace
from connectors.discord.rest import Rest, describe
from connectors.discord.voice.book import Json, Seats
from connectors.discord.voice.line import Guild, Mover, Place, VoiceLine
from connectors.discord.voice.needs import Tools, find_tools, missing
from connectors.discord.voice.session import Session

log = logging.getLogger(__name__)

EVENTS: Final = frozenset({"VOICE_STATE_UPDATE", "VOICE_SERVER_UPDATE"})
_HEARD: Final = EVENTS | {"READY", "GUILD_CREATE", "GUILD_DELETE"}


class Voices:
    """See the module. One session at most in each server, as Discord has it."""

    def __init__(self, rest: Rest, move: Mover, pace: Pace, config: DiscordConfig) -> None:
        self.seats = Seats()
        self.sessions: dict[str, Session] = {}
        self._rest = rest
        self._move = move
        self._lacks = missing() if config.voice else ""
        self.on = config.voice and not self._lacks
        """Whether it is wanted, and what it needs is installed."""
        self._pace = pace
        self._host: ConnectorHost | None = None
        self.is_open = False
        """Whether channels can be joined."""
        self._tools: Tools | None = None
        self._joining: dict[str, asyncio.Lock] = {}
        self._leaving: dict[str, asyncio.Task[None]] = {}

    def open(self, host: ConnectorHost) -> bool:
        """The connector runs: channels can be joined. Whether the gateway has to tell of voice."""
        if self._lacks:
            log.warning("discord: nothing is said in voice channels: %s", self._lacks)
        self._host = host
        self.is_open = self.on
        return self.on

    def hear(self, event: str, data: Json) -> bool:
        """Take in a frame of the gateway, at once and in order; whether it was about voice. Never raises."""
        if not self.on or event not in _HEARD:
            return False
        try:
            self.seats.learn(event, data)
            guild_id = str(data["id"] if event.startswith("GUILD_") else data.get("guild_id") or "")
            session = self.sessions.get(guild_id)
            if session is not None:
                self._concerns(session, event, data)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            log.warning("discord: skipped a malformed %s: %s", event, describe(error))
        return event in EVENTS

    def _concerns(self, session: Session, event: str, data: Json) -> None:
        own = event == "VOICE_STATE_UPDATE" and str(data["user_id"]) == self.seats.me
        if event == "GUILD_DELETE" and not data.get("unavailable"):
            self._spawn("ending", self._end(session, "the bot is no longer in the server"))
            return
        if own and data.get("channel_id"):
            session.channel_id = str(data["channel_id"])
        if (own or event == "VOICE_SERVER_UPDATE") and session.line is not None:
            self._spawn("frame", self._feed(session, session.line, event, data))
        self._watch(session)

    @staticmethod
    async def _feed(session: Session, line: VoiceLine, event: str, data: Json) -> None:
        try:
            await line.feed(event, data)
        except Exception as error:
            log.warning("%s: %s could not be followed: %s", session, event, describe(error))
            log.debug("%s: %s", session, event, exc_info=error)

    def _spawn(self, name: str, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None] | None":
        if self._host is None:
            work.close()
            return None
        return self._host.tasks.spawn(f"discord voice {name}", work, context=contextvars.Context())

    # -- joining and leaving ----------------------------------------------------------------------------

    async def join(self, agent: Agent, *, guild_id: str, channel_id: str) -> Session:
        """The session in this channel, made where there is none. Raises ConnectorError.

        A channel of the same server in which people still are is not left for another one.
        """
        async with self._joining.setdefault(guild_id, asyncio.Lock()):
            session = self.sessions.get(guild_id)
            if session is not None and session.ended:
                await session.end()
                session = None
            if session is not None and session.channel_id == channel_id and session.agent is agent:
                return session
            if session is not None:
                if session.agent is not agent or self.seats.people(guild_id, session.channel_id):
                    raise ConnectorError("it is in another voice channel of this server, with other people")
                await self._end(session, "asked into another channel")
            connecting = self._spawn_join(agent, guild_id, channel_id)
            made = await connecting
            if isinstance(made, ConnectorError):
                raise made
            return made

    def _spawn_join(
        self, agent: Agent, guild_id: str, channel_id: str
    ) -> "asyncio.Task[Session | ConnectorError]":
        if self._host is None or not self.is_open:
            raise ConnectorError("Discord is not connected")
        # discord.py's own tasks copy the context: they outlive the turn that asked.
        return self._host.tasks.spawn(
            "discord voice joining",
            self._connect(self._host, agent, guild_id, channel_id),
            context=contextvars.Context(),
        )

    async def _connect(
        self, host: ConnectorHost, agent: Agent, guild_id: str, channel_id: str
    ) -> Session | ConnectorError:
        """Its failures are results: they are no fault of a task's."""
        if self._tools is None:
            self._tools = await asyncio.to_thread(find_tools)
        client = await self._rest.log_in()
        session = Session(
            agent,
            host.tasks,
            guild_id=guild_id,
            channel_id=channel_id,
            tools=self._tools,
            sits_in=self.seats.sits_in,
        )
        place = Place(int(channel_id), Guild(guild_id, self._move))
        session.line = line = VoiceLine(client, place, lambda: self._line_ended(session))
        self.sessions[guild_id] = session
        try:
            await line.connect(timeout=self._pace.voice_connect_s, reconnect=True, self_deaf=True)
        except (discord.DiscordException, aiohttp.ClientError, OSError, ConnectorError) as error:
            await self._end(session, "")
            why = "Discord did not let it in" if isinstance(error, TimeoutError) else describe(error)
            log.warning("%s: could not be joined: %s", session, why)
            return ConnectorError(f"the voice channel could not be joined: {why}")
        except BaseException:
            await self._end(session, "")
            raise
        if session.ended:
            await self._end(session, "")
            return ConnectorError("the voice channel was left again meanwhile")
        session.start(line)
        log.info("%s: joined", session)
        self._watch(session)
        return session

    def _line_ended(self, session: Session) -> None:
        """Called by discord.py: the connection is over for good (kicked, refused, or left)."""
        if not session.ended:
            self._spawn("ending", self._end(session, "the connection has ended"))

    async def leave(self, guild_id: str, why: str) -> bool:
        """Leave a server's voice channel; False when the bot is in none."""
        session = self.sessions.get(guild_id)
        if session is None or session.ended:
            return False
        await self._end(session, why)
        return True

    async def _end(self, session: Session, why: str) -> None:
        """What the gateway says of the session is listened to until it has left: leaving waits for that."""
        if not session.ended:
            self._unwatch(session.guild_id)
            if why:
                log.info("%s: leaving: %s", session, one_line(why))
        await session.end()
        if self.sessions.get(session.guild_id) is session:
            del self.sessions[session.guild_id]

    async def close(self) -> None:
        """Leave everywhere; nothing is joined until `open`. Idempotent."""
        self.is_open = False
        await asyncio.gather(*(self._end(session, "stopping") for session in list(self.sessions.values())))

    # -- empty channels ---------------------------------------------------------------------------------

    def _watch(self, session: Session) -> None:
        """Leave an empty channel after a while: people's own connections drop, too."""
        guild_id = session.guild_id
        if session.ended or self.seats.people(guild_id, session.channel_id):
            self._unwatch(guild_id)
        elif guild_id not in self._leaving:
            task = self._spawn("empty", self._leave_empty(session))
            if task is not None:
                self._leaving[guild_id] = task

    def _unwatch(self, guild_id: str) -> None:
        task = self._leaving.pop(guild_id, None)
        if task is not None and task is not asyncio.current_task():
            task.cancel()

    async def _leave_empty(self, session: Session) -> None:
        await asyncio.sleep(self._pace.voice_empty_s)
        await self._end(session, "nobody is there any more")
