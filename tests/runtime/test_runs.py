"""Runs under concurrency, and what is told of them."""

import asyncio

from bot_host.runtime.agent import AgentRuntime
from bot_host.runtime.runs import Run, tell_ended, tell_started, use_run
from bot_host.types.events import RunEvent
from bot_host.types.ids import is_uuid, new_id
from tests.runtime.conftest import Agents


async def test_rooms_at_once_never_see_each_others_run(agent: AgentRuntime) -> None:
    both = asyncio.Barrier(2)

    async def room() -> tuple[str, str, str]:
        started = agent.start_run(new_id())
        await both.wait()
        inside = await asyncio.create_task(ask())
        await both.wait()
        now = agent.get_current_run_id()
        agent.end_run()
        return started, inside, now

    async def ask() -> str:
        await asyncio.sleep(0)
        return agent.get_current_run_id()

    (one, two) = await asyncio.gather(room(), room())
    assert len(set(one)) == len(set(two)) == 1
    assert one[0] != two[0]


async def test_a_run_ends_and_another_one_begins_lazily(agent: AgentRuntime) -> None:
    first = agent.start_run("room")
    assert agent.get_current_run_id() == first
    agent.end_run()
    agent.end_run()
    second = agent.get_current_run_id()
    assert second != first
    assert agent.get_current_run_id() == second
    agent.end_run()
    assert is_uuid(agent.create_run_id())
    assert agent.create_run_id() != agent.create_run_id()


async def test_agents_do_not_take_each_others_run_for_theirs(agents: Agents, agent: AgentRuntime) -> None:
    other = agents(character=agent.character.model_copy(update={"name": "Other"}))
    mine = agent.start_run("room")
    assert other.get_current_run_id() != mine
    other.end_run()


async def test_the_pipelines_run_is_the_current_one(agent: AgentRuntime) -> None:
    run = Run(run_id=new_id(), agent_id=agent.agent_id, room_id="x")
    with use_run(run):
        assert agent.get_current_run_id() == run.id


async def test_started_ended_and_timeout_are_told(agent: AgentRuntime) -> None:
    told: list[RunEvent] = []
    agent.on(RunEvent, told.append)
    run = Run(run_id="r", agent_id=agent.agent_id, room_id="x")
    await tell_started(agent, run, "m")
    await tell_ended(agent, run, "failed", message_id="m", error="no model")
    await tell_ended(agent, run, "timeout")
    assert [(e.type, e.status, e.error, e.message_id) for e in told] == [
        ("RUN_STARTED", "started", "", "m"),
        ("RUN_ENDED", "failed", "no model", "m"),
        ("RUN_TIMEOUT", "timeout", "", None),
    ]
    assert {(e.run_id, e.room_id, e.data["started_at"]) for e in told} == {("r", "x", run.started_at)}
