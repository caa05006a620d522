"""From a platform's event to a platform's message, on the real store."""

import asyncio
import sqlite3
from pathlib import Path

import pytest

from bot_host.connector import ConnectorConfig
from bot_host.host import BotHost
from bot_host.runtime import AgentOptions
from bot_host.testing import FakePlatform, ScriptedModel
from bot_host.types.content import ChannelType, Content
from bot_host.types.errors import ConfigError, ModelError, SendLater, SendRefused, StateError
from bot_host.types.ids import create_unique_uuid, new_id
from bot_host.types.inbound import Account, InboundPlaces, PersonRef, RoomRef, Skipped, WorldRef
from bot_host.types.models import TextResult, ToolCall
from bot_host.types.outbound import Target
from bot_host.types.turn import Outcome
from tests.host.conftest import House, Houses


def inbox_of(folder: Path) -> list[tuple[str, str | None, str | None]]:
    """(state, outcome, reason) of every inbox row, in order."""
    with sqlite3.connect(folder / "bot.db") as database:
        rows = database.execute("SELECT state, outcome, reason FROM inbox ORDER BY seq").fetchall()
    database.close()
    return rows


async def test_a_direct_message_is_answered(house: House, tmp_path: Path) -> None:
    await house.platform.say("Hello there")
    assert await house.platform.wait_sent() == ["echo: Hello there"]
    target, _, key = house.platform.sent[0]
    assert target.channel_id == "ada"
    assert key.endswith(":0")
    await house.host.finish_pending()
    assert inbox_of(tmp_path) == [("done", "answered", "direct message")]


async def test_the_same_event_again_makes_no_second_turn(house: House, tmp_path: Path) -> None:
    said = await house.platform.say("Hello")
    await house.platform.accept(said)
    await house.platform.wait_sent()
    await house.platform.accept(said, said)
    await house.host.finish_pending()
    assert len(house.platform.sent) == 1
    assert len(inbox_of(tmp_path)) == 1


async def test_history_goes_to_the_model_with_roles_and_survives_a_restart(house_at: Houses) -> None:
    async with house_at(answers=("Hi Ada",)) as house:
        await house.platform.say("I am Ada")
        await house.platform.wait_sent()
    async with house_at() as house:
        await house.platform.say("Who am I?", message_id="2")
        await house.platform.wait_sent()
        said = [(m.role, m.content) for m in house.model.requests[0].messages[1:]]
    assert said == [("user", "I am Ada"), ("assistant", "Hi Ada"), ("user", "Who am I?")]


async def test_in_a_group_only_mentions_replies_and_own_threads_are_answered(
    house: House, tmp_path: Path
) -> None:
    group = {"room": "general", "type": ChannelType.GROUP}
    thread = {"room": "thread", "type": ChannelType.THREAD}
    await house.platform.say("just talking", **group)
    await house.host.finish_pending()
    await house.platform.say("hello bot", mention=True, **group)
    await house.host.finish_pending()
    await house.platform.say("and you?", reply=True, **group)
    await house.platform.say("a strange thread", **thread)
    await house.host.finish_pending()
    await house.platform.say("bot, look here", mention=True, **thread)
    await house.host.finish_pending()
    await house.platform.say("go on", **thread)
    await house.host.finish_pending()
    assert inbox_of(tmp_path) == [
        ("done", "ignored", "not addressed"),
        ("done", "answered", "mention"),
        ("done", "answered", "reply to the agent"),
        ("done", "ignored", "not addressed"),
        ("done", "answered", "mention"),
        ("done", "answered", "thread that the agent takes part in"),
    ]
    last = house.model.requests[-1].messages
    assert last[1].content == "Ada: a strange thread"


async def test_without_mention_only_the_small_model_decides(house_at: Houses, tmp_path: Path) -> None:
    async with house_at(config=ConnectorConfig(mention_only=False)) as house:
        house.model.decisions = ["IGNORE", "RESPOND", "hm", "STOP"]
        for text in ("one", "two", "three", "be quiet, Eliza", "five"):
            await house.platform.say(text, room="general", type=ChannelType.GROUP)
            await house.host.finish_pending()
        await house.platform.say("@Eliza six", room="general", type=ChannelType.GROUP, mention=True)
        await house.host.finish_pending()
        assert [text for _, text, _ in house.platform.sent] == ["echo: Ada: two", "echo: Ada: @Eliza six"]
    assert [reason for _, _, reason in inbox_of(tmp_path)] == [
        "the model chose silence",
        "the model chose to answer",
        "the model's decision was unclear",
        "asked to be quiet",
        "muted",
        "mention",
    ]


