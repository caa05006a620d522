"""Answers shown while they are written: one message, whatever happens to the turn, and nothing half said."""

from pathlib import Path
from typing import Any

import pytest

from bot_host.connector import RoomClosed, SendLater, SendRefused, SendUnknown
from bot_host.host import drafts as drafts_module
from bot_host.testing import FakePlatform
from bot_host.types.content import ChannelType, Content
from bot_host.types.models import TextResult
from bot_host.types.outbound import Payload, Target
from tests.host.conftest import Houses
from tests.host.pen import (
    Pen,
    Writing,
    drafts_of,
    outbox_of,
    pen_of,
    settled,
    shown,
    writing_at,
)
from tests.host.test_hard_moments import until
from tests.host.test_host import inbox_of

GROUP: dict[str, Any] = {"room": "general", "type": ChannelType.GROUP, "mention": True}
SORRY = "Sorry, something went wrong on my side"


@pytest.fixture
def writing(house_at: Houses, monkeypatch: pytest.MonkeyPatch) -> Writing:
    return writing_at(house_at, monkeypatch)


class Stiff(FakePlatform):
    """Refuses edits in one way or another."""

    def __init__(self, **how: Any) -> None:
        super().__init__(**how)
        self.refusals: list[Exception | None] = []
        self.always: Exception | None = None
        self.keeps = False
        """What was sent cannot be taken away either."""
        self.edits_tried = 0

    async def wait_edits(self, count: int) -> None:
        await self.wait_until(lambda: self.edits_tried >= count)

    async def edit(self, payload: Payload, target: Target, platform_message_id: str, *, key: str) -> None:
        self.edits_tried += 1
        fault = self.refusals.pop(0) if self.refusals else self.always
        if fault is not None:
            async with self._news:
                self._news.notify_all()
            raise fault
        await super().edit(payload, target, platform_message_id, key=key)

    async def retract(self, target: Target, platform_message_id: str) -> None:
        if self.keeps:
            raise SendRefused("it stays")
        await super().retract(target, platform_message_id)


