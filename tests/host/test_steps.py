"""Actions are not done twice, whatever cuts a turn off."""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot_host.connector import ConnectorConfig
from bot_host.contracts.plugin import Action, ActionCall, ActionResult, Agent, Plugin
from bot_host.host import turns as turns_module
from bot_host.pipeline.respond import CALLS
from bot_host.runtime import AgentOptions, Limits
from bot_host.testing import ScriptedModel
from bot_host.types.content import ChannelType, Content, Media
from bot_host.types.errors import ModelError, StoreError
from bot_host.types.events import EventType
from bot_host.types.ids import create_unique_uuid, new_id
from bot_host.types.inbound import InboundMessage
from bot_host.types.models import ChatMessage, TextRequest, TextResult, ToolCall
from bot_host.types.outbound import Target
from bot_host.types.places import ParticipantState, Role
from tests.host.conftest import House, Houses
from tests.host.test_host import inbox_of

GROUP: dict[str, Any] = {"room": "general", "type": ChannelType.GROUP, "mention": True}
Deed = Callable[[Agent, ActionCall], Awaitable[ActionResult]]


class Doing(ScriptedModel):
    """A model whose actions leave traces: PAY once each time that it runs, SET (idempotent) too."""

    def __init__(self, *answers: Any, deeds: list[str] | None = None, **deed: Deed) -> None:
        super().__init__(*answers)
        self.deeds = [] if deeds is None else deeds
        self._deed = deed
        """Instead of a trace, by action's name in lower case."""

    @property
    def plugin(self) -> Plugin:
        def action(name: str, **more: Any) -> Action:
            async def do(agent: Agent, call: ActionCall) -> ActionResult:
                self.deeds.append(f"{name} {dict(call.arguments)} for {call.message.content.text}")
                if name.lower() in self._deed:
                    return await self._deed[name.lower()](agent, call)
                return ActionResult(text=f"{name} was done.")

            return Action(name=name, description=name, handler=do, **more)

        actions = (
            action("PAY"),
            action("SET", idempotent=True),
            action("BAN", required_role=Role.OWNER),
            action("DELETE", confirm=True),
        )
        return replace(super().plugin, actions=actions)


def call(name: str, arguments: str = "{}", *, id: str = "c1") -> ToolCall:
    return ToolCall(id=id, name=name, arguments=arguments)


def calls(*wanted: ToolCall, text: str = "") -> TextResult:
    return TextResult(text=text, tool_calls=wanted)


def tail(request: TextRequest) -> list[ChatMessage]:
    """What follows the last thing that a person said."""
    said = [at for at, message in enumerate(request.messages) if message.role == "user"]
    return list(request.messages[said[-1] + 1 :])


def steps_of(folder: Path) -> list[tuple[Any, ...]]:
    with sqlite3.connect(folder / "bot.db") as database:
        rows = database.execute(
            "SELECT edition, round, call, name, state FROM steps ORDER BY created_at, edition, round, call"
        ).fetchall()
    database.close()
    return rows


async def hang(*_: object) -> Any:
    await asyncio.Event().wait()


async def cut_off_in_the_second_round(house_at: Houses, model: Doing, **how: Any) -> None:
    """A host that is stopped while the model thinks about what the actions came to."""
    model.answers.append(hang)
    async with house_at(model=model) as house:
        await house.platform.say("pay 5", **how)
        await model.wait_asked(2)
        await house.host.stop(0.0)


async def test_a_turn_that_goes_on_asks_and_does_nothing_again(house_at: Houses, tmp_path: Path) -> None:
    model = Doing(calls(call("PAY", '{"sum": 5}'), text="Let me see."))
    await cut_off_in_the_second_round(house_at, model)
    again = Doing("Paid.", deeds=model.deeds)
    async with house_at(model=again) as house:
        assert await house.platform.wait_sent() == ["Let me see.\n\nPaid."]
        await house.host.finish_pending()
        [run] = await house.store.get_runs(house.platform.sent[0][0].room_id or "")
    assert model.deeds == ["PAY {'sum': 5} for pay 5"]
    assert len(model.requests) == 2
    assert len(again.requests) == 1
    assert tail(again.requests[0]) == tail(model.requests[1])
    assert [(step["name"], step.get("from_before")) for step in run.steps if "PAY" in step["name"]] == [
        ("action PAY", True)
    ]
    assert steps_of(tmp_path) == [(0, 1, 0, "PAY", "done")]
    assert inbox_of(tmp_path) == [("done", "answered", "direct message")]


