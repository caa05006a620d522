"""Prompts and texts by schedule, through the host's own doors."""

import sqlite3
from datetime import timedelta
from pathlib import Path
from typing import Any

from bot_host.app.build import build, load
from bot_host.config.schema import ScheduleConfig
from bot_host.host.schedules import sync_schedules
from bot_host.host.task_workers import built_in_workers
from bot_host.kit.clock import utc_now
from bot_host.kit.logs import SecretMask
from bot_host.types.content import ChannelType
from bot_host.types.ids import create_unique_uuid, new_id
from bot_host.types.task import Misfire, Task, TaskState
from tests.host.conftest import House, Houses


async def in_a_group(house: House) -> str:
    """A group that the agent knows; its room."""
    await house.platform.say("just talking", room="general", type=ChannelType.GROUP)
    await house.host.finish_pending()
    return create_unique_uuid(house.agent_id, "general")


def rows(folder: Path, sql: str) -> list[Any]:
    with sqlite3.connect(folder / "bot.db") as database:
        found = database.execute(sql).fetchall()
    database.close()
    return found


async def test_a_scheduled_prompt_is_a_message_that_the_agent_answers(house: House, tmp_path: Path) -> None:
    room_id = await in_a_group(house)
    await house.host.get_agent(house.agent_id).create_task(
        Task(
            agent_id=house.agent_id,
            name="prompt",
            room_id=room_id,
            metadata={"prompt": "Say good morning."},
            due_at=utc_now(),
        )
    )
    assert await house.platform.wait_sent() == ["echo: Schedule: Say good morning."]
    assert house.platform.sent[0][0].channel_id == "general"
    found = rows(tmp_path, "SELECT account, reason FROM inbox ORDER BY seq")
    assert found[1] == ("fake:1", "mention")


async def test_a_scheduled_text_goes_out_as_it_is(house: House) -> None:
    room_id = await in_a_group(house)
    agent = house.host.get_agent(house.agent_id)
    metadata = {"text": "Tea time.", "target": {"source": "fake", "channel_id": "elsewhere"}}
    await agent.create_task(Task(agent_id=agent.agent_id, name="text", metadata=metadata, tags=("queue",)))
    assert await house.platform.wait_sent() == ["Tea time."]
    assert house.platform.sent[0][0].channel_id == "elsewhere"
    await agent.create_task(
        Task(
            agent_id=agent.agent_id,
            name="text",
            room_id=room_id,
            metadata={"text": "Here, too."},
            tags=("queue",),
        )
    )
    assert await house.platform.wait_sent(2) == ["Tea time.", "Here, too."]
    assert house.platform.sent[1][0].channel_id == "general"
    [memory] = [m for m in await house.store.get_memories(room_id) if m.entity_id == house.agent_id]
    assert memory.content.text == "Here, too."
    assert house.model.requests == []


async def test_an_occurrence_that_is_run_again_is_one_row_and_one_message(
    house: House, tmp_path: Path
) -> None:
    room_id = await in_a_group(house)
    host: Any = house.host
    workers = built_in_workers(
        house.store, host._accounts, admit=host._main.inbox.admit, say=host._say_for_task
    )
    agent = house.host.get_agent(house.agent_id)
    due = utc_now()
    for name in ("prompt", "text"):
        task = Task(
            agent_id=agent.agent_id, name=name, room_id=room_id, metadata={name: "Hello."}, due_at=due
        )
        for _ in range(3):
            await workers[name].execute(agent, task.metadata, task)
        tomorrow = Task(
            id=task.id,
            agent_id=agent.agent_id,
            name=name,
            room_id=room_id,
            metadata={name: "Hello."},
            due_at=due + timedelta(days=1),
        )
        await house.host.finish_pending()
        await workers[name].execute(agent, tomorrow.metadata, tomorrow)
        await house.host.finish_pending()
    assert len(rows(tmp_path, "SELECT * FROM inbox")) == 1 + 2
    said = [text for _, text, _ in house.platform.sent]
    assert said == ["echo: Schedule: Hello."] * 2 + ["Hello."] * 2


async def test_what_is_due_before_the_platform_is_there_waits_without_failing(house_at: Houses) -> None:
    async with house_at() as house:
        agent = house.host.get_agent(house.agent_id)
        task = Task(
            agent_id=agent.agent_id,
            name="text",
            metadata={"text": "Hi.", "target": {"source": "matrix", "channel_id": "1"}},
            due_at=utc_now(),
        )
        await agent.create_task(task)
        host: Any = house.host
        await host._main.scheduler.look()
        await host._main.scheduler.idle()
        row = await agent.get_task(task.id)
        assert row is not None
        assert (row.failures, row.state) == (0, TaskState.ACTIVE)
        assert row.due_at is not None
        assert row.due_at > task.due_at  # type: ignore[operator]


