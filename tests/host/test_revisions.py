"""An edited question, answered already: the same answer is edited, once, and nothing is said twice."""

import asyncio
import sqlite3
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot_host.connector import ConnectorConfig, SendRefused, SendUnknown
from bot_host.kit import clock
from bot_host.runtime import AgentOptions, Limits
from bot_host.store import revisions
from bot_host.testing import FakePlatform
from bot_host.types.content import ChannelType, Content
from bot_host.types.errors import ModelError
from bot_host.types.events import EventType, MessageEvent
from bot_host.types.inbound import InboundEdit, InboundMessage
from tests.host.conftest import House, Houses
from tests.host.test_hard_moments import until
from tests.host.test_host import inbox_of

GROUP: dict[str, Any] = {"room": "general", "type": ChannelType.GROUP}
LONG = "a" * 200 + "b" * 200 + "c" * 50
"""Three parts."""


class Lasting(FakePlatform):
    """What was said there cannot be changed."""

    edit = None  # type: ignore[assignment]
    retract = None  # type: ignore[assignment]


async def settled(house: House) -> None:
    """All is done, and no row breaks a promise."""
    await house.host.finish_pending()
    audited = await house.store.audit_rows(host_runs=False)
    assert audited.violations == ()
    assert audited.balance.balanced


async def ask(house: House, text: str, **how: Any) -> InboundMessage:
    """Say something and see it answered."""
    said = await house.platform.say(text, **how)
    await house.host.finish_pending()
    return said


async def changed(house: House, count: int = 1) -> list[tuple[str, str, str]]:
    await house.platform.wait_until(lambda: len(house.platform.changes) >= count)
    return house.platform.changes


def asked(house: House) -> list[str]:
    """The people's words in the newest prompt."""
    return [m.content for m in house.model.requests[-1].messages if m.role == "user"]


def outbox_of(folder: Path) -> list[tuple[str, int, int, str, str]]:
    database = sqlite3.connect(folder / "bot.db")
    try:
        return database.execute(
            "SELECT operation, revision, part, state, platform_message_id FROM outbox ORDER BY seq"
        ).fetchall()
    finally:
        database.close()


