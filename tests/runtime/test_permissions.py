"""`[agents.permissions]` and platform roles: asked where actions are offered, and where they run."""

from typing import Any

import pytest

from bot_host.plugin import Action, ActionCall, ActionResult, Agent, Command, CommandCall, State
from bot_host.runtime import actions as running
from bot_host.runtime import commands
from bot_host.runtime.agent import AgentRuntime
from bot_host.runtime.config import AgentOptions
from bot_host.types.memory import PLATFORM_ROLE, Memory
from bot_host.types.models import ToolCall
from bot_host.types.permissions import NOBODY, Permissions
from bot_host.types.places import Role
from tests.runtime.conftest import ADA, Agents, message


async def _handler(agent: Agent, call: ActionCall) -> ActionResult:
    return ActionResult(text="done")


async def _answer(agent: Agent, call: CommandCall) -> str:
    return "done"


SAY = Action(name="SEND_MESSAGE", description="", handler=_handler)
BAN = Action(name="BAN", description="", handler=_handler, required_role=Role.OWNER)


async def able(agents: Agents, **actions: str) -> AgentRuntime:
    permissions = Permissions.of(actions=actions, commands={})
    agent = agents(options=AgentOptions(permissions=permissions))
    await agent.start()
    agent.register_action(SAY)
    agent.register_action(BAN)
    return agent


def said(role: Any = None) -> Memory:
    made = message()
    return made.model_copy(update={"metadata": {PLATFORM_ROLE: role}}) if role else made


async def run(agent: AgentRuntime, name: str, memory: Memory, **more: Any) -> str:
    """Why it was refused; empty: it ran."""
    call = ToolCall(id="1", name=name, arguments="")
    done = await running.run_call(
        agent, agent.actions, call, message=memory, state=State(), previous=(), **more
    )
    return done.error


async def offered(agent: AgentRuntime, memory: Memory) -> set[str]:
    return {action.name for action in await agent.select_actions(memory, State())}


async def test_as_their_authors_made_them(agents: Agents) -> None:
    agent = await able(agents)
    assert await offered(agent, said()) == {"SEND_MESSAGE"}
    assert await run(agent, "SEND_MESSAGE", said()) == ""
    assert "needs the role OWNER" in await run(agent, "BAN", said())


async def test_the_config_goes_before_them(agents: Agents) -> None:
    agent = await able(agents, send_message="admin", Ban="everyone")
    assert await offered(agent, said()) == {"BAN"}
    assert "needs the role ADMIN" in await run(agent, "SEND_MESSAGE", said())
    assert await run(agent, "BAN", said()) == ""


async def test_what_is_switched_off_is_so_for_owners_too(agents: Agents) -> None:
    agent = await able(agents, SEND_MESSAGE="nobody")
    agent.owners.add(ADA)
    assert await offered(agent, said()) == {"BAN"}
    assert await run(agent, "SEND_MESSAGE", said()) == "SEND_MESSAGE is switched off"


@pytest.mark.parametrize(
    ("role", "may"),
    [(None, set()), ("ADMIN", {"SEND_MESSAGE"}), ("OWNER", {"SEND_MESSAGE", "BAN"}), ("KING", set())],
)
async def test_a_role_on_the_platform_counts(agents: Agents, role: str | None, may: set[str]) -> None:
    agent = await able(agents, SEND_MESSAGE="admin")
    memory = said(role)
    assert await offered(agent, memory) == may
    for name in ("SEND_MESSAGE", "BAN"):
        assert (await run(agent, name, memory) == "") is (name in may)


async def test_nobody_speaks_with_the_role_of_somebody_who_spoke_beside_them(agents: Agents) -> None:
    agent = await able(agents, SEND_MESSAGE="admin")
    other = said().model_copy(update={"entity_id": "11111111-1111-4111-8111-111111111111"})
    assert "needs the role" in await run(agent, "SEND_MESSAGE", said("ADMIN"), answering=[other])


async def test_where_a_command_needs_a_role_is_told_to_connectors(agents: Agents) -> None:
    permissions = Permissions.of(
        actions={}, commands={"mine": "owner", "theirs": "everyone", "gone": "nobody"}
    )
    agent = agents(options=AgentOptions(permissions=permissions))
    await agent.start()
    for name, roles in {
        "free": (None, None),
        "hall": (None, Role.ADMIN),
        "theirs": (Role.OWNER, None),
        "mine": (None, None),
        "gone": (None, None),
    }.items():
        agent.register_command(
            Command(name=name, description="x", handler=_answer, required_role=roles[0], shared_role=roles[1])
        )
    told = {each.name: each.guarded for each in commands.offered(agent)}
    both = ("private", "shared")
    assert told == {"free": (), "hall": ("shared",), "theirs": (), "mine": both}


def test_words_and_names() -> None:
    found = Permissions.of(
        actions={"send-message": "admin"}, commands={"/Model": "owner", "ask": "everyone", "x": "nobody"}
    )
    assert found.for_action("SEND_MESSAGE", None) is Role.ADMIN
    assert found.for_action("OTHER", Role.OWNER) is Role.OWNER
    assert [found.for_command(name, Role.ADMIN) for name in ("model", "ask", "x", "why")] == [
        Role.OWNER,
        Role.NONE,
        NOBODY,
        Role.ADMIN,
    ]
