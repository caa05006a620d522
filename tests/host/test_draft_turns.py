"""Whatever becomes of a turn whose answer is shown already: nothing half said stays."""

from pathlib import Path
from typing import Any

import pytest

from bot_host.contracts.plugin import Action, ActionCall, ActionResult, Agent
from bot_host.runtime import AgentOptions
from bot_host.testing import FakePlatform
from bot_host.types.content import ChannelType, Content
from bot_host.types.errors import ModelError
from bot_host.types.outbound import Payload, Target
from tests.host.conftest import Houses
from tests.host.pen import (
    Pen,
    Writing,
    calling,
    change,
    drafts_of,
    going_on,
    pen_of,
    rows_of,
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


class TestATurn:
    async def test_that_begins_again_goes_on_in_the_same_message(
        self, writing: Writing, tmp_path: Path
    ) -> None:
        async with writing() as house:
            said = await house.platform.say("what is 2+2")
            pen_of(house).write("It is 4")
            await shown(house, "It is 4")
            await house.platform.rewrite(said, "what is 3+3")
            await house.model.wait_asked(2)
            assert house.platform.shown == ["It is 4"]
            pen_of(house).say("It is 6")
            await settled(house)
            assert house.platform.shown == ["It is 6"]
            assert len(house.platform.sent) == 1
            assert drafts_of(tmp_path) == []

    async def test_that_is_stopped_takes_back_what_was_shown(self, writing: Writing, tmp_path: Path) -> None:
        async with writing(options=AgentOptions(stop_words=["stop"])) as house:
            await house.platform.say("tell me a story")
            pen_of(house).write("Once upon a time")
            await shown(house, "Once upon a time")
            await house.platform.say("stop")
            await shown(house)
            await settled(house)
            assert drafts_of(tmp_path) == []
            assert inbox_of(tmp_path)[0] == ("done", "superseded", "stop_word")

    async def test_that_fails_takes_back_what_was_shown_and_says_so(
        self, writing: Writing, tmp_path: Path
    ) -> None:
        async with writing(platform=FakePlatform(edit_every_s=0.001, limit=500)) as house:
            await house.platform.say("hi")
            pen_of(house).write("Once upon a time")
            await shown(house, "Once upon a time")
            pen_of(house).end_with(ModelError("it went away"))
            await settled(house)
            [line] = house.platform.shown
            assert line.startswith(SORRY)
            assert drafts_of(tmp_path) == []
            assert rows_of(tmp_path, "SELECT payload FROM outbox WHERE memory_id IS NOT NULL LIMIT 1") == [
                ("{}",)
            ]

    async def test_whose_model_broke_off_is_asked_again_and_begins_the_message_anew(
        self, writing: Writing
    ) -> None:
        async with writing() as house:
            await house.platform.say("hi")
            pen_of(house).write("Once upon")
            await shown(house, "Once upon")
            pen_of(house).end_with(ModelError("it broke off", retryable=True))
            await house.model.wait_asked(2)
            pen_of(house).say("A fine day")
            await settled(house)
            assert house.platform.shown == ["A fine day"]
            assert len(house.platform.sent) == 1

    async def test_that_ends_in_silence_after_all_takes_back_what_was_shown(
        self, writing: Writing, tmp_path: Path
    ) -> None:
        async with writing() as house:
            said = await house.platform.say("tell me", **GROUP)
            pen_of(house).write("Once upon a time")
            await shown(house, "Once upon a time")
            await house.platform.rewrite(said, "oh, forget it")
            await house.model.wait_asked(2)
            pen_of(house).end_with(calling("IGNORE"))
            await shown(house)
            await settled(house)
            assert inbox_of(tmp_path) == [("done", "ignored", "the model chose silence")]
            assert drafts_of(tmp_path) == []

    async def test_whose_question_is_deleted_takes_back_what_was_shown(
        self, writing: Writing, tmp_path: Path
    ) -> None:
        async with writing() as house:
            said = await house.platform.say("tell me")
            pen_of(house).write("Once upon a time")
            await shown(house, "Once upon a time")
            await house.platform.delete(said)
            await shown(house)
            await settled(house)
            assert inbox_of(tmp_path) == [("done", "ignored", "deleted")]
            assert drafts_of(tmp_path) == []

    async def test_that_gives_way_to_a_newer_message_takes_back_what_was_shown(
        self, writing: Writing, tmp_path: Path
    ) -> None:
        async with writing(options=AgentOptions(busy_mode="latest")) as house:
            await house.platform.say("first")
            pen_of(house).write("To the first")
            await shown(house, "To the first")
            await house.platform.say("second")
            await house.model.wait_asked(2)
            pen_of(house).write("To the")
            await shown(house, "To the")
            pen_of(house).say(" second")
            await settled(house)
            assert house.platform.shown == ["To the second"]
            assert house.platform.sent[-1][0].reply_to == "2"
            assert drafts_of(tmp_path) == []

    async def test_that_acts_between_words_goes_on_in_the_same_message(self, writing: Writing) -> None:
        async def look(agent: Agent, call: ActionCall) -> ActionResult:
            return ActionResult(text="found")

        async with writing(model=Pen(Action(name="LOOK", description="", handler=look))) as house:
            await house.platform.say("hi")
            pen_of(house).write("I look")
            await shown(house, "I look")
            pen_of(house).end_with(calling("LOOK"))
            await house.model.wait_asked(2)
            pen_of(house).write("It is")
            await shown(house, "I look\n\nIt is")
            pen_of(house).say(" so")
            await settled(house)
            assert house.platform.shown == ["I look\n\nIt is so"]
            assert len(house.platform.sent) == 1

    async def test_whose_action_says_something_finishes_the_answer_below_it(
        self, writing: Writing, tmp_path: Path
    ) -> None:
        async def tell(agent: Agent, call: ActionCall) -> ActionResult:
            assert call.callback is not None
            await call.callback(Content(text="Looking it up"))
            return ActionResult(text="found")

        async with writing(model=Pen(Action(name="TELL", description="", handler=tell))) as house:
            await house.platform.say("hi")
            pen_of(house).write("I look")
            await shown(house, "I look")
            pen_of(house).end_with(calling("TELL"))
            await shown(house, "Looking it up", "I look")
            await house.model.wait_asked(2)
            pen_of(house).say("Yes")
            await settled(house)
            assert house.platform.shown == ["Looking it up", "I look\n\nYes"]
            assert drafts_of(tmp_path) == []
            keys = [key for _, _, key in house.platform.sent]
            assert len(set(keys)) == len(keys)


class TestAfterARestart:
    async def test_the_answer_goes_into_the_same_message(self, writing: Writing, tmp_path: Path) -> None:
        async with writing() as house:
            await house.platform.say("hi")
            pen_of(house).write("a" * 20 + "b")
            await shown(house, "a" * 20, "b")
            first = house.platform
        assert drafts_of(tmp_path) == [("fake:1/ada",)]
        async with writing(platform=going_on(first, limit=20)) as house:
            await house.model.wait_asked()
            assert house.platform.shown == ["a" * 20, "b"]
            pen_of(house).write("Some other words")
            await shown(house, "Some other words", "b")
            pen_of(house).end()
            await settled(house)
            assert house.platform.shown == ["Some other words"]
            assert len(house.platform.sent) == 2
            assert drafts_of(tmp_path) == []

    async def test_it_is_finished_before_what_was_said_later_is_answered(self, writing: Writing) -> None:
        async with writing() as house:
            await house.platform.say("first")
            pen_of(house).write("To the first")
            await shown(house, "To the first")
            await house.platform.say("second")
            first = house.platform
        async with writing(platform=going_on(first, limit=20)) as house:
            await house.model.wait_asked()
            pen_of(house).say("To the 1st")
            await house.model.wait_asked(2)
            pen_of(house).say("To the 2nd")
            await settled(house)
            assert house.platform.shown == ["To the 1st", "To the 2nd"]
            assert [target.reply_to for target, _, _ in house.platform.sent] == ["1", "2"]

    async def test_what_nobody_waits_for_any_more_is_taken_back(
        self, writing: Writing, tmp_path: Path
    ) -> None:
        async with writing() as house:
            await house.platform.say("hi")
            pen_of(house).write("Once upon a time")
            await shown(house, "Once upon a time")
            first = house.platform
        change(tmp_path, "UPDATE inbox SET state = 'done', outcome = 'ignored', reason = 'deleted'")
        async with writing(platform=going_on(first, limit=20)) as house:
            await shown(house)
            await house.host.finish_pending()
            assert drafts_of(tmp_path) == []

    async def test_of_unknown_first_words_the_platform_is_asked(self, writing: Writing) -> None:
        class Knowing(FakePlatform):
            async def find_sent(self, payload: Payload, target: Target, **how: Any) -> None:
                return None

        platform = Knowing(edit_every_s=0.001, limit=20)
        async with writing(platform=platform) as house:
            platform.hold_sends.clear()
            await platform.say("hi")
            pen_of(house).write("Once")
            await until(lambda: platform.tried == 1)
        platform.sent.clear()  # it never arrived
        async with writing(platform=going_on(platform, limit=20)) as house:
            await house.model.wait_asked()
            pen_of(house).say("A fine day")
            await settled(house)
            assert house.platform.shown == ["A fine day"]
