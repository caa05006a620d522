"""An event's way from Slack's JSON to what the host takes in: names and context are looked up before."""

import logging
from collections.abc import Mapping
from typing import Any, Final

from slack_sdk.web.async_client import AsyncWebClient

from bot_host.connector import ConnectorHost, InboundEvent, InboundMessage, LoginError, Skipped, one_line
from connectors.slack.assistant import KINDS, Assistant
from connectors.slack.decode import Decoder
from connectors.slack.events import Self
from connectors.slack.groups import Groups
from connectors.slack.moves import Moves
from connectors.slack.names import Lookup
from connectors.slack.threads import Threads

log = logging.getLogger(__name__)

GONE: Final = frozenset({"app_uninstalled", "tokens_revoked"})

Event = Mapping[str, Any]


def is_gone(event: Event) -> bool:
    """Whether it says that the bot is not wanted any more; the tokens of people are no concern of ours.

    https://docs.slack.dev/reference/events/tokens_revoked
    """
    tokens = event.get("tokens")
    of_people = isinstance(tokens, Mapping) and bool(tokens.get("oauth")) and not tokens.get("bot")
    kind = event.get("type")
    return isinstance(kind, str) and kind in GONE and not (kind == "tokens_revoked" and of_people)


class Reading:
    """Reads the events of one connection."""

    def __init__(
        self,
        *,
        me: Self,
        decoder: Decoder,
        host: ConnectorHost,
        web: AsyncWebClient,
        names: Lookup,
        groups: Groups,
        moves: Moves,
        threads: Threads,
        assistant: Assistant,
    ) -> None:
        self._me = me
        self._decoder = decoder
        self._host = host
        self._web = web
        self._names = names
        self._groups = groups
        self._moves = moves
        self._threads = threads
        self._assistant = assistant
        self.refusal: LoginError | None = None
        """Slack says that the app is not wanted any more."""

    async def body(self, body: Mapping[str, Any]) -> InboundEvent:
        """The event of an envelope."""
        return await self.event(body["event"])

    async def event(self, event: Event) -> InboundEvent:
        """What an event says. Raises StoreError, for what Slack has to deliver again."""
        await self._groups.fill(self._web)
        await self._moves.learn(event, self._host)
        inbound = await self._decoded(event)
        if isinstance(inbound, Skipped):
            log.debug("slack: skipped an event: %s", inbound.reason)
        self._names.learn(event)
        if is_gone(event):
            self.refusal = LoginError(f"Slack says {event['type']}: install the app again, copy its tokens")
        return inbound

    async def _decoded(self, event: Event) -> InboundEvent:
        try:
            if event.get("type") in KINDS:
                return self._assistant.read(event, self._decoder, self._host, self._web)
            stranger = self._decoder.stranger(event)
            if not stranger or await self._host.is_paired(stranger):
                await self._names.fill(self._decoder.ids(event), self._web)
            inbound = self._decoder.decode(event, self._names)
            if not isinstance(inbound, InboundMessage):
                return inbound
            if self._assistant.begins(inbound):
                self._threads.begins((inbound.target.channel_id, inbound.target.thread_id))
            inbound = await self._threads.bring(inbound, self._decoder, self._me, self._web)
            return await self._assistant.beside(inbound, self._host, self._web)
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            # Decode reads what Slack's documentation promises; what breaks the promise comes no better again.
            kind = one_line(str(event.get("type", "none")), 40)
            fault = type(error).__name__
            detail = log.isEnabledFor(logging.DEBUG)
            log.warning("slack: skipped a malformed event of kind %s (%s)", kind, fault, exc_info=detail)
            return Skipped(reason=f"malformed: {kind}", failed=True)

    async def store(self, *events: InboundEvent) -> None:
        """Take events in, in order. Raises StoreError."""
        await self._host.accept(*events)
        await self._threads.stored(events, self._host)
