"""Hosts and agents as callers start and name them: one host a database, ids and names in every form."""

import asyncio
import sqlite3
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot_host.contracts.plugin import Plugin
from bot_host.host import BotHost
from bot_host.runtime import AgentRuntime
from bot_host.store import make_store
from bot_host.testing import ScriptedModel
from bot_host.types.errors import ConfigError, PluginError, StateError, StoreError
from bot_host.types.host_events import HostEvent
from bot_host.types.ids import new_id
from tests.host.test_agents import an_agent, said


@pytest.fixture
async def host() -> AsyncIterator[BotHost]:
    """A host in memory, without agents."""
    async with BotHost() as host:
        yield host


HOLD = """
import asyncio, sys
from bot_host import BotHost

async def main():
    host = BotHost(store=sys.argv[1])
    await host.add_agents([{"character": {"name": "Eliza"}, "plugins": []}])
    await host.start_agents()
    print("started", flush=True)
    sys.stdin.read()
    await host.stop()

asyncio.run(main())
"""


async def test_two_hosts_never_work_on_one_database(tmp_path: Path) -> None:
    model = ScriptedModel()
    item = an_agent(plugins=["basics", model.plugin])
    async with BotHost(store=make_store("sqlite:///bot.db", base=tmp_path)) as first:
        [agent_id] = await first.add_agents([item])
        await first.start_agents()
        async with BotHost(store=make_store(f"sqlite:///{tmp_path}/bot.db", base=Path("/"))) as second:
            await second.add_agents([item])
            with pytest.raises(StoreError, match=r"host of this process works on the database bot\.db"):
                await second.start_agents()
            with pytest.raises(StateError, match="not started"):
                await second.handle_message(agent_id, said("hi"))
        await first.handle_message(agent_id, said("hi"))
    assert len(model.requests) == 1
    # The first one has let it go.
    async with BotHost(store=make_store("sqlite:///bot.db", base=tmp_path)) as third:
        await third.add_agents([item], auto_start=True)
        await third.handle_message(agent_id, said("again"))