class TestTheAnswer:
    async def test_is_edited_where_it_stands_and_remembered_as_it_is_now(
        self, house: House, tmp_path: Path
    ) -> None:
        said = await ask(house, "what is 2+2")
        await house.platform.rewrite(said, "what is 3+3")
        assert await changed(house) == [("edit", "sent-1", "echo: what is 3+3")]
        await settled(house)
        assert len(house.platform.sent) == 1
        [room] = await house.store.get_rooms(house.agent_id)
        memories = await house.store.get_memories(room.id)
        assert [(m.content.text, m.revision) for m in memories] == [
            ("what is 3+3", 1),
            ("echo: what is 3+3", 1),
        ]
        assert inbox_of(tmp_path) == [("done", "answered", "direct message")]
        assert outbox_of(tmp_path) == [
            ("send", 0, 0, "sent", "sent-1"),
            ("edit", 1, 0, "sent", "sent-1"),
        ]

    async def test_stays_when_what_it_was_about_changes_by_itself(self, house: House) -> None:
        said = await ask(house, "[live location]")
        edit = InboundEdit(
            event_key=said.event_key,
            content=Content(text="[live location, moved]"),
            edited_at=clock.utc_now(),
            quiet=True,
        )
        await house.platform.accept(edit)
        await ask(house, "where am I?")
        assert house.platform.changes == []
        assert asked(house) == ["[live location, moved]", "where am I?"]
        await settled(house)

    async def test_knows_what_was_said_before_and_nothing_of_what_came_later(self, house: House) -> None:
        await ask(house, "my name is Ada")
        said = await ask(house, "who am I")
        await ask(house, "call me Countess from now on")
        await house.platform.rewrite(said, "who am I?")
        assert (await changed(house))[0][1] == "sent-2"
        assert asked(house) == ["my name is Ada", "who am I?"]
        answers = [m.content for m in house.model.requests[-1].messages if m.role == "assistant"]
        assert answers == ["echo: my name is Ada"]
        await settled(house)

    async def test_gets_shorter_and_longer(self, house: House, tmp_path: Path) -> None:
        house.model.answers = [LONG, "short", LONG, "b" * 201]
        said = await ask(house, "0")
        for number, shown in enumerate(
            (["short"], ["a" * 200, "b" * 200, "c" * 50], ["b" * 200, "b"]), start=1
        ):
            await house.platform.rewrite(said, f"{number}")
            await settled(house)
            assert house.platform.shown == shown
        assert outbox_of(tmp_path) == [
            ("send", 0, 0, "sent", "sent-1"),
            ("send", 0, 1, "sent", "sent-2"),
            ("send", 0, 2, "sent", "sent-3"),
            ("edit", 1, 0, "sent", "sent-1"),
            ("delete", 1, 1, "sent", "sent-2"),
            ("delete", 1, 2, "sent", "sent-3"),
            ("edit", 2, 0, "sent", "sent-1"),
            ("send", 2, 1, "sent", "sent-4"),
            ("send", 2, 2, "sent", "sent-5"),
            ("edit", 3, 0, "sent", "sent-1"),
            ("edit", 3, 1, "sent", "sent-4"),
            ("delete", 3, 2, "sent", "sent-5"),
        ]
        keys = [key for _, _, key in house.platform.sent]
        assert len(set(keys)) == len(keys)

    async def test_follows_the_newest_of_many_edits_by_one_commit(self, house: House) -> None:
        said = await ask(house, "0")
        house.model.hold.clear()
        await house.platform.rewrite(said, "1")
        await house.model.wait_asked(2)
        for number in range(2, 6):
            await house.platform.rewrite(said, f"{number}")
        house.model.hold.set()
        await settled(house)
        assert house.platform.changes == [("edit", "sent-1", "echo: 5")]

    async def test_waits_for_quiet_after_the_edit(self, house_at: Houses) -> None:
        async with house_at(options=AgentOptions(debounce_ms=150)) as house:
            said = await ask(house, "0")
            await asyncio.sleep(0.4)
            for number in (1, 2, 3):
                await house.platform.rewrite(said, f"{number}")
            await settled(house)
            assert house.platform.changes == [("edit", "sent-1", "echo: 3")]
            assert len(house.model.requests) == 2

    async def test_to_several_messages_is_given_to_all_of_them_again(self, house: House) -> None:
        house.model.hold.clear()
        await house.platform.say("hello")
        await house.model.wait_asked()
        first, _ = await house.platform.say("one"), await house.platform.say("two")
        house.model.hold.set()
        await house.host.finish_pending()
        assert len(house.platform.sent) == 2
        await house.platform.rewrite(first, "one, mended")
        assert (await changed(house))[0][1] == "sent-2"
        assert asked(house) == ["hello", "one, mended", "two"]
        await settled(house)
        assert len(house.platform.sent) == 2

    async def test_has_a_turn_apart_from_new_messages(self, house: House) -> None:
        said = await ask(house, "one")
        house.model.hold.clear()
        await house.platform.say("two")
        await house.model.wait_asked(2)
        await house.platform.say("three")
        await house.platform.rewrite(said, "one, mended")
        house.model.hold.set()
        await settled(house)
        assert house.platform.shown == ["echo: one, mended", "echo: two", "echo: three"]

    async def test_knows_what_was_said_before_although_newer_messages_wait(self, house_at: Houses) -> None:
        async with house_at(options=AgentOptions(conversation_length=4)) as house:
            await ask(house, "zero")
            said = await ask(house, "one")
            await ask(house, "two")
            house.model.hold.clear()
            await house.platform.say("three")
            await house.model.wait_asked(4)
            await house.platform.say("four")
            await house.platform.rewrite(said, "one, mended")
            house.model.hold.set()
            await settled(house)
            [prompt] = [r for r in house.model.requests if r.messages[-1].content == "one, mended"]
            assert [m.content for m in prompt.messages[1:]] == ["zero", "echo: zero", "one, mended"]

    async def test_that_was_not_sent_yet_is_sent_and_then_edited(self, house: House) -> None:
        house.platform.hold_sends.clear()
        said = await house.platform.say("one")
        await until(lambda: house.platform.tried == 1)
        await house.platform.rewrite(said, "two")
        await house.model.wait_asked(2)
        house.platform.hold_sends.set()
        await settled(house)
        assert house.platform.shown == ["echo: two"]

    async def test_that_never_arrived_is_sent(self, house: House) -> None:
        house.platform.faults.append(SendRefused("too long"))
        said = await ask(house, "one")
        await house.platform.rewrite(said, "two")
        await settled(house)
        assert house.platform.shown == ["echo: two"]
        assert house.platform.changes == []

    async def test_is_told_to_plugins_as_said_again(self, house: House) -> None:
        heard: list[tuple[str, bool]] = []

        def hear(event: MessageEvent) -> None:
            heard.append((event.message.content.text, event.again))

        house.host.get_agent(house.agent_id).register_event(EventType.MESSAGE_SENT, hear)
        said = await ask(house, "one")
        await house.platform.rewrite(said, "two")
        await settled(house)
        assert heard == [("echo: one", False), ("echo: two", True)]

    async def test_loses_the_vector_of_its_old_words(self, house: House, tmp_path: Path) -> None:
        said = await ask(house, "one")
        [room] = await house.store.get_rooms(house.agent_id)
        [_, answer] = await house.store.get_memories(room.id)
        await house.store.set_embedding(answer.id, [1.0, 0.0], model="m")
        await house.platform.rewrite(said, "two")
        await settled(house)
        database = sqlite3.connect(tmp_path / "bot.db")
        assert database.execute("SELECT count(*) FROM embeddings").fetchone() == (0,)
        database.close()


