"""Reminders: made, listed, changed, cancelled, and said where they were asked for."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bot_host.connector import ConnectorConfig
from bot_host.host import BotHost
from bot_host.plugins.reminders import plugin
from bot_host.plugins.reminders.when import cron_of, moment_of
from bot_host.runtime import AgentRuntime
from bot_host.testing import FakePlatform, ScriptedModel
from bot_host.types.character import Character
from bot_host.types.content import ChannelType, Content
from bot_host.types.ids import create_unique_uuid, new_id
from bot_host.types.memory import Memory
from bot_host.types.models import TextResult, ToolCall
from bot_host.types.task import Task

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


class Desk:
    def __init__(
        self, host: BotHost, platform: FakePlatform, model: ScriptedModel, agent: AgentRuntime
    ) -> None:
        self.host, self.platform, self.model, self.agent = host, platform, model, agent

    async def said(self, person: str = "ada", room: str = "", type: ChannelType = ChannelType.DM) -> Memory:
        """A message of a person, as the store has it."""
        message = await self.platform.say("please", person=person, room=room or person, type=type)
        await self.host.finish_pending()
        memory = await self.agent.store.find_memory(
            create_unique_uuid(self.agent.agent_id, message.memory_key)
        )
        assert memory is not None
        return memory

    async def do(self, message: Memory, name: str, **arguments: Any) -> tuple[bool, str]:
        asking = Memory(
            agent_id=self.agent.agent_id,
            entity_id=self.agent.agent_id,
            room_id=message.room_id,
            content=Content(actions=[name], parameters={name: arguments}),
        )
        [result] = await self.agent.process_actions(message, [asking])
        return result.success, result.text

    async def reminders(self) -> list[Task]:
        return await self.agent.get_tasks(tags=("reminder",))


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    host, platform, model = BotHost(), FakePlatform(), ScriptedModel()
    try:
        [agent_id] = await host.add_agents(
            [
                {
                    "character": Character(name="Eliza", bio=["Helps."]),
                    "plugins": ["basics", plugin, model.plugin],
                    "settings": {"TIME_ZONE": "Europe/Berlin"},
                }
            ]
        )
        await host.start_agents()
        host.add_connector(platform, ConnectorConfig(), name="fake", agent_id=agent_id)
        host.start_connectors()
        yield Desk(host, platform, model, host.get_agent(agent_id))
    finally:
        await host.stop()


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ("in 10 minutes", "2026-11-23T12:10Z"),
        ("In 2 hours.", "2026-11-23T14:00Z"),
        ("in an hour", "2026-11-23T13:00Z"),
        ("90s", "2026-11-23T12:01:30Z"),
        ("in 3 days", "2026-11-26T12:00Z"),
        ("2 weeks", "2026-12-07T12:00Z"),
        ("2026-11-24T09:00", "2026-11-24T08:00Z"),
        ("2026-11-24 09:00:30+05:30", "2026-11-24T03:30:30Z"),
        ("2026-11-24T09:00Z", "2026-11-24T09:00Z"),
    ],
)
def test_when(when: str, expected: str) -> None:
    assert moment_of(when, asked=NOW, now=NOW, zone=BERLIN) == datetime.fromisoformat(expected)


def test_days_keep_the_time_on_the_clock() -> None:
    asked = datetime(2026, 10, 24, 7, 0, tzinfo=UTC)  # 9:00 in Berlin, the day before the clocks change
    assert moment_of("in 1 day", asked=asked, now=asked, zone=BERLIN) == asked + timedelta(hours=25)
    assert moment_of("in 24 hours", asked=asked, now=asked, zone=BERLIN) == asked + timedelta(hours=24)


def test_a_request_that_waited_for_the_host_counts_from_when_it_was_made() -> None:
    assert moment_of("in 10 minutes", asked=NOW - timedelta(minutes=4), now=NOW, zone=BERLIN) == (
        NOW + timedelta(minutes=6)
    )
    assert moment_of("in 10 minutes", asked=NOW - timedelta(hours=4), now=NOW, zone=BERLIN) == NOW


@pytest.mark.parametrize(
    ("when", "why"),
    [
        ("soon", "is no time"),
        ("2026-11-24", "time of day"),
        ("2026-11-23T12:30", "is over"),
        ("in 9999999 weeks", "too far|ten years"),
        ("9999-12-31T23:59-12:00", "too far|ten years"),
        ("in -5 minutes", "is no time"),
    ],
)
def test_no_time(when: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        moment_of(when, asked=NOW, now=NOW, zone=BERLIN)


def test_rhythms() -> None:
    first = datetime(2026, 11, 22, 8, 5, tzinfo=UTC)  # a Sunday
    texts = {
        name: cron_of(name, first, BERLIN) for name in ("hourly", "daily", "weekdays", "weekly", "monthly")
    }
    assert texts == {
        "hourly": "5 * * * *",
        "daily": "5 9 * * *",
        "weekdays": "5 9 * * 1-5",
        "weekly": "5 9 * * 0",
        "monthly": "5 9 22 * *",
    }
    with pytest.raises(ValueError, match="expected one of"):
        cron_of("sometimes", first, BERLIN)


async def test_a_reminder_comes_in_its_room_with_the_name(desk: Desk) -> None:
    desk.model.answers = [
        TextResult(
            text="",
            model="scripted",
            tool_calls=(
                ToolCall(id="1", name="REMIND_ME", arguments='{"text": "tea", "when": "in 10 minutes"}'),
            ),
        ),
        "I will.",
    ]
    await desk.platform.say("remind me", room="general", type=ChannelType.GROUP, mention=True)
    assert await desk.platform.wait_sent() == ["I will."]
    assert {tool.name for tool in desk.model.requests[0].tools} >= {"REMIND_ME"}
    [task] = await desk.reminders()
    assert task.due_at is not None
    await desk.agent.update_task(task.id, {"due_at": datetime.now(UTC)})
    assert (await desk.platform.wait_sent(2))[1] == "Ada, you asked to be reminded: tea"
    assert desk.platform.sent[1][0].channel_id == "general"
    host: Any = desk.host
    await host._main.scheduler.idle()
    assert await desk.reminders() == []


async def test_a_fired_reminder_goes_with_the_person_whom_it_was_for(desk: Desk) -> None:
    """In a room of several, on a platform and of callers: neither its text nor its outgoing part stays."""
    ada = await desk.said("ada", room="general", type=ChannelType.GROUP)
    bob = await desk.said("bob", room="general", type=ChannelType.GROUP)
    asked, room = [ada, bob], new_id()
    for person in (new_id(), new_id()):
        content = {"text": "hi", "channel_type": "GROUP", "source": "web"}
        message = {"entity_id": person, "room_id": room, "content": content}
        asked.append((await desk.host.handle_message(desk.agent.agent_id, message)).user_message)
    words = ("tea", "coffee", "milk", "juice")
    for message_of, word in zip(asked, words, strict=True):
        assert (await desk.do(message_of, "REMIND_ME", text=word, when="in 1 hour"))[0]
    for task in await desk.reminders():
        await desk.agent.update_task(task.id, {"due_at": datetime.now(UTC)})
    host: Any = desk.host
    await host._main.scheduler.look()
    await host._main.scheduler.idle()
    await desk.host.finish_pending()
    store = desk.agent.store

    async def kept() -> set[str]:
        said = [each.content.text for each in await desk.agent.get_memories(count=100)]
        parts = [str(row.payload) for row in await store.get_parts(range(1, 20))]
        return {word for word in words if any(word in text for text in (*said, *parts))}

    assert await kept() == set(words)
    await store.erase_entity(ada.entity_id)
    assert await kept() == set(words) - {"tea"}
    await store.erase_entity(asked[2].entity_id)
    assert await kept() == {"coffee", "juice"}


async def test_where_nobody_can_be_told_it_says_so(desk: Desk) -> None:
    message = {"entity_id": new_id(), "room_id": new_id(), "content": {"text": "hi", "source": "web"}}
    over_http = (await desk.host.handle_message(desk.agent.agent_id, message)).user_message
    ok, text = await desk.do(over_http, "REMIND_ME", text="tea", when="in 1 hour")
    assert ok
    assert "Tell the person: nothing can be sent to them here by itself" in text
    ok, text = await desk.do(await desk.said(), "REMIND_ME", text="tea", when="in 1 hour")
    assert ok
    assert text.endswith("Europe/Berlin)")


async def test_a_name_cannot_make_a_mention(desk: Desk) -> None:
    message = await desk.said()
    person = await desk.agent.store.find_entity(message.entity_id)
    assert person is not None
    await desk.agent.store.update_entity(replace(person, names=("@everyone <!channel>",)))
    await desk.do(message, "REMIND_ME", text="tea", when="in 1 hour")
    [task] = await desk.reminders()
    assert task.metadata["text"] == "everyone !channel, you asked to be reminded: tea"


async def test_the_same_request_again_is_one_reminder(desk: Desk) -> None:
    message = await desk.said()
    for _ in range(2):
        assert (await desk.do(message, "REMIND_ME", text="tea", when="in 1 hour"))[0]
    assert len(await desk.reminders()) == 1


async def test_list_change_and_cancel(desk: Desk) -> None:
    message = await desk.said()
    offered = {action.name for action in await desk.agent.select_actions(message)}
    assert "REMIND_ME" in offered
    assert not offered & {"LIST_REMINDERS", "CHANGE_REMINDER", "CANCEL_REMINDER"}
    await desk.do(message, "REMIND_ME", text="tea", when="2030-01-07T09:00", repeat="weekly")
    await desk.do(message, "REMIND_ME", text="call Bob", when="2030-01-06T09:00")
    message = await desk.said()
    offered = {action.name for action in await desk.agent.select_actions(message)}
    assert offered >= {"LIST_REMINDERS", "CHANGE_REMINDER", "CANCEL_REMINDER"}
    bob, tea = (await desk.do(message, "LIST_REMINDERS"))[1].splitlines()
    assert bob.endswith("call Bob (Sunday 2030-01-06 09:00 Europe/Berlin)")
    assert tea.endswith("tea (Monday 2030-01-07 09:00 Europe/Berlin, weekly)")
    ok, text = await desk.do(
        message, "CHANGE_REMINDER", id="tea", when="2030-01-08T10:30", text="green tea", repeat="daily"
    )
    assert ok, text
    [task] = [task for task in await desk.reminders() if task.cron]
    assert (task.cron, task.time_zone, task.due_at) == (
        "30 10 * * *",
        "Europe/Berlin",
        datetime(2030, 1, 8, 9, 30, tzinfo=UTC),
    )
    assert task.metadata["text"] == "Ada, you asked to be reminded: green tea"
    assert (await desk.do(message, "CHANGE_REMINDER", id=task.id[:8], repeat="none"))[0]
    assert {task.cron for task in await desk.reminders()} == {""}
    assert not (await desk.do(message, "CHANGE_REMINDER", id="tea"))[0]
    assert await desk.do(message, "CANCEL_REMINDER", id=bob.split(":")[0]) == (True, "Cancelled: call Bob")
    assert [task.metadata["about"] for task in await desk.reminders()] == ["green tea"]


async def test_only_the_persons_own(desk: Desk) -> None:
    ada, bob = await desk.said("ada"), await desk.said("bob")
    await desk.do(ada, "REMIND_ME", text="tea", when="in 1 hour")
    await desk.do(bob, "REMIND_ME", text="coffee", when="in 1 hour")
    assert "tea" not in (await desk.do(bob, "LIST_REMINDERS"))[1]
    ok, text = await desk.do(bob, "CANCEL_REMINDER", id="tea")
    assert not ok
    assert "none fits" in text
    assert len(await desk.reminders()) == 2
    # What Ada asked for in private is not shown among others.
    in_company = await desk.said("ada", room="general", type=ChannelType.GROUP)
    await desk.do(in_company, "REMIND_ME", text="meeting", when="in 1 hour")
    _, text = await desk.do(in_company, "LIST_REMINDERS")
    assert "meeting" in text
    assert "tea" not in text
    _, text = await desk.do(ada, "LIST_REMINDERS")
    assert "meeting" in text
    assert "tea" in text


async def test_faults_are_told_to_the_model(desk: Desk) -> None:
    message = await desk.said()
    assert "is no time" in (await desk.do(message, "REMIND_ME", text="tea", when="soon"))[1]
    desk.agent.set_setting("TIME_ZONE", "Berlin")
    assert "TIME_ZONE" in (await desk.do(message, "REMIND_ME", text="tea", when="in 1 hour"))[1]
    desk.agent.set_setting("TIME_ZONE", None)
    for count in range(50):
        assert (await desk.do(message, "REMIND_ME", text=f"tea {count}", when="in 1 hour"))[0]
    assert "the most" in (await desk.do(message, "REMIND_ME", text="tea", when="in 1 hour"))[1]


async def test_a_message_asks_the_store_once(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    get_tasks = desk.agent.store.get_tasks

    async def counted(*args: Any, **kwargs: Any) -> list[Task]:
        asked.append(kwargs.get("tags"))
        return await get_tasks(*args, **kwargs)

    monkeypatch.setattr(desk.agent.store, "get_tasks", counted)
    await desk.said()
    assert asked == [("reminder",)]
