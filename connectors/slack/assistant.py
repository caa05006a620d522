"""Slack's chat with an agent beside all channels: questions to begin with, a title, what stands open, stop.

Two kinds of apps have it: those with `agent_view` (`app_home_opened`, `app_context_changed`,
`agent_session_stopped`), and older ones with `assistant_view` (`assistant_thread_started` and
`assistant_thread_context_changed`). All of it is comfort: a refusal is logged and changes nothing.
https://docs.slack.dev/ai/agent-sessions , https://docs.slack.dev/ai/developing-agents
"""

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, TypeVar

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient

from bot_host.connector import (
    PAIRING,
    ChannelType,
    ConnectorHost,
    InboundEvent,
    InboundMessage,
    InboundStop,
    Quote,
    RoomRef,
    Skipped,
    one_line,
)
from connectors.slack.blocks import prompt_of
from connectors.slack.config import SlackConfig
from connectors.slack.decode import Decoder
from connectors.slack.errors import code_of, fault_of
from connectors.slack.events import Event, Ids, text_of
from connectors.slack.names import Lookup
from connectors.slack.signs import Signs

log = logging.getLogger(__name__)

KINDS: Final = frozenset(
    {
        "agent_session_stopped", "app_context_changed", "app_home_opened", "assistant_thread_started",
        "assistant_thread_context_changed",
    }
)  # fmt: skip
PROMPTS: Final = 4
TITLE: Final = 60
"""Characters that a list of chats has room for."""
MOST: Final = 1_000
"""Chats, and people, of which something is remembered."""
AT_ONCE: Final = 100
"""Calls under way."""
CALL_S: Final = 10.0
AGAIN_S: Final = 600.0
"""Before the same chat is given its questions again."""
CHANNEL: Final = "slack#/types/channel_id"

Place = tuple[str, str]
"""Channel and thread."""
V = TypeVar("V")


