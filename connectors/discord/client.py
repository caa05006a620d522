"""One Discord account: it connects, and has a part for each thing that the contract asks for."""

import asyncio
import logging
from collections.abc import Sequence, Set
from datetime import datetime
from typing import ClassVar, Final

import aiohttp
import discord

from bot_host.connector import (
    Action,
    CheckLine,
    Choices,
    ConnectorError,
    ConnectorHost,
    Content,
    Heard,
    LoginError,
    Media,
    OutgoingFiles,
    Payload,
    RoomClosed,
    SendError,
    SendRefused,
    Sent,
    Target,
    backoff,
)
from connectors.discord import bases
from connectors.discord.acks import Acks
from connectors.discord.actions import discord_actions
from connectors.discord.advice import TOKEN_ADVICE, check_lines
from connectors.discord.behalf import check_asker
from connectors.discord.components import components_of
from connectors.discord.config import DiscordConfig
from connectors.discord.encode import encode_message
from connectors.discord.errors import FAULTS, UNKNOWN_MESSAGE, look_error, send_error
from connectors.discord.files import Files
from connectors.discord.gateway import RETRY_CAP_S, Logins, Pace, quiet_reconnects
from connectors.discord.intake import Intake
from connectors.discord.interactions import is_interaction
from connectors.discord.live import compare
from connectors.discord.posting import Posting
from connectors.discord.replies import (
    HOW,
    Replies,
    encode_chosen,
    encode_reply,
    encode_unanswered,
)
from connectors.discord.rest import Rest, describe
from connectors.discord.shard import MoreShards, Shard, Shared, advised
from connectors.discord.signs import Signs, put
from connectors.discord.silence import silences, standing_lines
from connectors.discord.spots import THREAD_OF, Spots
from connectors.discord.voice.actions import voice_actions
from connectors.discord.voice.needs import check_voice
from connectors.discord.voice.voices import Voices

log = logging.getLogger(__name__)

TYPING_TIMEOUT_S: Final = 10.0
EDIT_EVERY_S: Final = 1.2
"""Discord allows five edits in five seconds in each channel, and says so in its answers' headers."""
FINISH_S: Final = 5.0
"""How long a stopping connector goes on storing what it has already received."""


