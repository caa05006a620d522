"""One Slack workspace: log in, stay connected, take events in, send."""

import asyncio
import logging
from collections.abc import Callable, Sequence, Set
from datetime import datetime
from typing import Any, ClassVar, Final

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient

from bot_host.connector import (
    Account,
    Action,
    AppManifest,
    CheckLine,
    Choices,
    ConnectorError,
    ConnectorHost,
    Content,
    Heard,
    HttpRoute,
    LoginError,
    Media,
    OutgoingFiles,
    Payload,
    RoomClosed,
    SendLater,
    SendRefused,
    Sent,
    StoreError,
    Target,
    backoff,
)
from connectors.slack.actions import slack_actions
from connectors.slack.app import compare_app
from connectors.slack.assistant import Assistant
from connectors.slack.behalf import check_asker
from connectors.slack.calls import Calls, Wire
from connectors.slack.catch_up import CatchUp
from connectors.slack.check import check_account, scopes_told
from connectors.slack.config import SlackConfig
from connectors.slack.decode import Decoder, Self
from connectors.slack.direct import Direct
from connectors.slack.encode import encode
from connectors.slack.errors import code_of, login_error, send_error
from connectors.slack.groups import Groups
from connectors.slack.history import History
from connectors.slack.home import Home
from connectors.slack.intake import Intake
from connectors.slack.interactions import is_use
from connectors.slack.live import compare
from connectors.slack.login import clock_ahead_s, self_of
from connectors.slack.lookups import Workspace
from connectors.slack.moves import Moves
from connectors.slack.names import Lookup
from connectors.slack.needs import AGENT_SCOPE
from connectors.slack.opening import opened
from connectors.slack.posting import Posting
from connectors.slack.proof import Proofs
from connectors.slack.readers import make_readers
from connectors.slack.reading import Reading
from connectors.slack.replies import HOW, Replies, encode_chosen, encode_reply
from connectors.slack.signs import DONE, Signs
from connectors.slack.silence import silences
from connectors.slack.streams import Streams
from connectors.slack.threads import Threads
from connectors.slack.transfer import Transfer
from connectors.slack.web import open_session, web_client

log = logging.getLogger(__name__)

LOST_PATIENCE_S: Final = 60.0
"""How long slack-sdk may try to reconnect: it keeps to one URL, which Slack takes only once."""
WATCH_S: Final = 1.0
EDIT_EVERY_S: Final = 1.2
"""`chat.update` is of tier 3: 50 calls a minute, for the app in the whole workspace.
https://docs.slack.dev/apis/web-api/rate-limits"""
STREAM_EVERY_S: Final = 0.7
"""`chat.appendStream` is of tier 4: more than 100 calls a minute."""
FAULTS: Final = (SlackClientError, aiohttp.ClientError, TimeoutError, OSError)


