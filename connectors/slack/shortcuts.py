"""Shortcuts, and the forms of commands, on their way to the host."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any, Final

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient

from bot_host.connector import ConnectorHost, InboundMessage, Skipped
from connectors.slack.answering import MALFORMED, OPENED, Answering, malformed
from connectors.slack.decode import Ids
from connectors.slack.direct import Direct
from connectors.slack.errors import code_of, fault_of
from connectors.slack.interactions import SOME_DM, UNKNOWN, Reader, Use
from connectors.slack.menus import FORM, command_form, needs_form, read_command_form, spec_of_shortcut
from connectors.slack.using import NOT_NOW

log = logging.getLogger(__name__)

OPEN_S: Final = 1.0
"""For the question which conversation it is; the acknowledgement waits for it."""
GONE: Final = "I know nothing of that kind any more."

Body = Mapping[str, Any]


class Shortcuts:
    """Reads them."""

    def __init__(
        self,
        host: ConnectorHost,
        reader: Reader,
        answering: Answering,
        *,
        direct: Direct,
        web: AsyncWebClient,
        look_up: Callable[[Ids], Awaitable[None]],
    ) -> None:
        """`look_up`: find out these names, as well as it goes."""
        self._host = host
        self._reader = reader
        self._answering = answering
        self._direct = direct
        self._web = web
        self._look_up = look_up

    async def shortcut(self, body: Body) -> InboundMessage | Skipped:
        """A shortcut, of a message or of none."""
        try:
            about = body["type"] == "message_action"
            use = Use.of_message_menu(body) if about else Use.of_shortcut(body)
            found = spec_of_shortcut(str(body["callback_id"]), self._host.commands())
            if found is None:
                self._answering.say(use, GONE)
                return Skipped(reason=UNKNOWN)
            menu, spec = found
            if reason := self._reader.refuse(use):
                return await self._answering.checked(Skipped(reason=reason), use)
            if menu == "message":
                message = body["message"]
                await self._look_up(Ids(users=(use.user, str(message.get("user") or "")), channels=()))
                return await self._answering.checked(self._reader.menu(body, use, spec), use)
            if needs_form(spec):
                view = command_form(spec, origin=use.origin_of_command())
                self._answering.open(view, use, str(body["trigger_id"]))
                return Skipped(reason=OPENED)
            return await self._asked(use, lambda placed: self._reader.asked(placed, spec, {}))
        except MALFORMED as error:
            return malformed(str(body.get("type", "shortcut")), error)

    async def form(self, body: Body) -> InboundMessage | Skipped:
        """A form that was sent off: that of a command, or another one."""
        view = body.get("view")
        callback_id = str(view.get("callback_id", "")) if isinstance(view, Mapping) else ""
        if not callback_id.startswith(FORM):
            return await self._answering.form(body)
        try:
            use = Use.of_form(body)
            specs = self._host.commands()
            spec = next((each for each in specs if each.name == callback_id.removeprefix(FORM)), None)
            if spec is None:
                self._answering.say(use, GONE)
                return Skipped(reason=UNKNOWN)
            arguments = read_command_form(body["view"], spec)
            return await self._asked(use, lambda placed: self._reader.asked(placed, spec, arguments))
        except MALFORMED as error:
            return malformed("view_submission", error)

    async def _asked(
        self, use: Use, read: Callable[[Use], InboundMessage | Skipped]
    ) -> InboundMessage | Skipped:
        """What is used in no conversation is used in the direct messages."""
        if use.channel == SOME_DM and not self._reader.refuse(use):
            try:
                async with asyncio.timeout(OPEN_S):
                    use = replace(use, channel=await self._direct.of(use.user, self._web))
            except (SlackClientError, aiohttp.ClientError, TimeoutError) as error:
                why = code_of(error) if isinstance(error, SlackApiError) else fault_of(error)
                log.warning("slack: the direct messages of somebody cannot be opened (im:write): %s", why)
                self._answering.say(use, NOT_NOW)
                return Skipped(reason="direct messages cannot be opened", failed=True)
        return await self._answering.checked(read(use), use)
