"""Editing and taking back what was sent: on each platform, with its library, as often as one likes."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest

from bot_host.connector import (
    Content,
    EditingConnector,
    ReactingConnector,
    RoomClosed,
    SendLater,
    SendRefused,
    SendUnknown,
    Target,
)
from connectors.discord.client import DiscordConnector
from connectors.discord.config import DiscordConfig
from connectors.slack.client import SlackConnector
from connectors.telegram.client import TelegramConnector
from connectors.telegram.config import TelegramConfig
from tests.connectors.slack_helpers import config_for
from tests.fakes.discord import FakeDiscord
from tests.fakes.slack import FakeSlack
from tests.fakes.telegram import FakeTelegram

PLATFORMS = ("discord", "telegram", "slack")
DISCORD = "/channels/{channel_id}/messages/{message_id}"


class Desk:
    """A connector with a room of its fake platform."""

    def __init__(self, name: str, fake: Any, connector: Any, channel: Any) -> None:
        self.name = name
        self.fake = fake
        self.connector = connector
        self.channel = channel
        self.target = Target(source=name, channel_id=str(channel.id), reply_to="")

    async def send(self, text: str) -> str:
        [payload] = self.connector.encode(Content(text=text), self.target)
        sent = await self.connector.send(payload, self.target, key=text)
        return str(sent.platform_message_id)

    async def edit(self, message_id: str, text: str) -> None:
        [payload] = self.connector.encode(Content(text=text), self.target)
        await self.connector.edit(payload, self.target, message_id, key="k:1")

    async def retract(self, message_id: str) -> None:
        await self.connector.retract(self.target, message_id)

    def shown(self) -> list[str]:
        """What people see."""
        if self.name == "discord":
            return [message["content"] for message in self.channel.messages.values()]
        if self.name == "telegram":
            return [message.text for message in self.fake.sent if not message.deleted]
        return [post["text"] for post in self.channel.messages.values()]

    def refuse(self, what: str, status: int, telegram: str, slack: str, discord: int = 0) -> None:
        """The next `edit` or `retract` fails so."""
        if self.name == "discord":
            method = "PATCH" if what == "edit" else "DELETE"
            self.fake.fail(f"{method} {DISCORD}", status, {"message": "no", "code": discord})
        elif self.name == "telegram":
            method = "editMessageText" if what == "edit" else "deleteMessage"
            self.fake.fail(method, status=status, description=telegram)
        else:
            self.fake.fail("chat.update" if what == "edit" else "chat.delete", slack)


@pytest.fixture(params=PLATFORMS)
async def desk(request: pytest.FixtureRequest) -> AsyncIterator[Desk]:
    name = request.param
    async with AsyncExitStack() as stack:
        fake: Any
        connector: Any
        if name == "discord":
            fake = await stack.enter_async_context(FakeDiscord())
            channel: Any = fake.add_channel(fake.add_guild("Workshop"), "general")
            connector = DiscordConnector(DiscordConfig(token=fake.token, api_base=fake.api_base))
        elif name == "telegram":
            fake = await stack.enter_async_context(FakeTelegram())
            channel = fake.world.private(fake.world.user("Ann", username="ann"))
            connector = TelegramConnector(TelegramConfig(token=fake.token, api_base=fake.url))
        else:
            fake = await stack.enter_async_context(FakeSlack())
            channel = fake.add_channel("general")
            connector = SlackConnector(config_for(fake))
        stack.push_async_callback(connector.close)
        yield Desk(name, fake, connector, channel)


async def test_a_message_says_something_else_as_often_as_one_likes(desk: Desk) -> None:
    assert isinstance(desk.connector, EditingConnector)
    first, second = await desk.send("one"), await desk.send("two")
    for _ in range(2):
        await desk.edit(first, "three & <more>")
    await desk.retract(second)
    await desk.retract(second)
    expected = "three &amp; &lt;more&gt;" if desk.name == "slack" else "three & <more>"
    assert desk.shown() == [expected]


async def test_no_edit_pings_anybody(desk: Desk) -> None:
    message_id = await desk.send("one")
    await desk.edit(message_id, "@everyone <!channel> <@&1>")
    if desk.name == "discord":
        [call] = desk.fake.calls_of(f"PATCH {DISCORD}")
        assert call.payload["allowed_mentions"] == {"parse": [], "replied_user": False}
    elif desk.name == "slack":
        assert desk.fake.pings() == []


async def test_an_edit_of_a_reply_does_not_say_again_what_it_answers(desk: Desk) -> None:
    message_id = await desk.send("one")
    replying = Target(source=desk.name, channel_id=str(desk.channel.id), reply_to="1")
    [payload] = desk.connector.encode(Content(text="two"), replying)
    await desk.connector.edit(payload, replying, message_id, key="k:1")
    assert desk.shown() == ["two"]
    if desk.name == "discord":
        [call] = desk.fake.calls_of(f"PATCH {DISCORD}")
        assert "message_reference" not in call.payload


async def test_markup_that_is_refused_is_edited_in_plain(desk: Desk) -> None:
    if desk.name == "discord":
        pytest.skip("Discord takes any Markdown")
    message_id = await desk.send("one")
    desk.refuse("edit", 400, "Bad Request: can't parse entities: oops", "invalid_blocks")
    await desk.edit(message_id, "**two**")
    assert desk.shown() == ["**two**"]


@pytest.mark.parametrize("what", ["edit", "retract"])
@pytest.mark.parametrize(
    ("status", "telegram", "slack", "discord", "kind"),
    [
        (403, "Forbidden: bot was blocked by the user", "channel_not_found", 50001, RoomClosed),
        (503, "Service Unavailable", "fatal_error", 0, SendUnknown),
        (401, "Unauthorized", "invalid_auth", 0, SendLater),
    ],
)
async def test_failures_are_told_as_those_of_sending(
    desk: Desk, what: str, status: int, telegram: str, slack: str, discord: int, kind: type[Exception]
) -> None:
    message_id = await desk.send("one")
    desk.refuse(what, status, telegram, slack, discord)
    if desk.name == "telegram" and kind is SendUnknown:
        kind = SendLater  # 5xx are the Bot API's own: nothing was done
    with pytest.raises(kind) as caught:
        await (desk.edit(message_id, "two") if what == "edit" else desk.retract(message_id))
    assert type(caught.value) is kind
    if isinstance(caught.value, SendLater):
        # A refused token is no matter of one room; Telegram's own trouble may be.
        assert caught.value.account is (status == 401)
    await (desk.edit(message_id, "two") if what == "edit" else desk.retract(message_id))
    assert desk.shown() == (["two"] if what == "edit" else [])


async def test_what_is_gone_cannot_be_edited(desk: Desk) -> None:
    message_id = await desk.send("one")
    await desk.retract(message_id)
    with pytest.raises(SendRefused) as caught:
        await desk.edit(message_id, "two")
    assert type(caught.value) is SendRefused


MARKS = {"discord": "⚠️", "telegram": "🤔", "slack": ":warning:"}


def reactions(desk: Desk, message_id: str) -> list[str]:
    """Those that a message has by now."""
    if desk.name == "discord":
        assert all(put for *_, put in desk.fake.reacted)
        return sorted({emoji for _, message, emoji, _ in desk.fake.reacted if message == message_id})
    if desk.name == "telegram":
        return list(desk.fake.world.reactions.get((desk.channel.id, int(message_id)), []))
    return [f":{name}:" for _, ts, name in desk.fake.methods.reactions if ts == message_id]


async def test_a_reaction_is_put_as_often_as_one_likes_and_is_one(desk: Desk) -> None:
    assert isinstance(desk.connector, ReactingConnector)
    message_id = await desk.send("one")
    target = Target(source=desk.name, channel_id=str(desk.channel.id), reply_to=message_id)
    for _ in range(2):
        await desk.connector.react(target, MARKS[desk.name])
    assert reactions(desk, message_id) == [MARKS[desk.name]]


async def test_a_reaction_that_is_refused_is_said_to_be(desk: Desk) -> None:
    gone = "1.000001" if desk.name == "slack" else "77"
    target = Target(source=desk.name, channel_id=str(desk.channel.id), reply_to=gone)
    with pytest.raises(SendRefused):
        await desk.connector.react(target, MARKS[desk.name])
