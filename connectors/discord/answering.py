"""Interactions from the gateway to the host: on disk first, then acknowledged, within three seconds.

They do not wait in line with messages: what is read from history may take minutes, and an interaction that
is not acknowledged in time is lost to its user. They move no mark.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Any, Final

import aiohttp
import discord

from bot_host.connector import (
    PAIRING,
    ConnectorError,
    ConnectorHost,
    InboundMessage,
    Skipped,
    StoreError,
    one_line,
)
from connectors.discord.acks import Acks
from connectors.discord.components import form_of, read_handle
from connectors.discord.decode import View, refuse_interaction
from connectors.discord.interactions import (
    AUTOCOMPLETE,
    COMMAND,
    COMPONENT,
    EPHEMERAL,
    FORM,
    UNKNOWN,
    Interaction,
    decode_interaction,
    decode_typing,
    find_spec,
)
from connectors.discord.replies import TIMEOUT_S
from connectors.discord.rest import Rest, describe

log = logging.getLogger(__name__)

AT_ONCE: Final = 200
"""Interactions under way. More than these would not be acknowledged in time anyway."""
START_S: Final = 2.0
"""What an interaction waits for the account to be known, right after the login."""

MESSAGE: Final = 4
DEFERRED: Final = 5
DEFERRED_UPDATE: Final = 6
PROPOSALS: Final = 8
MODAL: Final = 9

REFUSED: Final = "I may not be used here."
STRANGER: Final = "I do not know you yet: whoever runs me has to approve of you first."
NO_LONGER: Final = "That is no longer open."
NOT_NOW: Final = "I cannot take that just now. Please try again in a moment."

Json = dict[str, Any]


class Answering:
    """Takes interactions in."""

    def __init__(
        self,
        *,
        host: ConnectorHost,
        rest: Rest,
        acks: Acks,
        view: Callable[[], View | None],
        started: asyncio.Event,
    ) -> None:
        """`view` and `started`: who we are and what we know of places, once that is known."""
        self._host = host
        self._rest = rest
        self._acks = acks
        self._view = view
        self._started = started
        self._under_way = 0

    def offer(self, data: Json) -> None:
        """Take one. Never waits."""
        if self._under_way >= AT_ONCE:
            log.warning("discord: too many interactions at once; one was not taken")
            return
        self._under_way += 1
        self._host.tasks.spawn("discord interaction", self._take(data))

    async def _take(self, data: Json) -> None:
        try:
            await self._handle(Interaction.of(data))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            log.warning("discord: skipped an interaction that could not be read: %s", describe(error))
        finally:
            self._under_way -= 1

    async def _handle(self, interaction: Interaction) -> None:
        view = await self._known()
        if view is None:
            await self._tell(interaction, NOT_NOW)
        elif interaction.type == AUTOCOMPLETE:
            await self._propose(interaction, view)
        elif interaction.type == COMPONENT and await self._opens_form(interaction, view):
            return
        elif interaction.type in (COMMAND, COMPONENT, FORM):
            with self._acks.begin(interaction.id):
                await self._accept(interaction, view)

    async def _known(self) -> View | None:
        try:
            async with asyncio.timeout(START_S):
                await self._started.wait()
        except TimeoutError:
            return None
        return self._view()

    async def _accept(self, interaction: Interaction, view: View) -> None:
        specs = self._host.commands()
        decoded = decode_interaction(interaction, specs, view)
        try:
            await self._host.accept(decoded)
        except StoreError as error:
            log.warning("discord: an interaction could not be stored: %s", error)
            await self._tell(interaction, NOT_NOW)
            return
        if isinstance(decoded, Skipped):
            await self._tell(interaction, NO_LONGER if decoded.reason == UNKNOWN else REFUSED)
            return
        if decoded.pairing_id and not await self._host.is_paired(decoded.pairing_id):
            # The host gives them their code, once; nothing else follows.
            await self._tell(interaction, STRANGER)
            return
        await self._acknowledge(interaction, decoded)

    async def _acknowledge(self, interaction: Interaction, message: InboundMessage) -> None:
        # Visibility is decided here: the first answer has that of the acknowledgement.
        private = {"flags": EPHEMERAL} if message.private else {}
        click = interaction.type == COMPONENT or (interaction.type == FORM and bool(interaction.message))
        await self._call_back(interaction, DEFERRED_UPDATE if click else DEFERRED, None if click else private)

    async def _refuse(self, interaction: Interaction, view: View) -> str:
        """What somebody is told who is not let in; empty: come in. Raises StoreError."""
        reason = refuse_interaction(interaction.raw, interaction.user, view)
        if reason != PAIRING:
            return REFUSED if reason else ""
        return "" if await self._host.is_paired(interaction.sender.platform_id) else STRANGER

    async def _opens_form(self, interaction: Interaction, view: View) -> bool:
        """Show a form, if the click asks for one: nothing has happened yet, so nothing is stored."""
        handle = read_handle(str(interaction.data.get("custom_id", "")))
        if handle is None or handle.kind != "open":
            return False
        try:
            refused = await self._refuse(interaction, view)
            choices = None if refused else await self._host.find_choices(handle.key)
        except StoreError as error:
            log.warning("discord: a form could not be read: %s", error)
            await self._tell(interaction, NOT_NOW)
            return True
        if choices is None or not choices.fields:
            await self._tell(interaction, refused or NO_LONGER)
        else:
            await self._call_back(interaction, MODAL, form_of(choices))
        return True

    async def _propose(self, interaction: Interaction, view: View) -> None:
        found: Sequence[str] = ()
        known = find_spec(interaction, self._host.commands()) is not None
        try:
            if known and not await self._refuse(interaction, view):
                found = await self._host.complete(decode_typing(interaction))
        except StoreError as error:
            log.warning("discord: nothing is proposed for a command: %s", error)
        shown = [{"name": text, "value": text} for text in found]
        await self._call_back(interaction, PROPOSALS, {"choices": shown})

    async def _tell(self, interaction: Interaction, text: str) -> None:
        if interaction.type == AUTOCOMPLETE:
            await self._call_back(interaction, PROPOSALS, {"choices": []})
            return
        await self._call_back(interaction, MESSAGE, {"content": text, "flags": EPHEMERAL})

    async def _call_back(self, interaction: Interaction, kind: int, data: Json | None) -> None:
        body = {"type": kind} | ({"data": data} if data else {})
        try:
            await self._rest.request(
                "POST",
                "/interactions/{webhook_id}/{webhook_token}/callback",
                timeout=TIMEOUT_S,
                json=body,
                webhook_id=interaction.id,
                webhook_token=interaction.token,
            )
        except (discord.DiscordException, aiohttp.ClientError, OSError, ConnectorError) as error:
            # Too late, or taken already: what is on disk is answered all the same, by a message.
            log.info("discord: an interaction was not acknowledged: %s", one_line(describe(error), 120))
