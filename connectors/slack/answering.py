"""What people press, fill in and command, on its way to the host; the acknowledgement is the intake's."""

import asyncio
import logging
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient

from bot_host.connector import (
    CommandSpec,
    ConnectorHost,
    InboundMessage,
    Skipped,
    StoreError,
    one_line,
)
from connectors.slack.blocks import Handle, form_of, read_handle
from connectors.slack.errors import code_of, fault_of
from connectors.slack.interactions import Reader, Use
from connectors.slack.menus import command_form, needs_form
from connectors.slack.using import NOT_NOW, Tell

log = logging.getLogger(__name__)

AT_ONCE: Final = 200
"""Forms and notes under way."""
FORM_S: Final = 3.0
"""As long as a `trigger_id` is good."""

REFUSED: Final = "I may not be used here."
STRANGER: Final = "I do not know you yet: whoever runs me has to approve of you first."
NO_LONGER: Final = "That is no longer open."
NOTHING: Final = "Nothing is chosen yet."

MALFORMED: Final = (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError)
STEP: Final = "a step of a choice"
OPENED: Final = "a form was opened"

Body = Mapping[str, Any]


class Answering:
    """Reads them, opens forms, and tells people why something is not done."""

    def __init__(self, *, host: ConnectorHost, reader: Reader, web: AsyncWebClient, tell: Tell) -> None:
        self._host = host
        self._reader = reader
        self._web = web
        self._tell = tell
        self._under_way = 0

    async def press(self, body: Body) -> InboundMessage | Skipped:
        """A button or list."""
        try:
            use = Use.of_press(body)
            handle = read_handle(str(body["actions"][0].get("action_id", "")))
            if handle is not None and handle.kind == "step":
                return Skipped(reason=STEP)
            if handle is not None and handle.kind == "open":
                return self._open(handle, use, str(body["trigger_id"]))
            read = self._reader.press(body, use)
        except MALFORMED as error:
            return malformed("block_actions", error)
        if isinstance(read, Skipped) and handle is not None and handle.kind == "done":
            self.say(use, self._refused(use) or NOTHING)
            return read
        return await self.checked(read, use)

    async def form(self, body: Body) -> InboundMessage | Skipped:
        """A form that was sent off."""
        try:
            use = Use.of_form(body)
            read = self._reader.form(body, use)
        except MALFORMED as error:
            return malformed("view_submission", error)
        return await self.checked(read, use)

    async def command(self, body: Body) -> tuple[InboundMessage | Skipped, bool]:
        """A slash command; and whether all may see that it was used."""
        specs = self._host.commands()
        try:
            use = Use.of_command(body)
            read = await self.checked(self._reader.command(body, use, specs), use)
            if isinstance(read, InboundMessage) and (spec := await self._asks_back(read, specs)) is not None:
                use = replace(use, private=read.private)
                self.open(command_form(spec, origin=use.origin_of_command()), use, str(body["trigger_id"]))
                return Skipped(reason=OPENED), False
        except MALFORMED as error:
            return malformed("slash_commands", error), False
        if isinstance(read, Skipped) or read.command is None:
            return read, False
        # What nobody knows is answered to one person alone.
        known = any(each.name == read.command.name for each in specs)
        return read, known and not read.private and not read.pairing_id

    async def _asks_back(self, read: InboundMessage, specs: Sequence[CommandSpec]) -> CommandSpec | None:
        """The command that has to be told more than its name."""
        use = read.command
        if use is None or use.text or use.arguments:
            return None
        if read.pairing_id and not await self._host.is_paired(read.pairing_id):
            return None
        return next((each for each in specs if each.name == use.name and needs_form(each)), None)

    async def checked(self, read: InboundMessage | Skipped, use: Use) -> InboundMessage | Skipped:
        """`read`; who is refused is told so."""
        if isinstance(read, Skipped):
            self.say(use, self._refused(use) or NO_LONGER)
        elif read.pairing_id and not await self._host.is_paired(read.pairing_id):
            # The host gives them their code, once; nothing else follows.
            self.say(use, STRANGER)
        return read

    def _refused(self, use: Use) -> str:
        return REFUSED if self._reader.refuse(use) else ""

    def say(self, use: Use, text: str) -> None:
        """Tell somebody, and wait for nothing."""
        self._start("slack note", self._tell(use.target, text))

    def _start(self, name: str, work: Awaitable[None]) -> None:
        if self._under_way >= AT_ONCE:
            log.warning("slack: too many buttons at once; somebody is not told why nothing happens")
            return
        self._under_way += 1
        self._host.tasks.spawn(name, self._run(work))

    async def _run(self, work: Awaitable[None]) -> None:
        try:
            await work
        finally:
            self._under_way -= 1

    # forms

    def _open(self, handle: Handle, use: Use, trigger_id: str) -> Skipped:
        """Show a form: nothing has happened yet, so nothing is stored, and nobody waits for it."""
        if reason := self._reader.refuse(use):
            self.say(use, REFUSED)
            return Skipped(reason=reason)
        self._start("slack form", self._show(handle.key, use, trigger_id))
        return Skipped(reason=OPENED)

    async def _show(self, key: str, use: Use, trigger_id: str) -> None:
        try:
            async with asyncio.timeout(FORM_S):
                choices = await self._host.find_choices(key)
        except (StoreError, TimeoutError) as error:
            log.warning("slack: a form could not be read: %s", error or "it took too long")
            await self._tell(use.target, NOT_NOW)
            return
        if choices is None or not choices.fields:
            await self._tell(use.target, NO_LONGER)
            return
        await self._show_view(form_of(choices, origin=use.origin()), use, trigger_id)

    def open(self, view: Mapping[str, Any], use: Use, trigger_id: str) -> None:
        """Show a form, and wait for nothing."""
        self._start("slack form", self._show_view(view, use, trigger_id))

    async def _show_view(self, view: Mapping[str, Any], use: Use, trigger_id: str) -> None:
        try:
            async with asyncio.timeout(FORM_S):
                await self._web.views_open(trigger_id=trigger_id, view=dict(view))
        except (SlackClientError, aiohttp.ClientError, TimeoutError) as error:
            why = code_of(error) if isinstance(error, SlackApiError) else fault_of(error)
            log.warning("slack: a form could not be shown: %s", why)
            await self._tell(use.target, NOT_NOW)


def malformed(kind: str, error: Exception) -> Skipped:
    """What breaks the promises of Slack's documentation."""
    log.warning("slack: skipped a malformed %s (%s)", one_line(kind, 40), type(error).__name__)
    return Skipped(reason=f"malformed: {kind}", failed=True)