class DiscordConnector:
    """See the contract `Connector`."""

    platform: ClassVar[str] = "discord"
    typing_interval_s: ClassVar[float] = 8.0
    """Discord shows it for ten seconds (resources/channel#trigger-typing-indicator)."""
    edits_share_limit: ClassVar[bool] = False

    def __init__(self, config: DiscordConfig, *, pace: Pace | None = None) -> None:
        self.config = config
        bases.claim(self)
        quiet_reconnects()
        self._pace = pace or Pace()
        self._rest = Rest(config.token)
        self._acks = Acks()
        self._files = Files(self._rest, api_base=config.api_base)
        self._spots = Spots(self._rest)
        self._posting = Posting(self._rest, self._spots, self._files)
        self._replies = Replies(self._rest, self._acks, self._files, self._posting.put_into)
        self._stop = asyncio.Event()
        self._shards: list[Shard] = []
        self._signs = Signs(self._rest, config.working_reaction)
        self._voices = Voices(self._rest, self._ask_for_voice, self._pace, config)

    async def run(self, host: ConnectorHost) -> None:
        """See the contract."""
        if self._stop.is_set():
            return
        intake = Intake(
            host=host,
            rest=self._rest,
            config=self.config,
            stopping=self._stop.is_set,
            retry_base_s=self._pace.retry_base_s,
            acks=self._acks,
            overhear=self._voices.hear,
        )
        shared = Shared(
            host=host,
            intake=intake,
            rest=self._rest,
            pace=self._pace,
            token=self.config.token,
            gateway_url=self.config.gateway_url,
            stop=self._stop,
            logins=Logins(self._pace.identify_s),
            members=self.config.members,
            voice=self._voices.open(host),
        )
        handling = host.tasks.spawn("discord intake", intake.run())
        try:
            await self._stay_connected(shared)
            await self._finish(intake, handling)
        finally:
            await self._voices.close()
            handling.cancel()
            await asyncio.wait([handling])

    async def _finish(self, intake: Intake, handling: "asyncio.Task[None]") -> None:
        try:
            async with asyncio.timeout(FINISH_S):
                await intake.finish()
                await handling
        except TimeoutError:
            log.warning("discord: stopped with events in hand; they are read from history at the next start")

    async def _stay_connected(self, shared: Shared) -> None:
        least = 1
        while not self._stop.is_set():
            total = max(least, await self._how_many(shared))
            try:
                await self._run_shards(shared, total)
            except MoreShards:
                if self.config.shards != "auto":
                    raise LoginError(
                        f"this bot is in too many servers for shards = {self.config.shards}; "
                        'set connectors.discord.shards to "auto" or to a higher number'
                    ) from None
                least = total + 1
                log.warning("discord: this bot is in too many servers for %d connections; more follow", total)

    async def _how_many(self, shared: Shared) -> int:
        if self.config.shards != "auto":
            return self.config.shards
        attempt = 0
        while not self._stop.is_set():
            try:
                return await advised(shared)
            except discord.LoginFailure as error:
                raise LoginError(f"Discord refuses the token. {TOKEN_ADVICE}") from error
            except discord.HTTPException as error:
                if error.status < 500 or self.config.gateway_url:
                    return 1  # A proxy that knows no such request; a refused token shows at the login.
                why = f"Discord does not answer: {describe(error)}"
            except FAULTS as error:
                why = str(error) if isinstance(error, ConnectorError) else describe(error)
            attempt += 1
            wait = backoff(attempt, base=self._pace.retry_base_s, cap=RETRY_CAP_S)
            log.warning("discord: %s; connecting again in %.0f s", why, wait)
            shared.host.waiting(why)
            await shared.pause(wait)
        return 1

    async def _run_shards(self, shared: Shared, total: int) -> None:
        """All shards, until the connector stops. Raises what ends one of them, and ends the others first."""
        self._shards = [Shard(shared, number, total) for number in range(total)]
        if total > 1:
            log.info("discord: %d shards", total)
        running = [
            shared.host.tasks.spawn(f"discord shard {number}", shard.stay_connected())
            for number, shard in enumerate(self._shards)
        ]
        try:
            await asyncio.wait(running, return_when=asyncio.FIRST_EXCEPTION)
        finally:
            for task in running:
                task.cancel()
            await asyncio.wait(running)
            self._shards = []
        for task in running:
            if not task.cancelled():
                task.result()

    def actions(self) -> Sequence[Action]:
        """See the contract `ActingConnector`."""
        voice = voice_actions(self._voices, self._rest, self.config)
        return [*discord_actions(self._rest, self.config, self._files), *voice]

    async def _ask_for_voice(self, guild_id: str, channel_id: str) -> None:
        if not self._shards:
            raise TimeoutError("the gateway is not connected")
        await self._shard_of(guild_id).ask_for_voice(guild_id, channel_id)

    def _shard_of(self, server_id: str) -> Shard:
        # events/gateway#sharding: a server's shard is made of its id; direct messages come on shard 0.
        return self._shards[(int(server_id) >> 22) % len(self._shards) if server_id.isdigit() else 0]

    async def stop_intake(self) -> None:
        """See the contract."""
        self._stop.set()
        # While the gateway is still there to say it to.
        await self._voices.close()
        await asyncio.gather(*(shard.leave() for shard in self._shards))

    def encode(self, content: Content, target: Target) -> list[Payload]:
        """See the contract."""
        if is_interaction(target):
            return encode_reply(content, target)
        payloads = encode_message(content, target, ping_reply=self.config.ping_reply)
        if payloads and content.choices is not None:
            payloads[-1]["components"] = components_of(content.choices)
        return payloads

    def can_show(self, choices: Choices) -> bool:
        """See the contract `ChoiceConnector`."""
        return True

    def chosen(self, target: Target, label: str) -> list[Payload]:
        """See the contract `ChoiceConnector`."""
        return encode_chosen(target, label)

    def unanswered(self, target: Target) -> list[Payload]:
        """See the contract `AcknowledgingConnector`."""
        return encode_unanswered(target)

    async def send(self, payload: Payload, target: Target, *, key: str) -> Sent:
        """See the contract.

        `key` becomes the message's nonce: for some minutes a second try of the same key gives back the
        first try's message instead of making another.
        """
        try:
            if HOW in payload:
                return await self._replies.send(payload, target, key=key)
            await check_asker(self._rest, self.config, target)
            sent = await self._posting.send(payload, target, key=key)
            self._listen_for_echo(target)
            return sent
        except FAULTS as error:
            raise self._refusal(send_error(error), payload) from error

    @staticmethod
    def _refusal(error: SendError, payload: Payload) -> SendError:
        # Where a command was used says nothing of the channel: the next one may be answered there.
        if HOW in payload and isinstance(error, RoomClosed):
            return SendRefused(str(error))
        return error

    def _listen_for_echo(self, target: Target) -> None:
        if self._shards:
            self._shard_of(target.server_id).expects_echo()

    async def edit(self, payload: Payload, target: Target, platform_message_id: str, *, key: str) -> None:
        """See the contract `EditingConnector`."""
        try:
            await self._posting.edit(payload, target, platform_message_id, key=key)
        except FAULTS as error:
            raise send_error(error) from error

    def edit_every_s(self, target: Target) -> float:
        """See the contract `DraftingConnector`."""
        return 0.0 if self.config.streaming is False else EDIT_EVERY_S

    async def retract(self, target: Target, platform_message_id: str) -> None:
        """See the contract `EditingConnector`."""
        try:
            await self._posting.delete(target, platform_message_id)
        except FAULTS as error:
            if isinstance(error, discord.HTTPException) and error.code == UNKNOWN_MESSAGE:
                return
            raise send_error(error) from error

    async def react(self, target: Target, reaction: str) -> None:
        """See the contract `ReactingConnector`. `reaction`: an emoji, or `name:id` of a server's own."""
        try:
            await put(self._rest, target, reaction)
        except FAULTS as error:
            raise send_error(error) from error

    async def find_sent(
        self, payload: Payload, target: Target, *, key: str, since: datetime, others: Set[str]
    ) -> Sent | None:
        """See the contract `ReadBackConnector`."""
        try:
            if HOW in payload:
                told = await self._replies.find(payload, target)
                if told or told is None or target.extra.get("private"):
                    # What only one person sees stands in no history: it may come twice.
                    return Sent(platform_message_id=told) if told else None
            found = await self._posting.find(payload, target, key=key, since=since, others=others)
        except FAULTS as error:
            raise look_error(error) from error
        return Sent(platform_message_id=found) if found else None

    def use_files(self, files: OutgoingFiles) -> None:
        """See the contract `FileSendingConnector`."""
        self._files.outgoing = files

    async def download(self, media: Media, target: Target, *, message_id: str, max_bytes: int) -> bytes:
        """See the contract `DownloadingConnector`."""
        # The message stands where it was written, also when its answer opens a thread.
        channel_id = target.extra.get(THREAD_OF) or target.thread_id or target.channel_id
        return await self._files.download(
            media, channel_id=channel_id, message_id=message_id, max_bytes=max_bytes
        )

    async def typing(self, target: Target) -> None:
        """See the contract. Commands say already that the bot is thinking."""
        if is_interaction(target) and not target.extra.get("click"):
            return
        try:
            await self._rest.request(
                "POST",
                "/channels/{channel_id}/typing",
                timeout=TYPING_TIMEOUT_S,
                channel_id=self._spots.seen(target) or (await self._spots.find(target)).channel_id,
            )
            await self._signs.begin(target)
        except (discord.DiscordException, aiohttp.ClientError, OSError, ConnectorError) as error:
            log.debug("discord: no typing indicator: %s", describe(error))

    async def typing_done(self, target: Target) -> None:
        """The indicator ends by itself, with the message or after ten seconds; the reaction does not."""
        await self._signs.end(target)

    async def close(self) -> None:
        """See the contract."""
        await self.stop_intake()
        await self._rest.close()
        bases.release(self)

    async def check(self) -> Sequence[CheckLine]:
        """See the contract."""
        rest = Rest(self.config.token)
        try:
            found = check_lines(await rest.log_in(), self.config)
            found += await standing_lines(rest, self.config)
        except discord.LoginFailure:
            return [CheckLine(name="discord", ok=False, detail="the token is refused", advice=TOKEN_ADVICE)]
        except Exception as error:  # noqa: BLE001 - a check never raises
            advice = "Check the network, and api_base if it is set."
            return [CheckLine(name="discord", ok=False, detail=str(error), advice=advice)]
        finally:
            await rest.close()
        return [*found, *(await check_voice() if self.config.voice else ())]

    async def silences(self) -> Sequence[CheckLine]:
        """See the contract `SelfChecking`."""
        return await silences(self._rest, self.config)

    async def compare(self, heard: Heard) -> Sequence[CheckLine]:
        """See the contract `LiveChecking`."""
        return await compare(self._rest, self.config, heard)
