"""Groups that become supergroups, against the fake Telegram."""

import asyncio
import logging
from pathlib import Path
from typing import Any

import pytest
from telegram import Update

from bot_host.connector import (
    MOVED_PART,
    Content,
    InboundMembership,
    InboundMessage,
    InboundMove,
    InboundPlaces,
    SendRefused,
    Skipped,
    StoreError,
    Target,
)
from bot_host.testing.connector import RecordingHost
from connectors.telegram.config import TelegramConfig
from connectors.telegram.content import Me
from connectors.telegram.decode import decode
from connectors.telegram.encode import encode
from connectors.telegram.moves import MOVED, Moves, follow
from connectors.telegram.places import View
from connectors.telegram.several import Several
from tests.connectors.telegram_bench import bench
from tests.connectors.telegram_samples import ANN, BOB, GROUP, ME, SUPER, event, said
from tests.connectors.test_telegram_live import ann, fake, host, make, private, running
from tests.fakes.telegram import FakeTelegram
from tests.fakes.telegram_world import Chat, Json, User

__all__ = ["ann", "fake", "host", "private"]

OLD, NEW = "-70", "-1001"


@pytest.mark.parametrize(
    "message", [said(GROUP, ANN, migrate_to_chat_id=-1001), said(SUPER, ANN, migrate_from_chat_id=-70)]
)
def test_either_group_tells_it(message: Json) -> None:
    found = event("message", message)
    assert isinstance(found, InboundMove)
    assert (found.old_world.key, found.old_room.key, found.old_room.channel_id) == (OLD, OLD, OLD)
    assert (found.world.key, found.room.key, found.room.channel_id) == (NEW, NEW, NEW)
    assert found.room.name == message["chat"]["title"]


def moved_event(message: Json, moves: Moves) -> Any:
    return follow_update({"message": message}, moves)


def follow_update(update: Json, moves: Moves) -> Any:
    view = View(me=Me(id=99, username="Eliza_Bot"), config=moves._config, ids_of=moves.ids_of)
    return follow(moves, decode(Update.de_json({"update_id": 1, **update}), view))


def test_what_was_said_in_the_old_group_goes_to_the_new_one() -> None:
    moves = Moves(TelegramConfig())
    moves.add(OLD, NEW)
    found = moved_event(said(GROUP, ANN, text="hi"), moves)
    assert isinstance(found, InboundMessage)
    assert (found.world.key, found.room.key, found.room.channel_id) == (NEW, NEW, NEW)
    assert (found.target.channel_id, found.target.reply_to) == (NEW, "")
    # What comes again is known by its old key.
    assert (found.event_key, found.memory_key) == ("-70/11", "99:-70:11")
    names = moved_event(said(GROUP, ANN, new_chat_title="Friends"), moves)
    assert isinstance(names, Several)
    [places] = names.events
    assert isinstance(places, InboundPlaces)
    assert places.world is not None
    assert (places.world.key, [room.key for room in places.rooms]) == (NEW, [NEW])
    joined = moved_event(said(GROUP, ANN, new_chat_members=[BOB]), moves)
    assert isinstance(joined.events[1], InboundMembership)
    assert joined.events[1].world.key == NEW
    # That the bot is not in the old group any more is no farewell.
    gone = {"user": ME, "status": "left"}
    left = {"chat": GROUP, "from": ANN, "date": 1, "old_chat_member": {**gone, "status": "member"}}
    found = follow_update({"my_chat_member": {**left, "new_chat_member": gone}}, moves)
    assert isinstance(found, Skipped)
    assert found.reason == "group became a supergroup"
    other = moved_event(said(text="hi"), moves)
    assert isinstance(other, InboundMessage)
    assert (other.room.key, other.target.channel_id) == ("5", "5")


@pytest.mark.parametrize(
    ("settings", "here", "reason"),
    [
        ({"allow": [OLD]}, SUPER, ""),
        ({"allow": [NEW]}, GROUP, ""),
        ({"allow": ["-9"]}, SUPER, "not allowed"),
        ({"deny": [OLD]}, SUPER, "denied"),
        ({"deny": [f"server:{OLD}"]}, SUPER, "denied"),
        ({"deny": [NEW]}, GROUP, "denied"),
    ],
)
def test_the_config_may_name_either(settings: Json, here: Json, reason: str) -> None:
    moves = Moves(TelegramConfig(**settings))
    moves.add(OLD, NEW)
    found = moved_event(said(here, ANN, text="hi"), moves)
    assert (found.reason if isinstance(found, Skipped) else "") == reason


def test_the_log_names_the_key_to_change(caplog: pytest.LogCaptureFixture) -> None:
    moves = Moves(TelegramConfig(allow=[f"channel:{OLD}", "-7"], deny=["5"]))
    for _ in range(2):
        moves.add(OLD, NEW)
    [record] = caplog.records
    assert record.levelno == logging.WARNING
    assert "the group -70 became the supergroup -1001; change it in allow" in record.message
    assert "channel:-70" in record.message


async def test_what_is_heard_is_on_disk_with_the_move_and_kept_over_restarts(
    fake: FakeTelegram, host: RecordingHost, ann: User
) -> None:
    group = fake.world.group("Friends")
    fake.bot.sees_all = True
    # All in one batch, as after downtime.
    await fake.say(group, ann, "before")
    new = await fake.migrate(group, ann)
    await fake.say(new, ann, "after")
    async with running(make(fake), host):
        messages = await host.wait_for(InboundMessage, 2)
        moves = await host.wait_for(InboundMove, 2)
    assert [message.room.key for message in messages] == [str(new.id)] * 2
    assert {(move.old_room.key, move.room.key) for move in moves} == {(str(group.id), str(new.id))}
    assert host.remembered[MOVED] == {str(group.id): str(new.id)}
    # Another process knows.
    again = make(fake)
    async with running(again, host):
        while not again._moves.has_moved(str(group.id)):
            await asyncio.sleep(0)
        assert again._chat_id(to(group)) == new.id