async def test_a_host_of_another_process_is_named(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/bot.db"
    other = await asyncio.create_subprocess_exec(
        sys.executable, "-c", HOLD, url, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert other.stdin is not None
    assert other.stdout is not None
    assert await other.stdout.readline() == b"started\n"
    async with BotHost(store=url) as host:
        await host.add_agents([an_agent()])
        with pytest.raises(StoreError, match=rf"another host \(process {other.pid}\).*ephemeral=True"):
            await host.start_agents()
        # An agent that answers only what it is given may be there beside it.
        store = make_store(url, base=Path("/"))
        async with store:
            [brief] = await host.add_agents(
                [an_agent("Brief", database_adapter=store)],
                ephemeral=True,
                skip_migrations=True,
                return_runtimes=True,
            )
            assert (await host.handle_message(brief, said("hi"))).processing.text == "echo: hi"
            await brief.stop()
        other.stdin.close()
        assert await other.wait() == 0
        # And when the other one has ended, the way is free.
        await host.start_agents()


async def test_a_host_in_memory_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    async with BotHost() as host:
        await host.add_agents([an_agent()], auto_start=True)
    assert list(tmp_path.iterdir()) == []


async def test_a_url_names_the_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    async with BotHost(store="sqlite:///bot.db") as host:
        [agent_id] = await host.add_agents([an_agent()], auto_start=True)
        await host.handle_message(agent_id, said("hi"))
    database = sqlite3.connect(tmp_path / "bot.db")
    try:
        assert database.execute("SELECT count(*) FROM inbox").fetchone() == (1,)
    finally:
        database.close()
    with pytest.raises(ConfigError, match="must begin with sqlite"):
        BotHost(store="mysql://x")
    with pytest.raises(StateError, match=r"expected a store of make_store, or a URL .* found int"):
        BotHost(store=5)  # type: ignore[arg-type]


async def breaks(config: object, agent: object) -> None:
    raise ValueError("no luck")


async def test_an_agent_that_cannot_start_keeps_no_other_one_from_it(host: BotHost) -> None:
    bad = Plugin(name="bad", init=breaks)
    ids = await host.add_agents(
        [an_agent("A"), an_agent("B", plugins=[bad]), an_agent("C"), an_agent("D", plugins=[bad])]
    )
    told: list[HostEvent] = []
    host.on("agents:started", told.append)
    with pytest.raises(StateError, match=r"2 agents did not start: B: .*no luck.*; D: "):
        await host.start_agents()
    assert [agent.started for agent in host.get_agents()] == [True, False, True, False]
    assert [event.agent_ids for event in told] == [(ids[0], ids[2])]  # type: ignore[attr-defined]
    for agent_id in (ids[0], ids[2]):
        assert (await host.handle_message(agent_id, said("hi"))).processing.text == "echo: hi"
    with pytest.raises(PluginError, match="no luck"):
        await host.start_agents([ids[1]])


async def test_agents_that_start_as_they_are_added_are_told_as_started(host: BotHost) -> None:
    told: list[str] = []
    host.on(HostEvent, lambda event: told.append(type(event).__name__))
    await host.add_agents([an_agent()], auto_start=True)
    assert told == ["AgentAdded", "AgentStarted", "AgentsAdded", "AgentsStarted"]


async def test_ids_are_taken_in_every_form(host: BotHost) -> None:
    own = "3F2504E0-4F89-41D3-9A0C-0305E82C3301"
    [agent_id] = await host.add_agents([{**an_agent(), "character": {"name": "Ada", "id": own}}])
    assert agent_id == own.lower()
    with pytest.raises(ConfigError, match="already"):
        await host.add_agents([{**an_agent(), "character": {"name": "Twin", "id": own.lower()}}])
    await host.start_agents(own)
    for form in (own, own.lower(), uuid.UUID(own)):
        agent: AgentRuntime = host.get_agent(form)  # type: ignore[arg-type]
        assert host.get_agents_by_ids(form) == host.get_agents_by_ids([form]) == [agent]  # type: ignore[arg-type,list-item]
        assert host.get_agent_by_character_id(form) is agent  # type: ignore[arg-type]
        result = await host.handle_message(form, said("hi"))  # type: ignore[call-overload]
        assert result.processing.text == "echo: hi"
        assert (await host.health_check([form]))[agent_id].responsive  # type: ignore[list-item]
        await host.start_agents([form])  # type: ignore[list-item]
    host.enable_editable_mode()
    await host.update_agent(uuid.UUID(own), {"system": "Be brief.", "id": own})  # type: ignore[arg-type]
    assert repr(host.get_agent(own)) == f"<AgentRuntime 'Ada' {agent_id}>"
    await host.stop_agents(uuid.UUID(own))  # type: ignore[arg-type]
    await host.delete_agents(own)
    assert host.get_agents() == []


@pytest.mark.parametrize(
    ("plugins", "loaded"), [([], []), ("basics", ["basics"]), (("basics",), ["basics"]), (None, None)]
)
async def test_plugins_are_none_one_or_several(host: BotHost, plugins: Any, loaded: list[str] | None) -> None:
    [agent_id] = await host.add_agents([an_agent(plugins=plugins)], test_mode=True)
    found = [plugin.name for plugin in host.get_agent(agent_id).given_plugins]
    assert sorted(found) == (["basics", "offline", "reminders"] if loaded is None else loaded)


async def test_plugins_that_are_no_list_are_refused(host: BotHost) -> None:
    with pytest.raises(ConfigError, match=r"plugins: expected a list .* found int"):
        await host.add_agents([an_agent(plugins=5)])


async def test_an_agent_never_takes_another_ones_name(host: BotHost) -> None:
    ada, _ = await host.add_agents([an_agent("Ada"), an_agent("Bob")])
    host.enable_editable_mode()
    with pytest.raises(ConfigError, match="there is an agent called 'BOB' already"):
        await host.update_agent(ada, {"name": "BOB"})
    assert (await host.update_agent(ada, {"name": "ADA"})).name == "ADA"


async def test_an_unknown_agent_is_not_alive_but_cannot_be_started_either(host: BotHost) -> None:
    unknown = new_id()
    found = await host.health_check(unknown)
    assert (found[unknown].alive, found[unknown].responsive) == (False, False)
    for method in (host.start_agents, host.stop_agents, host.delete_agents, host.check_providers):
        with pytest.raises(StateError, match="there is no agent"):
            await method(unknown)
