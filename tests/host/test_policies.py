"""What becomes of messages when somebody is busy, says stop, or has had enough of the agent."""

from datetime import timedelta
from pathlib import Path

import pytest

from bot_host.kit import clock
from bot_host.runtime import AgentOptions, Limits
from bot_host.store import inbox as inbox_verbs
from bot_host.testing import ScriptedModel
from bot_host.types.content import ChannelType
from bot_host.types.ids import create_unique_uuid
from bot_host.types.models import TextResult, Usage
from tests.host.conftest import House, Houses
from tests.host.test_host import inbox_of

GROUP = {"room": "general", "type": ChannelType.GROUP}


def last_prompt(house: House) -> list[str]:
    return [m.content for m in house.model.requests[-1].messages if m.role == "user"]


class TestLatest:
    async def test_the_newest_wins_and_each_has_its_outcome(self, house_at: Houses, tmp_path: Path) -> None:
        async with house_at(options=AgentOptions(busy_mode="latest")) as house:
            house.model.hold.clear()
            await house.platform.say("one")
            await house.model.wait_asked(1)
            for text in ("two", "three"):
                await house.platform.say(text)
            house.model.hold.set()
            await house.host.finish_pending()
            assert [text for _, text, _ in house.platform.sent] == ["echo: three"]
            assert last_prompt(house) == ["one", "two", "three"]
        assert inbox_of(tmp_path) == [
            ("done", "superseded", "newer message"),
            ("done", "superseded", "newer message"),
            ("done", "answered", "direct message"),
        ]

    async def test_a_mention_is_never_dropped_nor_interrupted(self, house_at: Houses, tmp_path: Path) -> None:
        async with house_at(options=AgentOptions(busy_mode="latest")) as house:
            house.model.hold.clear()
            await house.platform.say("bot, first", mention=True, **GROUP)
            await house.model.wait_asked(1)
            await house.platform.say("a reply", reply=True, **GROUP)
            await house.platform.say("bot, second", mention=True, **GROUP)
            await house.platform.say("among us", **GROUP)
            house.model.hold.set()
            await house.host.finish_pending()
            assert len(house.model.requests) == 2
            assert [text for _, text, _ in house.platform.sent] == [
                "echo: Ada: bot, first",
                "echo: Ada: bot, second",
            ]
        assert inbox_of(tmp_path) == [
            ("done", "answered", "mention"),
            ("done", "superseded", "newer message"),
            ("done", "answered", "mention"),
            ("done", "ignored", "not addressed"),
        ]

    async def test_chatter_that_is_not_for_the_agent_interrupts_nothing(self, house_at: Houses) -> None:
        async with house_at(options=AgentOptions(busy_mode="latest")) as house:
            house.model.hold.clear()
            await house.platform.say("a reply", reply=True, **GROUP)
            await house.model.wait_asked(1)
            await house.platform.say("among us", **GROUP)
            house.model.hold.set()
            await house.host.finish_pending()
            assert len(house.model.requests) == 1
            assert len(house.platform.sent) == 1


class TestDebounce:
    async def test_a_burst_makes_one_turn(self, house_at: Houses, tmp_path: Path) -> None:
        async with house_at(options=AgentOptions(debounce_ms=150)) as house:
            for text in ("one", "two", "three"):
                await house.platform.say(text)
            await house.host.finish_pending()
            assert [text for _, text, _ in house.platform.sent] == ["echo: three"]
            assert len(house.model.requests) == 1
        assert [row[1] for row in inbox_of(tmp_path)] == ["answered"] * 3

    async def test_it_is_kept_in_rows(self, house_at: Houses, tmp_path: Path) -> None:
        async with house_at(options=AgentOptions(debounce_ms=60_000)) as house:
            await house.platform.say("one")
            await house.platform.say("two")
        assert inbox_of(tmp_path) == [("pending", None, "")] * 2
        async with house_at() as house:
            assert await house.platform.wait_sent() == ["echo: two"]

    async def test_nobody_waits_for_ever(self, house_at: Houses, monkeypatch: pytest.MonkeyPatch) -> None:
        async with house_at(options=AgentOptions(debounce_ms=10_000)) as house:
            await house.platform.say("one")
            await house.platform.say("two")
            room_id = create_unique_uuid(house.agent_id, "ada")
            assert (await house.store.take_turn(house.agent_id, room_id, 9, quiet_s=10)).wait_s > 5
            late = clock.utc_now() + timedelta(seconds=52)
            monkeypatch.setattr(inbox_verbs, "utc_now", lambda: late)
            await house.platform.say("three")  # the newest is fresh, the oldest has waited five times as long
            await house.platform.wait_sent()
            assert last_prompt(house) == ["one", "two", "three"]


