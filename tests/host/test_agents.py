"""Agents of a host: coming, going, changing; who is told; how they are."""

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, select

import bot_host
from bot_host.contracts.plugin import Plugin
from bot_host.contracts.tables import Schema
from bot_host.host import BotHost
from bot_host.host import events as events_module
from bot_host.host import health as health_module
from bot_host.runtime import AgentRuntime, RuntimeConfig
from bot_host.store import make_store
from bot_host.testing import ScriptedModel
from bot_host.types.character import Character
from bot_host.types.errors import ConfigError, ModelError, PluginError, StateError, StoppedError, StoreError
from bot_host.types.host_events import (
    HOST_EVENTS,
    AgentAdded,
    AgentsEvent,
    AgentUpdated,
    HostEvent,
    MessageSent,
)
from bot_host.types.ids import new_id
from tests.host.conftest import House, Houses


@pytest.fixture
async def host() -> AsyncIterator[BotHost]:
    """A host in memory, without agents."""
    host = BotHost()
    yield host
    await host.stop()


def an_agent(name: str = "Eliza", **more: Any) -> dict[str, Any]:
    return {"character": {"name": name}, "plugins": ["basics", ScriptedModel().plugin]} | more


def said(text: str, **more: Any) -> dict[str, Any]:
    return {"entity_id": new_id(), "room_id": new_id(), "content": {"text": text}, **more}


async def test_lookups_take_names_regardless_of_case_and_leave_unknown_ones_out(host: BotHost) -> None:
    ada, bob, twin = await host.add_agents(
        [an_agent("Ada"), an_agent("Bob"), {**an_agent(), "character": {"name": "ADA", "id": new_id()}}]
    )
    assert host.get_agent(bob).character.name == "Bob"
    first = host.get_agent_by_name("aDa")
    assert first is not None
    assert first.agent_id == ada
    assert host.get_agent_by_name("nobody") is None
    assert host.get_agent_by_character_name("ADA") is first
    assert host.get_agent_by_id(ada) is first
    assert host.get_agent_by_character_id(twin) is host.get_agent(twin)
    assert host.get_agent_by_character_id(ada) is None
    assert [a.agent_id for a in host.get_agents_by_names(["ada", "nobody"])] == [ada, twin]
    assert [a.agent_id for a in host.get_agents_by_ids([bob, new_id(), ada])] == [bob, ada]
    assert all(agent.has_host() and agent.host is host for agent in host.get_agents())
    with pytest.raises(StateError, match="no agent"):
        host.get_agent(new_id())


async def test_agents_are_all_added_or_none(host: BotHost) -> None:
    with pytest.raises(PluginError):
        await host.add_agents([an_agent("Ada"), an_agent("Bob", plugins=["no such plugin"])])
    with pytest.raises(ConfigError, match=r"plugin.*did you mean"):
        await host.add_agents([an_agent("Ada"), an_agent("Bob", plugin=[])])

    async def breaks(runtime: AgentRuntime) -> None:
        raise ValueError("no")

    with pytest.raises(PluginError, match="init function of Bob"):
        await host.add_agents([an_agent("Ada"), an_agent("Bob", init=breaks)], auto_start=True)
    assert host.get_agents() == []


async def test_what_cannot_be_called_is_refused_at_once(host: BotHost) -> None:
    with pytest.raises(ConfigError, match="init must be a function of the runtime, found 5"):
        await host.add_agents([an_agent("Ada", init=5)])
    [agent_id] = await host.add_agents([an_agent("Ada")], auto_start=True)
    hi = said("hi")
    for name in ("on_response", "on_stream_chunk", "on_error", "on_complete"):
        with pytest.raises(StateError, match=f"{name} must be a function, found 5"):
            await host.handle_message(agent_id, hi, **{name: 5})
    assert await host.store.get_memories(hi["room_id"]) == []
    agent = host.get_agent(agent_id)
    for on, known in ((host.on, "agent:added"), (host.on, HostEvent), (agent.on, "RUN_ENDED")):
        with pytest.raises(StateError, match="a listener must be a function, found 5"):
            on(known, 5)  # type: ignore[operator]
    for on in (host.on, agent.on):
        with pytest.raises(StateError, match="event"):
            on(5, lambda event: None)  # type: ignore[operator]