class SlackConnector:
    """The connector. Sending has its own life: it works before, during and after the intake."""

    platform: ClassVar[str] = "slack"
    typing_interval_s: ClassVar[float] = 60.0
    """Slack takes a status away after two minutes."""
    edits_share_limit: ClassVar[bool] = True

    def __init__(self, config: SlackConfig) -> None:
        self._config = config
        self._session: aiohttp.ClientSession | None = None
        self._client: AsyncWebClient | None = None
        self._stop = asyncio.Event()
        self._names = Lookup()
        self._groups = Groups(config.groups)
        self._direct = Direct()
        self._home: Home | None = None
        self._signs = Signs()
        self._assistant = Assistant(config, self._names, self._signs)
        self._reading: Reading | None = None
        self._me: Self | None = None
        self._history = History(self._web)
        self._proofs = Proofs(self._history)
        self._moves = Moves()
        self._threads = Threads(self._history, self._names)
        self._files = Transfer(config, self._web)
        self._replies = Replies(config, self._files)
        self._streams = Streams(self._web)
        self._posting = Posting(self._files, self._web, self._streams)
        self._calls = Calls(config)
        self._workspace = Workspace(
            self._web, lambda: self._me, config, self._history, self._names, self._groups
        )

    def _web(self) -> AsyncWebClient:
        # The session belongs to the running loop, which is not there yet when the connector is made.
        if self._client is None or self._session is None or self._session.closed:
            self._session = open_session()
            self._client = web_client(self._config, self._session)
        return self._client

    # taking in

    async def run(self, host: ConnectorHost) -> None:
        """See `Connector.run`."""
        attempt = 0
        try:
            while not self._stop.is_set():
                attempt += 1
                try:
                    if await self._stay(host):
                        attempt = 0
                except LoginError:
                    raise
                except ConnectorError as error:
                    host.waiting(str(error))
                    await self._pause(backoff(attempt))
        finally:
            self._stop.clear()

    async def _stay(self, host: ConnectorHost) -> bool:
        """One connection from login to loss. True: it stood, and is worth a fresh one at once."""
        me, intake, catch_up, url = await self._log_in(host)
        catching: asyncio.Task[None] | None = None
        try:
            if not await self._connect(host, intake, url):
                return False
            self._calls.wire = intake.wire
            await host.connected(Account(platform=self.platform, id=me.team_id, name=me.name))
            await self._moves.load(host)
            await self._threads.load(host)
            intake.start(host.tasks)
            catching = host.tasks.spawn("slack catch-up", catch_up.run())
            await self._watch(host, intake, catch_up, me)
            return True
        finally:
            if catching is not None:
                catching.cancel()
                await asyncio.wait([catching])
            self._calls.wire = None
            await intake.close()

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._stop.wait()
        except TimeoutError:
            pass

    async def _log_in(self, host: ConnectorHost) -> tuple[Self, Intake, CatchUp, str]:
        web = self._web()
        try:
            answer = await web.auth_test()
        except FAULTS as error:
            raise login_error(error, "bot token") from None
        me = self._me = self._self_of(answer.data)
        self._names.learn_team(str(answer.get("team") or ""))
        self._assistant.is_agent = self._signs.has_sessions = AGENT_SCOPE in scopes_told(answer.headers)
        url = await self._socket_url(web)
        decoder = Decoder(
            me,
            self._config,
            groups=self._groups.of,
            teams=self._names.teams,
            origin=self._moves.origin,
        )
        reading = self._reading = Reading(
            me=me,
            decoder=decoder,
            host=host,
            web=web,
            names=self._names,
            groups=self._groups,
            moves=self._moves,
            threads=self._threads,
            assistant=self._assistant,
        )
        catch_up = CatchUp(
            host=host,
            history=self._history,
            config=self._config,
            team_id=me.team_id,
            clock_ahead_s=clock_ahead_s(answer.headers),
            decode=reading.event,
            closed=self._threads.gap_closed,
        )
        readers, self._home = make_readers(
            host,
            me,
            decoder,
            names=self._names,
            direct=self._direct,
            web=web,
            tell=self._tell,
            event=reading.body,
        )
        intake = Intake(
            me=me,
            bot_token=self._config.bot_token,
            app_token=self._config.app_token,
            web=web,
            app_web=web_client(self._config, web.session, token=None),
            read=readers,
            store=reading.store,
            tell=self._tell,
            on_hello=catch_up.said_hello,
            wire=self._wire(me, catch_up),
        )
        return me, intake, catch_up, url

    def _self_of(self, data: Any) -> Self:
        """Who we are, by what `auth.test` says. Raises ConnectorError."""
        return self_of(data)

    def _wire(self, me: Self, catch_up: CatchUp) -> Wire | None:
        """What stands where a socket of our own would stand; None: there is one."""
        return Wire(me.team_id, lost=catch_up.lost) if self._config.mode == "http" else None

    async def _socket_url(self, web: AsyncWebClient) -> str:
        """Where to connect to; empty: Slack comes to us."""
        if self._config.mode == "http":
            return ""
        try:
            opened = await web.apps_connections_open(app_token=self._config.app_token)
            return str(opened["url"])
        except FAULTS as error:
            raise login_error(error, "app token") from None

    def http_routes(self) -> Sequence[HttpRoute]:
        """See the contract `HttpConnector`."""
        return self._calls.http_routes()

    def use_address(self, base: str) -> None:
        """See the contract `HttpConnector`."""
        self._calls.use_address(base)

    async def _connect(self, host: ConnectorHost, intake: Intake, url: str) -> bool:
        """Open the websocket. False: told to stop meanwhile."""
        return await opened(intake.open(url), self._stop, host.tasks)

    async def _watch(self, host: ConnectorHost, intake: Intake, catch_up: CatchUp, me: Self) -> None:
        lost_s = 0.0
        while not self._stop.is_set():
            await self._pause(WATCH_S)
            refusal = (self._reading.refusal if self._reading else None) or intake.refusal
            if refusal is not None:
                raise refusal
            if await intake.is_connected():
                if lost_s:
                    await host.connected(Account(platform=self.platform, id=me.team_id, name=me.name))
                lost_s = 0.0
                if intake.is_idle:
                    await _mark_alive(catch_up)
                    await self._threads.keep(host)
                continue
            if not lost_s:
                host.waiting("the websocket is lost; reconnecting")
            lost_s += WATCH_S
            if lost_s >= LOST_PATIENCE_S:
                log.warning("slack: the websocket did not come back; logging in again")
                return

    async def stop_intake(self) -> None:
        """See `Connector.stop_intake`."""
        self._stop.set()

    def actions(self) -> Sequence[Action]:
        """See the contract `ActingConnector`."""
        return slack_actions(self._workspace, self._posting)

    # sending

    def encode(self, content: Content, target: Target) -> list[Payload]:
        """See `Connector.encode`."""
        return encode_reply(content, target) if is_use(target) else encode(content, target)

    def can_show(self, choices: Choices) -> bool:
        """See the contract `ChoiceConnector`."""
        return True

    def chosen(self, target: Target, label: str) -> list[Payload]:
        """See the contract `ChoiceConnector`."""
        return encode_chosen(target, label)

    async def send(self, payload: Payload, target: Target, *, key: str) -> Sent:
        """See `Connector.send`. Refused markup goes out again as plain text, at once."""
        if not target.channel_id:
            raise SendRefused("no channel to send to")
        target = self._moves.now(target)
        await check_asker(self._workspace, target)
        if HOW in payload:
            return await self._replies.send(payload, target, self._web())
        try:
            return await self._posting.send(payload, target, key=key)
        except RoomClosed:
            # Commands may be used where the bot is no member.
            if not (is_use(target) and await self._replies.show_openly(payload, target, self._web())):
                raise
            return Sent(platform_message_id="")

    async def edit(self, payload: Payload, target: Target, platform_message_id: str, *, key: str) -> None:
        """See the contract `EditingConnector`."""
        await self._posting.edit(payload, self._moves.now(target), platform_message_id)

    def edit_every_s(self, target: Target) -> float:
        """See the contract `DraftingConnector`."""
        if self._config.streaming is False:
            return 0.0
        return STREAM_EVERY_S if self._streams.works and self._streams.can(target) else EDIT_EVERY_S

    def unfinished(self, payload: Payload, target: Target) -> Payload:
        """See the contract `UnfoldingConnector`."""
        return self._streams.unfinished(payload, self._moves.now(target))

    async def retract(self, target: Target, platform_message_id: str) -> None:
        """See the contract `EditingConnector`."""
        await self._posting.retract(self._moves.now(target), platform_message_id)

    async def react(self, target: Target, reaction: str) -> None:
        """See the contract `ReactingConnector`. `reaction`: a name, with or without its colons."""
        name, ts, channel = reaction.strip(":"), target.reply_to, self._moves.now(target).channel_id
        try:
            await self._web().reactions_add(channel=channel, timestamp=ts, name=name)
        except FAULTS as error:
            if not (isinstance(error, SlackApiError) and code_of(error) in DONE):
                raise send_error(error) from None

    async def find_sent(
        self, payload: Payload, target: Target, *, key: str, since: datetime, others: Set[str]
    ) -> Sent | None:
        """See the contract `ReadBackConnector`."""
        if self._me is None:
            raise SendLater("not logged in yet")
        if HOW in payload:
            if payload[HOW] == "chosen":
                return None
            raise SendRefused("nobody can look up what one person alone was shown")
        target = self._moves.now(target)
        found = await self._proofs.find(payload, target, self._me, key=key, since=since, others=others)
        return Sent(platform_message_id=found) if found else None

    def use_files(self, files: OutgoingFiles) -> None:
        """See the contract `FileSendingConnector`."""
        self._files.outgoing = files

    async def download(self, media: Media, target: Target, *, message_id: str, max_bytes: int) -> bytes:
        """See the contract `DownloadingConnector`."""
        return await self._files.download(media, max_bytes=max_bytes)

    async def _tell(self, target: Target, text: str) -> None:
        await self._replies.tell(target, text, self._web())

    def turn_over(self, target: Target) -> None:
        """See the contract `TurnListener`."""
        if self._home is not None and not self._stop.is_set():
            self._home.over(target)

    async def typing(self, target: Target) -> None:
        """See `Connector.typing`, and `Signs` for how."""
        if self._session is not None:
            await self._signs.show(self._moves.now(target), self._web())

    async def typing_done(self, target: Target) -> None:
        """See `Connector.typing_done`."""
        if self._session is not None:
            # Else closed, and a session that was opened now would never be.
            await self._signs.clear(self._moves.now(target), self._web())

    async def close(self) -> None:
        """See `Connector.close`."""
        self._stop.set()
        if self._session is not None:
            await self._session.close()
            self._session = self._client = None

    async def check(self) -> Sequence[CheckLine]:
        """See `Connector.check`."""
        return await check_account(self._config, self._calls.line())

    async def silences(self) -> Sequence[CheckLine]:
        """See `SelfChecking`."""
        return await silences(self._web(), self._config)

    async def compare_manifest(self, make: Callable[[], AppManifest]) -> Sequence[CheckLine]:
        """See `ManifestComparing`."""
        return await compare_app(self._web(), self._config, make)

    async def compare(self, heard: Heard) -> Sequence[CheckLine]:
        """See `LiveChecking`."""
        return list(compare(self._config, heard))


async def _mark_alive(catch_up: CatchUp) -> None:
    try:
        await catch_up.still_alive()
    except StoreError as error:
        log.debug("slack: the mark cannot be moved now: %s", error)