async def test_rounds_from_before_count_towards_the_limit(house_at: Houses) -> None:
    model = Doing(calls(call("PAY")))
    await cut_off_in_the_second_round(house_at, model)
    again = Doing("Paid.")
    async with house_at(model=again, options=AgentOptions(max_steps=2)) as house:
        await house.platform.wait_sent()
    assert again.requests[0].tools == ()


async def test_what_was_cut_off_in_the_middle_is_told_as_unknown_and_not_done_again(
    house_at: Houses, tmp_path: Path
) -> None:
    async with house_at(model=(model := Doing(calls(call("PAY"), call("SET", id="c2")), pay=hang))) as house:
        await house.platform.say("pay")
        while not model.deeds:
            await asyncio.sleep(0)
        assert steps_of(tmp_path) == [(0, 1, 0, "PAY", "running"), (0, 1, 1, "SET", "planned")]
        await house.host.stop(0.0)
    again = Doing("Please check.", deeds=model.deeds)
    async with house_at(model=again) as house:
        assert await house.platform.wait_sent() == ["Please check."]
    assert model.deeds == ["PAY {} for pay", "SET {} for pay"]
    _, first, second = tail(again.requests[0])
    assert (first.tool_call_id, second.tool_call_id) == ("c1", "c2")
    assert "it is not known whether PAY was done" in first.content
    assert second.content == "SET was done."
    assert steps_of(tmp_path) == [(0, 1, 0, "PAY", "unknown"), (0, 1, 1, "SET", "done")]


async def test_what_may_be_done_twice_is_run_again_and_says_its_words_once(
    house_at: Houses, tmp_path: Path
) -> None:
    async def speak(agent: Agent, call: ActionCall) -> ActionResult:
        assert call.callback is not None
        await call.callback(Content(text="Working on it."))
        target = Target(source="fake", channel_id="elsewhere")
        await agent.send_message_to_target(target, Content(text="Heads up."))
        return ActionResult(text="Set.")

    async def speak_and_hang(agent: Agent, call: ActionCall) -> ActionResult:
        await speak(agent, call)
        return ActionResult(text=await hang())

    model = Doing(calls(call("SET")), set=speak_and_hang)
    async with house_at(model=model) as house:
        await house.platform.say("set it")
        await house.platform.wait_sent(2)
        await house.host.stop(0.0)
    again = Doing("Done.", deeds=model.deeds, set=speak)
    async with house_at(model=again) as house:
        assert await house.platform.wait_sent() == ["Done."]
        await house.host.finish_pending()
    assert len(model.deeds) == 2
    assert len(again.requests) == 1
    with sqlite3.connect(tmp_path / "bot.db") as database:
        texts = database.execute("SELECT payload FROM outbox ORDER BY seq").fetchall()
    database.close()
    assert [text for (text,) in texts] == [
        '{"text":"Working on it."}',
        '{"text":"Heads up."}',
        '{"text":"Done."}',
    ]


async def test_an_action_that_spoke_before_the_turn_was_cut_off_still_counts_as_an_answer(
    house_at: Houses, tmp_path: Path
) -> None:
    async def speak(agent: Agent, call: ActionCall) -> ActionResult:
        assert call.callback is not None
        await call.callback(Content(text="It is paid."))
        return ActionResult()

    await cut_off_in_the_second_round(house_at, Doing(calls(call("PAY")), pay=speak))
    async with house_at(model=Doing("")) as house:
        await house.host.finish_pending()
    assert inbox_of(tmp_path) == [("done", "answered", "direct message")]


