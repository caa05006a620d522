"""`handle_message` and `handle_messages`: what callers of the library hear, and when."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from bot_host.contracts.plugin import Action, ActionCall, ActionResult, Plugin
from bot_host.host import BotHost
from bot_host.host import callers as callers_module
from bot_host.host.result import MessageAccepted
from bot_host.runtime import AgentOptions
from bot_host.testing import ScriptedModel
from bot_host.types.content import Content
from bot_host.types.errors import ModelError, StateError, StoppedError, TurnError
from bot_host.types.ids import new_id
from bot_host.types.models import TextRequest, TextResult, ToolCall
from bot_host.types.turn import Outcome
from tests.host.conftest import House, Houses
from tests.host.test_host import inbox_of


def said(text: str, **more: Any) -> dict[str, Any]:
    return {"entity_id": new_id(), "room_id": new_id(), "content": {"text": text, "source": "web"}, **more}


class Heard:
    """Keeps what the callbacks are told, in order."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, Any]] = []
        self._news = asyncio.Condition()

    async def _note(self, what: str, value: Any) -> None:
        async with self._news:
            self.calls.append((what, value))
            self._news.notify_all()

    async def on_response(self, content: Content) -> None:
        await self._note("response", content.text)

    async def on_stream_chunk(self, chunk: str, message_id: str) -> None:
        await self._note("chunk", (chunk, message_id))

    async def on_error(self, error: Exception) -> None:
        await self._note("error", error)

    async def on_complete(self) -> None:
        await self._note("complete", None)

    @property
    def callbacks(self) -> dict[str, Any]:
        names = ("on_response", "on_stream_chunk", "on_error", "on_complete")
        return {name: getattr(self, name) for name in names}

    async def wait(self, what: str) -> None:
        async with asyncio.timeout(20), self._news:
            await self._news.wait_for(lambda: any(name == what for name, _ in self.calls))


async def test_with_on_response_the_call_returns_at_once_and_the_callbacks_hear_the_rest(
    house: House, tmp_path: Path
) -> None:
    house.model.hold.clear()
    heard = Heard()
    message_id = new_id()
    accepted = await house.host.handle_message(
        house.agent_id, said("Hello", id=message_id), **heard.callbacks
    )
    assert isinstance(accepted, MessageAccepted)
    assert (accepted.message_id, accepted.user_message.content.text) == (message_id, "Hello")
    assert accepted.processing is None
    assert heard.calls == []
    # On disk when it returns.
    assert await house.store.find_memory(message_id) is not None
    house.model.hold.set()
    await heard.wait("complete")
    [chunk, *rest] = heard.calls
    assert (chunk[0], chunk[1][0]) == ("chunk", "echo: Hello")
    assert rest == [("response", "echo: Hello"), ("complete", None)]
    room = (await house.store.get_memories(accepted.user_message.room_id))[-1]
    assert chunk[1][1] == room.id
    assert house.platform.sent == []
    assert [outcome for _, outcome, _ in inbox_of(tmp_path)] == ["answered"]


async def test_chunks_come_in_the_synchronous_way_too_and_plain_functions_will_do(house: House) -> None:
    chunks: list[tuple[str, str]] = []
    done: list[bool] = []
    result = await house.host.handle_message(
        house.agent_id,
        said("Hello"),
        on_stream_chunk=lambda chunk, message_id: chunks.append((chunk, message_id)),
        on_complete=lambda: done.append(True),
    )
    assert chunks == [("echo: Hello", result.processing.responses[0].id)]
    assert done == [True]