class Assistant:
    """One workspace's chats. What it knows of them ends with the process."""

    def __init__(self, config: SlackConfig, names: Lookup, signs: Signs) -> None:
        self._config = config
        self._names = names
        self._signs = signs
        self.is_agent = False
        """The app may do more than others (`assistant:write`)."""
        self._started: OrderedDict[Place, None] = OrderedDict()
        """Threads that Slack has begun, and that have no title yet."""
        self._views: OrderedDict[str, str] = OrderedDict()
        """The channel that stands open, by person."""
        self._noted: OrderedDict[Place, str] = OrderedDict()
        """The channel that the agent was last told of, by chat."""
        self._proposed: OrderedDict[Place, float] = OrderedDict()
        self._under_way = 0

    def begins(self, message: InboundMessage) -> bool:
        """Whether a message's thread began with nothing but Slack's own words."""
        return (message.target.channel_id, message.target.thread_id) in self._started

    # what Slack tells

    def read(self, event: Event, decoder: Decoder, host: ConnectorHost, web: AsyncWebClient) -> InboundEvent:
        """An event of one of the `KINDS`. Raises what reading a malformed one raises."""
        kind = event["type"]
        if kind == "agent_session_stopped":
            return self._stopped(event, decoder, host, web)
        told = Skipped(reason=f"news: {kind}")
        if kind.startswith("assistant_"):
            thread = event["assistant_thread"]
            user, place = str(thread["user_id"]), (str(thread["channel_id"]), str(thread["thread_ts"]))
            self._see(user, (thread.get("context") or {}).get("channel_id"))
            starts = kind == "assistant_thread_started"
        else:
            user, place = text_of(event, "user"), (text_of(event, "channel"), "")
            if "context" in event:
                self._see(user, _open_channel(event["context"]))
            starts = kind == "app_home_opened" and event.get("tab") == "messages" and self.is_agent
        if not starts or decoder.refusal_of(user, place[0]) is not None:
            return told
        if place[1]:
            _keep(self._started, place, None)
        self._propose(place, host, web)
        return told

    def _see(self, user: str, channel: Any) -> None:
        if user:
            _keep(self._views, user, channel if isinstance(channel, str) else "")

    def _stopped(
        self, event: Event, decoder: Decoder, host: ConnectorHost, web: AsyncWebClient
    ) -> InboundEvent:
        user, channel, thread = str(event["user"]), str(event["channel"]), str(event["thread_ts"])
        # The button stays until somebody says that nothing goes on any more.
        self._start(host, "slack stop", self._signs.stopped(channel, thread, web))
        refusal = decoder.refusal_of(user, channel)
        if refusal is not None:
            return Skipped(reason="pairing: not approved of" if refusal == PAIRING else refusal)
        room = RoomRef(
            key=decoder.room_key(channel, thread),
            type=ChannelType.DM if channel.startswith("D") else ChannelType.THREAD,
            channel_id=channel,
            thread_id=thread,
        )
        return InboundStop(room=room, sender=decoder.visitor(user, "", self._names))

    # what is said

    async def beside(
        self, message: InboundMessage, host: ConnectorHost, web: AsyncWebClient
    ) -> InboundMessage:
        """A message that goes in, with what stands open beside its chat; a new chat gets its title."""
        place = (message.target.channel_id, message.target.thread_id)
        title = one_line(message.content.text, TITLE)
        if place[1] and title and not message.pairing_id:
            self._signs.name(place, title)
            if place in self._started:
                del self._started[place]
                arguments = {"channel_id": place[0], "thread_ts": place[1], "title": title}
                self._start(host, "slack title", self._call(web, "assistant.threads.setTitle", arguments))
        if not place[0].startswith("D"):
            return message
        view = self._views.get(message.sender.platform_id, "")
        if not view or view == self._noted.get(place) or message.pairing_id:
            return message
        await self._names.fill(Ids(channels=(view,)), web)
        name = self._names.channel(view)
        # Of channels that the app cannot see there is no more than an id.
        if not name or name == view:
            return message
        _keep(self._noted, place, view)
        quotes = [Quote(kind="view", text=f"#{name}"), *message.content.quotes]
        return replace(message, content=message.content.model_copy(update={"quotes": quotes}))

    # what is shown

    def _propose(self, place: Place, host: ConnectorHost, web: AsyncWebClient) -> None:
        questions: Sequence[str] = self._config.suggested_prompts or host.openers()
        prompts = [prompt_of(each) for each in questions[:PROMPTS] if each.strip()]
        if not prompts or time.monotonic() < self._proposed.get(place, 0.0):
            return
        _keep(self._proposed, place, time.monotonic() + AGAIN_S)
        arguments: dict[str, Any] = {"channel_id": place[0], "prompts": prompts}
        if place[1]:
            arguments["thread_ts"] = place[1]
        method = "assistant.threads.setSuggestedPrompts"
        self._start(host, "slack prompts", self._call(web, method, arguments))

    def _start(self, host: ConnectorHost, name: str, work: Awaitable[None]) -> None:
        if self._under_way >= AT_ONCE:
            log.warning("slack: too many chats at once; one goes without its comforts")
            if asyncio.iscoroutine(work):
                work.close()
            return
        self._under_way += 1
        host.tasks.spawn(name, self._run(work))

    async def _run(self, work: Awaitable[None]) -> None:
        try:
            async with asyncio.timeout(CALL_S):
                await work
        except TimeoutError:
            log.debug("slack: no answer in time")
        finally:
            self._under_way -= 1

    @staticmethod
    async def _call(web: AsyncWebClient, method: str, arguments: Mapping[str, Any]) -> None:
        try:
            await web.api_call(method, json=dict(arguments))
        except (SlackClientError, aiohttp.ClientError, OSError) as error:
            why = code_of(error) if isinstance(error, SlackApiError) else fault_of(error)
            log.info("slack: %s: %s; going on without", method, why)


def _open_channel(context: Any) -> str:
    """The first channel of what stands open; Slack puts what matters most in front."""
    entities = context.get("entities") if isinstance(context, Mapping) else None
    for each in entities if isinstance(entities, list) else ():
        if isinstance(each, Mapping) and each.get("type") == CHANNEL and isinstance(each.get("value"), str):
            return str(each["value"])
    return ""


def _keep(table: "OrderedDict[Any, V]", key: Any, value: V) -> None:
    table[key] = value
    table.move_to_end(key)
    while len(table) > MOST:
        table.popitem(last=False)