async def test_a_character_of_elizaos_0_x_loads_in_code_too(
    host: BotHost, caplog: pytest.LogCaptureFixture
) -> None:
    older = {
        "name": "Eliza",
        "bio": "Helps.",
        "lore": ["Was born in 1966."],
        "modelProvider": "openai",
        "clients": ["discord"],
        "messageExamples": [[{"user": "{{user1}}", "content": {"text": "hi"}}]],
    }
    [agent] = await host.add_agents([an_agent(character=older)], return_runtimes=True)
    assert agent.character.bio == ["Helps.", "Was born in 1966."]
    assert "the character: modelProvider is ignored: the models are set in [models]" in caplog.text
    config = RuntimeConfig(character=older, database=host.store)
    assert AgentRuntime.from_config(config).character == agent.character
    with pytest.raises(ConfigError, match=r"topics: expected a list of texts, found text \"tea\""):
        await host.add_agents([an_agent(character={"name": "Ada", "topics": "tea"})])
    for wrong in (5, None, "Ada"):
        with pytest.raises(ConfigError, match="must be a Character or a mapping"):
            await host.add_agents([an_agent(character=wrong)])


def test_a_character_file_is_loaded_by_a_public_name(tmp_path: Path) -> None:
    (tmp_path / "ada.json").write_text('{"name": "Ada", "lore": "Counts."}', encoding="utf-8")
    assert bot_host.load_character(str(tmp_path / "ada.json")).bio == ["Counts."]


async def test_a_database_adapter_that_is_none_is_refused_by_name(host: BotHost) -> None:
    with pytest.raises(ConfigError, match=r"database_adapter must be a Store, .* not str"):
        await host.add_agents([an_agent(database_adapter="sqlite:///y.db")])


async def test_auto_start_runs_init_once_and_returns_runtimes_in_order(host: BotHost) -> None:
    seen: list[str] = []

    async def init(runtime: AgentRuntime) -> None:
        assert runtime.started
        seen.append(runtime.character.name)

    runtimes = await host.add_agents(
        [an_agent("Ada", init=init), an_agent("Bob", init=init)], auto_start=True, return_runtimes=True
    )
    assert [runtime.character.name for runtime in runtimes] == seen == ["Ada", "Bob"]
    await host.stop_agents()
    await host.start_agents()
    assert seen == ["Ada", "Bob"]
    result = await host.handle_message(runtimes[1], said("hi"))
    assert result.processing.text == "echo: hi"