async def test_messages_during_a_turn_are_answered_together_in_the_next(house: House, tmp_path: Path) -> None:
    house.model.hold.clear()
    await house.platform.say("one")
    await house.model.wait_asked(1)
    for text in ("two", "three", "four"):
        await house.platform.say(text)
    house.model.hold.set()
    await house.host.finish_pending()
    assert await house.platform.wait_sent(2) == ["echo: one", "echo: four"]
    assert [m.content for m in house.model.requests[1].messages if m.role == "user"] == [
        "one",
        "two",
        "three",
        "four",
    ]
    assert inbox_of(tmp_path) == [("done", "answered", "direct message")] * 4


async def test_each_message_its_own_answer(house_at: Houses) -> None:
    async with house_at(options=AgentOptions(busy_mode="each")) as house:
        house.model.hold.clear()
        for text in ("one", "two", "three"):
            await house.platform.say(text)
        house.model.hold.set()
        assert await house.platform.wait_sent(3) == ["echo: one", "echo: two", "echo: three"]
        # What came later than the message that is answered is not shown to the model.
        assert [m.content for m in house.model.requests[0].messages if m.role == "user"] == ["one"]


async def test_a_slow_room_does_not_hold_up_another(house: House) -> None:
    house.model.hold.clear()
    await house.platform.say("slow", room="slow")
    await house.model.wait_asked(1)
    house.model.answers = ["quick answer"]
    house.platform.hold_sends.set()
    await house.platform.say("quick", room="quick")
    await house.model.wait_asked(2)
    house.model.hold.set()
    await house.platform.wait_sent(2)
    assert {target.channel_id for target, _, _ in house.platform.sent} == {"slow", "quick"}


async def test_an_edit_before_the_answer_is_taken_over(house: House) -> None:
    house.model.hold.clear()
    first = await house.platform.say("first")
    await house.model.wait_asked(1)
    second = await house.platform.say("secnd")
    await house.platform.rewrite(second, "second, mended")
    await house.platform.rewrite(first, "first, mended")
    await house.model.wait_asked(2)
    house.model.hold.set()
    texts = await house.platform.wait_sent(1)
    await house.host.finish_pending()
    assert "echo: first" not in texts
    said = [m.content for m in house.model.requests[-1].messages if m.role == "user"]
    assert said == ["first, mended", "second, mended"]


async def test_an_equal_edit_changes_nothing(house: House) -> None:
    house.model.hold.clear()
    said = await house.platform.say("as it is")
    await house.model.wait_asked(1)
    await house.platform.rewrite(said, "as it is")
    house.model.hold.set()
    await house.platform.wait_sent(1)
    await house.host.finish_pending()
    assert len(house.model.requests) == 1


async def test_a_message_deleted_before_its_turn_is_not_answered(house: House, tmp_path: Path) -> None:
    house.model.hold.clear()
    await house.platform.say("stays")
    await house.model.wait_asked(1)
    gone = await house.platform.say("goes")
    await house.platform.delete(gone)
    house.model.hold.set()
    await house.host.finish_pending()
    assert [text for _, text, _ in house.platform.sent] == ["echo: stays"]
    assert inbox_of(tmp_path)[1] == ("done", "ignored", "deleted")


async def test_long_answers_leave_in_parts_and_in_order(house_at: Houses) -> None:
    answer = "".join(f"{n:04d} " for n in range(200))
    async with house_at(answers=(answer,)) as house:
        await house.platform.say("write a lot")
        texts = await house.platform.wait_sent(5)
        assert "".join(texts) == answer.strip()
        replies = [target.reply_to for target, _, _ in house.platform.sent]
        assert replies == ["1", "", "", "", ""]
        keys = [key for _, _, key in house.platform.sent]
        assert [key.rpartition(":")[2] for key in keys] == ["0", "1", "2", "3", "4"]


async def test_a_passing_fault_of_the_platform_is_waited_out(house: House) -> None:
    house.platform.faults = [SendLater("busy", after_s=0.01), ConnectionError("gone")]
    await house.platform.say("Hello")
    assert await house.platform.wait_sent() == ["echo: Hello"]
    assert house.platform.tried == 3