async def test_it_is_kept_before_the_move_is_told(
    fake: FakeTelegram, host: RecordingHost, ann: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    group = fake.world.group("Friends")
    tries = 0
    keep = host.remember

    async def refuse_once(name: str, value: Any) -> None:
        nonlocal tries
        if name != MOVED:
            return
        tries += 1
        if tries == 1:
            raise StoreError("busy")
        assert not host.events
        await keep(name, value)

    monkeypatch.setattr(host, "remember", refuse_once)
    await fake.migrate(group, ann)
    async with running(make(fake), host):
        await host.wait_for(InboundMove, 2)
    assert tries == 2


def to(chat: Chat, **more: Any) -> Target:
    return Target(source="telegram", channel_id=str(chat.id), **more)


async def test_a_refusal_tells_it_too(fake: FakeTelegram, host: RecordingHost, ann: User) -> None:
    group = fake.world.group("Friends")
    connector = make(fake)
    async with running(connector, host):
        await host.wait_connected()
        await fake.bot.updates.wait_polling()
        fake.bot.kicked_from.add(group.id)  # it hears nothing there
        new = fake.world.supergroup("Friends")
        group.migrated_to = new.id
        [payload] = connector.encode(Content(text="hi"), to(group, reply_to="3"))
        await connector.send(payload, to(group, reply_to="3"), key="k")
        [move] = await host.wait_for(InboundMove)
        assert (move.old_room.key, move.room.key) == (str(group.id), str(new.id))
        assert await host.wait_remembered(MOVED) == {str(group.id): str(new.id)}
    [message] = fake.sent
    assert (message.chat_id, message.reply_to) == (new.id, None)


async def test_ids_of_old_messages_mean_nothing_in_the_new_group(
    fake: FakeTelegram, host: RecordingHost, ann: User
) -> None:
    group = fake.world.group("Friends")
    connector = make(fake)
    async with running(connector, host):
        await host.wait_connected()
        old = [await connector.send(payload, to(group), key="k") for payload in text("old", to(group))]
        new = await fake.migrate(group, ann)
        await host.wait_for(InboundMove, 2)
        for payload in text("new", to(new)) * 3:
            await connector.send(payload, to(new), key="k")
        before = [message.text for message in fake.sent]
        with pytest.raises(SendRefused, match="became a supergroup"):
            await connector.edit(text("other", to(group))[0], to(group), "2", key="k")
        with pytest.raises(SendRefused, match="became a supergroup"):
            await connector.react(to(group, reply_to="2"), "👍")
        await connector.retract(to(group), old[0].platform_message_id)
        await connector.send({"pressed": 2}, to(group), key="k")
        for target in (to(group, reply_to="2"), to(new, extra={MOVED_PART: "1"})):
            [payload] = text("reply", to(group, reply_to="2"))
            await connector.send(payload, target, key="k")
    assert [message.text for message in fake.sent] == [*before, "reply", "reply"]
    assert [(m.chat_id, m.reply_to, m.deleted, m.edits) for m in fake.sent[1:]] == [
        (new.id, None, False, 0)
    ] * 5
    assert not fake.called("editMessageReplyMarkup")


def text(words: str, target: Target) -> list[Any]:
    return encode(Content(text=words), target)


async def test_a_write_that_fails_is_told_again_by_the_next_refusal(
    fake: FakeTelegram, host: RecordingHost, caplog: pytest.LogCaptureFixture
) -> None:
    group = fake.world.group("Friends")
    connector = make(fake)
    async with running(connector, host):
        await host.wait_connected()
        await fake.bot.updates.wait_polling()
        group.migrated_to = fake.world.supergroup("Friends").id
        host.fail_next = 1
        [payload] = text("hi", to(group))
        await connector.send(payload, to(group), key="k")
        while "could not be written down yet" not in caplog.text:
            await asyncio.sleep(0)
    assert MOVED not in host.remembered


async def test_what_is_learned_before_it_is_read_takes_nothing_away(host: RecordingHost) -> None:
    host.remembered[MOVED] = {"-1": "-2"}
    moves = Moves(TelegramConfig())
    moves.add("-3", "-4")
    await moves.save(host)
    assert host.remembered[MOVED] == {"-1": "-2", "-3": "-4"}


async def test_a_denied_group_stays_denied_to_actions_of_elsewhere(tmp_path: Path) -> None:
    async with bench(tmp_path, deny=["-4100001"]) as b:
        old = b.fake.world.group("Secret")
        assert str(old.id) == "-4100001"
        new = b.fake.world.supergroup("Secret")
        dm = b.fake.world.private(b.ada)
        for chat in (old, new):
            for user in (b.ada, b.fake.bot.user):
                b.fake.members.stand(chat, user, "member")
        told = await b.ask("CHAT_INFO", {"chat": str(new.id)}, where=dm)
        assert "Secret" in told
        old.migrated_to = new.id
        await b.fake.say(old, b.ada, migrate_to_chat_id=new.id)
        told = await b.ask("CHAT_INFO", {"chat": str(new.id)}, where=dm)
        assert told.startswith("error: there is no chat")
