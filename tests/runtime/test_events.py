"""Listeners by name and by class, each contained; payloads of the right class."""

import asyncio
from typing import Any

import pytest

from bot_host.plugin import Plugin
from bot_host.runtime import events as events_module
from bot_host.runtime.agent import AgentRuntime
from bot_host.types.errors import StateError
from bot_host.types.events import ActionEvent, Event, EventType, MessageEvent, RunEvent
from tests.runtime.conftest import Agents, message

RUN = {"run_id": "r", "room_id": "x"}


async def test_by_name_by_class_and_all(agent: AgentRuntime) -> None:
    heard: list[tuple[str, Event]] = []
    agent.on("RUN_STARTED", lambda event: heard.append(("name", event)))
    agent.on(RunEvent, lambda event: heard.append(("class", event)))
    agent.on(Event, lambda event: heard.append(("all", event)))
    await agent.emit_event(EventType.RUN_STARTED, {**RUN, "extra": 1})
    assert [kind for kind, _ in heard] == ["name", "class", "all"]
    event = heard[0][1]
    assert isinstance(event, RunEvent)
    assert (event.type, event.agent_id, event.run_id, event.source) == (
        "RUN_STARTED",
        agent.agent_id,
        "r",
        "runtime",
    )
    assert event.data == {"extra": 1}
    heard.clear()
    await agent.emit_event("PING", {"a": 1})
    assert [(kind, event.data) for kind, event in heard] == [("all", {"a": 1})]


async def test_async_listeners_are_awaited_and_names_go_one_after_the_other(agent: AgentRuntime) -> None:
    order: list[str] = []

    async def slow(event: Event) -> None:
        await asyncio.sleep(0)
        order.append(event.type)

    agent.on("A", slow)
    agent.on("B", slow)
    await agent.emit_event(["A", "B"])
    assert order == ["A", "B"]


async def test_a_failing_and_a_hanging_listener_hurt_nobody(
    agent: AgentRuntime, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(events_module, "LISTENER_SECONDS", 0.01)
    heard: list[Any] = []

    def fails(event: Event) -> None:
        raise ValueError("a bug")

    async def hangs(event: Event) -> None:
        await asyncio.Event().wait()

    for listener in (fails, hangs, heard.append):
        agent.on("PING", listener)
    await agent.emit_event("PING")
    assert len(heard) == 1
    assert "a listener of PING failed" in caplog.text
    assert "took more than" in caplog.text


async def test_off_and_the_same_listener_twice(agent: AgentRuntime) -> None:
    heard: list[Any] = []
    agent.on("PING", heard.append)
    agent.register_event("PING", heard.append)
    await agent.emit_event("PING")
    assert len(heard) == 1
    agent.off("PING", heard.append)
    agent.off("PING", heard.append)
    await agent.emit_event("PING")
    assert len(heard) == 1


async def test_a_payload_that_lacks_something_is_an_error_only_where_somebody_listens(
    agent: AgentRuntime,
) -> None:
    await agent.emit_event("RUN_STARTED", {})
    agent.on("RUN_STARTED", lambda event: None)
    with pytest.raises(StateError, match=r"RUN_STARTED was not sent.*run_id"):
        await agent.emit_event("RUN_STARTED", {})


async def test_an_event_object_goes_as_it_is_and_under_another_name(agent: AgentRuntime) -> None:
    heard: list[MessageEvent] = []
    agent.on(MessageEvent, heard.append)
    said = message()
    event = MessageEvent(type="MESSAGE_RECEIVED", agent_id=agent.agent_id, message=said)
    await agent.emit_event(["MESSAGE_RECEIVED", "MESSAGE_SENT"], event)
    assert [each.type for each in heard] == ["MESSAGE_RECEIVED", "MESSAGE_SENT"]
    assert all(each.message is said for each in heard)


async def test_a_plugins_listeners_get_the_agent_and_end_with_it(agents: Agents) -> None:
    heard: list[tuple[str, str]] = []

    async def listener(agent: Any, event: Event) -> None:
        heard.append((agent.character.name, event.type))

    agent = agents(Plugin(name="p", events={"PING": (listener,)}))
    await agent.start()
    await agent.emit_event("PING")
    assert heard == [("Eliza", "PING")]
    await agent.stop()
    await agent.emit_event("PING")
    assert len(heard) == 1


def test_every_class_is_reached_by_its_names() -> None:
    event = events_module.make_event(
        "ACTION_STARTED", "a", {"action": "X", "room_id": "r", "message_id": "m"}
    )
    assert isinstance(event, ActionEvent)


async def test_control_messages_are_events(agent: AgentRuntime) -> None:
    heard: list[Event] = []
    agent.on(EventType.CONTROL_MESSAGE, heard.append)
    await agent.send_control_message(room_id="r", action="disable_input")
    assert heard[0].data == {"room_id": "r", "action": "disable_input", "target": ""}
