"""Providers are contained and ordered; actions are found, checked again and contained."""

import asyncio
import logging
from typing import Any

import pytest

from bot_host.plugin import Action, ActionCall, ActionResult, Agent, Plugin, Provider, ProviderResult, State
from bot_host.runtime import actions as running
from bot_host.runtime import state as state_module
from bot_host.runtime.plugins import find_plugin, in_order, names_for_character
from bot_host.runtime.state import CACHED_STATES, StateComposer
from bot_host.testing import FakeAgent
from bot_host.types.content import Content
from bot_host.types.errors import PluginError
from bot_host.types.ids import new_id
from bot_host.types.memory import Memory
from bot_host.types.models import ToolCall


def message(text: str = "hi") -> Memory:
    return Memory(agent_id=new_id(), entity_id=new_id(), room_id=new_id(), content=Content(text=text))


def provider(name: str, text: str = "", *, position: int = 0, **kind: bool) -> Provider:
    async def get(agent: Agent, memory: Memory, state: State) -> ProviderResult:
        return ProviderResult(text=text or name, values={name: 1}, data={name: memory.id})

    return Provider(name=name, get=get, position=position, **kind)


async def test_providers_come_in_order_and_special_ones_only_on_request() -> None:
    composer = StateComposer()
    chosen = [
        provider("C", position=5),
        provider("A", position=-1),
        provider("D", dynamic=True),
        provider("P", private=True),
        provider("B"),
    ]
    state = await composer.compose(FakeAgent(), chosen, message())
    assert state.text == "A\n\nB\n\nC"
    assert state.values["A"] == 1
    state = await composer.compose(FakeAgent(), chosen, message(), include=["D"])
    assert state.text == "A\n\nD\n\nB\n\nC"
    state = await composer.compose(FakeAgent(), chosen, message(), include=["P"], only=True)
    assert state.text == "P"