async def test_test_mode_reads_nothing_of_the_environment(
    host: BotHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-process")
    monkeypatch.setenv("SOME_SETTING", "there")
    [quiet] = await host.add_agents([{"character": {"name": "Quiet"}}], test_mode=True, auto_start=True)
    [usual] = await host.add_agents([an_agent("Usual")])
    assert host.get_agent(quiet).get_setting("SOME_SETTING") is None
    assert host.get_agent(usual).get_setting("SOME_SETTING") == "there"
    assert (await host.handle_message(quiet, said("hello"))).processing.did_respond


async def test_an_agent_with_a_database_of_its_own(host: BotHost, tmp_path: Path) -> None:
    store = make_store("sqlite:///own.db", base=tmp_path)
    [own, usual] = await host.add_agents([an_agent("Own", database_adapter=store), an_agent("Usual")])
    await host.start_agents()
    mine = await host.handle_message(own, said("mine"))
    other = await host.handle_message(usual, said("other"))
    assert (mine.processing.text, other.processing.text) == ("echo: mine", "echo: other")
    assert await store.find_memory(mine.message_id) is not None
    assert await store.find_memory(other.message_id) is None
    assert await host.store.find_memory(mine.message_id) is None


async def test_skip_migrations_leaves_opening_and_closing_to_the_caller(tmp_path: Path) -> None:
    async with make_store("sqlite:///shared.db", base=tmp_path) as store:
        host = BotHost()
        [agent_id] = await host.add_agents(
            [an_agent(database_adapter=store)], skip_migrations=True, auto_start=True
        )
        result = await host.handle_message(agent_id, said("hi"))
        await host.stop()
        assert await store.find_memory(result.message_id) is not None


async def test_skip_migrations_leaves_plugins_tables_to_the_caller(tmp_path: Path) -> None:
    tables = MetaData()
    kept = Table("plugin_kept_rows", tables, Column("id", Integer, primary_key=True))
    plugin = Plugin(name="kept", schema=Schema(tables=tables))
    host = BotHost()
    async with make_store("sqlite:///shared.db", base=tmp_path) as store:
        [agent] = await host.add_agents(
            [an_agent(database_adapter=store, plugins=[ScriptedModel().plugin, plugin])],
            skip_migrations=True,
            auto_start=True,
            return_runtimes=True,
        )
        with pytest.raises(StoreError, match="no such table: plugin_kept_rows"):
            await agent.tables("kept").fetch(select(kept))
        await agent.run_migrations()
        assert await agent.tables("kept").fetch(select(kept)) == []
        await host.stop()


async def test_register_agent_takes_a_runtime_that_somebody_else_made(host: BotHost) -> None:
    runtime = AgentRuntime(Character(name="Made"), store=host.store, plugins=[ScriptedModel().plugin])
    assert not runtime.has_host()
    host.register_agent(runtime)
    assert runtime.has_host()
    with pytest.raises(ConfigError, match="already"):
        host.register_agent(runtime)
    await host.start_agents()
    assert (await host.handle_message(runtime.agent_id, said("hi"))).processing.text == "echo: hi"


async def test_deleted_agents_are_gone_with_their_connectors_and_their_memories_stay(house: House) -> None:
    await house.platform.say("hi")
    await house.platform.wait_sent()
    await house.host.finish_pending()
    room_id = (await house.store.pending_rooms(1), house.agent_id)[1]
    await house.host.delete_agents([house.agent_id])
    assert house.host.get_agents() == []
    assert house.host.connectors == ()
    assert house.platform.closed
    assert await house.store.find_entity(room_id) is not None
    with pytest.raises(StateError):
        await house.host.delete_agents([house.agent_id])
    [again] = await house.host.add_agents([an_agent()], auto_start=True)
    assert again == house.agent_id


async def test_update_agent_needs_editable_mode_and_checks_stores_and_audits(host: BotHost) -> None:
    [agent_id] = await host.add_agents([an_agent("Ada")])
    await host.start_agents()
    with pytest.raises(StateError, match="enable_editable_mode"):
        await host.update_agent(agent_id, {"system": "Be brief."})
    host.enable_editable_mode()
    with pytest.raises(ConfigError, match="topics"):
        await host.update_agent(agent_id, {"topics": 7})
    with pytest.raises(ConfigError, match="id of an agent"):
        await host.update_agent(agent_id, {"id": new_id()})
    with pytest.raises(ConfigError) as refused:
        await host.update_agent(agent_id, {"secrets": {"KEY": ["hunter2"]}})
    assert "hunter2" not in str(refused.value)
    updated = await host.update_agent(
        agent_id, {"name": "Augusta", "messageExamples": [], "secrets": {"KEY": "hunter2"}}
    )
    runtime = host.get_agent(agent_id)
    assert (updated.name, runtime.character.name) == ("Augusta", "Augusta")
    assert runtime.get_setting("KEY") == "hunter2"
    # Its id came from its name; it stays the same agent at the next start.
    assert updated.agent_id == runtime.agent_id == agent_id
    assert (await host.handle_message(agent_id, said("hi"))).processing.text == "echo: hi"
    entry = (await runtime.store.get_audit(agent_id))[0]  # type: ignore[attr-defined]
    assert entry.action == "character updated"
    assert entry.details == {"keys": ["message_examples", "name", "secrets"]}


async def test_every_event_is_told_by_name_and_class_and_none_has_a_secret(house_at: Houses) -> None:
    heard: list[HostEvent] = []
    async with house_at() as house:
        host = house.host
        host.on(HostEvent, heard.append)
        by_name: list[str] = []
        for name in HOST_EVENTS:
            host.on(name, lambda event: by_name.append(event.name))
        several: list[AgentsEvent] = []
        host.on(AgentsEvent, several.append)
        character = {
            "name": "Ada",
            "secrets": {"TOKEN": "hunter2"},
            "settings": {"secrets": {"OTHER": "hunter3"}, "mood": "fine"},
        }
        [ada] = await host.add_agents([{**an_agent(), "character": character}])
        await host.start_agents([ada])
        host.enable_editable_mode()
        await host.update_agent(ada, {"secrets": {"TOKEN": "hunter4"}})
        await host.handle_message(ada, said("hi"))
        await host.handle_message(ada, said("hi"), on_response=lambda content: None)
        await host.handle_messages([{"agent_id": ada, "message": said("hi")}])
        await host.delete_agents([ada])
        host.register_agent(AgentRuntime(Character(name="Reg"), store=host.store))
    assert (
        by_name
        == [event.name for event in heard]
        == [
            "agent:added",
            "agents:added",
            "agent:started",
            "agents:started",
            "mode:editable",
            "agent:updated",
            "message:sent",
            "message:sent",
            "message:sent",
            "messages:sent",
            "agent:stopped",
            "agents:stopped",
            "agent:deleted",
            "agents:deleted",
            "agent:registered",
        ]
    )
    assert set(by_name) == set(HOST_EVENTS)
    assert [event.agent_ids for event in several] == [(ada,)] * 4
    assert "hunter" not in repr(heard)
    added, updated = heard[0], heard[5]
    assert isinstance(added, AgentAdded)
    assert added.character.settings == {"mood": "fine"}
    assert isinstance(updated, AgentUpdated)
    assert updated.updates == ("secrets",)
    waited, not_waited = heard[6], heard[7]
    assert isinstance(waited, MessageSent)
    assert isinstance(not_waited, MessageSent)
    assert waited.processing is not None
    assert (waited.mode, waited.processing.text) == ("sync", "echo: hi")
    assert (not_waited.mode, not_waited.processing) == ("async", None)
    with pytest.raises(dataclasses.FrozenInstanceError):
        added.agent_id = "x"  # type: ignore[misc]


async def test_failing_and_slow_listeners_hurt_nobody(
    host: BotHost, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events_module, "LISTENER_SECONDS", 0.02)
    told = asyncio.Event()

    def breaks(event: HostEvent) -> None:
        raise ValueError("plain bug")

    async def breaks_later(event: HostEvent) -> None:
        raise ValueError("later bug")

    async def hangs(event: HostEvent) -> None:
        await asyncio.Event().wait()

    async def fine(event: HostEvent) -> None:
        told.set()

    for listener in (breaks, breaks_later, hangs, fine):
        host.on("agents:added", listener)
    gone = host.on("agents:added", lambda event: pytest.fail("was taken away"))
    gone()
    gone()
    await host.add_agents([an_agent()])
    await asyncio.wait_for(told.wait(), 20)
    while "was given up" not in caplog.text:
        await asyncio.sleep(0.01)
    assert "plain bug" in caplog.text
    assert "later bug" in caplog.text
    with pytest.raises(StateError, match='did you mean "agent:added"'):
        host.on("agent:add", fine)


async def test_health_really_asks_the_agent(host: BotHost, monkeypatch: pytest.MonkeyPatch) -> None:
    ada, bob, idle = await host.add_agents([an_agent("Ada"), an_agent("Bob"), an_agent("Idle")])
    await host.start_agents([ada, bob])
    monkeypatch.setattr(health_module, "ANSWER_SECONDS", 0.5)

    async def hangs(*_: Any, **__: Any) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(host.get_agent(bob), "compose_state", hangs)
    unknown = new_id()
    found = await host.health_check()
    found |= await host.health_check([unknown])
    assert {agent_id: (h.alive, h.responsive) for agent_id, h in found.items()} == {
        ada: (True, True),
        bob: (True, False),
        idle: (False, False),
        unknown: (False, False),
    }
    assert found[ada].memory_usage > 1_000_000
    assert found[ada].uptime > 0
    assert found[idle].uptime == 0


async def test_validate_api_keys_really_asks_each_provider(host: BotHost) -> None:
    works, refused = ScriptedModel("ok"), ScriptedModel(*[ModelError("the key was refused")] * 2)
    good, bad, idle = await host.add_agents(
        [
            an_agent("Good", plugins=["basics", works.plugin]),
            an_agent("Bad", plugins=["basics", refused.plugin]),
            an_agent("Idle", plugins=["basics", checked_plugin()]),
        ]
    )
    await host.start_agents([good, bad])
    assert await host.validate_api_keys() == {good: True, bad: False, idle: False}
    assert len(works.requests) == len(refused.requests) == 1
    lines = await host.check_providers([bad, idle])
    assert lines[bad][0].detail == "the key was refused"
    assert lines[idle][0].detail == "RuntimeError"
    with pytest.raises(StateError):
        await host.validate_api_keys([new_id()])


def checked_plugin() -> Plugin:
    async def check(config: Mapping[str, Any]) -> Any:
        raise RuntimeError("has a bug")

    return Plugin(name="checked", check=check)


async def test_two_hosts_in_one_process_share_nothing() -> None:
    one, two = BotHost(), BotHost()
    try:
        [a] = await one.add_agents([an_agent()], auto_start=True)
        [b] = await two.add_agents([an_agent()], auto_start=True)
        message = said("hi", id=new_id())
        results = await asyncio.gather(one.handle_message(a, message), two.handle_message(b, message))
        assert [result.processing.text for result in results] == ["echo: hi"] * 2
        await one.stop()
        assert (await two.handle_message(b, said("still here"))).processing.text == "echo: still here"
        with pytest.raises(StoppedError):
            await one.add_agents([an_agent("Late")])
    finally:
        await one.stop()
        await two.stop()
