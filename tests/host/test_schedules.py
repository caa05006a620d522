"""Schedules of the config that cannot be carried out are found before their time comes."""

from pathlib import Path
from typing import Any

import pytest

from bot_host.app.build import build, load
from bot_host.app.check import check
from bot_host.config.schema import Loaded, ScheduleConfig
from bot_host.host.schedules import sync_schedules
from bot_host.kit.logs import SecretMask
from bot_host.store import make_store
from bot_host.types.character import Character
from bot_host.types.errors import ConfigError
from bot_host.types.ids import create_unique_uuid, new_id, string_to_uuid
from bot_host.types.places import Room, World
from tests.host.conftest import House

ELIZA = string_to_uuid("Eliza")
PLUGIN = """
from bot_host.plugin import Plugin

async def send(agent, target, content):
    return ""

plugin = Plugin(name="pager", send_handlers={"pager": send})
"""


def configured(folder: Path, *schedules: str, plugins: str = "[]") -> Loaded:
    tables = "".join(f"[[agents.schedules]]\nevery = 60\n{each}\n" for each in schedules)
    (folder / "config.toml").write_text(
        f'[database]\nurl = "sqlite:///bot.db"\n[web]\nenabled = false\n[[agents]]\nplugins = {plugins}\n'
        f"{tables}[connectors.terminal]\nenabled = true\n[connectors.telegram]\nenabled = false\n",
        encoding="utf-8",
    )
    return load(folder / "config.toml", {}, {})


async def lines(loaded: Loaded) -> dict[str, tuple[bool, str]]:
    found = [finding.line async for finding in check(loaded)]
    return {line.name: (line.ok, line.detail) for line in found if line.name.startswith("schedule")}


async def test_check_finds_schedules_without_a_way_out(tmp_path: Path) -> None:
    (tmp_path / "pager.py").write_text(PLUGIN, encoding="utf-8")
    loaded = configured(
        tmp_path,
        'target = { source = "discrd", channel_id = "1" }\ntext = "a"',
        'target = { source = "telegram", channel_id = "1" }\ntext = "b"',
        'target = { source = "terminal", channel_id = "1" }\ntext = "c"',
        'target = { source = "terminal", channel_id = "1" }\nprompt = "d"',
        'target = { source = "pager", channel_id = "1" }\ntext = "e"',
        'room = "general"\ntext = "f"',
        plugins='["pager.py"]',
    )
    found = await lines(loaded)
    assert [ok for ok, _ in found.values()] == [False, False, True, False, True, False]
    said = [detail for _, detail in found.values()]
    assert said[0].startswith('nothing sends to "discrd" (did you mean "discord"?); known are ')
    assert said[1] == "the connector telegram is off, or another agent answers there"
    assert said[2] == "every 60 s, to terminal 1"
    assert said[3] == "the agent knows no terminal 1"
    assert said[5] == 'the agent knows no room "general"'
    # The start says the first two, too: they can never work as configured.
    built = await build(loaded, mask=SecretMask())
    await built.host.stop()
    assert [line.partition(":")[0] for line in built.schedule_faults] == [
        "schedule 1 of Eliza",
        "schedule 2 of Eliza",
    ]


async def test_check_knows_the_rooms_that_the_agent_knows(tmp_path: Path) -> None:
    room, elsewhere = create_unique_uuid(ELIZA, "general"), new_id()
    loaded = configured(
        tmp_path,
        'room = "general"\ntext = "a"',
        f'room = "{room.upper()}"\nprompt = "b"',
        'target = { source = "terminal", channel_id = "general" }\nprompt = "c"',
        f'room = "{elsewhere}"\ntext = "d"',
    )
    async with make_store("sqlite:///bot.db", base=tmp_path) as store:
        for agent_id, room_id in ((ELIZA, room), (string_to_uuid("Other"), elsewhere)):
            await store.ensure_agent(agent_id, Character(name="Somebody", id=agent_id))
            world = World(id=new_id(), agent_id=agent_id)
            await store.apply_places(
                "",
                [world],
                [
                    Room(
                        id=room_id,
                        agent_id=agent_id,
                        world_id=world.id,
                        name="General",
                        source="terminal",
                        channel_id="general",
                    )
                ],
                [],
                None,
            )
    found = await lines(loaded)
    assert [ok for ok, _ in found.values()] == [True, True, True, False]
    assert found["schedule 1 of Eliza"][1] == "every 60 s, in General"
    assert found["schedule 4 of Eliza"][1] == f'the agent knows no room "{elsewhere}"'


@pytest.mark.parametrize(
    ("target", "says"),
    [
        ('{ source = "discord", chanel_id = "1" }', r'target has no chanel_id .did you mean "channel_id"'),
        ('{ channel_id = "1" }', "target needs a source"),
    ],
)
def test_a_target_that_is_none_is_an_error_of_the_config(tmp_path: Path, target: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        configured(tmp_path, f'target = {target}\ntext = "a"')


async def test_at_its_time_the_admins_own_word_is_named(house: House) -> None:
    agent = house.host.get_agent(house.agent_id)
    await sync_schedules(agent, [ScheduleConfig(every=60, room="general", text="Hi.")])
    [task] = await agent.get_tasks(tags=("schedule",))
    await agent.update_task(task.id, {"due_at": task.created_at})
    host: Any = house.host
    await host._main.scheduler.look()
    await host._main.scheduler.idle()
    [task] = await agent.get_tasks(tags=("schedule",))
    assert task.last_error == 'the agent knows no room "general": write to it there once'
