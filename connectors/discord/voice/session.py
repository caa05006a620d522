"""One stay in a voice channel: answers come as text, become sound, and are played one after the other."""

import asyncio
import contextvars
import logging
from collections.abc import Callable
from typing import Any, Final

import discord

from bot_host.connector import (
    Agent,
    BotHostError,
    EventType,
    MessageEvent,
    ModelType,
    SpeechRequest,
    Supervisor,
    create_unique_uuid,
)
from connectors.discord.voice.line import VoiceLine
from connectors.discord.voice.needs import Tools
from connectors.discord.voice.sound import CannotPlay, source_of
from connectors.discord.voice.words import spoken

log = logging.getLogger(__name__)

WAITING: Final = 10
"""Answers that wait to be said; what comes beyond that stands in the chat only."""
LONGEST_S: Final = 600.0
"""How long one answer may sound."""
MODEL_S: Final = 120.0
"""How long the speech model may take for one."""
AGAIN_S: Final = 30.0
"""How long an answer waits for a connection that is being made again."""
LOOK_S: Final = 0.2
LEAVE_S: Final = 3.0

Sits = Callable[[str, str, str], bool]
"""Whether a person (third) sits in a server's (first) voice channel (second)."""


class Session:
    """The bot in one voice channel of one server, for one agent."""

    def __init__(
        self, agent: Agent, tasks: Supervisor, *, guild_id: str, channel_id: str, tools: Tools, sits_in: Sits
    ) -> None:
        self.agent = agent
        self.guild_id = guild_id
        self.channel_id = channel_id
        """Changes when the bot is moved."""
        self.line: VoiceLine | None = None
        self.ended = False
        """It is leaving, or has left."""
        self._left: asyncio.Task[None] | None = None
        self._tasks = tasks
        self._tools = tools
        self._sits_in = sits_in
        self._asked: dict[str, dict[str, str]] = {}
        """Rooms of this server in which people asked the bot in: their entities and user ids."""
        self._texts: asyncio.Queue[str] = asyncio.Queue(WAITING)
        self._sounds: asyncio.Queue[bytes] = asyncio.Queue(1)
        self._running: list[asyncio.Task[None]] = []
        self._told: set[str] = set()

    def __str__(self) -> str:
        name = self.agent.character.name
        return f"discord voice, server {self.guild_id}, channel {self.channel_id}, {name}"

    def start(self, line: VoiceLine) -> None:
        """Begin to listen for answers; `line` is connected."""
        self.line = line
        self.agent.on(EventType.MESSAGE_SENT, self._answered)
        # Nothing of the turn that asked goes on in here: neither its run nor its log fields.
        self._running = [
            self._tasks.spawn(f"discord voice {name}", work, context=contextvars.Context())
            for name, work in (("speech", self._speak()), ("playing", self._play()))
        ]

    def also_for(self, room_id: str, entity_id: str, user_id: str) -> None:
        """Say aloud what is answered to this person in this room, while they sit here."""
        self._asked.setdefault(room_id, {})[entity_id] = user_id

    async def _answered(self, event: MessageEvent) -> None:
        message = event.message
        if event.again or self.ended:
            return
        own_chat = create_unique_uuid(self.agent.agent_id, self.channel_id)
        if message.room_id != own_chat and not await self._is_for_asker(message.room_id, message.content):
            return
        text = spoken(message.content.text)
        if not text:
            return
        try:
            self._texts.put_nowait(text)
        except asyncio.QueueFull:
            log.info("%s: %d answers wait to be said; one stands in the chat only", self, WAITING)

    async def _is_for_asker(self, room_id: str, content: Any) -> bool:
        askers = self._asked.get(room_id)
        if not askers or content.in_reply_to is None:
            return False
        for question in await self.agent.store.get_memories_by_ids([content.in_reply_to]):
            user_id = askers.get(question.entity_id)
            return user_id is not None and self._sits_in(self.guild_id, self.channel_id, user_id)
        return False

    async def _speak(self) -> None:
        """Texts to sound; the next one is made while one is playing."""
        while True:
            text = await self._texts.get()
            try:
                async with asyncio.timeout(MODEL_S):
                    sound = await self.agent.use_model(ModelType.TEXT_TO_SPEECH, SpeechRequest(text=text))
            except TimeoutError:
                self._tell(f"the speech model did not answer within {MODEL_S:.0f} s")
                continue
            except BotHostError as error:
                self._tell(f"an answer was not said: {error}")
                continue
            if isinstance(sound, bytes) and sound:
                await self._sounds.put(sound)
            else:
                self._tell("the speech model sent no sound")

    async def _play(self) -> None:
        while True:
            sound = await self._sounds.get()
            try:
                source = await asyncio.to_thread(source_of, sound, self._tools)
                await self._play_one(source)
            except CannotPlay as error:
                self._tell(str(error))
            except (discord.DiscordException, OSError) as error:
                self._tell(f"an answer was not said: {error or type(error).__name__}")

    async def _play_one(self, source: discord.AudioSource) -> None:
        """Until it has been said, or the connection is gone."""
        line = self.line
        assert line is not None
        try:
            async with asyncio.timeout(AGAIN_S):
                while not line.is_connected():  # noqa: ASYNC110 - discord.py has no event for it
                    await asyncio.sleep(LOOK_S)
        except TimeoutError:
            source.cleanup()
            log.info("%s: not connected; one answer stands in the chat only", self)
            return
        loop, done = asyncio.get_running_loop(), asyncio.Event()
        faults: list[Exception] = []

        def after(error: Exception | None) -> None:
            if error is not None:
                faults.append(error)
            loop.call_soon_threadsafe(done.set)

        line.play(source, after=after)
        try:
            async with asyncio.timeout(LONGEST_S):
                await done.wait()
        except TimeoutError:
            log.info("%s: an answer was cut off after %.0f s", self, LONGEST_S)
        finally:
            line.stop()
        if faults:
            self._tell(f"an answer was not said to its end: {faults[0]}")

    def _tell(self, fault: str) -> None:
        """Once for each fault: the next answers fail of the same."""
        if fault not in self._told:
            self._told.add(fault)
            log.warning("%s: %s", self, fault)

    async def end(self) -> None:
        """Stop talking and leave the channel; returns when that is done. Idempotent."""
        if self._left is None:
            self.ended = True
            self._left = self._tasks.spawn("discord voice leaving", self._leave())
        await asyncio.wait([self._left])

    async def _leave(self) -> None:
        self.agent.off(EventType.MESSAGE_SENT, self._answered)
        for task in self._running:
            task.cancel()
        if self._running:
            await asyncio.wait(self._running)
        if self.line is not None and not self.line.over:
            # Apart: it waits for Discord to confirm, and takes a cancellation for that.
            leaving = self._tasks.spawn("discord voice goodbye", self.line.disconnect(force=True))
            await asyncio.wait([leaving], timeout=LEAVE_S)
            leaving.cancel()