async def test_what_actions_made_for_the_answer_is_in_it_after_a_restart(house_at: Houses) -> None:
    picture = Media(id="1", url="https://pictures.test/1", title="A cat")

    async def draw(agent: Agent, call: ActionCall) -> ActionResult:
        return ActionResult(
            text="Drawn.", data={"attachments": [picture], "live": object()}, values={"url": picture.url}
        )

    await cut_off_in_the_second_round(house_at, Doing(calls(call("PAY")), pay=draw))
    seen: list[Any] = []

    async def look(agent: Agent, call: ActionCall) -> ActionResult:
        seen.append((call.get_previous_result("PAY"), call.state.values.get("url")))
        return ActionResult()

    async with house_at(model=Doing(calls(call("SET")), "Here.", set=look)) as house:
        await house.platform.wait_sent()
        room_id = house.platform.sent[0][0].room_id or ""
        reply = (await house.store.get_memories(room_id))[-1]
    assert reply.content.attachments == [picture]
    assert seen == [
        (
            ActionResult(text="Drawn.", data={"attachments": [picture]}, values={"url": picture.url}),
            picture.url,
        )
    ]


async def test_messages_that_join_the_turn_are_answered_with_what_was_done(house_at: Houses) -> None:
    model = Doing(calls(call("PAY"), call("SET", id="c2")), set=hang)
    async with house_at(model=model) as house:
        await house.platform.say("pay and set")
        while len(model.deeds) < 2:
            await asyncio.sleep(0)
        await house.platform.say("thanks", message_id="2")
        await house.host.stop(0.0)
    again = Doing(calls(call("SET", id="c3")), "You are welcome.", deeds=model.deeds)
    async with house_at(model=again) as house:
        assert await house.platform.wait_sent() == ["You are welcome."]
    # What was cut off is done for the message that asked for it.
    assert model.deeds[1:] == ["SET {} for pay and set", "SET {} for pay and set", "SET {} for thanks"]
    roles = [message.role for message in again.requests[0].messages[1:]]
    assert roles == ["user", "user", "assistant", "tool", "tool"]


async def test_the_gate_is_not_asked_again_about_what_was_begun(house_at: Houses, tmp_path: Path) -> None:
    async def mute(agent: Agent, call: ActionCall) -> ActionResult:
        here = (agent.agent_id, call.message.room_id, agent.agent_id)
        await agent.store.set_participant_state(*here, ParticipantState.MUTED)
        return ActionResult(text="Muted.")

    model = Doing(calls(call("PAY")), pay=mute)
    reply = {"room": "general", "type": ChannelType.GROUP, "reply": True}
    await cut_off_in_the_second_round(house_at, model, **reply)
    async with house_at(model=Doing("Quiet now.")) as house:
        assert await house.platform.wait_sent() == ["Quiet now."]
        await house.host.finish_pending()
    assert inbox_of(tmp_path) == [("done", "answered", "reply to the agent")]