async def test_a_text_for_a_room_of_the_librarys_caller_is_kept_there(house: House) -> None:
    room_id = new_id()
    await house.host.handle_message(
        house.agent_id, {"entity_id": new_id(), "room_id": room_id, "content": {"text": "Hi"}}
    )
    agent = house.host.get_agent(house.agent_id)
    task = Task(
        agent_id=agent.agent_id, name="text", room_id=room_id, metadata={"text": "Later."}, due_at=utc_now()
    )
    await agent.create_task(task)
    host: Any = house.host
    await host._main.scheduler.look()
    await host._main.scheduler.idle()
    assert "Later." in [m.content.text for m in await house.store.get_memories(room_id)]


async def test_schedules_of_the_config_become_tasks(house: House) -> None:
    agent = house.host.get_agent(house.agent_id)
    daily = ScheduleConfig(
        cron="0 9 * * 1-5",
        time_zone="Europe/Berlin",
        room="general",
        prompt="Say good morning.",
        misfire="skip",
    )
    often = ScheduleConfig(every=3600, target={"source": "fake", "channel_id": "1"}, text="Still here.")
    mine = Task(agent_id=agent.agent_id, name="text", due_at=utc_now() + timedelta(days=1))
    await agent.create_task(mine)
    await sync_schedules(agent, [daily, often, often])
    tasks = await agent.get_tasks(tags=("schedule",))
    assert len(tasks) == 3
    [morning] = [task for task in tasks if task.name == "prompt"]
    assert (morning.cron, morning.time_zone, morning.misfire) == (
        "0 9 * * 1-5",
        "Europe/Berlin",
        Misfire.SKIP,
    )
    assert morning.metadata == {
        "prompt": "Say good morning.",
        "room_id": create_unique_uuid(agent.agent_id, "general"),
        "room": "general",
    }
    assert morning.due_at is not None
    assert morning.due_at > utc_now()
    # A restart changes nothing; one that failures have paused goes on, one paused by hand does not.
    await agent.update_task(morning.id, {"state": TaskState.PAUSED, "failures": 5})
    by_hand = next(task for task in tasks if task.name == "text")
    await agent.update_task(by_hand.id, {"state": TaskState.PAUSED})
    await sync_schedules(agent, [often, daily, often])
    again = {task.id: task for task in await agent.get_tasks(tags=("schedule",))}
    assert again.keys() == {task.id for task in tasks}
    assert again[morning.id].state is TaskState.ACTIVE
    assert again[by_hand.id].state is TaskState.PAUSED
    # A changed one replaces, removed ones go, others' tasks stay.
    changed = daily.model_copy(update={"prompt": "Say hello."})
    await sync_schedules(agent, [changed])
    [only] = await agent.get_tasks(tags=("schedule",))
    assert only.metadata["prompt"] == "Say hello."
    assert await agent.get_task(mine.id) is not None
    await sync_schedules(agent, [])
    assert await agent.get_tasks(tags=("schedule",)) == []


async def test_a_schedule_of_the_config_speaks(house: House) -> None:
    await in_a_group(house)
    agent = house.host.get_agent(house.agent_id)
    await sync_schedules(agent, [ScheduleConfig(every=3600, room="general", text="Still here.")])
    [task] = await agent.get_tasks(tags=("schedule",))
    await agent.update_task(task.id, {"due_at": utc_now()})
    assert await house.platform.wait_sent() == ["Still here."]


async def test_the_config_file_brings_its_schedules_and_reminders(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    agent = '[database]\nurl = "sqlite:///bot.db"\n[[agents]]\n'
    schedule = '[[agents.schedules]]\nevery = 3600\nroom = "1"\ntext = "Still here."\n'
    for text, expected in ((agent + schedule, ["Still here."]), (agent, [])):
        file.write_text(text)
        built = await build(load(file, {}, {}), mask=SecretMask())
        try:
            await built.start()
            [runtime] = built.host.get_agents()
            tasks = await runtime.get_tasks(tags=("schedule",))
            assert [task.metadata["text"] for task in tasks] == expected
            assert "REMIND_ME" in [action.name for action in runtime.actions]
        finally:
            await built.host.stop(0)
