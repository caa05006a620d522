"""A whole house on the fake Discord, with a voice channel and a speech model whose sound can be read."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from bot_host.host import BotHost
from bot_host.plugin import Agent, ModelType, Plugin, SpeechRequest
from bot_host.store import make_store
from bot_host.testing import ScriptedModel
from bot_host.types.character import Character
from bot_host.types.models import TextResult, ToolCall
from connectors.discord.client import DiscordConnector
from connectors.discord.config import DiscordConfig
from connectors.discord.gateway import Pace
from tests.fakes.discord import FakeDiscord
from tests.fakes.discord_model import VOICE, Channel, Guild, User
from tests.fakes.discord_voice import VoiceServer
from tests.fakes.ogg import FRAME, ogg_opus

PACE = Pace(identify_s=0.05, retry_base_s=0.05, voice_empty_s=3600.0)


def sound_of(text: str, frames: int = 3) -> bytes:
    """A text as Opus in Ogg: frames that hold it."""
    return ogg_opus([bytes([FRAME, number]) + text.encode() for number in range(frames)])


class Speech:
    """A model that speaks."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.sounds: list[bytes | Exception] = []
        """Instead of `sound_of`, in order."""
        self.frames = 3
        self.go_on = asyncio.Event()
        """Cleared: it keeps everybody waiting."""
        self.go_on.set()
        self.plugin = Plugin(name="speech", models={ModelType.TEXT_TO_SPEECH: self._speak})

    async def _speak(self, _agent: Agent, request: SpeechRequest) -> bytes:
        self.asked.append(request.text)
        await self.go_on.wait()
        sound = self.sounds.pop(0) if self.sounds else sound_of(request.text, self.frames)
        if isinstance(sound, Exception):
            raise sound
        return sound


class Bench:
    """A server with a text channel and two voice channels, two members, and the agent in it."""

    def __init__(self, fake: FakeDiscord, voice: VoiceServer, model: ScriptedModel, speech: Speech) -> None:
        self.fake, self.voice, self.model, self.speech = fake, voice, model, speech
        self.ada: User = fake.add_user("ada", global_name="Ada")
        self.bob: User = fake.add_user("bob", global_name="Bob")
        self.guild: Guild = fake.add_guild("Workshop", members=[self.ada, self.bob])
        self.general: Channel = fake.add_channel(self.guild, "general")
        self.lounge: Channel = fake.add_channel(self.guild, "Lounge", type=VOICE)
        self.studio: Channel = fake.add_channel(self.guild, "Studio", type=VOICE)
        self.connector: DiscordConnector
        self._asked = 0

    async def call(self, action: str, *, by: User | None = None, where: Channel | None = None) -> str:
        """What the action told the model, when somebody wanted it. What it answers is not for saying."""
        self._asked += 1
        # Code is not said.
        place, end = where or self.general, f"```{self._asked}```"
        call = ToolCall(id=f"c{self._asked}", name=action, arguments="{}")
        self.model.answers = [TextResult(text="", tool_calls=(call,)), end]
        mention = f"{self.fake.bot.mention} " if place.guild else ""
        self.fake.say(place, by or self.ada, mention + "please")
        await self.fake.wait_for_message(place, containing=end)
        last = self.model.requests[-1].messages[-1]
        assert last.role == "tool", last
        return str(last.content)

    async def answer(self, text: str, *, by: User | None = None, where: Channel | None = None) -> None:
        """Somebody asks, and gets this answer."""
        place = where or self.lounge
        self.model.answers = [text]
        mention = f"{self.fake.bot.mention} " if place.guild else ""
        self.fake.say(place, by or self.ada, mention + "and?")
        await self.fake.wait_for_message(place, containing=text[:20])

    async def join(self, by: User | None = None) -> str:
        """Somebody sits down in the lounge and asks the agent in."""
        person = by or self.ada
        self.fake.sit(self.guild, self.lounge, person)
        return await self.call("JOIN_VOICE", by=person)

    async def said(self, count: int) -> list[str]:
        """What was said in the voice channel, once it is so many things."""
        await self.fake.wait_until(lambda: len(self.voice.heard) >= count, f"{count} things said")
        return [said[0][2:].decode() for said in self.voice.heard]

    @property
    def offered(self) -> set[str]:
        """The names of the actions that the model was offered last."""
        return {tool.name for tool in self.model.requests[-1].tools}


@asynccontextmanager
async def bench(
    folder: Path, *, pace: Pace = PACE, speaks: bool = True, shards: int = 1, **config: Any
) -> AsyncIterator[Bench]:
    """The bench, connected."""
    async with FakeDiscord() as fake, VoiceServer(fake) as voice:
        fake.shards = shards
        model, speech = ScriptedModel(), Speech()
        host = BotHost(store=make_store("sqlite:///bot.db", base=folder), data_dir=folder)
        it = Bench(fake, voice, model, speech)
        try:
            plugins = ["basics", model.plugin, *([speech.plugin] if speaks else [])]
            [agent_id] = await host.add_agents(
                [{"character": Character(name="Eliza", bio=["Helps."]), "plugins": plugins}]
            )
            await host.start_agents()
            settings = DiscordConfig(token=fake.token, api_base=fake.api_base, **{"voice": True, **config})
            it.connector = DiscordConnector(settings, pace=pace)
            host.add_connector(it.connector, settings, name="discord", agent_id=agent_id)
            host.start_connectors()
            await fake.wait_ready(shards)
            await fake.wait_until(lambda: len(fake.gateway.live) == shards, "all connections")
            yield it
        finally:
            speech.go_on.set()
            await host.stop(2.0)