class TestStopWords:
    async def test_it_ends_the_answer_under_way(self, house_at: Houses, tmp_path: Path) -> None:
        for mode in ("queue", "each", "latest"):
            async with house_at(options=AgentOptions(busy_mode=mode, stop_words=["Stop it"])) as house:
                house.model.hold.clear()
                await house.platform.say("tell me a long story", room=mode)
                await house.model.wait_asked(1)
                await house.platform.say("no, stop IT!", room=mode)
                await house.host.finish_pending()
                assert house.platform.sent == []
                house.model.hold.set()
                await house.platform.say("and now?", room=mode)
                assert await house.platform.wait_sent() == ["echo: and now?"]
                await house.host.finish_pending()
            assert inbox_of(tmp_path)[-3:] == [
                ("done", "superseded", "stop_word"),
                ("done", "ignored", "stop_word"),
                ("done", "answered", "direct message"),
            ]

    async def test_what_waits_is_stopped_too_but_not_what_others_asked(
        self, house_at: Houses, tmp_path: Path
    ) -> None:
        async with house_at(options=AgentOptions(stop_words=["stop"])) as house:
            house.model.hold.clear()
            await house.platform.say("bot, go", mention=True, person="cat", **GROUP)
            await house.model.wait_asked(1)
            await house.platform.say("bot, one", mention=True, **GROUP)
            await house.platform.say("bot, two", mention=True, person="bob", **GROUP)
            await house.platform.say("ah, stop", **GROUP)
            await house.platform.say("unstoppable bot", mention=True, **GROUP)
            house.model.hold.set()
            await house.host.finish_pending()
        assert inbox_of(tmp_path) == [
            ("done", "answered", "mention"),
            ("done", "superseded", "stop_word"),
            ("done", "answered", "mention"),
            ("done", "ignored", "stop_word"),
            ("done", "answered", "mention"),
        ]


class TestLimits:
    async def test_messages_of_a_person_are_counted_in_the_store_and_they_are_told_once(
        self, house_at: Houses, tmp_path: Path
    ) -> None:
        options = AgentOptions(busy_mode="each", limits=Limits(entity_messages_per_minute=2))
        async with house_at(options=options) as house:
            for n in range(2):
                await house.platform.say(f"m{n}")
            await house.host.finish_pending()
        async with house_at(options=options) as house:
            for n in range(2, 5):
                await house.platform.say(f"m{n}", message_id=f"a{n}")
                await house.platform.say("and bob?", person="bob", room="bob", message_id=f"b{n}")
            await house.host.finish_pending()
            texts = [text for target, text, _ in house.platform.sent if target.channel_id == "ada"]
            assert texts == ["You are quicker than I am allowed to be: please give me a minute."]
            assert len([1 for target, *_ in house.platform.sent if target.channel_id == "bob"]) == 3
            assert len(house.model.requests) == 2
        over = ("done", "ignored", "over_limit: messages_per_minute.entity")
        assert inbox_of(tmp_path).count(over) == 4
        assert not any("quicker" in m.content for request in house.model.requests for m in request.messages)

    async def test_messages_of_one_turn_count_each(self, house_at: Houses, tmp_path: Path) -> None:
        options = AgentOptions(limits=Limits(room_messages_per_minute=3))
        async with house_at(options=options) as house:
            house.model.hold.clear()
            await house.platform.say("bot, 0", mention=True, **GROUP)
            await house.model.wait_asked(1)
            for n in range(1, 5):
                await house.platform.say(f"bot, {n}", mention=True, person=f"p{n}", **GROUP)
            house.model.hold.set()
            await house.host.finish_pending()
            told = [text for _, text, _ in house.platform.sent if "quicker" in text]
            assert len(told) == 1
        over = ("done", "ignored", "over_limit: messages_per_minute.room")
        assert inbox_of(tmp_path) == [("done", "answered", "mention")] * 3 + [over] * 2

    async def test_tokens_and_cost_of_a_day(self, house_at: Houses, tmp_path: Path) -> None:
        answer = TextResult(text="ok", usage=Usage(prompt_tokens=60, completion_tokens=40, cost=0.5))
        for limits, reason in (
            (Limits(tokens_per_day=100), "over_limit: tokens_per_day"),
            (Limits(cost_per_day=1.5), "over_limit: cost_per_day"),
        ):
            async with house_at(options=AgentOptions(limits=limits), answers=(answer, answer)) as house:
                await house.platform.say("hello", room=reason)
                await house.host.finish_pending()
                for _ in range(3):
                    await house.platform.say("again", room=reason)
                    await house.host.finish_pending()
                texts = [text for _, text, _ in house.platform.sent]
            assert texts.count("I have said all that I may say today. Please come back tomorrow.") == 1
            assert inbox_of(tmp_path)[-1] == ("done", "ignored", reason)

    async def test_those_who_run_the_bot_have_none_and_a_character_says_it_its_own_way(
        self, house_at: Houses, tmp_path: Path
    ) -> None:
        limits = Limits(entity_messages_per_minute=1)
        async with house_at(options=AgentOptions(limits=limits), model=ScriptedModel()) as house:
            agent = house.host.get_agent(house.agent_id)
            agent.use_character(
                agent.character.model_copy(update={"templates": {"limitMinuteMessage": "Easy."}})
            )
            agent.owners.add(create_unique_uuid(house.agent_id, "ada"))
            for person in ("ada", "bob"):
                for _ in range(2):
                    await house.platform.say("hi", person=person, room=person)
                    await house.host.finish_pending()
            assert [text for _, text, _ in house.platform.sent] == ["echo: hi"] * 3 + ["Easy."]