class TestEdits:
    """An edit begins anew, and knows what was done."""

    async def edited(self, house: House, *answers: Any, text: str = "pay 6") -> InboundMessage:
        """A message that is edited while the model thinks about what its actions came to."""
        house.model.answers.append(hang)
        said = await house.platform.say("pay 5")
        await house.model.wait_asked(2)
        house.model.answers = list(answers)
        await house.platform.rewrite(said, text)
        return said

    async def test_the_model_is_asked_anew_and_told_what_was_done(
        self, house_at: Houses, tmp_path: Path
    ) -> None:
        model = Doing(calls(call("PAY", '{"sum": 5}'), call("IGNORE", id="c2"), text="Hm."))
        async with house_at(model=model) as house:
            await self.edited(house, "5 are paid already.")
            assert await house.platform.wait_sent() == ["5 are paid already."]
            await house.host.finish_pending()
        assert [m.content for m in model.requests[2].messages if m.role == "user"] == ["pay 6"]
        asked, answered = tail(model.requests[2])
        assert [(one.name, one.arguments) for one in asked.tool_calls] == [("PAY", '{"sum": 5}')]
        assert answered.tool_call_id == asked.tool_calls[0].id
        assert answered.content.startswith("Done already, before this message was changed")
        assert answered.content.endswith("PAY was done.")
        assert inbox_of(tmp_path) == [("done", "answered", "direct message")]

    async def test_the_same_call_again_is_not_run_and_another_one_is(
        self, house_at: Houses, tmp_path: Path
    ) -> None:
        model = Doing(calls(call("PAY", '{"sum": 5, "to": "Bob"}')))
        async with house_at(model=model) as house:
            same = call("pay", '{ "to":"Bob", "sum":5 }')
            more = (call("PAY", '{"sum": 6}', id="c2"), replace(same, id="c3"))
            await self.edited(house, calls(same, *more), "Paid 11, and 5 more.")
            await house.platform.wait_sent()
            await house.host.finish_pending()
        five = "PAY {'sum': 5, 'to': 'Bob'} for pay 5"
        later = ["PAY {'sum': 6} for pay 6", "PAY {'to': 'Bob', 'sum': 5} for pay 6"]
        assert model.deeds == [five, *later]
        assert "Not run again: just this was done before." in tail(model.requests[3])[3].content
        assert [row[4] for row in steps_of(tmp_path) if row[0] == 1] == ["spared", "done", "done"]

    async def test_what_was_spared_stays_spared_over_a_restart_and_a_second_edit(
        self, house_at: Houses
    ) -> None:
        model = Doing(calls(call("PAY")))
        async with house_at(model=model) as house:
            said = await self.edited(house, calls(call("PAY")), hang, text="pay please")
            await model.wait_asked(4)
            await house.host.stop(0.0)
        again = Doing(hang, deeds=model.deeds)
        async with house_at(model=again) as house:
            await again.wait_asked()
            again.answers = [calls(call("PAY")), "Paid once."]
            await house.platform.rewrite(said, "do pay")
            assert await house.platform.wait_sent() == ["Paid once."]
        assert model.deeds == ["PAY {} for pay 5"]
        assert "just this was done before" in tail(again.requests[0])[-1].content

    async def test_what_was_done_spares_one_call_also_over_a_restart(self, house_at: Houses) -> None:
        model = Doing(calls(call("PAY")))
        async with house_at(model=model) as house:
            await self.edited(house, calls(call("PAY")), hang, text="pay twice")
            await model.wait_asked(4)
            await house.host.stop(0.0)
        async with house_at(model=Doing(calls(call("PAY")), "Twice.", deeds=model.deeds)) as house:
            assert await house.platform.wait_sent() == ["Twice."]
        assert model.deeds == ["PAY {} for pay 5", "PAY {} for pay twice"]

    async def test_a_turn_that_begins_anew_after_its_answer_knows_it_too(self, house_at: Houses) -> None:
        model = Doing(calls(call("PAY")), "Paid.")
        async with house_at(model=model) as house:
            said = await house.platform.say("pay 5")
            await house.platform.wait_sent()
            await house.host.finish_pending()
            model.answers = [calls(call("PAY")), "It is paid."]
            await house.platform.rewrite(said, "pay 5, please")
            await house.platform.wait_until(lambda: bool(house.platform.changes))
            assert house.platform.shown == ["It is paid."]
        assert model.deeds == ["PAY {} for pay 5"]
        assert tail(model.requests[2])[1].content.endswith("PAY was done.")

    async def test_names_and_ids_that_no_database_takes_are_cleaned(self, house_at: Houses) -> None:
        odd = call("PA\x00Y\ud800", id="c\x00\udfff")
        async with house_at(model=Doing(calls(odd), "No.")) as house:
            await house.platform.say("pay 5")
            assert await house.platform.wait_sent() == ["No."]

    async def test_an_action_that_the_edit_cut_off_is_unknown_and_not_repeated(
        self, house_at: Houses
    ) -> None:
        async with house_at(model=(model := Doing(calls(call("PAY")), pay=hang))) as house:
            said = await house.platform.say("pay 5")
            while not model.deeds:
                await asyncio.sleep(0)
            model.answers = [calls(call("PAY")), "Please check."]
            await house.platform.rewrite(said, "pay 5!")
            assert await house.platform.wait_sent() == ["Please check."]
        assert len(model.deeds) == 1
        told, refused = tail(model.requests[1])[1], tail(model.requests[2])[3]
        assert "it is not known whether PAY was done" in told.content
        assert "it is not known whether PAY was done" in refused.content

    async def test_what_may_be_done_twice_is(self, house_at: Houses) -> None:
        model = Doing(calls(call("SET")))
        async with house_at(model=model) as house:
            await self.edited(house, calls(call("SET")), "Set.")
            await house.platform.wait_sent()
        assert model.deeds == ["SET {} for pay 5", "SET {} for pay 6"]

    async def test_a_message_whose_turn_had_company_knows_what_was_done_there(self, house_at: Houses) -> None:
        """The first of two messages is edited; the second's actions have run for both."""
        model = Doing(hang)
        async with house_at(model=model) as house:
            first = await house.platform.say("hello")
            await model.wait_asked(1)
            await house.platform.say("pay")
            model.answers = [calls(call("PAY")), hang]
            await house.platform.rewrite(first, "hello!")
            await model.wait_asked(3)
            model.answers = [calls(call("PAY")), "Hello! It is paid."]
            await house.platform.delete(first)
            await house.platform.rewrite(first, "never mind")
            await house.host.stop(0.0)
        again = Doing(calls(call("PAY")), "It is paid.", deeds=model.deeds)
        async with house_at(model=again) as house:
            assert await house.platform.wait_sent() == ["It is paid."]
        # The words are gone with the deleted message, so that the same call cannot be recognised; the model
        # is told all the same.
        assert [m.content for m in tail(again.requests[0])[1:]] == [
            "Done already, before this message was changed or its turn interrupted; it stays done. done"
        ]