class TestTheAnswer:
    async def test_is_shown_while_it_is_written_and_finished_in_the_same_message(
        self, writing: Writing, tmp_path: Path
    ) -> None:
        async with writing() as house:
            said = await house.platform.say("hi")
            pen = pen_of(house)
            pen.write("One")
            await shown(house, "One")
            assert house.platform.sent[0][0].reply_to == said.message_id
            assert inbox_of(tmp_path) == [("running", None, "")]
            assert drafts_of(tmp_path) == [("fake:1/ada",)]
            pen.write(" two")
            await shown(house, "One two")
            pen.say(" three")
            await settled(house)
            assert house.platform.shown == ["One two three"]
            assert len(house.platform.sent) == 1
            assert outbox_of(tmp_path) == [
                ("send", 0, 0, "sent", "sent-1"),
                ("finish", 1, 0, "sent", "sent-1"),
            ]
            assert drafts_of(tmp_path) == []
            assert inbox_of(tmp_path) == [("done", "answered", "direct message")]
            [room] = await house.store.get_rooms(house.agent_id)
            memories = await house.store.get_memories(room.id)
            assert [memory.content.text for memory in memories] == ["hi", "One two three"]

    async def test_goes_out_as_one_request_when_it_is_written_quickly(
        self, house_at: Houses, tmp_path: Path
    ) -> None:
        async with house_at(model=Pen(), platform=FakePlatform(edit_every_s=0.001)) as house:
            await house.platform.say("hi")
            pen_of(house).say("An answer of some words, ", "all there within a moment.")
            await settled(house)
            assert house.platform.tried == 1
            assert outbox_of(tmp_path) == [("send", 0, 0, "sent", "sent-1")]

    async def test_is_not_shown_before_it_says_something(
        self, house_at: Houses, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(drafts_module, "START_SECONDS", 0.0)
        async with house_at(model=Pen(), platform=FakePlatform(edit_every_s=0.001)) as house:
            await house.platform.say("hi")
            pen_of(house).write("x" * (drafts_module.START_CHARACTERS - 1))
            await house.model.wait_asked()
            pen_of(house).write("y")
            await shown(house, "x" * (drafts_module.START_CHARACTERS - 1) + "y")
            pen_of(house).end()
            await settled(house)

    async def test_that_is_shown_whole_already_is_not_edited_once_more(self, writing: Writing) -> None:
        async with writing() as house:
            await house.platform.say("hi")
            pen_of(house).write("All of it")
            await shown(house, "All of it")
            pen_of(house).end()
            await settled(house)
            assert house.platform.tried == 1

    async def test_goes_on_in_further_messages(self, writing: Writing, tmp_path: Path) -> None:
        async with writing() as house:
            await house.platform.say("hi")
            pen_of(house).write("a" * 20 + "b" * 5)
            await shown(house, "a" * 20, "b" * 5)
            pen_of(house).write("b" * 15 + "c")
            await shown(house, "a" * 20, "b" * 20, "c")
            assert [target.reply_to for target, _, _ in house.platform.sent] == ["1", "", ""]
            pen_of(house).say("c" * 19 + "d")
            await settled(house)
            assert house.platform.shown == ["a" * 20, "b" * 20, "c" * 20, "d"]
            assert drafts_of(tmp_path) == []

    async def test_may_turn_out_shorter_than_what_was_shown(self, writing: Writing) -> None:
        async with writing() as house:
            await house.platform.say("hi")
            pen_of(house).write("a" * 20 + "b" * 20 + "c")
            await shown(house, "a" * 20, "b" * 20, "c")
            pen_of(house).end_with(TextResult(text="Never mind.", model="pen"))
            await settled(house)
            assert house.platform.shown == ["Never mind."]

    async def test_never_shows_the_name_that_models_copy(self, writing: Writing) -> None:
        async with writing() as house:
            await house.platform.say("hi")
            pen_of(house).write("Eliza: Good")
            await shown(house, "Good")
            pen_of(house).say(" day")
            await settled(house)
            assert house.platform.shown == ["Good day"]

    async def test_can_be_edited_and_revised_later_like_any_other(self, writing: Writing) -> None:
        async with writing() as house:
            said = await house.platform.say("hi")
            pen_of(house).write("a" * 25)
            await shown(house, "a" * 20, "a" * 5)
            pen_of(house).end()
            await settled(house)
            pen_of(house).say("Quite another one")
            await house.platform.rewrite(said, "hello")
            await shown(house, "Quite another one")
            await settled(house)
            assert len(house.platform.sent) == 2

    async def test_is_not_shown_where_the_platform_does_not_want_it(
        self, writing: Writing, tmp_path: Path
    ) -> None:
        async with writing(platform=FakePlatform(limit=20)) as house:
            await house.platform.say("hi")
            pen_of(house).say("One", " two")
            await settled(house)
            assert outbox_of(tmp_path) == [("send", 0, 0, "sent", "sent-1")]
            assert house.model.requests[0].on_chunk is None


class TestThePlatform:
    async def test_may_refuse_edits_and_gets_the_whole_answer(self, writing: Writing) -> None:
        platform = Stiff(edit_every_s=0.001, limit=20)
        platform.always = SendRefused("no edits here")
        async with writing(platform=platform) as house:
            await house.platform.say("hi")
            pen_of(house).write("One")
            await shown(house, "One")
            for count in range(1, drafts_module.REFUSALS + 1):
                pen_of(house).write(".")
                await platform.wait_edits(count)
            pen_of(house).say(" two")
            await settled(house)
            assert platform.edits_tried == drafts_module.REFUSALS + 1
            assert platform.shown == ["One... two"]
            assert platform.changes == [("retract", "sent-1", "")]

    async def test_that_refuses_an_edit_now_and_then_is_asked_on(self, writing: Writing) -> None:
        platform = Stiff(edit_every_s=0.001, limit=20)
        often = drafts_module.REFUSALS - 1
        platform.refusals = [*[SendRefused("not now")] * often, None, *[SendRefused("not now")] * often]
        async with writing(platform=platform) as house:
            await house.platform.say("hi")
            pen_of(house).write("One")
            await shown(house, "One")
            for count in range(1, 2 * often + 3):
                pen_of(house).write(".")
                await platform.wait_edits(count)
            await shown(house, "One" + "." * (2 * often + 2))
            pen_of(house).end()
            await settled(house)
            assert len(platform.sent) == 1

    async def test_may_keep_what_was_shown_and_gets_the_whole_answer(
        self, writing: Writing, caplog: pytest.LogCaptureFixture
    ) -> None:
        platform = Stiff(edit_every_s=0.001, limit=20)
        platform.always, platform.keeps = SendRefused("no edits here"), True
        async with writing(platform=platform) as house:
            await house.platform.say("hi")
            pen_of(house).write("One")
            await shown(house, "One")
            pen_of(house).say(" two")
            await settled(house)
            assert platform.shown == ["One", "One two"]
            assert "stays as it was shown" in caplog.text

    @pytest.mark.parametrize(
        "fault", [SendLater("slow down", after_s=0.001), SendUnknown("no answer"), TimeoutError()]
    )
    async def test_drops_an_edit_and_shows_the_next(self, fault: Exception, writing: Writing) -> None:
        platform = Stiff(edit_every_s=0.001, limit=20)
        platform.refusals = [fault]
        async with writing(platform=platform) as house:
            await house.platform.say("hi")
            pen_of(house).write("One")
            await shown(house, "One")
            pen_of(house).write(" two")
            await shown(house, "One two")
            assert platform.edits_tried == 2
            pen_of(house).end()
            await settled(house)
            assert platform.shown == ["One two"]

    async def test_gets_the_end_when_the_last_edits_were_put_off(self, writing: Writing) -> None:
        platform = Stiff(edit_every_s=0.001, limit=20)
        async with writing(platform=platform) as house:
            await house.platform.say("hi")
            pen_of(house).write("One")
            await shown(house, "One")
            platform.refusals = [SendLater("slow down", after_s=0.01)] * 4
            pen_of(house).say(" two")
            await shown(house, "One two")
            await settled(house)

    async def test_may_refuse_the_first_words_for_their_room(self, writing: Writing, tmp_path: Path) -> None:
        platform = FakePlatform(edit_every_s=0.001, limit=20)
        platform.faults = [RoomClosed("blocked"), RoomClosed("blocked")]
        async with writing(platform=platform) as house:
            await house.platform.say("hi")
            pen_of(house).write("One")
            await until(lambda: platform.tried == 1)
            pen_of(house).say(" two")
            await settled(house)
            assert [row[3] for row in outbox_of(tmp_path)] == ["failed", "failed"]
            assert inbox_of(tmp_path) == [("done", "answered", "direct message")]

    async def test_may_be_slow_with_the_first_words(self, writing: Writing, tmp_path: Path) -> None:
        async with writing() as house:
            house.platform.hold_sends.clear()
            await house.platform.say("hi")
            pen_of(house).write("One")
            await until(lambda: house.platform.tried == 1)
            pen_of(house).say(" two")
            await until(lambda: inbox_of(tmp_path)[0][0] == "done")
            house.platform.hold_sends.set()
            await settled(house)
            assert house.platform.shown == ["One two"]
            assert len(house.platform.sent) == 1

    async def test_that_lost_the_first_words_gets_the_answer_once(self, writing: Writing) -> None:
        platform = FakePlatform(edit_every_s=0.001, limit=20)
        platform.faults = [SendRefused("not this")]
        async with writing(platform=platform) as house:
            await house.platform.say("hi")
            pen_of(house).write("One")
            await until(lambda: platform.tried == 1)
            pen_of(house).say(" two")
            await settled(house)
            assert platform.shown == ["One two"]

    async def test_with_one_limit_for_all_rooms_is_asked_more_slowly(
        self, writing: Writing, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        waits: list[float] = []
        rest = drafts_module.LiveDraft.rest

        def noting(live: drafts_module.LiveDraft, seconds: float) -> None:
            waits.append(seconds)
            rest(live, seconds)

        monkeypatch.setattr(drafts_module.LiveDraft, "rest", noting)
        monkeypatch.setattr(FakePlatform, "edits_share_limit", True)
        async with writing(platform=FakePlatform(edit_every_s=0.01, limit=20)) as house:
            for person in ("ada", "ben", "cleo"):
                await house.platform.say("hi", person=person, room=person)
            await house.model.wait_asked(3)
            for _ in range(3):
                pen_of(house).write("One")
            await until(lambda: len(house.platform.sent) == 3)
            assert waits == [0.01, 0.02, 0.03]
            for _ in range(3):
                pen_of(house).end()
            await settled(house)

    async def test_is_shown_less_often_where_that_costs_much(
        self, writing: Writing, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        waits: list[float] = []
        monkeypatch.setattr(drafts_module, "SHARE", 1e9)
        monkeypatch.setattr(drafts_module.LiveDraft, "rest", lambda live, seconds: waits.append(seconds))
        async with writing() as house:
            await house.platform.say("hi")
            pen_of(house).write("One")
            await shown(house, "One")
            pen_of(house).end()
            await settled(house)
            assert waits[0] > 1000


async def test_a_connector_that_cannot_encode_half_an_answer_still_gets_the_whole(
    writing: Writing, caplog: pytest.LogCaptureFixture
) -> None:
    class Picky(FakePlatform):
        def encode(self, content: Content, target: Target) -> list[Payload]:
            if not content.text.endswith("."):
                raise ValueError("no full stop")
            return super().encode(content, target)

    async with writing(platform=Picky(edit_every_s=0.001)) as house:
        await house.platform.say("hi")
        pen_of(house).write("Half")
        await until(lambda: "cannot be shown before" in caplog.text)
        pen_of(house).say(" and whole.")
        await settled(house)
        assert house.platform.shown == ["Half and whole."]