async def test_a_failing_callback_goes_to_on_error_and_ends_nothing(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    heard = Heard()

    def breaks(*_: Any) -> None:
        raise ValueError("a bug of the caller's")

    await house.host.handle_message(
        house.agent_id, said("one"), **{**heard.callbacks, "on_response": breaks, "on_stream_chunk": breaks}
    )
    await heard.wait("complete")
    assert [(name, str(value)) for name, value in heard.calls[:-1]] == [
        ("error", "a bug of the caller's")
    ] * 2
    result = await house.host.handle_message(house.agent_id, said("two"), on_stream_chunk=breaks)
    assert result.processing.text == "echo: two"
    assert "a bug of the caller's" in caplog.text


async def test_a_callback_that_hangs_does_not_hold_up_the_room(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(callers_module, "CALLBACK_SECONDS", 0.02)
    heard = Heard()

    async def hangs(*_: Any) -> None:
        await asyncio.Event().wait()

    result = await house.host.handle_message(
        house.agent_id, said("Hello"), on_stream_chunk=hangs, on_error=heard.on_error
    )
    assert result.processing.text == "echo: Hello"
    [(_, error)] = heard.calls
    assert isinstance(error, TimeoutError)


async def test_a_failed_turn_is_an_error_for_callbacks_and_a_result_for_those_who_wait(house: House) -> None:
    heard = Heard()
    house.model.answers = [ModelError("out of order")] * 2
    await house.host.handle_message(house.agent_id, said("one"), **heard.callbacks)
    await heard.wait("complete")
    [(name, line), (_, error), (last, _)] = heard.calls
    assert (name, last) == ("response", "complete")
    assert line.startswith("Sorry")
    assert isinstance(error, TurnError)
    assert "out of order" in str(error)
    done: list[bool] = []
    result = await house.host.handle_message(
        house.agent_id, said("two"), on_complete=lambda: done.append(True)
    )
    assert result.processing.outcome is Outcome.FAILED
    assert done == [True]


async def test_a_callers_time_out_ends_the_wait_and_not_the_work(house: House, tmp_path: Path) -> None:
    house.model.hold.clear()
    message_id = new_id()
    waited = Heard()
    # Less than it takes to store a message: that is no part of the wait.
    with pytest.raises(TimeoutError, match=message_id):
        await house.host.handle_message(
            house.agent_id, said("slow", id=message_id), timeout=1e-6, on_complete=waited.on_complete
        )
    assert await house.store.find_memory(message_id) is not None
    assert waited.calls == [("complete", None)]
    heard = Heard()
    await house.host.handle_message(house.agent_id, said("slow too"), timeout=1e-6, **heard.callbacks)
    await heard.wait("complete")
    house.model.hold.set()
    await house.host.finish_pending()
    assert [outcome for _, outcome, _ in inbox_of(tmp_path)] == ["answered", "answered"]
    [(_, error), (last, _)] = heard.calls
    assert isinstance(error, TimeoutError)
    assert last == "complete"


async def test_a_stop_of_the_host_ends_calls_with_a_typed_error(house_at: Houses, tmp_path: Path) -> None:
    async with house_at() as house:
        house.model.hold.clear()
        heard = Heard()
        waiting = asyncio.ensure_future(house.host.handle_message(house.agent_id, said("one")))
        await house.host.handle_message(house.agent_id, said("two"), **heard.callbacks)
        await house.model.wait_asked(2)
        await house.host.stop(0.0)
        with pytest.raises(StoppedError, match="waits in the inbox"):
            await waiting
        [(name, error), (last, _)] = heard.calls
        assert (name, type(error), last) == ("error", StoppedError, "complete")
        with pytest.raises(StoppedError):
            await house.host.handle_message(house.agent_id, said("three"))
    assert [state for state, _, _ in inbox_of(tmp_path)] == ["pending", "pending"]


async def test_max_retries_asks_again_and_not_more(house: House) -> None:
    house.model.answers = ["  ", ModelError("hiccup"), "at last"]
    result = await house.host.handle_message(house.agent_id, said("Hello"), max_retries=2)
    assert result.processing.text == "at last"
    house.model.answers = ["  ", "  ", "too late"]
    result = await house.host.handle_message(house.agent_id, said("Hello"), max_retries=1)
    assert result.processing.outcome is Outcome.FAILED


async def test_an_answer_that_broke_after_its_first_chunk_is_not_tried_again(house: House) -> None:
    async def breaks(request: TextRequest) -> TextResult:
        assert request.on_chunk is not None
        await request.on_chunk("half of ")
        raise ModelError("connection lost", retryable=True)

    house.model.answers = [breaks, "another one"]
    chunks: list[str] = []
    result = await house.host.handle_message(
        house.agent_id, said("Hello"), max_retries=3, on_stream_chunk=lambda chunk, _: chunks.append(chunk)
    )
    assert result.processing.outcome is Outcome.FAILED
    assert (chunks, len(house.model.requests)) == (["half of "], 1)


async def test_steps_are_the_callers_to_limit(house: House) -> None:
    async def nothing(agent: Any, call: ActionCall) -> ActionResult:
        return ActionResult(success=True, text="ok")

    action = Action(name="WORK", description="Works", handler=nothing)
    house.host.get_agent(house.agent_id).register_action(action)

    def call(request: TextRequest) -> TextResult:
        if not request.tools:
            return TextResult(text="done")
        return TextResult(text="", tool_calls=(ToolCall(id="c", name="WORK", arguments="{}"),))

    async def rounds(**options: Any) -> int:
        house.model.requests.clear()
        house.model.answers = [call] * 20
        result = await house.host.handle_message(house.agent_id, said("go"), **options)
        assert result.processing.text == "done"
        return len(house.model.requests)

    assert await rounds() == AgentOptions().max_steps
    assert await rounds(max_multi_step_iterations=9) == 9
    assert await rounds(use_multi_step=True, max_multi_step_iterations=3) == 3
    assert await rounds(use_multi_step=False, max_multi_step_iterations=9) == 2


async def test_what_actions_say_while_they_work_reaches_callers_and_platforms() -> None:
    model = ScriptedModel()
    working = asyncio.Event()
    go_on = asyncio.Event()

    async def look(agent: Any, call: ActionCall) -> ActionResult:
        assert call.callback is not None
        await call.callback(Content(text="Looking it up …"))
        working.set()
        await go_on.wait()
        return ActionResult(success=True, text="42")

    action = Action(name="LOOK_UP", description="Looks it up", handler=look)
    host = BotHost()
    try:
        [agent_id] = await host.add_agents(
            [
                {
                    "character": {"name": "Eliza"},
                    "plugins": ["basics", model.plugin, Plugin(name="mine", actions=(action,))],
                }
            ]
        )
        await host.start_agents()
        tool = TextResult(text="", tool_calls=(ToolCall(id="c", name="LOOK_UP", arguments="{}"),))
        model.answers = [tool, "It is 42."]
        heard = Heard()
        await host.handle_message(agent_id, said("?"), **heard.callbacks)
        await working.wait()
        assert heard.calls == [("response", "Looking it up …")]
        go_on.set()
        await heard.wait("complete")
        assert [value for name, value in heard.calls if name == "response"] == [
            "Looking it up …",
            "It is 42.",
        ]
        model.answers = [tool, "It is 42."]
        result = await host.handle_message(agent_id, said("?"))
        assert result.processing.text == "Looking it up …\n\nIt is 42."
        stored = await host.store.get_memories(result.user_message.room_id)
        assert [memory.content.text for memory in stored] == ["?", "Looking it up …", "It is 42."]
    finally:
        await host.stop()


async def test_an_action_on_a_platform_speaks_before_the_turn_ends(house: House) -> None:
    async def greet(agent: Any, call: ActionCall) -> ActionResult:
        assert call.callback is not None
        await call.callback(Content(text="One moment"))
        await house.platform.wait_sent(1)
        return ActionResult(success=True, text="ok")

    house.host.get_agent(house.agent_id).register_action(
        Action(name="GREET", description="Greets", handler=greet)
    )
    house.model.answers = [
        TextResult(text="", tool_calls=(ToolCall(id="c", name="GREET", arguments="{}"),)),
        "Here you are",
    ]
    await house.platform.say("hi")
    assert await house.platform.wait_sent(2) == ["One moment", "Here you are"]


async def test_several_at_once_in_order_and_one_failing_alone(house: House) -> None:
    told: list[Any] = []
    house.host.on("messages:sent", told.append)
    unknown = new_id()
    results = await house.host.handle_messages(
        [
            {"agent_id": house.agent_id, "message": said("one")},
            {"agent_id": unknown, "message": said("two")},
            {"agent_id": house.agent_id, "message": {"content": {"text": "no room"}}},
            {"agent_id": house.agent_id, "message": said("four"), "options": {"timeout": 20}},
            {"agent_id": house.agent_id, "message": said("five"), "options": {"no_such": 1}},
        ]
    )
    texts = [each.result.processing.text if each.result else type(each.error) for each in results]  # type: ignore[union-attr]
    assert texts == ["echo: one", StateError, StateError, "echo: four", StateError]
    [event] = told
    assert event.count == 5
    assert event.results[1].agent_id == unknown
    assert "no agent" in event.results[1].error


async def test_the_same_message_twice_at_once_is_refused(house: House) -> None:
    message = said("Hello", id=new_id())
    first, second = await asyncio.gather(
        house.host.handle_message(house.agent_id, message),
        house.host.handle_message(house.agent_id, message),
        return_exceptions=True,
    )
    assert not isinstance(first, BaseException)
    assert isinstance(second, StateError)


async def test_a_turn_that_waits_for_its_own_room_is_told_so(house: House) -> None:
    errors: list[BaseException] = []
    message = said("go")

    async def ask_itself(agent: Any, call: ActionCall) -> ActionResult:
        try:
            await agent.host.handle_message(
                agent.agent_id, {**said("again"), "room_id": call.message.room_id}
            )
        except StateError as error:
            errors.append(error)
        return ActionResult(success=True, text="ok")

    house.host.get_agent(house.agent_id).register_action(
        Action(name="ASK", description="Asks", handler=ask_itself)
    )
    house.model.answers = [
        TextResult(text="", tool_calls=(ToolCall(id="c", name="ASK", arguments="{}"),)),
        "done",
    ]
    result = await house.host.handle_message(house.agent_id, message)
    assert result.processing.text == "done"
    assert len(errors) == 1


async def test_agents_talk_to_each_other_through_the_host(house: House) -> None:
    other = ScriptedModel("I am well")
    [other_id] = await house.host.add_agents(
        [{"character": {"name": "Bob"}, "plugins": ["basics", other.plugin]}], auto_start=True
    )

    async def ask_bob(agent: Any, call: ActionCall) -> ActionResult:
        assert agent.has_host()
        bob = agent.host.get_agent(other_id)
        room = {"entity_id": agent.agent_id, "room_id": call.message.room_id}
        result = await agent.host.handle_message(bob.agent_id, {**room, "content": {"text": "How are you?"}})
        return ActionResult(success=True, text=result.processing.text)

    house.host.get_agent(house.agent_id).register_action(
        Action(name="ASK_BOB", description="Asks Bob", handler=ask_bob)
    )
    house.model.answers = [
        TextResult(text="", tool_calls=(ToolCall(id="c", name="ASK_BOB", arguments="{}"),)),
        lambda request: f"Bob says: {request.messages[-1].content}",
    ]
    result = await house.host.handle_message(house.agent_id, said("How is Bob?"))
    assert result.processing.text == "Bob says: I am well"