async def test_messages_that_go_apart_know_what_was_done_for_each(house_at: Houses, tmp_path: Path) -> None:
    """A turn of two messages was brought down again and again: now each has one of its own."""
    async with house_at(model=(model := Doing(hang))) as house:
        first = await house.platform.say("pay 1")
        await model.wait_asked(1)
        await house.platform.say("pay 2")
        model.answers = [calls(call("PAY", '{"sum": 2}')), hang]
        await house.platform.rewrite(first, "pay 1!")
        await model.wait_asked(3)
        await house.host.stop(0.0)
    with sqlite3.connect(tmp_path / "bot.db") as database:
        database.execute("UPDATE inbox SET attempts = 3")
    database.close()
    two, three = call("PAY", '{"sum": 2}'), call("PAY", '{"sum": 3}', id="c2")
    again = Doing(calls(two, three), "First.", calls(two, three), "Second.", deeds=model.deeds)
    async with house_at(model=again) as house:
        assert await house.platform.wait_sent(2) == ["First.", "Second."]
    # What both had was done for both; what the first has had since is its own.
    assert model.deeds == [
        "PAY {'sum': 2} for pay 2",
        "PAY {'sum': 3} for pay 1!",
        "PAY {'sum': 3} for pay 2",
    ]


async def test_a_message_that_supersedes_another_knows_what_was_done_for_that(
    house_at: Houses, tmp_path: Path
) -> None:
    model = Doing(calls(call("PAY")), hang)
    async with house_at(model=model, options=AgentOptions(busy_mode="latest")) as house:
        await house.platform.say("pay")
        await model.wait_asked(2)
        model.answers = [calls(call("PAY"), call("SET", id="c2")), "It is paid already."]
        await house.platform.say("now pay!")
        assert await house.platform.wait_sent() == ["It is paid already."]
        await house.host.finish_pending()
    assert model.deeds == ["PAY {} for pay", "SET {} for now pay!"]
    assert tail(model.requests[2])[1].content.endswith("PAY was done.")
    assert [(outcome, reason) for _, outcome, reason in inbox_of(tmp_path)] == [
        ("superseded", "newer message"),
        ("answered", "direct message"),
    ]


async def test_a_stop_word_stops_a_turn_that_would_go_on_from_its_steps(
    house_at: Houses, tmp_path: Path
) -> None:
    model = Doing(calls(call("PAY")), hang)
    async with house_at(model=model) as house:
        await house.platform.say("pay")
        await model.wait_asked(2)
        await house.platform.say("stop")
        await house.host.stop(0.0)
    async with house_at(model=(model := Doing()), options=AgentOptions(stop_words=("stop",))) as house:
        await house.host.finish_pending()
        await house.platform.say("still there?", message_id="3")
        assert await house.platform.wait_sent() == ["echo: still there?"]
    assert [reason for _, _, reason in inbox_of(tmp_path)[:2]] == ["stop_word", "stop_word"]


