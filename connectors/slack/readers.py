"""Who reads what comes from Slack, put together for one connection."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from bot_host.connector import ConnectorHost, InboundEvent
from connectors.slack.answering import Answering
from connectors.slack.decode import Decoder, Self
from connectors.slack.direct import Direct
from connectors.slack.home import Home
from connectors.slack.intake import Readers, ReadEvent
from connectors.slack.interactions import Reader
from connectors.slack.names import Lookup
from connectors.slack.shortcuts import Shortcuts
from connectors.slack.using import Tell


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

    async def read_press(body: Mapping[str, Any]) -> InboundEvent:
        container = body.get("container")
        in_home = isinstance(container, Mapping) and container.get("type") == "view"
        return await (home.press(body) if in_home else answering.press(body))

    readers = Readers(
        event=read_event,
        press=read_press,
        form=shortcuts.form,
        shortcut=shortcuts.shortcut,
        command=answering.command,
    )
    return readers, home
