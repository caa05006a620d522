"""The rest of an agent's surface: state, evaluators, the host, the way out to the web."""

import asyncio
from typing import Any

import pytest

from bot_host.kit.fetch import SafeFetcher
from bot_host.plugin import Agent, Content, Evaluator, Memory, Plugin, Provider, ProviderResult, State
from bot_host.runtime import AgentRuntime
from bot_host.runtime import evaluators as evaluators_module
from bot_host.store import Database
from bot_host.types.errors import FetchRefused, ModelError, SendRefused, StateError
from bot_host.types.events import EvaluatorEvent
from bot_host.types.outbound import Target
from tests.runtime.conftest import ELIZA, Agents, message


def provider(name: str, **kind: Any) -> Provider:
    async def get(agent: Agent, memory: Memory, state: State) -> ProviderResult:
        return ProviderResult(text=name, values={name: len(state.values)})

    return Provider(name=name, get=get, **kind)


async def test_compose_state_takes_elizaos_arguments_and_ours(agent: AgentRuntime) -> None:
    for each in (provider("A"), provider("B", dynamic=True), provider("C", private=True)):
        agent.register_provider(each)
    said = message()
    assert (await agent.compose_state(said)).text == "A"
    assert (await agent.compose_state(said, ["B"])).text == "A\n\nB"
    assert (await agent.compose_state(said, ["b", "C"], True)).text == "B\n\nC"
    assert (await agent.compose_state(said, include=["C"], only=True)).text == "C"
    assert (await agent.compose_state(said, [], True)).text == ""
    kept = await agent.compose_state(said, ["B"], True)
    assert {"A", "C"} <= set(kept.values)
    fresh = await agent.compose_state(said, ["B"], True, True)
    assert set(fresh.values) == {"B", "providers"}


async def test_evaluators_learn_together_and_hurt_nobody(
    agent: AgentRuntime, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(evaluators_module, "EVALUATOR_SECONDS", 0.05)
    both = asyncio.Barrier(2)

    async def learns(agent: Agent, memory: Memory, state: State) -> None:
        await both.wait()

    async def fails(agent: Agent, memory: Memory, state: State) -> None:
        raise ValueError("a bug")

    async def hangs(agent: Agent, memory: Memory, state: State) -> None:
        await asyncio.Event().wait()

    async def no(agent: Agent, memory: Memory, state: State) -> bool:
        return False

    for name, handler, more in (
        ("ONE", learns, {"always_run": True}),
        ("TWO", learns, {"always_run": True}),
        ("FAILS", fails, {}),
        ("HANGS", hangs, {}),
        ("NOT_NOW", fails, {"validate": no}),
    ):
        agent.register_evaluator(Evaluator(name=name, handler=handler, **more))
    told: list[tuple[str, str, str]] = []
    agent.on(EvaluatorEvent, lambda e: told.append((e.type.rpartition("_")[2], e.evaluator, e.error)))
    said = message()
    assert [e.name for e in await agent.evaluate(said, State(), False)] == ["ONE", "TWO"]
    assert [e.name for e in await agent.evaluate(said, State(), True)] == ["ONE", "TWO"]
    assert ("COMPLETED", "FAILS", "ValueError") in told
    assert ("COMPLETED", "HANGS", "took more than 0 s") in told
    assert told.count(("STARTED", "ONE", "")) == 2
    assert not any(name == "NOT_NOW" for _, name, _ in told)
    assert "evaluator FAILS failed" in caplog.text


class Sent:
    def __init__(self, memory: Memory) -> None:
        self.memory = memory

    async def sent(self, timeout: float | None = None) -> list[str]:
        return ["1"]


class FakeHost:
    def __init__(self) -> None:
        self.agents: list[AgentRuntime] = []

    def get_agent(self, agent_id: str) -> AgentRuntime:
        return next(a for a in self.agents if a.agent_id == agent_id)

    def get_agents(self) -> list[AgentRuntime]:
        return self.agents

    async def handle_message(self, agent: str, message: Any) -> Any:
        raise NotImplementedError

    async def send_message_to_target(self, agent: str, target: Target, content: Content) -> Sent:
        if target.source == "nowhere":
            raise StateError("nothing sends to nowhere")
        return Sent(message(content.text))


async def test_the_host_is_the_way_out(agent: AgentRuntime) -> None:
    target = Target(source="discord", channel_id="1")
    assert not agent.has_host()
    with pytest.raises(StateError, match="without a host") as caught:
        await agent.send_message_to_target(target, Content(text="hi"))
    assert caught.value.agent == "Eliza"
    agent.host = FakeHost()
    assert agent.has_host()
    delivery = await agent.send_message_to_target(target, Content(text="hi"))
    assert await delivery.sent(1.0) == ["1"]
    assert delivery.memory.content.text == "hi"
    with pytest.raises(StateError, match="nothing sends"):
        await agent.send_message_to_target(Target(source="nowhere"), Content(text="hi"))


async def test_addresses_are_fetched_safely_only(store: Database, agents: Agents) -> None:
    agent = agents()
    with pytest.raises(FetchRefused):
        await agent.fetch("http://127.0.0.1:1/")
    server = await asyncio.start_server(_answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        allowed = SafeFetcher(allow_hosts=[f"127.0.0.1:{port}"])
        agent = AgentRuntime(ELIZA, store=store, fetcher=allowed)
        page = await agent.fetch(f"http://127.0.0.1:{port}/", content_types=["text/plain"], timeout=10)
        assert (page.status, page.body) == (200, b"hello")
    finally:
        server.close()
        await server.wait_closed()


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(
        b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello"
    )
    await writer.drain()
    writer.close()


async def test_start_and_stop_again_and_again(agents: Agents) -> None:
    opened: list[str] = []

    async def init(config: Any, agent: Agent) -> None:
        opened.append("open")
        agent.exit_stack.callback(opened.append, "close")

    agent = agents(Plugin(name="p", init=init))
    for _ in range(2):
        await agent.start()
        await agent.initialize()
        assert agent.started
        await agent.stop()
        await agent.stop()
        assert not agent.started
    assert opened == ["open", "close"] * 2


def test_errors_say_whom_they_are_about_and_keep_what_was_said_first() -> None:
    error = ModelError("down", retryable=True).about(agent="Eliza", room="r")
    error.about(agent="other", run="x")
    assert (str(error), error.agent, error.room, error.run, error.retryable) == (
        "down",
        "Eliza",
        "r",
        "x",
        True,
    )
    assert SendRefused("no").agent is None
