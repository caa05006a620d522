"""docs/plugins.md: its code runs and does what the page says, and no part of a plugin is left out."""

import re
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field

import bot_host.plugin as surface
from bot_host.host import BotHost
from bot_host.plugin import ModelType, Plugin, Task
from bot_host.types.ids import new_id
from tests.web.conftest import Sites, site_at

PAGE = (Path(__file__).parent.parent / "docs" / "plugins.md").read_text(encoding="utf-8")
SECTIONS = ("Configuration", "Commands", "Providers", "Evaluators", "Models", "Events", "Routes", "Tasks")

__all__ = ["site_at"]


def sections() -> dict[str, str]:
    parts = re.split(r"(?m)^## (.+)\n", PAGE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def garden() -> Plugin:
    """The plugin that the page's pieces make."""
    names: dict[str, Any] = {"BaseModel": BaseModel, "Field": Field, "partial": partial}
    names |= {name: getattr(surface, name) for name in surface.__all__}
    for section in SECTIONS:
        for block in re.findall(r"(?ms)^```python\n(.*?)^```", sections()[section]):
            exec(compile(block, f"docs/plugins.md, {section}", "exec"), names)
    return Plugin(
        name="garden",
        config=names["GardenConfig"],
        settings={"GARDEN_TOWN": "town"},
        init=names["init"],
        check=names["check"],
        commands=(names["command"],),
        evaluators=(names["evaluator"],),
        models=names["models"],
        events=names["events"],
        routes=names["routes"],
        task_workers=(names["worker"],),
    )


async def test_the_pieces_of_the_page_are_a_plugin_that_works() -> None:
    plugin = garden()
    async with BotHost() as host:
        chunks: list[str] = []
        [agent] = await host.add_agents(
            [
                {
                    "character": {"name": "Ada", "settings": {"GARDEN_TOWN": "Bonn"}},
                    "plugins": ["basics", plugin],
                    "settings": {"GARDEN_API_KEY": "k"},
                    "plugin_configs": {"garden": {"beds": 9}},
                }
            ],
            auto_start=True,
            return_runtimes=True,
        )
        assert agent.plugin_config("garden") == {"town": "Bonn", "beds": 9, "api_key": "k"}
        [line] = (await host.check_providers([agent.agent_id]))[agent.agent_id]
        assert (line.ok, line.detail) == (True, "answers")
        message = {"entity_id": new_id(), "room_id": new_id(), "content": {"text": "What now?"}}
        result = await host.handle_message(
            agent, message, on_stream_chunk=lambda chunk, _: chunks.append(chunk)
        )
        assert (result.processing.text, chunks) == ("Water the beds.", ["Water ", "the beds."])
        for said, answer in (("/dig 3", "Dig bed 3 over?"), ("dig", "Bed 3 is dug over.")):
            told = await host.handle_message(agent, {**message, "content": {"text": said}})
            assert told.processing.text == answer
        state = await agent.compose_state(result.user_message, ["BEDS"], True)
        assert (state.text, state.values["beds"]) == ("The garden has 9 beds.", 9)
        await host.finish_pending()
        assert agent.get_setting("LAST_LENGTH") == len("What now?")
        assert agent.get_setting("LAST_RUN") == "completed"
        worker = agent.get_task_worker("WATER")
        assert worker is not None
        task = Task(agent_id=agent.agent_id, name="WATER", every_s=3600, metadata={"bed": 3})
        assert await agent.get_task(await agent.create_task(task)) is not None
        await worker.execute(agent, task.metadata, task)
        assert agent.get_setting("WATERED") == 3
        heard: list[Any] = []
        agent.on("BED_DUG", heard.append)
        await agent.emit_event("BED_DUG", {"bed": 3})
        assert heard[0].data == {"bed": 3}
    assert plugin.check is not None
    [line] = await plugin.check({"api_key": ""})
    assert (line.ok, line.advice) == (False, "set api_key")


async def test_the_routes_of_the_page_are_served_where_it_says(site_at: Sites) -> None:
    async with site_at(plugins=(garden(),)) as site:
        for path in ("/plugins/garden/beds/3", "/api/v1/agents/Eliza/plugins/garden/beds/3"):
            status, body, _ = await site.get(path)
            assert (status, body) == (200, {"agent": "Eliza", "bed": "3"})


def test_every_part_of_a_plugin_has_its_row() -> None:
    table = sections()["What a plugin brings"]
    named = {
        name for row in re.findall(r"(?m)^\| (`[^|]+`) \|", table) for name in re.findall(r"`(\w+)", row)
    }
    assert named == {field.name for field in fields(Plugin)}


def test_every_kind_of_model_has_its_row() -> None:
    assert {kind.name for kind in ModelType} <= set(re.findall(r"`([A-Z_]+)`", sections()["Models"]))


def test_what_the_page_says_the_surface_has_is_there() -> None:
    listed = set(re.findall(r"`(\w+)`", sections()["What `bot_host.plugin` has"]))
    assert listed <= set(surface.__all__)
    assert len(listed) > 70
