"""Topics on Telegram, of groups and of private chats: each a room, until it is gone."""

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from telegram import User

from bot_host.connector import ChannelType, Content, InboundPlaces, RoomClosed, Target
from bot_host.testing import RecordingHost
from connectors.telegram.check import findings
from connectors.telegram.config import TelegramConfig
from connectors.telegram.places import thread_id_of
from tests.connectors.telegram_samples import DATE, ME, PRIVATE, SUPER, event, message, reason, said
from tests.connectors.test_telegram_live import make, running
from tests.fakes.telegram import FakeTelegram
from tests.fakes.telegram_world import Chat, Json

IN_TOPIC: Json = {"message_thread_id": 8, "is_topic_message": True}


@pytest.fixture
async def fake() -> AsyncIterator[FakeTelegram]:
    async with FakeTelegram() as running_fake:
        yield running_fake


@pytest.fixture
async def host(tmp_path: Path) -> AsyncIterator[RecordingHost]:
    recording = RecordingHost(tmp_path)
    yield recording
    await recording.tasks.close()


def place(fake: FakeTelegram, kind: str) -> Chat:
    ann = fake.world.user("Ann")
    return fake.world.private(ann) if kind == "private" else fake.world.supergroup("Club", is_forum=True)


@pytest.mark.parametrize("kind", ["private", "supergroup"])
async def test_each_topic_is_a_conversation_of_its_own(
    fake: FakeTelegram, host: RecordingHost, kind: str
) -> None:
    chat = place(fake, kind)
    ann = fake.world.user("Ann") if chat.user is None else chat.user
    connector = make(fake)
    async with running(connector, host):
        await host.wait_connected()
        fake.world.next_message_id(chat, fake.bot)  # 1 is the General topic's
        one, two = [await fake.open_topic(chat, name, ann) for name in ("Roses", "Tulips")]
        for topic in (one, two, None):
            await fake.say(chat, ann, "@fake_bot hello", topic=topic)
        while len(host.messages) < 3:
            await asyncio.sleep(0)
        for said_there in host.messages:
            for payload in connector.encode(Content(text="Hello."), said_there.target):
                await connector.send(payload, said_there.target, key="k")
            await connector.typing(said_there.target)
    rooms = [(each.room.key, each.room.type, each.room.name) for each in host.messages]
    of_topics = ChannelType.DM if kind == "private" else ChannelType.THREAD
    whole = (str(chat.id), ChannelType.DM if kind == "private" else ChannelType.GROUP)
    assert rooms[:2] == [(f"{chat.id}-{one}", of_topics, "Roses"), (f"{chat.id}-{two}", of_topics, "Tulips")]
    assert rooms[2][:2] == whole
    assert [m.thread_id for m in fake.sent] == [one, two, None]
    shown = [call.params.get("message_thread_id") for call in fake.called("sendChatAction")]
    assert shown == [str(one), str(two), None]


@pytest.mark.parametrize("kind", ["private", "supergroup"])
async def test_what_was_meant_for_a_topic_that_is_gone_comes_into_the_chat(
    fake: FakeTelegram, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    chat = place(fake, kind)
    connector = make(fake)
    target = Target(source="telegram", channel_id=str(chat.id), thread_id="77", reply_to="78")
    [payload] = connector.encode(Content(text="**Hello** you"), target)
    await connector.send(payload, target, key="k")
    await connector.close()
    [sent] = fake.sent
    assert (sent.text, sent.thread_id, sent.reply_to) == ("↪ (its topic is gone)\nHello you", None, None)
    assert f"topic 77 of chat {chat.id} is gone" in caplog.text


async def test_a_closed_topic_says_what_opens_it(fake: FakeTelegram) -> None:
    chat = place(fake, "supergroup")
    fake.fail("sendMessage", status=400, description="Bad Request: TOPIC_CLOSED")
    connector = make(fake)
    target = Target(source="telegram", channel_id=str(chat.id), thread_id="77")
    [payload] = connector.encode(Content(text="hi"), target)
    with pytest.raises(RoomClosed, match="open the topic again"):
        await connector.send(payload, target, key="k")
    await connector.close()


def test_the_general_topic_is_the_group() -> None:
    assert message(SUPER, text="hi").room.key == "-1001"
    general = Target(source="telegram", channel_id="-1001", thread_id="1")
    assert thread_id_of(general) is None
    assert thread_id_of(Target(source="telegram", channel_id="5", thread_id="1")) == 1


@pytest.mark.parametrize("chat", [SUPER, PRIVATE])
def test_topics_are_named_renamed_and_opened_again(chat: Json) -> None:
    made = {"forum_topic_created": {"name": "News", "icon_color": 1}}
    for fields, name in ((made, "News"), ({"forum_topic_edited": {"name": "Old"}}, "Old")):
        found = event("message", said(chat, **IN_TOPIC, **fields))
        assert isinstance(found, InboundPlaces)
        [room] = found.rooms
        assert (room.key, room.thread_id, room.name) == (f"{chat['id']}-8", "8", name)
    found = event("message", said(chat, **IN_TOPIC, forum_topic_reopened={}))
    assert isinstance(found, InboundPlaces)
    assert found.opened == (str(chat["id"]),)
    closed = said(chat, **IN_TOPIC, forum_topic_closed={})
    assert reason("message", closed) == "service: forum_topic_closed"


def test_a_name_that_is_not_told_is_kept() -> None:
    other = {**said(SUPER, text="x", **IN_TOPIC), "message_id": 9}
    assert message(SUPER, text="hi", **IN_TOPIC, reply_to_message=other).room.name == ""


def test_a_thread_of_replies_is_no_topic() -> None:
    first = {**said(SUPER, text="first"), "message_id": 10, "date": DATE}
    found = message(SUPER, text="second", message_thread_id=10, reply_to_message=first)
    assert (found.room.key, found.target.thread_id) == ("-1001", "")


def test_check_says_that_private_chats_have_topics() -> None:
    def named(**more: bool) -> list[str]:
        me = User.de_json({**ME, "can_join_groups": True, "can_read_all_group_messages": True, **more})
        return [line.name for line in findings(me, None, TelegramConfig())]

    assert "telegram topics" in named(has_topics_enabled=True)
    assert "telegram topics" not in named()
