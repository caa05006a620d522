"""Several actions of one message: chained, planned, told, each failure its own."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from bot_host.plugin import Action, ActionCall, ActionPlan, ActionResult, Agent, Content, State
from bot_host.runtime import actions as running
from bot_host.runtime.agent import AgentRuntime
from bot_host.runtime.process import KEPT_RESULTS
from bot_host.types.events import ActionEvent
from bot_host.types.memory import Memory
from bot_host.types.models import ToolCall
from tests.runtime.conftest import message

Handler = Callable[[Agent, ActionCall], Awaitable[ActionResult]]


def action(name: str, handler: Handler, **more: Any) -> Action:
    return Action(name=name, description=name, handler=handler, **more)


def response(*names: str, **extra: Any) -> Memory:
    return message().model_copy(
        update={"content": Content.model_validate({"actions": list(names), "thought": "because", **extra})}
    )


async def _count(agent: Agent, call: ActionCall) -> ActionResult:
    n = int(call.state.values.get("n", 0)) + 1
    return ActionResult(text=f"n is {n}", values={"n": n}, data={"n": n})


async def _fails(agent: Agent, call: ActionCall) -> ActionResult:
    raise ValueError("a bug")


@pytest.fixture
def able(agent: AgentRuntime) -> AgentRuntime:
    agent.register_action(action("COUNT", _count))
    agent.register_action(action("FAILS", _fails))
    return agent


async def test_one_failing_action_does_not_end_the_others(able: AgentRuntime) -> None:
    said = message()
    results = await able.process_actions(said, [response("COUNT", "FAILS", "NOPE", "COUNT")], State())
    assert [r.success for r in results] == [True, False, False, True]
    assert results[3].text == "n is 2"
    assert "no action called NOPE" in results[2].error
    assert able.get_action_results(said.id) == results
    assert able.get_action_results("another") == []


async def test_each_sees_results_values_plan_and_working_memory(able: AgentRuntime) -> None:
    seen: list[Any] = []

    async def look(agent: Agent, call: ActionCall) -> ActionResult:
        plan = call.options["action_plan"]
        assert isinstance(plan, ActionPlan)
        seen.append(
            (
                [name for name, _ in call.previous_results],
                call.get_previous_result("COUNT"),
                call.state.values["n"],
                (plan.current_step, plan.total_steps, plan.thought, [s.status for s in plan.steps]),
                [m["action_name"] for m in call.state.data["working_memory"].values()],
                len(call.state.data["action_results"]),
                len(call.responses),
            )
        )
        return ActionResult()

    able.register_action(action("LOOK", look))
    await able.process_actions(message(), [response("COUNT"), response("COUNT", "LOOK")], State())
    [(names, last, n, plan, memory, results, responses)] = seen
    assert names == ["COUNT", "COUNT"]
    assert last is not None
    assert last.data == {"n": 2}
    assert n == 2
    assert plan == (3, 3, "because", ["completed", "completed", "pending"])
    assert memory == ["COUNT", "COUNT"]
    assert (results, responses) == (2, 2)


async def test_working_memory_and_results_are_bounded(able: AgentRuntime) -> None:
    state = State()
    await able.process_actions(message(), [response(*["COUNT"] * 60)], state)
    assert len(state.data["working_memory"]) == 50
    first = message()
    await able.process_actions(first, [response("COUNT")], State())
    for _ in range(KEPT_RESULTS):
        await able.process_actions(message(), [response("COUNT")], State())
    assert able.get_action_results(first.id) == []


async def test_a_single_action_has_no_plan_and_no_actions_no_results(able: AgentRuntime) -> None:
    state = State()
    await able.process_actions(message(), [response("COUNT")], state)
    assert "action_plan" not in state.data
    assert await able.process_actions(message(), [response()], State()) == []


async def test_arguments_are_checked_and_reach_the_handler(able: AgentRuntime) -> None:
    got: list[Any] = []

    async def take(agent: Agent, call: ActionCall) -> ActionResult:
        got.append(dict(call.arguments))
        return ActionResult()

    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    able.register_action(action("TAKE", take, parameters=schema))
    [done] = await able.process_actions(message(), [response("TAKE", parameters={"TAKE": {"n": 3}})], State())
    assert done.success
    [wrong] = await able.process_actions(
        message(), [response("TAKE", parameters={"TAKE": {"n": "x"}})], State()
    )
    [missing] = await able.process_actions(message(), [response("TAKE")], State())
    assert "n: expected integer" in wrong.error
    assert "n is missing" in missing.error
    assert got == [{"n": 3}]


async def test_started_and_completed_are_told(able: AgentRuntime) -> None:
    told: list[ActionEvent] = []
    able.on(ActionEvent, told.append)
    run_id = able.start_run("room")
    said = message()
    await able.process_actions(said, [response("COUNT", "FAILS")], State())
    assert [(e.type, e.action, e.success) for e in told] == [
        ("ACTION_STARTED", "COUNT", None),
        ("ACTION_COMPLETED", "COUNT", True),
        ("ACTION_STARTED", "FAILS", None),
        ("ACTION_COMPLETED", "FAILS", False),
    ]
    assert {e.message_id for e in told} == {said.id}
    assert {e.data["run_id"] for e in told} == {run_id}
    assert told[1].content is not None
    assert told[1].content.text == "n is 1"
    able.end_run()


async def test_an_action_can_speak_while_it_works(able: AgentRuntime) -> None:
    said: list[str] = []

    async def callback(content: Content) -> list[Memory]:
        said.append(content.text)
        return [message()]

    async def work(agent: Agent, call: ActionCall) -> ActionResult:
        assert call.callback is not None
        memories = await call.callback(Content(text="working"))
        said.append(f"{len(memories)} kept")
        return ActionResult(text="worked")

    able.register_action(action("WORK", work))
    await able.process_actions(message(), [response("WORK")], State(), callback)
    assert said == ["working", "1 kept"]


async def test_exact_names_and_similes_before_alike_ones_and_parts_never(able: AgentRuntime) -> None:
    known = [
        action("UN_MUTE", _count, similes=("mute",)),
        action("MUTE", _count),
        action("FOLLOW_ROOM", _count, similes=("JOIN",)),
    ]
    find = running.find_action
    for asked, found in [
        ("MUTE", "MUTE"),
        ("mute", "UN_MUTE"),
        ("Mute", "MUTE"),
        ("join", "FOLLOW_ROOM"),
        ("follow room", "FOLLOW_ROOM"),
        ("follow-room", "FOLLOW_ROOM"),
        ("FOLLOW", None),
        ("UNFOLLOW_ROOM", None),
        ("", None),
    ]:
        match = find(known, asked)
        assert (match.name if match else None) == found, asked


async def test_an_action_without_a_result_has_failed(able: AgentRuntime) -> None:
    async def nothing(agent: Agent, call: ActionCall) -> Any:
        return None

    able.register_action(action("NOTHING", nothing))
    [result] = await able.process_actions(message(), [response("NOTHING")], State())
    assert "gave no result" in result.error


async def test_the_pipelines_way_has_the_same_results_and_events(able: AgentRuntime) -> None:
    said = message()
    turn = able.action_turn(said, State())
    await turn.run(ToolCall(id="1", name="count", arguments=""))
    await turn.run(ToolCall(id="2", name="COUNT", arguments="{}"))
    assert [(name, r.text) for name, r in turn.results] == [("COUNT", "n is 1"), ("COUNT", "n is 2")]
    assert [r.text for r in able.get_action_results(said.id)] == ["n is 1", "n is 2"]
