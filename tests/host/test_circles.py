"""Agents that ask agents: answered, and never waiting in a circle."""

import asyncio
from typing import Any

from bot_host.contracts.plugin import Action, ActionCall, ActionResult
from bot_host.host import BotHost
from bot_host.testing import ScriptedModel
from bot_host.types.errors import CircleError, StateError
from bot_host.types.ids import new_id
from bot_host.types.models import TextResult, ToolCall
from tests.host.conftest import House


def said(text: str, **more: Any) -> dict[str, Any]:
    return {"entity_id": new_id(), "room_id": new_id(), "content": {"text": text, "source": "web"}, **more}


def asking(host: BotHost, agent_id: str, *, room_id: str, heard: list[Any], **how: Any) -> Action:
    """An action that asks an agent, and notes the answer or the error."""

    async def ask(agent: Any, call: ActionCall) -> ActionResult:
        message = {"entity_id": agent.agent_id, "room_id": room_id, "content": {"text": "And you?"}}
        try:
            result = await host.handle_message(agent_id, message, **how)
            heard.append(result.processing.text if result.processing else "asked")
        except StateError as error:
            heard.append(error)
        return ActionResult(text="done")

    return Action(name="ASK", description="", handler=ask)


ASK = TextResult(text="", tool_calls=(ToolCall(id="c", name="ASK", arguments="{}"),))


async def three_agents(house: House) -> list[str]:
    """Eliza, Bob and Eve; each asks by ASK and then answers."""
    house.model.answers = [ASK, "Eliza answers"]
    others = await house.host.add_agents(
        [
            {"character": {"name": name}, "plugins": ["basics", ScriptedModel(ASK, f"{name} answers").plugin]}
            for name in ("Bob", "Eve")
        ],
        auto_start=True,
    )
    return [house.agent_id, *others]


async def test_a_circle_of_agents_is_an_error_at_once(house: House) -> None:
    host, heard = house.host, list[Any]()
    agents = await three_agents(house)
    rooms = [new_id() for _ in agents]
    for number, agent_id in enumerate(agents):
        following = (number + 1) % 3
        ask = asking(host, agents[following], room_id=rooms[following], heard=heard)
        host.get_agent(agent_id).register_action(ask)
    result = await host.handle_message(agents[0], said("hi", room_id=rooms[0]), timeout=60)
    assert result.processing.text == "Eliza answers"
    assert heard[1:] == ["Eve answers", "Bob answers"]
    assert isinstance(heard[0], CircleError)
    assert str(heard[0]).startswith(
        f"Eve would wait for Eliza in room {rooms[0]}, which waits for Bob in room {rooms[1]}, "
        f"which waits for Eve in room {rooms[2]}: "
    )


async def test_agents_that_ask_each_other_in_other_rooms_are_answered(house: House) -> None:
    host, heard = house.host, list[Any]()
    eliza, bob, _ = await three_agents(house)
    house.model.answers = [ASK, "Eliza asked again", "Eliza answers"]
    host.get_agent(eliza).register_action(asking(host, bob, room_id=new_id(), heard=heard))
    host.get_agent(bob).register_action(asking(host, eliza, room_id=new_id(), heard=heard))
    result = await host.handle_message(eliza, said("hi"), timeout=60)
    assert heard == ["Eliza asked again", "Bob answers"]
    assert result.processing.text == "Eliza answers"


async def test_a_turn_may_not_wait_for_its_own_room_but_may_ask_it(house: House) -> None:
    host, room = house.host, new_id()
    for how, heard in (({}, list[Any]()), ({"on_response": lambda content: None}, list[Any]())):
        agent = host.get_agent(house.agent_id)
        agent.actions[:] = [each for each in agent.actions if each.name != "ASK"]
        agent.register_action(asking(host, house.agent_id, room_id=room, heard=heard, **how))
        house.model.answers = [ASK, "done"]
        await host.handle_message(house.agent_id, said("hi", room_id=room), timeout=60)
        if how:
            assert heard == ["asked"]
        else:
            assert isinstance(heard[0], CircleError)
            assert "its own room" in str(heard[0])
    await host.finish_pending()


async def test_a_run_of_ones_own_and_tasks_of_a_turn_that_is_over_hold_up_nobody(house: House) -> None:
    host, room = house.host, new_id()
    agent = host.get_agent(house.agent_id)
    agent.start_run(room)
    result = await host.handle_message(house.agent_id, said("hi", room_id=room), timeout=60)
    assert result.processing.text == "echo: hi"
    agent.end_run()
    later: list[asyncio.Task[Any]] = []
    over = asyncio.Event()

    async def after_the_turn() -> Any:
        await over.wait()
        return await host.handle_message(house.agent_id, said("again", room_id=room), timeout=60)

    async def leave_behind(agent: Any, call: ActionCall) -> ActionResult:
        later.append(asyncio.create_task(after_the_turn()))
        return ActionResult(text="done")

    agent.register_action(Action(name="ASK", description="", handler=leave_behind))
    house.model.answers = [ASK, "done"]
    await host.handle_message(house.agent_id, said("hi", room_id=room), timeout=60)
    await host.finish_pending()
    over.set()
    assert (await later[0]).processing.text == "echo: again"