class TestItStands:
    """The answer stays as it is, and its question answered."""

    async def check(self, house: House, said: InboundMessage, folder: Path, reason: str) -> None:
        await house.platform.rewrite(said, "edited")
        await settled(house)
        assert house.platform.changes == []
        assert len(house.platform.sent) == 1
        assert inbox_of(folder) == [("done", "answered", reason)]

    @pytest.mark.parametrize("failure", [ModelError("down"), ValueError("a bug")])
    async def test_when_the_model_fails(self, house: House, tmp_path: Path, failure: Exception) -> None:
        said = await ask(house, "one")
        house.model.answers = [failure]
        why = "down" if isinstance(failure, ModelError) else "ValueError"
        await house.platform.rewrite(said, "edited")
        await settled(house)
        assert house.platform.shown == ["echo: one"]
        [(state, outcome, reason)] = inbox_of(tmp_path)
        assert (state, outcome) == ("done", "answered")
        assert reason.startswith("answer kept: ")
        assert why in reason

    async def test_when_a_limit_is_reached(self, house_at: Houses, tmp_path: Path) -> None:
        async with house_at(options=AgentOptions(limits=Limits(tokens_per_day=1))) as house:
            said = await ask(house, "one")
            await self.check(house, said, tmp_path, "answer kept: over_limit: tokens_per_day")

    async def test_when_the_edit_says_stop(self, house_at: Houses, tmp_path: Path) -> None:
        async with house_at(options=AgentOptions(stop_words=["edited"])) as house:
            said = await ask(house, "one")
            await self.check(house, said, tmp_path, "answer kept: stop_word")

    async def test_when_the_config_says_so(self, house_at: Houses, tmp_path: Path) -> None:
        async with house_at(config=ConnectorConfig(edited_answer="ignore")) as house:
            said = await ask(house, "one")
            await self.check(house, said, tmp_path, "direct message")
            assert len(house.model.requests) == 1

    async def test_where_the_platform_cannot(self, house_at: Houses, tmp_path: Path) -> None:
        async with house_at(platform=Lasting()) as house:
            said = await ask(house, "one")
            await self.check(house, said, tmp_path, "direct message")

    async def test_when_the_edit_comes_late(
        self, house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        said = await ask(house, "one")
        now = clock.utc_now() + timedelta(minutes=16)
        monkeypatch.setattr("bot_host.host.inbox.utc_now", lambda: now)
        await self.check(house, said, tmp_path, "direct message")

    async def test_when_it_has_been_revised_too_often(self, house: House) -> None:
        said = await ask(house, "one")
        for number in range(revisions.MOST + 3):
            await house.platform.rewrite(said, f"{number}")
            await settled(house)
        assert len(house.platform.changes) == revisions.MOST

    async def test_when_it_is_not_known_any_more(self, house: House, tmp_path: Path) -> None:
        said = await ask(house, "one")
        [room] = await house.store.get_rooms(house.agent_id)
        [_, answer] = await house.store.get_memories(room.id)
        await house.store.delete_memories([answer.id])
        await house.platform.rewrite(said, "two")
        await house.host.finish_pending()
        assert house.platform.changes == []
        assert inbox_of(tmp_path) == [("done", "answered", "direct message")]

    async def test_where_somebody_took_it_away(
        self, house: House, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        said = await ask(house, "one")
        house.platform.faults.append(SendRefused("message to edit not found"))
        await house.platform.rewrite(said, "two")
        await settled(house)
        assert outbox_of(tmp_path)[1][3] == "failed"
        assert "message to edit not found" in caplog.text


class TestFailedBefore:
    async def test_it_is_tried_again_like_one_without_an_answer(self, house: House, tmp_path: Path) -> None:
        house.model.answers = [ValueError("a bug"), ValueError("a bug")]
        said = await ask(house, "what is 2+2")
        [line] = house.platform.shown
        await house.platform.rewrite(said, "what is 3+3")
        await settled(house)
        assert inbox_of(tmp_path)[0][:2] == ("done", "failed")
        assert house.platform.shown == [line]  # told once
        await house.platform.rewrite(said, "what is 4+4")
        await settled(house)
        assert inbox_of(tmp_path) == [("done", "answered", "direct message")]
        assert house.platform.shown == [line, "echo: what is 4+4"]

    @pytest.mark.parametrize("edited_answer", ["edit", "ignore"])
    async def test_also_where_answers_do_not_follow_edits(
        self, house_at: Houses, tmp_path: Path, edited_answer: Any
    ) -> None:
        async with house_at(config=ConnectorConfig(edited_answer=edited_answer)) as house:
            house.model.answers = [ValueError("a bug")]
            said = await ask(house, "one")
            await house.platform.rewrite(said, "two")
            await settled(house)
            assert house.platform.shown[1:] == ["echo: two"]

    async def test_not_when_nothing_was_changed_or_it_comes_late(
        self, house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        house.model.answers = [ValueError("a bug")]
        said = await ask(house, "one")
        await house.platform.rewrite(said, "one")
        await settled(house)
        now = clock.utc_now() + timedelta(minutes=16)
        monkeypatch.setattr("bot_host.host.inbox.utc_now", lambda: now)
        await house.platform.rewrite(said, "two")
        await settled(house)
        assert inbox_of(tmp_path)[0][:2] == ("done", "failed")
        assert len(house.model.requests) == 1


class TestIgnoredBefore:
    async def test_a_forgotten_mention_is_mended(self, house: House, tmp_path: Path) -> None:
        said = await ask(house, "what time is it", **GROUP)
        assert house.platform.sent == []
        await house.platform.rewrite(said, "bot, what time is it", mention=True)
        await settled(house)
        assert house.platform.shown == ["echo: Ada: bot, what time is it"]
        assert inbox_of(tmp_path) == [("done", "answered", "mention")]
        await house.platform.rewrite(said, "bot, what day is it", mention=True)
        await settled(house)
        assert house.platform.shown == ["echo: Ada: bot, what day is it"]

    async def test_without_a_mention_it_stays_ignored(self, house: House, tmp_path: Path) -> None:
        said = await ask(house, "what time is it", **GROUP)
        await house.platform.rewrite(said, "what day is it")
        await settled(house)
        assert house.platform.sent == []
        assert inbox_of(tmp_path) == [("done", "ignored", "not addressed")]

    async def test_a_mention_that_comes_late_is_not_answered(
        self, house: House, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        said = await ask(house, "what time is it", **GROUP)
        now = clock.utc_now() + timedelta(minutes=16)
        monkeypatch.setattr("bot_host.host.inbox.utc_now", lambda: now)
        await house.platform.rewrite(said, "bot, what time is it", mention=True)
        await settled(house)
        assert house.platform.sent == []

    async def test_what_a_limit_refused_stays_refused(self, house_at: Houses, tmp_path: Path) -> None:
        options = AgentOptions(limits=Limits(room_messages_per_minute=1))
        async with house_at(options=options) as house:
            await ask(house, "bot, one", mention=True, **GROUP)
            said = await ask(house, "bot, two", mention=True, **GROUP)
            await house.platform.rewrite(said, "bot, two!", mention=True)
            await settled(house)
        assert inbox_of(tmp_path)[1][1:] == ("ignored", "over_limit: messages_per_minute.room")


class TestInterrupted:
    async def test_a_kill_loses_no_edit(self, house_at: Houses, tmp_path: Path) -> None:
        async with house_at() as house:
            said = await ask(house, "one")
            house.model.hold.clear()
            await house.platform.rewrite(said, "two")
            await house.model.wait_asked(2)
            await house.host.stop(0.0)
        async with house_at() as house:
            assert await changed(house) == [("edit", "sent-1", "echo: two")]
            assert house.platform.sent == []
            await settled(house)
        assert inbox_of(tmp_path) == [("done", "answered", "direct message")]

    async def test_an_edit_of_unknown_fate_is_made_again(
        self, house: House, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("bot_host.host.sender.backoff", lambda attempt: 0.0)
        said = await ask(house, "one")
        house.platform.faults = [SendUnknown("no answer"), SendUnknown("no answer")]
        await house.platform.rewrite(said, "two")
        assert await changed(house) == [("edit", "sent-1", "echo: two")]
        await settled(house)
        assert len(house.platform.sent) == 1

    async def test_a_kill_while_it_is_edited_edits_it_again(self, house_at: Houses) -> None:
        async with house_at() as house:
            said = await ask(house, "one")
            house.platform.hold_sends.clear()
            await house.platform.rewrite(said, "two")
            await until(lambda: house.platform.tried == 2)
            await house.host.stop(0.0)
        async with house_at() as house:
            assert await changed(house) == [("edit", "sent-1", "echo: two")]
            assert house.platform.sent == []
            await settled(house)

    async def test_a_message_that_is_deleted_meanwhile_ends(self, house: House, tmp_path: Path) -> None:
        said = await ask(house, "one")
        house.model.hold.clear()
        await house.platform.rewrite(said, "two")
        await house.model.wait_asked(2)
        await house.platform.delete(said)
        house.model.hold.set()
        await house.host.finish_pending()
        assert house.platform.changes == []
        assert inbox_of(tmp_path) == [("done", "ignored", "deleted")]


async def test_typing_is_shown_but_nothing_is_streamed(house: House) -> None:
    said = await ask(house, "one")
    shown = house.platform.typing_shown
    await house.platform.rewrite(said, "two")
    await settled(house)
    assert house.platform.typing_shown >= shown
    assert all(request.on_chunk is None for request in house.model.requests)


async def test_a_mention_alone_is_an_edit(house: House, tmp_path: Path) -> None:
    """Connectors take the bot's name out of the text."""
    said = await ask(house, "what time is it", **GROUP)
    await house.platform.rewrite(said, "what time is it", mention=True)
    await settled(house)
    assert inbox_of(tmp_path) == [("done", "answered", "mention")]
    await house.platform.rewrite(said, "what time is it", mention=True)
    await house.platform.rewrite(said, "what time is it")
    await settled(house)
    assert (len(house.platform.sent), house.platform.changes) == (1, [])