async def test_nothing_is_begun_for_a_message_that_is_gone(house_at: Houses, tmp_path: Path) -> None:
    model = Doing()
    async with house_at(model=model) as house:

        async def delete(request: TextRequest) -> TextResult:
            await house.platform.delete(said)
            return calls(call("PAY"))

        model.answers = [delete]
        model.hold.clear()
        said = await house.platform.say("pay")
        model.hold.set()
        await house.host.finish_pending()
        assert house.platform.sent == []
    assert model.deeds == []
    assert steps_of(tmp_path) == []
    assert inbox_of(tmp_path) == [("done", "ignored", "deleted")]


async def test_the_second_call_is_not_begun_either(house_at: Houses, tmp_path: Path) -> None:
    async with house_at(model=(model := Doing(calls(call("SET"), call("PAY", id="c2"))))) as house:

        async def delete(agent: Agent, call: ActionCall) -> ActionResult:
            await house.platform.delete(said)
            return ActionResult(text="Set, in private words.")

        model._deed["set"] = delete
        model.hold.clear()
        said = await house.platform.say("set and pay")
        model.hold.set()
        await house.host.finish_pending()
    assert model.deeds == ["SET {} for set and pay"]
    with sqlite3.connect(tmp_path / "bot.db") as database:
        results = database.execute("SELECT state, result FROM steps ORDER BY call").fetchall()
    database.close()
    assert results == [("unknown", "{}"), ("unknown", "{}")]


async def test_a_result_that_the_database_would_not_take_is_not_forgotten(
    house_at: Houses, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns_module, "STORE_SECONDS", 0.01)
    model = Doing(calls(call("PAY")), "Paid.")
    async with house_at(model=model) as house:
        change, refused = house.store.change_step, 0

        async def change_step(row: Any, **how: Any) -> bool:
            nonlocal refused
            refused += 1
            if refused <= 2:
                raise StoreError("disk full")
            return await change(row, **how)

        monkeypatch.setattr(house.store, "change_step", change_step)
        await house.platform.say("pay")
        assert await house.platform.wait_sent() == ["Paid."]
    assert len(model.deeds) == 1
    assert tail(model.requests[1])[1].content == "PAY was done."


