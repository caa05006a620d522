"""Who reads what comes from Slack, put together for one connection."""

from functools import partial

from slack_sdk.web.async_client import AsyncWebClient

from bot_host.connector import ConnectorHost
from connectors.slack.answering import Answering
from connectors.slack.decode import Decoder, Self
from connectors.slack.direct import Direct
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
) -> Readers:
    """`event` reads events; the others are made here."""
    reader = Reader(me, decoder, names)
    answering = Answering(host=host, reader=reader, web=web, tell=tell)
    look_up = partial(names.fill, web=web)
    shortcuts = Shortcuts(host, reader, answering, direct=direct, web=web, look_up=look_up)
    return Readers(
        event=event,
        press=answering.press,
        form=shortcuts.form,
        shortcut=shortcuts.shortcut,
        command=answering.command,
    )
