"""Answers in the making on each platform, with its library."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from bot_host.connector import ConnectorState, Content, DraftingConnector, Target
from bot_host.host import drafts
from connectors.discord import client as discord_client
from connectors.discord.client import DiscordConnector
from connectors.discord.config import DiscordConfig
from connectors.slack import client as slack_client
from connectors.slack.client import SlackConnector
from connectors.telegram import client as telegram_client
from connectors.telegram.client import TelegramConnector
from connectors.telegram.config import TelegramConfig
from tests.connectors.slack_helpers import config_for
from tests.host.conftest import House
from tests.host.pen import Pen, pen_house, pen_of, settled, show_at_once
from tests.journeys.seats import DM, PLATFORMS, take_seat

PROSE = "Roses want sun, and a deep soil that keeps its water. " * 50
CODE = "```python\n" + "water(the_roses, litres=5)\n" * 120 + "```"
EDITS = {
    "discord": "PATCH /channels/{channel_id}/messages/{message_id}",
    "telegram": "editMessageText",
    "slack": "chat.update",
}


class Room:
    """A direct message on a fake platform, and a host that answers there."""

    def __init__(self, name: str, seat: Any, house: House) -> None:
        self.name = name
        self.seat = seat
        self.house = house
        self.pen = pen_of(house)

    def fail_edits(self, times: int, *, limited: bool) -> None:
        """The next edits are refused: too many, or for good."""
        fake, route = self.seat.fake, EDITS[self.name]
        if self.name == "discord" and limited:
            fake.rate_limit(route, 0.01, times=times)
        elif self.name == "discord":
            fake.fail(route, 403, {"message": "no", "code": 50005}, times=times)
        elif self.name == "telegram" and limited:
            wait = {"retry_after": 1}
            fake.fail(route, status=429, description="Too Many Requests", parameters=wait, times=times)
        elif self.name == "telegram":
            fake.fail(route, status=400, description="Bad Request: message can't be edited", times=times)
        elif limited:
            fake.rate_limit(route, 1, times=times)
        else:
            fake.fail(route, "edit_window_closed", times=times)

    def expected(self, text: str) -> list[str]:
        """What people would see of it, were it sent as a whole."""
        connector: Any = self.house.platform
        payloads = connector.encode(Content(text=text), target("1"))
        if self.name == "telegram":
            return [unescape(re.sub("<[^>]*>", "", payload["html"])).strip() for payload in payloads]
        return [payload["content" if self.name == "discord" else "text"].strip() for payload in payloads]

    @property
    def edits(self) -> int:
        """Requests to edit so far."""
        fake = self.seat.fake
        route = EDITS[self.name]
        return len(fake.called(route) if self.name == "telegram" else fake.calls_of(route))

    @property
    def shown(self) -> list[str]:
        return [text.strip() for text in self.seat.shown(DM)]

    async def shows(self, *texts: str) -> None:
        async with asyncio.timeout(20):
            while self.shown != list(texts):
                await asyncio.sleep(0.005)

    async def settled(self) -> None:
        await self.house.host.finish_pending()
        await settled(self.house)


@pytest.fixture(params=PLATFORMS)
async def room(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> AsyncIterator[Room]:
    show_at_once(monkeypatch)
    for client in (discord_client, slack_client):
        monkeypatch.setattr(client, "EDIT_EVERY_S", 0.01)
    monkeypatch.setattr(telegram_client, "PRIVATE_EDIT_EVERY_S", 0.01)
    async with AsyncExitStack() as stack:
        seat: Any = await take_seat(request.param, stack)
        config: Any
        connector: Any
        if request.param == "discord":
            config = DiscordConfig(
                token=seat.fake.token, api_base=seat.fake.api_base, gateway_url=seat.fake.gateway_url
            )
            connector = DiscordConnector(config)
        elif request.param == "telegram":
            # Where the server has drafts, private chats need no edits: see test_telegram_previews.
            seat.fake.methods.lack("sendMessageDraft")
            config = TelegramConfig(token=seat.fake.token, api_base=seat.fake.url)
            connector = TelegramConnector(config)
        else:
            config = config_for(seat.fake)
            connector = SlackConnector(config)
        house = await stack.enter_async_context(pen_house(tmp_path, connector, Pen(), config))
        async with asyncio.timeout(20):
            while house.host.connectors[0].state is not ConnectorState.CONNECTED:
                await asyncio.sleep(0.005)
            await seat.say(DM, "hi")
            await house.model.wait_asked()
        yield Room(request.param, seat, house)


async def test_an_answer_is_shown_while_it_is_written(room: Room) -> None:
    room.pen.write("Roses want")
    await room.shows("Roses want")
    room.pen.write(" sun & a")
    await room.shows("Roses want sun &amp; a" if room.name == "slack" else "Roses want sun & a")
    room.pen.say(" deep soil.")
    await room.settled()
    whole = "Roses want sun & a deep soil."
    assert room.shown == [whole.replace("&", "&amp;") if room.name == "slack" else whole]
    assert len(room.seat.replies(DM)) == 1


@pytest.mark.parametrize("text", [PROSE * 2, CODE * 2, f"{PROSE}\n\n{CODE}\n\n{PROSE}"])
async def test_a_long_one_goes_on_in_further_messages(room: Room, text: str) -> None:
    """Shown piece by piece, it stands there in the end as if it had been sent as a whole."""
    room.pen.write(text[:30])
    async with asyncio.timeout(20):
        while not room.shown:
            await asyncio.sleep(0.005)
        for at in range(30, len(text), 900):
            before = room.edits, len(room.shown)
            room.pen.write(text[at : at + 900])
            while (room.edits, len(room.shown)) == before:
                await asyncio.sleep(0.005)
    room.pen.end()
    await room.settled()
    assert room.shown == room.expected(text)
    assert len(room.seat.replies(DM)) == len(room.shown) > 1


async def test_edits_that_are_too_many_are_left_out(room: Room) -> None:
    room.pen.write("One")
    await room.shows("One")
    room.fail_edits(2, limited=True)
    room.pen.write(" two")
    await room.shows("One two")
    room.pen.say(" three")
    await room.shows("One two three")
    await room.settled()
    assert len(room.seat.replies(DM)) == 1


async def test_edits_that_are_refused_end_in_a_message_of_its_own(room: Room) -> None:
    room.pen.write("One")
    await room.shows("One")
    room.fail_edits(drafts.REFUSALS + 1, limited=False)
    for count in range(1, drafts.REFUSALS + 1):
        room.pen.write(".")
        async with asyncio.timeout(20):
            while room.edits < count:
                await asyncio.sleep(0.005)
    room.pen.say(" two")
    await room.shows("One... two")
    await room.settled()


def target(channel_id: str) -> Target:
    return Target(source="x", channel_id=channel_id)


@pytest.mark.parametrize(
    ("streaming", "private", "group"), [("auto", 1.1, 0.0), (True, 1.1, 3.1), (False, 0.0, 0.0)]
)
def test_how_often_telegram_is_asked(streaming: Any, private: float, group: float) -> None:
    connector = TelegramConnector(TelegramConfig(token="1:a", streaming=streaming))
    assert isinstance(connector, DraftingConnector)
    assert (connector.edit_every_s(target("7")), connector.edit_every_s(target("-1007"))) == (private, group)


@pytest.mark.parametrize(("streaming", "every_s"), [("auto", 1.2), (True, 1.2), (False, 0)])
async def test_how_often_slack_and_discord_are_asked(streaming: Any, every_s: float) -> None:
    slack = SlackConnector(slack_client.SlackConfig(streaming=streaming))
    assert isinstance(slack, DraftingConnector)
    assert slack.edit_every_s(target("C1")) == every_s
    discord = DiscordConnector(DiscordConfig(token="t", streaming=streaming))
    assert isinstance(discord, DraftingConnector)
    assert discord.edit_every_s(target("1")) == every_s
    await discord.close()
