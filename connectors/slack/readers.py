"""Who reads what comes from Slack, put together for one connection."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from typing import Any, Final

from slack_sdk.web.async_client import AsyncWebClient

from bot_host.connector import ConnectorHost, InboundEvent
from connectors.slack.answering import Answering
from connectors.slack.decode import Decoder, Ids, Self
from connectors.slack.direct import Direct
from connectors.slack.home import Home
from connectors.slack.intake import Readers, ReadEvent
from connectors.slack.interactions import Reader, team_of
from connectors.slack.names import Lookup
from connectors.slack.shortcuts import Shortcuts
from connectors.slack.using import Tell

LOOK_S: Final = 1.0
"""For who a person of another workspace is; the acknowledgement waits for it."""


def make_readers(
    host: ConnectorHost,
    me: Self,
    decoder: Decoder,
    *,
    names: Lookup,
    direct: Direct,
    web: AsyncWebClient,
    tell: Tell,
    event: ReadEvent,
) -> tuple[Readers, Home]:
    """`event` reads events; the others are made here."""
    reader = Reader(me, decoder, names)
    answering = Answering(host=host, reader=reader, web=web, tell=tell)
    look_up = partial(names.fill, web=web)
    shortcuts = Shortcuts(host, reader, answering, direct=direct, web=web, look_up=look_up)
    home = Home(host, reader, decoder, answering, direct=direct, web=web)

    async def read_event(body: Mapping[str, Any]) -> InboundEvent:
        if body["event"].get("type") == "app_home_opened":
            home.opened(body["event"])
        return await event(body)

    def known(read: ReadEvent) -> ReadEvent:
        """Whoever is of another workspace is looked up first: an organisation's others are no strangers."""

        async def look_and_read(body: Mapping[str, Any]) -> InboundEvent:
            team, user = team_of(body), body.get("user")
            if team not in ("", me.team_id) and isinstance(user, Mapping):
                with suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_S):
                        await look_up(Ids(users=(str(user.get("id") or ""),), channels=()))
            return await read(body)

        return look_and_read

    async def read_press(body: Mapping[str, Any]) -> InboundEvent:
        container = body.get("container")
        in_home = isinstance(container, Mapping) and container.get("type") == "view"
        return await (home.press(body) if in_home else answering.press(body))

    readers = Readers(
        event=read_event,
        press=known(read_press),
        form=known(shortcuts.form),
        shortcut=known(shortcuts.shortcut),
        command=answering.command,
    )
    return readers, home