async def test_a_refusal_closes_the_message_and_the_next_one_goes_out(house: House, tmp_path: Path) -> None:
    house.platform.faults = [SendRefused("the bot was kicked")]
    house.model.answers = ["x" * 450]
    await house.platform.say("one")
    await house.host.finish_pending()
    await house.platform.say("two")
    assert await house.platform.wait_sent() == ["echo: two"]
    await house.host.finish_pending()
    with sqlite3.connect(tmp_path / "bot.db") as database:
        states = database.execute("SELECT state, error FROM outbox ORDER BY seq").fetchall()
    database.close()
    assert [state for state, _ in states] == ["failed", "failed", "failed", "sent"]
    assert "the bot was kicked" in states[0][1]


async def test_a_failing_model_is_told_to_whoever_asked(house: House, tmp_path: Path) -> None:
    house.model.answers = [ModelError("the key was refused")]
    await house.platform.say("Hello")
    [text] = await house.platform.wait_sent()
    assert text.startswith("Sorry")
    assert "key" not in text
    await house.host.finish_pending()
    assert inbox_of(tmp_path) == [("done", "failed", "the key was refused")]


async def test_a_model_that_never_answers_is_cut_off(house_at: Houses, tmp_path: Path) -> None:
    async with house_at(options=AgentOptions(turn_timeout=0.05)) as house:
        house.model.hold.clear()
        await house.platform.say("Hello")
        [text] = await house.platform.wait_sent()
        assert text.startswith("Sorry")
        house.model.hold.set()
        await house.platform.say("And now?")
        await house.platform.wait_sent(2)
        await house.host.finish_pending()
    assert [outcome for _, outcome, _ in inbox_of(tmp_path)] == ["failed", "answered"]


async def test_an_empty_answer_is_a_failure_not_a_silence(house: House, tmp_path: Path) -> None:
    house.model.answers = ["  \n "]
    await house.platform.say("Hello")
    [text] = await house.platform.wait_sent()
    assert text.startswith("Sorry")
    await house.host.finish_pending()
    assert inbox_of(tmp_path)[0][1] == "failed"


async def test_a_blank_message_is_recorded_and_not_answered(house: House, tmp_path: Path) -> None:
    await house.platform.say("   ")
    await house.host.finish_pending()
    assert inbox_of(tmp_path) == [("done", "ignored", "empty message")]
    assert house.platform.sent == []


async def test_tools_run_and_go_back_to_the_model(house: House) -> None:
    call = ToolCall(id="c1", name="MUTE_ROOM", arguments="{}")
    house.model.answers = [TextResult(text="", tool_calls=(call,)), "Quiet now."]
    group = {"room": "general", "type": ChannelType.GROUP}
    await house.platform.say("Eliza, be quiet here", mention=True, **group)
    assert await house.platform.wait_sent() == ["Quiet now."]
    offered = {tool.name for tool in house.model.requests[0].tools}
    assert {"IGNORE", "MUTE_ROOM"} <= offered
    assert not {"UNMUTE_ROOM", "REPLY", "NONE"} & offered
    back = house.model.requests[1].messages[-1]
    assert back.role == "tool"
    assert back.content.startswith("Muted")
    await house.platform.say("hello?", reply=True, **group)
    await house.host.finish_pending()
    assert len(house.platform.sent) == 1


async def test_choosing_silence_is_recorded(house: House, tmp_path: Path) -> None:
    call = ToolCall(id="c1", name="IGNORE", arguments="")
    house.model.answers = [TextResult(text="", tool_calls=(call,))]
    await house.platform.say("stop it", mention=True, room="general", type=ChannelType.GROUP)
    await house.host.finish_pending()
    assert house.platform.sent == []
    assert inbox_of(tmp_path) == [("done", "ignored", "the model chose silence")]


async def test_typing_is_shown_while_the_model_works_and_ended(house: House) -> None:
    house.model.hold.clear()
    await house.platform.say("Hello")
    await house.model.wait_asked()
    assert (house.platform.typing_shown, house.platform.typing_ended) == (1, 0)
    house.model.hold.set()
    await house.platform.wait_sent()
    await house.host.finish_pending()
    await asyncio.sleep(0)
    assert house.platform.typing_ended == 1


async def test_a_stop_in_mid_turn_lets_it_finish(house_at: Houses) -> None:
    async with house_at() as house:
        house.model.hold.clear()
        await house.platform.say("Hello")
        await house.model.wait_asked()
        asyncio.get_running_loop().call_soon(house.model.hold.set)
        await house.host.stop(5.0)
        assert [text for _, text, _ in house.platform.sent] == ["echo: Hello"]
        assert house.platform.closed


