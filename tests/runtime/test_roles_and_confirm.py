"""Required roles and confirmation hold on every path; a model's word alone runs nothing."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot_host.plugin import Action, ActionCall, ActionResult, Agent, Content, State
from bot_host.runtime import actions as running
from bot_host.runtime import confirm as confirm_module
from bot_host.runtime.agent import AgentRuntime
from bot_host.runtime.confirm import CONFIRM, is_yes
from bot_host.runtime.roles import get_user_server_role, owner_of, role_in_world
from bot_host.store import Database
from bot_host.types.ids import create_unique_uuid, new_id
from bot_host.types.memory import Memory
from bot_host.types.models import ToolCall
from bot_host.types.permissions import includes
from bot_host.types.places import Entity, Role, World
from tests.runtime.conftest import ADA, BOB, ROOM, WORLD, message

OTHER = new_id()
RAN: list[dict[str, Any]] = []


@pytest.fixture(autouse=True)
def _fresh() -> None:
    RAN.clear()


async def _handler(agent: Agent, call: ActionCall) -> ActionResult:
    RAN.append(dict(call.arguments))
    return ActionResult(text="done")


BAN = Action(name="BAN", description="", handler=_handler, required_role=Role.ADMIN)
WIPE = Action(
    name="WIPE",
    description="",
    handler=_handler,
    confirm=True,
    parameters={"type": "object", "properties": {"room": {"type": "string"}}, "required": ["room"]},
)


@pytest.fixture
def able(agent: AgentRuntime) -> AgentRuntime:
    agent.register_action(BAN)
    agent.register_action(WIPE)
    return agent


async def call(
    agent: AgentRuntime, name: str, said: Memory, arguments: str = "", callback: Any = None
) -> ActionResult:
    return await running.run_call(
        agent,
        agent.actions,
        ToolCall(id="1", name=name, arguments=arguments),
        message=said,
        state=State(),
        previous=(),
        callback=callback,
    )


async def give(store: Database, **metadata: Any) -> None:
    world = await store.find_world(WORLD)
    assert world is not None
    await store.apply_places("", [replace(world, metadata=metadata)], [], [], None)


# -- roles


async def test_without_the_role_it_is_neither_offered_nor_run(able: AgentRuntime, store: Database) -> None:
    said = message()
    assert BAN not in await able.select_actions(said, State())
    refused = await call(able, "BAN", said)
    assert "needs the role ADMIN" in refused.error
    [refused] = await able.process_actions(
        said, [said.model_copy(update={"content": Content(actions=["BAN"])})], State()
    )
    assert not refused.success
    assert RAN == []
    await give(store, roles={ADA: "ADMIN"})
    assert [a.name for a in await able.select_actions(said, State())] == ["BAN", "WIPE"]
    assert (await call(able, "BAN", said)).success
    assert not (await call(able, "BAN", message(sender=BOB))).success


async def test_nobody_acts_by_speaking_just_before_an_admin(able: AgentRuntime, store: Database) -> None:
    await give(store, roles={ADA: "ADMIN"})
    asked, admin = message("ban Cleo", sender=BOB), message("hi")
    offered = await running.available(able, able.actions, admin, State(), answering=[asked, admin])
    assert BAN not in offered
    together = able.action_turn(admin, State(), answering=[asked, admin])
    assert "needs the role" in (await together.run(ToolCall(id="1", name="BAN", arguments=""))).error
    alone = able.action_turn(admin, State(), answering=[admin])
    assert (await alone.run(ToolCall(id="1", name="BAN", arguments=""))).success


async def test_the_message_cannot_bring_a_world_of_its_own(able: AgentRuntime, store: Database) -> None:
    mine = World(id=OTHER, agent_id=able.agent_id, metadata={"roles": {ADA: "OWNER"}})
    await store.apply_places("", [mine], [], [], None)
    said = message().model_copy(update={"world_id": OTHER})
    assert not (await call(able, "BAN", said)).success


async def test_owners(able: AgentRuntime, store: Database) -> None:
    await give(store, ownership={"ownerId": ADA}, roles={BOB: "NONE"})
    assert (await call(able, "BAN", message())).success
    able.owners.add(BOB)
    assert (await call(able, "BAN", message(sender=BOB))).success
    assert (await call(able, "BAN", message(sender=OTHER))).success is False


@pytest.mark.parametrize(
    ("metadata", "role"),
    [
        ({}, Role.NONE),
        ({"roles": {ADA: "ADMIN"}}, Role.ADMIN),
        ({"roles": {ADA: "KING"}}, Role.NONE),
        ({"roles": "odd"}, Role.NONE),
        ({"ownership": {"owner_id": ADA}}, Role.OWNER),
        ({"ownership": {"ownerId": ADA}, "roles": {ADA: "NONE"}}, Role.OWNER),
        ({"ownership": "odd"}, Role.NONE),
    ],
)
def test_role_in_world(metadata: dict[str, Any], role: Role) -> None:
    world = World(id="w", agent_id="a", metadata=metadata)
    assert role_in_world(world, ADA) is role
    assert (owner_of(world) == ADA) is (role is Role.OWNER)


def test_what_a_role_includes() -> None:
    assert includes(Role.OWNER, Role.ADMIN)
    assert not includes(Role.ADMIN, Role.OWNER)
    assert includes(Role.NONE, None)


async def test_the_role_on_a_platforms_server(agent: AgentRuntime, store: Database) -> None:
    world_id = create_unique_uuid(agent.agent_id, "guild")
    world = World(id=world_id, agent_id=agent.agent_id, metadata={"roles": {ADA: "ADMIN"}})
    await store.apply_places("", [world], [], [Entity(id=ADA, agent_id=agent.agent_id)], None)
    assert await get_user_server_role(agent, ADA, "guild") is Role.ADMIN
    assert await get_user_server_role(agent, ADA, world_id) is Role.ADMIN
    assert await get_user_server_role(agent, BOB, "guild") is Role.NONE


# -- confirmation

ARGS = '{"room": "kitchen"}'


async def test_it_asks_and_runs_after_a_yes_with_what_was_asked(able: AgentRuntime) -> None:
    asked = await call(able, "WIPE", message("wipe the kitchen"), ARGS)
    assert not asked.success
    assert asked.data["needs_confirmation"]
    assert '"room": "kitchen"' in asked.text
    assert RAN == []
    yes = message("Yes!")
    assert CONFIRM in await able.select_actions(yes, State())
    assert (await call(able, "CONFIRM", yes, '{"room": "everything"}')).success
    assert RAN == [{"room": "kitchen"}]
    again = await call(able, "CONFIRM", yes)
    assert "nothing that this message says yes to" in again.error
    assert len(RAN) == 1


async def test_the_same_call_again_after_a_yes_counts_too(able: AgentRuntime) -> None:
    await call(able, "WIPE", message("wipe"), ARGS)
    assert (await call(able, "WIPE", message("yes"), ARGS)).success
    assert RAN == [{"room": "kitchen"}]


async def test_other_arguments_are_asked_for_again(able: AgentRuntime) -> None:
    await call(able, "WIPE", message("wipe"), ARGS)
    other = await call(able, "WIPE", message("yes, the other one"), '{"room": "cellar"}')
    assert other.data["needs_confirmation"]
    assert RAN == []


async def test_a_second_thing_in_one_turn_is_refused_and_said_so(able: AgentRuntime) -> None:
    said: list[str] = []

    async def callback(content: Content) -> list[Memory]:
        said.append(content.text)
        return []

    asked = message("wipe the kitchen and the cellar")
    assert (await call(able, "WIPE", asked, ARGS, callback)).data["needs_confirmation"]
    second = await call(able, "WIPE", asked, '{"room": "cellar"}', callback)
    assert not second.success
    assert "was not done and not asked for, as WIPE waits for a yes: tell the person" in second.error
    # The same once more is asked for once more: a turn that is begun again has forgotten that it did.
    assert (await call(able, "WIPE", asked, ARGS, callback)).data["needs_confirmation"]
    assert [text for text in said if "cellar" in text] == []
    assert (await call(able, "CONFIRM", message("yes"))).success
    assert RAN == [{"room": "kitchen"}]
    # Settled: now there is room for the other one.
    assert (await call(able, "WIPE", message("and the cellar"), '{"room": "cellar"}')).data["question"]


async def test_what_was_said_yes_to_comes_first(able: AgentRuntime) -> None:
    await call(able, "WIPE", message("wipe"), ARGS)
    yes = message("yes")
    other = await call(able, "WIPE", yes, '{"room": "cellar"}')
    assert "the last message says yes to WIPE: run CONFIRM first" in other.error
    assert RAN == []
    assert (await call(able, "CONFIRM", yes)).success
    assert RAN == [{"room": "kitchen"}]
    assert (await call(able, "WIPE", yes, '{"room": "cellar"}')).data["needs_confirmation"]


@pytest.mark.parametrize(
    "answer",
    [
        message("no"),
        message("yes and also tell me a joke"),
        message("what would that do?"),
        message("yes", sender=BOB),
        message("yes", room=OTHER),
    ],
)
async def test_nothing_else_confirms(able: AgentRuntime, answer: Memory) -> None:
    await call(able, "WIPE", message("wipe"), ARGS)
    assert CONFIRM not in await able.select_actions(answer, State())
    assert not (await call(able, "CONFIRM", answer)).success
    assert not (await call(able, "WIPE", answer, ARGS)).success
    assert RAN == []


async def test_the_message_that_asked_is_not_its_own_yes(able: AgentRuntime) -> None:
    said = message("yes")
    await call(able, "WIPE", said, ARGS)
    assert not (await call(able, "CONFIRM", said)).success
    assert not (await call(able, "WIPE", said, ARGS)).success
    assert RAN == []


async def test_another_message_in_between_ends_it(able: AgentRuntime) -> None:
    await call(able, "WIPE", message("wipe"), ARGS)
    await able.select_actions(message("how is the weather?"), State())
    assert not (await call(able, "CONFIRM", message("yes"))).success
    assert RAN == []


async def test_it_lapses(able: AgentRuntime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(confirm_module, "LASTS", timedelta(seconds=-1))
    await call(able, "WIPE", message("wipe"), ARGS)
    assert not (await call(able, "CONFIRM", message("yes"))).success
    assert RAN == []


async def test_the_role_is_asked_again_at_the_yes(able: AgentRuntime, store: Database) -> None:
    able.actions[1] = replace(WIPE, required_role=Role.ADMIN)
    await give(store, roles={ADA: "ADMIN"})
    await call(able, "WIPE", message("wipe"), ARGS)
    await give(store, roles={ADA: "NONE"})
    assert "needs the role" in (await call(able, "CONFIRM", message("yes"))).error
    assert RAN == []


async def test_the_question_is_put_by_us_where_somebody_listens(able: AgentRuntime) -> None:
    said: list[str] = []

    async def callback(content: Content) -> list[Memory]:
        said.append(content.text)
        return []

    await call(able, "WIPE", message("wipe"), ARGS, callback)
    assert said == ['WIPE with {"room": "kitchen"}: shall I do this? Answer yes to confirm.']


@pytest.mark.parametrize(
    ("text", "yes"),
    [
        ("yes", True),
        ("Yes, please.", True),
        ("@Eliza yes", True),
        ("<@123> ok!", True),
        ("Eliza, do it", True),
        ("👍", True),
        ("はい。", True),
        ("yes no", False),
        ("", False),
        ("Eliza", False),
        ("yesterday", False),
        ("don't do it", False),
    ],
)
def test_what_is_a_yes(text: str, yes: bool) -> None:
    assert is_yes(text, "Eliza") is yes


async def test_rooms_do_not_share_what_waits(able: AgentRuntime) -> None:
    await call(able, "WIPE", message("wipe"), ARGS)
    await able.select_actions(message("hello", room=OTHER), State())
    assert (await call(able, "CONFIRM", message("yes", room=ROOM))).success