async def test_a_cancelled_turn_still_records_what_has_just_been_done(
    house_at: Houses, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = Doing(calls(call("PAY")), "Paid.")
    async with house_at(model=model) as house:
        change = house.store.change_step

        async def change_step(row: Any, **how: Any) -> bool:
            if len(model.requests) == 1:
                desk = house.host._main
                desk.lanes.interrupt((house.agent_id, create_unique_uuid(house.agent_id, "ada")))
                await asyncio.sleep(0)
            return await change(row, **how)

        monkeypatch.setattr(house.store, "change_step", change_step)
        await house.platform.say("pay")
        assert await house.platform.wait_sent() == ["Paid."]
    assert len(model.deeds) == 1
    assert tail(model.requests[1])[1].content == "PAY was done."


async def test_a_turn_without_calls_touches_no_steps(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(*_: Any, **how: Any) -> Any:
        raise AssertionError("asked about steps")

    for name in ("add_steps", "change_step", "get_steps"):
        monkeypatch.setattr(house.store, name, never)
    await house.platform.say("Hello")
    assert await house.platform.wait_sent() == ["echo: Hello"]


async def test_a_question_for_a_yes_that_was_cut_off_is_put_once(
    house_at: Houses, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with house_at(model=Doing(calls(call("DELETE")))) as house:
        reached = asyncio.Event()

        async def set_cache(*_: Any) -> None:
            reached.set()
            await hang()

        monkeypatch.setattr(house.store, "set_cache", set_cache)
        await house.platform.say("delete it")
        await reached.wait()
        await house.host.stop(0.0)
    async with house_at(model=Doing("")) as house:
        [question] = await house.platform.wait_sent()
        assert question == "DELETE: shall I do this? Answer yes to confirm."


@pytest.mark.parametrize("asked", ["CONFIRM", "DELETE"])
async def test_what_a_yes_began_is_not_begun_again(house_at: Houses, asked: str) -> None:
    model = Doing(calls(call("DELETE")))
    await cut_off_in_the_second_round(house_at, model)
    async with house_at(model=Doing("")) as house:
        await house.host.finish_pending()
    async with house_at(model=(model := Doing(calls(call(asked)), delete=hang))) as house:
        await house.platform.say("yes", message_id="2")
        while not model.deeds:
            await asyncio.sleep(0)
        await house.host.stop(0.0)
    again = Doing("Please check.", deeds=model.deeds)
    async with house_at(model=again) as house:
        assert (await house.platform.wait_sent())[-1] == "Please check."
        assert len(house.platform.sent) == 1
    assert len(model.deeds) == 1
    assert f"it is not known whether {asked} was done" in tail(again.requests[0])[1].content


async def test_the_least_role_of_those_who_are_answered_together_counts(house_at: Houses) -> None:
    model = Doing()
    async with house_at(model=model) as house:
        house.host.get_agent(house.agent_id).owners.add(create_unique_uuid(house.agent_id, "ada"))
        model.hold.clear()
        await house.platform.say("hi", **GROUP)
        await model.wait_asked()
        await house.platform.say("ban everybody", person="bob", **GROUP)
        await house.platform.say("how are you?", **GROUP)
        model.answers = ["Hi.", calls(call("BAN")), "No."]
        model.hold.set()
        await house.platform.wait_sent(2)
    assert "BAN" in {tool.name for tool in model.requests[0].tools}
    assert "BAN" not in {tool.name for tool in model.requests[1].tools}
    assert model.deeds == []
    assert "needs the role OWNER" in tail(model.requests[2])[1].content


async def test_a_model_that_asks_for_too_much_at_once_is_cut(house_at: Houses) -> None:
    wanted = [call("PAY", f'{{"sum": {n}}}', id=f"c{n}") for n in range(CALLS + 5)]
    async with house_at(model=(model := Doing(calls(*wanted), "Enough."))) as house:
        await house.platform.say("pay all")
        assert await house.platform.wait_sent() == ["Enough."]
    assert len(model.deeds) == CALLS
    assert len(tail(model.requests[1])) == 1 + CALLS


class TestFailure:
    """One honest line, once."""

    async def test_after_an_action_the_line_says_so(self, house_at: Houses, tmp_path: Path) -> None:
        async with house_at(model=Doing(calls(call("PAY")), ModelError("down"))) as house:
            await house.platform.say("pay")
            [text] = await house.platform.wait_sent()
            assert "check before you ask again" in text
            await house.host.finish_pending()
        assert inbox_of(tmp_path) == [("done", "failed", "down")]

    async def test_after_a_harmless_action_it_does_not(self, house_at: Houses) -> None:
        async with house_at(model=Doing(calls(call("SET")), ModelError("down"))) as house:
            await house.platform.say("set")
            [text] = await house.platform.wait_sent()
            assert "check before you ask again" not in text

    async def test_an_action_that_takes_all_the_time_may_have_been_done(
        self, house_at: Houses, tmp_path: Path
    ) -> None:
        model = Doing(calls(call("PAY")), pay=hang)
        async with house_at(model=model, options=AgentOptions(turn_timeout=0.1)) as house:
            await house.platform.say("pay")
            [text] = await house.platform.wait_sent()
            assert "may be done already" in text
            await house.host.finish_pending()
        assert steps_of(tmp_path) == [(0, 1, 0, "PAY", "unknown")]

    @pytest.mark.parametrize(("line", "sent"), [("Ay, lo siento.", ["Ay, lo siento."]), ("", [])])
    async def test_a_character_says_it_its_own_way(
        self, house: House, tmp_path: Path, line: str, sent: list[str]
    ) -> None:
        agent = house.host.get_agent(house.agent_id)
        agent.use_character(agent.character.model_copy(update={"templates": {"failureMessage": line}}))
        house.model.answers = [ModelError("down")]
        await house.platform.say("Hello")
        await house.host.finish_pending()
        assert [text for _, text, _ in house.platform.sent] == sent
        assert inbox_of(tmp_path) == [("done", "failed", "down")]

    async def test_nobody_is_told_who_did_not_turn_to_the_agent(
        self, house_at: Houses, tmp_path: Path
    ) -> None:
        async with house_at(config=ConnectorConfig(mention_only=False)) as house:
            house.model.decisions = ["RESPOND"]
            house.model.answers = [ModelError("down")]
            await house.platform.say("chatter", room="general", type=ChannelType.GROUP)
            await house.host.finish_pending()
            assert house.platform.sent == []
        assert inbox_of(tmp_path) == [("done", "failed", "down")]

    async def test_it_is_said_once_for_a_burst_and_after_what_an_action_said(self, house_at: Houses) -> None:
        async def speak(agent: Agent, call: ActionCall) -> ActionResult:
            assert call.callback is not None
            await call.callback(Content(text="Working on it."))
            return ActionResult()

        model = Doing(hang, set=speak)
        async with house_at(model=model) as house:
            first = await house.platform.say("one")
            await model.wait_asked()
            for text in ("two", "three"):
                await house.platform.say(text)
            model.answers = [calls(call("SET")), ModelError("down")]
            await house.platform.rewrite(first, "1")
            await house.host.finish_pending()
            said = [text for _, text, _ in house.platform.sent]
        assert said[0] == "Working on it."
        assert said[1].startswith("Sorry")
        assert len(said) == 2

    async def test_who_ran_into_a_limit_is_told_of_that_all_the_same(
        self, house_at: Houses, tmp_path: Path
    ) -> None:
        options = AgentOptions(limits=Limits(room_messages_per_minute=2))
        async with house_at(options=options) as house:
            house.model.hold.clear()
            await house.platform.say("one")
            await house.model.wait_asked()
            for text in ("two", "three"):
                await house.platform.say(text)
            house.model.answers = ["One.", ModelError("down")]
            house.model.hold.set()
            said = await house.platform.wait_sent(3)
            await house.host.finish_pending()
        assert said[0] == "One."
        assert "give me a minute" in said[1]
        assert said[2].startswith("Sorry")
        assert [outcome for _, outcome, _ in inbox_of(tmp_path)] == ["answered", "failed", "ignored"]

    async def test_a_message_that_fails_once_more_is_not_told_once_more(
        self, house_at: Houses, tmp_path: Path
    ) -> None:
        async with house_at(answers=(ModelError("down"), ModelError("still down"))) as house:
            said = await house.platform.say("Hello")
            await house.platform.wait_sent()
            await house.host.finish_pending()
            await house.platform.rewrite(said, "Hello?")
            await house.host.finish_pending()
            assert len(house.model.requests) == 2
            assert len(house.platform.sent) == 1
        assert inbox_of(tmp_path) == [("done", "failed", "still down")]

    async def test_a_line_that_was_committed_before_a_kill_goes_out_once(
        self, house_at: Houses, tmp_path: Path
    ) -> None:
        async with house_at(answers=(ModelError("down"),)) as house:
            house.platform.hold_sends.clear()
            await house.platform.say("Hello")
            while house.platform.tried == 0:
                await asyncio.sleep(0)
            await house.host.stop(0.05)
            assert house.platform.sent == []
        async with house_at() as house:
            [text] = await house.platform.wait_sent()
            assert text.startswith("Sorry")
            await house.host.finish_pending()
            assert len(house.platform.sent) == 1
            assert house.model.requests == []


async def test_a_caller_hears_what_an_action_said_once(
    house_at: Houses, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The turn begins again while its caller waits: in the same process, with the same caller."""
    monkeypatch.setattr(turns_module, "STORE_SECONDS", 0.01)

    async def speak(agent: Agent, call: ActionCall) -> ActionResult:
        assert call.callback is not None
        await call.callback(Content(text="Working on it."))
        return ActionResult()

    model = Doing(calls(call("SET")), calls(call("PAY")), calls(call("PAY")), "Done.", set=speak)
    async with house_at(model=model) as house:
        add, added = house.store.add_steps, 0

        async def add_steps(rows: Any, **how: Any) -> bool:
            nonlocal added
            added += 1
            if added == 2:
                raise StoreError("disk full")
            return await add(rows, **how)

        monkeypatch.setattr(house.store, "add_steps", add_steps)
        completed: list[str] = []
        agent = house.host.get_agent(house.agent_id)
        agent.on(EventType.ACTION_COMPLETED, lambda event: completed.append(event.action))
        message = {"entity_id": new_id(), "room_id": new_id(), "content": {"text": "do it"}}
        result = await house.host.handle_message(house.agent_id, message)
    assert result.processing.text == "Working on it.\n\nDone."
    assert completed == ["SET", "PAY"]
    assert len(model.requests) == 4