async def test_a_turn_that_is_cut_by_the_stop_begins_again_at_the_next_start(house_at: Houses) -> None:
    async with house_at() as house:
        house.model.hold.clear()
        await house.platform.say("Hello")
        await house.model.wait_asked()
        await house.host.stop(0.0)
        assert house.platform.sent == []
    async with house_at() as house:
        assert await house.platform.wait_sent() == ["echo: Hello"]


async def test_a_reply_that_was_not_sent_goes_out_at_the_next_start(house_at: Houses) -> None:
    async with house_at() as house:
        house.platform.hold_sends.clear()
        await house.platform.say("Hello")
        await house.platform.wait_until(lambda: True)
        while house.platform.tried == 0:
            await asyncio.sleep(0)
        await house.host.stop(0.05)
        assert house.platform.sent == []
    async with house_at(answers=("a second answer",)) as house:
        assert await house.platform.wait_sent() == ["echo: Hello"]
        await house.host.finish_pending()
        assert len(house.platform.sent) == 1


async def test_a_fault_in_a_turn_ends_that_turn_and_is_told(house: House, tmp_path: Path) -> None:
    def break_it(request: object) -> str:
        raise RuntimeError("a bug with internals")

    house.model.answers = [break_it]
    await house.platform.say("poison")
    [text] = await house.platform.wait_sent()
    assert text.startswith("Sorry")
    await house.host.finish_pending()
    assert inbox_of(tmp_path) == [("done", "failed", "scripted: RuntimeError")]
    await house.platform.say("health")
    assert (await house.platform.wait_sent(2))[1] == "echo: health"


async def test_a_message_that_keeps_bringing_the_process_down_is_given_up_and_told(
    house_at: Houses, tmp_path: Path
) -> None:
    async with house_at() as house:
        house.model.hold.clear()
        await house.platform.say("poison")
        await house.model.wait_asked()
        await house.host.stop(0.0)
    with sqlite3.connect(tmp_path / "bot.db") as database:
        database.execute("UPDATE inbox SET attempts = 5")
    database.close()
    async with house_at() as house:
        [text] = await house.platform.wait_sent()
        assert text.startswith("Sorry")
        assert house.model.requests == []
    assert inbox_of(tmp_path) == [("done", "failed", "given up after 5 attempts")]


async def test_places_get_names_and_follow_renames(house: House) -> None:
    await house.platform.say("hi", room="c1", type=ChannelType.GROUP, room_name="general")
    room_id = create_unique_uuid(house.agent_id, "c1")
    person_id = create_unique_uuid(house.agent_id, "ada")
    room = await house.store.find_room(room_id)
    assert room is not None
    assert (room.name, room.type, room.channel_id) == ("general", ChannelType.GROUP, "c1")
    await house.platform.accept(
        InboundPlaces(
            world=WorldRef(key="world", name="New World"),
            rooms=(RoomRef(key="c1", type=ChannelType.GROUP, channel_id="c1", name="lounge"),),
            people=(PersonRef(key="ada", platform_id="ada", name="Ada L."),),
        )
    )
    room = await house.store.find_room(room_id)
    world = await house.store.find_world(create_unique_uuid(house.agent_id, "world"))
    person = await house.store.find_entity(person_id)
    assert room is not None
    assert world is not None
    assert person is not None
    assert (room.name, world.name, person.names[0]) == ("lounge", "New World", "Ada L.")
    assert {p.entity_id for p in await house.store.get_participants(room_id)} == {person_id, house.agent_id}
    await house.platform.say("hi again", room="c1", type=ChannelType.GROUP, room_name="garden")
    room = await house.store.find_room(room_id)
    assert room is not None
    assert room.name == "garden"


async def test_a_room_is_open_as_its_newest_message_says(house: House) -> None:
    room_id = create_unique_uuid(house.agent_id, "c1")
    for told, known in ((None, None), (True, True), (None, True), (False, False), (True, True)):
        await house.platform.say("hi", room="c1", type=ChannelType.GROUP, open=told)
        room = await house.store.find_room(room_id)
        assert room is not None
        assert room.open is known
    await house.platform.accept(InboundPlaces(world=WorldRef(key="world"), readable=()))
    room = await house.store.find_room(room_id)
    assert room is not None
    assert room.open is False