async def test_a_failing_and_a_slow_provider_are_left_out(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(state_module, "PROVIDER_SECONDS", 0.01)

    async def fails(agent: Agent, memory: Memory, state: State) -> ProviderResult:
        raise ValueError("a bug")

    async def hangs(agent: Agent, memory: Memory, state: State) -> ProviderResult:
        await asyncio.Event().wait()
        raise AssertionError

    chosen = [Provider(name="BAD", get=fails), Provider(name="SLOW", get=hangs), provider("GOOD")]
    state = await StateComposer().compose(FakeAgent(), chosen, message())
    assert state.text == "GOOD"
    assert "provider BAD failed" in caplog.text
    assert "provider SLOW took more than" in caplog.text


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("a text", "found str"),
        ({"txt": "a slip"}, "unexpected keyword argument 'txt'"),
        ({"text": 5}, "a str as text, found int"),
        (ProviderResult(text=5), "a str as text, found int"),  # type: ignore[arg-type]
        (ProviderResult(values=5), "a mapping as values, found int"),  # type: ignore[arg-type]
        ({"data": [1]}, "a mapping as data, found list"),
    ],
)
async def test_a_provider_that_gives_something_else_is_left_out_with_its_name(
    given: Any, says: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def get(agent: Agent, memory: Memory, state: State) -> Any:
        return given

    state = await StateComposer().compose(
        FakeAgent(), [Provider(name="BAD", get=get), provider("GOOD")], message()
    )
    assert state.text == "GOOD"
    assert set(state.data["providers"]) == {"GOOD"}
    assert "provider BAD failed" in caplog.text
    assert says in caplog.text


async def test_elizaos_form_of_a_result_and_none_will_do(caplog: pytest.LogCaptureFixture) -> None:
    def gives(name: str, given: Any) -> Provider:
        async def get(agent: Agent, memory: Memory, state: State) -> Any:
            return given

        return Provider(name=name, get=get)

    chosen = [
        gives("PLAIN", {"text": " from a dict ", "values": {"a": 1}, "data": None}),
        gives("NOTHING", None),
        gives("EMPTY", {}),
    ]
    state = await StateComposer().compose(FakeAgent(), chosen, message())
    assert (state.text, state.values["a"]) == ("from a dict", 1)
    assert set(state.data["providers"]) == {"PLAIN", "NOTHING", "EMPTY"}
    assert caplog.records == []


async def test_one_name_is_not_its_letters_and_an_unknown_one_is_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    chosen = [provider("DYN", dynamic=True), provider("D", dynamic=True), provider("A")]
    state = await StateComposer().compose(FakeAgent(), chosen, message(), include="dyn", only=True)
    assert state.text == "DYN"
    assert caplog.records == []
    await StateComposer().compose(FakeAgent(), chosen, message(), include=["DYNN"])
    assert 'there is no provider DYNN (did you mean "DYN"?)' in caplog.text


async def test_what_earlier_providers_gave_for_a_message_is_kept_and_the_cache_is_bounded() -> None:
    composer = StateComposer()
    first = message()
    await composer.compose(FakeAgent(), [provider("A")], first)
    state = await composer.compose(FakeAgent(), [provider("B")], first, include=["B"], only=True)
    assert {"A", "B"} <= set(state.values)
    for _ in range(CACHED_STATES):
        await composer.compose(FakeAgent(), [provider("A")], message())
    state = await composer.compose(FakeAgent(), [provider("B")], first)
    assert "A" not in state.values


async def run(actions: list[Action], call: ToolCall) -> ActionResult:
    return await running.run_call(FakeAgent(), actions, call, message=message(), state=State(), previous=())


def action(name: str, *, allowed: bool = True, similes: tuple[str, ...] = ()) -> Action:
    async def validate(agent: Agent, memory: Memory, state: State) -> bool:
        return allowed

    async def handler(agent: Agent, call: ActionCall) -> ActionResult:
        return ActionResult(text=f"{name} {dict(call.arguments)}")

    return Action(name=name, description=name, handler=handler, validate=validate, similes=similes)


async def test_actions_are_found_by_name_and_simile_regardless_of_case() -> None:
    known = [action("MUTE_ROOM", similes=("BE_QUIET",)), action("MUTE")]
    assert (await run(known, ToolCall(id="1", name="muteRoom", arguments='{"a": 1}'))).text.startswith(
        "MUTE_ROOM {'a': 1}"
    )
    assert (await run(known, ToolCall(id="1", name="be_quiet", arguments=""))).text.startswith("MUTE_ROOM")
    assert running.canonical(known, "BeQuiet") == "MUTE_ROOM"


@pytest.mark.parametrize(
    ("name", "arguments", "error"),
    [
        ("ROOM", "{}", "no action called ROOM"),
        ("MUTE_ROOM", "{broken", "not a JSON object"),
        ("MUTE_ROOM", "[1]", "not a JSON object"),
        ("SECRET", "{}", "not possible here and now"),
        ("FAILS", "{}", "FAILS failed: ValueError"),
    ],
)
async def test_what_cannot_run_is_a_failed_result(name: str, arguments: str, error: str) -> None:
    async def fails(agent: Agent, call: ActionCall) -> ActionResult:
        raise ValueError("with internals that nobody is told")

    known = [
        action("MUTE_ROOM"),
        action("SECRET", allowed=False),
        Action(name="FAILS", description="", handler=fails),
    ]
    result = await run(known, ToolCall(id="1", name=name, arguments=arguments))
    assert not result.success
    assert error in result.error
    assert "internals" not in result.error


def test_plugins_load_after_what_they_need_and_by_priority() -> None:
    a = Plugin(name="a", dependencies=("b",))
    b = Plugin(name="b", priority=50)
    first = Plugin(name="first", priority=-50)
    assert [p.name for p in in_order([a, b, first])] == ["first", "b", "a"]


def test_circles_and_gaps_are_named() -> None:
    a = Plugin(name="a", dependencies=("b",))
    with pytest.raises(PluginError, match="a: needs the plugin b"):
        in_order([a])
    with pytest.raises(PluginError, match="a -> b -> a"):
        in_order([a, Plugin(name="b", dependencies=("a",))])


def test_an_unknown_plugin_names_the_nearest() -> None:
    with pytest.raises(PluginError, match='did you mean "offline"'):
        find_plugin("ofline")
    with pytest.raises(PluginError, match="no such plugin; installed are"):
        find_plugin("nope")


def test_elizaos_plugin_names_are_ours_or_one_warning(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    asked = ["@elizaos/plugin-bootstrap", "@elizaos/plugin-discord", "@elizaos/plugin-solana", "mine"]
    assert names_for_character(asked) == ["basics", "mine"]
    assert [r.getMessage() for r in caplog.records] == [
        "the character asks for @elizaos/plugin-solana, which Bot Host does not have; going on without it"
    ]