async def test_skipped_events_are_counted(house: House) -> None:
    await house.platform.accept(Skipped(reason="own message"), Skipped(reason="bot"), Skipped(reason="bot"))
    assert house.host.skipped == {"own message": 1, "bot": 2}


async def test_handle_message_takes_the_same_way_and_returns_the_answer(house: House, tmp_path: Path) -> None:
    result = await house.host.handle_message(
        house.agent_id,
        {"entity_id": new_id(), "room_id": new_id(), "content": {"text": "Hello!\x00", "source": "web"}},
    )
    assert result.processing.text == "echo: Hello!"
    assert result.processing.outcome is Outcome.ANSWERED
    assert house.platform.sent == []
    assert inbox_of(tmp_path) == [("done", "answered", "direct message")]


@pytest.mark.parametrize(
    ("message", "named"),
    [
        ({"room_id": new_id(), "content": {"text": "x"}}, "entity_id"),
        ({"entity_id": "me", "room_id": new_id(), "content": {"text": "x"}}, "entity_id"),
        ({"entity_id": new_id(), "room_id": new_id(), "content": {"text": 7}}, "content.text"),
    ],
)
async def test_handle_message_names_what_is_wrong(house: House, message: dict, named: str) -> None:
    with pytest.raises(StateError, match=named):
        await house.host.handle_message(house.agent_id, message)


async def test_unknown_agents_and_twins_are_refused(house: House) -> None:
    with pytest.raises(StateError, match="no agent"):
        await house.host.handle_message(new_id(), {"entity_id": new_id()})
    with pytest.raises(ConfigError, match="already"):
        await house.host.add_agents([{"character": {"name": "Eliza"}, "plugins": ["basics"]}])


async def test_saying_something_unasked(house: House) -> None:
    await house.platform.say("hi")
    await house.platform.wait_sent()
    room_id = create_unique_uuid(house.agent_id, "ada")
    delivery = await house.host.send_message_to_target(
        house.agent_id, Target(source="fake", room_id=room_id), Content(text="Reminder: tea")
    )
    assert await delivery.sent(10) == ["sent-2"]
    assert house.platform.sent[-1][1] == "Reminder: tea"
    assert (await house.store.get_memories(room_id))[-1].content.text == "Reminder: tea"
    with pytest.raises(StateError, match="nothing sends to pigeon"):
        await house.host.send_message_to_target(
            house.agent_id, Target(source="pigeon", channel_id="1"), Content(text="coo")
        )
    house.platform.faults = [SendRefused("blocked")]
    refused = await house.host.send_message_to_target(
        house.agent_id, Target(source="fake", channel_id="elsewhere"), Content(text="x")
    )
    with pytest.raises(SendRefused, match="blocked"):
        await refused.sent(10)


async def test_two_connectors_of_one_account_are_refused(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    await house.platform.say("hi")
    twin = FakePlatform()
    runner = house.host.add_connector(twin, ConnectorConfig(), name="fake[1]", agent_id=house.agent_id)
    await runner.supervise()
    assert "log in to the same account" in runner.error


async def test_a_connector_that_breaks_is_run_again_and_hurts_nobody(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot_host.host.runner.backoff", lambda attempt: 0.0)
    runs = 0

    class Flaky(FakePlatform):
        async def run(self, host: object) -> None:
            nonlocal runs
            runs += 1
            if runs < 3:
                raise ConnectionError("socket gone")

    flaky = Flaky()
    flaky.account = Account(platform="fake", id="2")
    runner = house.host.add_connector(flaky, ConnectorConfig(), name="fake[1]", agent_id=house.agent_id)
    await runner.supervise()
    assert runs == 3
    await house.platform.say("still there?")
    assert await house.platform.wait_sent() == ["echo: still there?"]


async def test_two_hosts_in_one_process_share_nothing() -> None:
    hosts = [BotHost(), BotHost()]
    models = [ScriptedModel("from the first"), ScriptedModel("from the second")]
    texts = []
    for host, model in zip(hosts, models, strict=True):
        [agent_id] = await host.add_agents(
            [{"character": {"name": "Twin"}, "plugins": ["basics", model.plugin]}]
        )
        await host.start_agents()
        message = {"entity_id": new_id(), "room_id": new_id(), "content": {"text": "who?"}}
        texts.append((await host.handle_message(agent_id, message)).processing.text)
    for host in hosts:
        await host.stop()
    assert texts == ["from the first", "from the second"]
