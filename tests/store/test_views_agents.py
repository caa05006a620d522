"""Characters as they were, and what agents have used."""

import asyncio

import pytest

from bot_host.store import Database
from bot_host.store.characters import KEPT
from bot_host.types.agents import DayUse
from bot_host.types.character import Character
from bot_host.types.errors import StateError
from tests.store.samples import AGENT, NOON, make_admission, make_commit, make_id, make_run

BOB = Character(
    name="Bob",
    bio=["Builds."],
    secrets={"KEY": "hunter2"},
    settings={"secrets": {"O": "hunter3"}, "API_KEY": "hunter4", "voice": {"auth": "hunter5", "speed": 2}},
)
ME, ROOM = BOB.agent_id, make_id("room")


def changed(**values: object) -> Character:
    return BOB.model_copy(update=values)


async def test_each_change_makes_a_version_and_a_start_without_one_does_not(store: Database) -> None:
    await store.ensure_agent(ME, BOB)
    await store.ensure_agent(ME, BOB)
    await store.edit_agent(ME, changed(bio=["Paints."]), ["bio"], by="console", expected=1)
    await store.ensure_agent(ME, BOB)
    await store.edit_agent(
        ME, changed(bio=["Paints."], topics=["blue"]), ["topics"], by="api", note="why not"
    )
    await store.ensure_agent(ME, changed(system="You are Bob."))
    found = await store.character_versions(ME, after=None, count=10)
    assert [(each.number, each.by, each.keys, each.note) for each in found] == [
        (4, "file", ("bio", "system", "topics"), ""),
        (3, "api", ("topics",), "why not"),
        (2, "console", ("bio",), ""),
        (1, "file", (), ""),
    ]
    assert all(each.character == {} for each in found)
    assert [each.number for each in await store.character_versions(ME, after=3, count=1)] == [2]
    second = await store.character_version(ME, 2)
    assert second is not None
    assert second.character["bio"] == ["Paints."]
    assert await store.character_version(ME, 5) is None
    assert await store.character_version(AGENT, 2) is None


async def test_a_version_holds_no_secret(store: Database) -> None:
    await store.ensure_agent(ME, BOB)
    first = await store.character_version(ME, 1)
    assert first is not None
    assert first.character["settings"] == {"API_KEY": "***", "voice": {"auth": "***", "speed": 2}}
    assert "hunter" not in str(first)


async def test_of_two_changes_to_the_same_version_one_is_refused(store: Database) -> None:
    await store.ensure_agent(ME, BOB)
    both = await asyncio.gather(
        store.edit_agent(ME, changed(bio=["Paints."]), ["bio"], expected=1),
        store.edit_agent(ME, changed(bio=["Sings."]), ["bio"], expected=1),
        return_exceptions=True,
    )
    assert sorted(type(each).__name__ for each in both) == ["StateError", "bool"]
    found = await store.find_agent(ME)
    assert found is not None
    assert found.character.bio == (["Paints."] if both[0] is True else ["Sings."])
    with pytest.raises(StateError, match="this is version 2, the change was made to version 1"):
        await store.edit_agent(ME, changed(bio=["Rests."]), ["bio"], expected=1)


async def test_the_newest_are_kept(store: Database) -> None:
    await store.ensure_agent(ME, BOB)
    for number in range(KEPT + 2):
        await store.edit_agent(ME, changed(bio=[f"Line {number}."]), ["bio"])
    found = await store.character_versions(ME, after=None, count=KEPT * 2)
    assert [each.number for each in found] == list(range(KEPT + 3, 3, -1))


async def test_versions_go_with_their_agent(store: Database) -> None:
    await store.ensure_agent(ME, BOB)
    await store.delete_agent(ME)
    assert await store.character_versions(ME, after=None, count=1) == []


async def test_the_use_of_a_day(store: Database) -> None:
    admission = make_admission("m1")
    await store.admit([admission])
    turn = await store.take_turn(AGENT, ROOM, 10)
    asked = {"model": "m", "prompt_tokens": 5, "completion_tokens": 2, "cost": 0.25}
    await store.commit_turn(make_commit(*turn.rows, run=make_run(ROOM, model_calls=(asked,))))
    found = await store.day_use([AGENT, ME], day=NOON)
    assert found == {AGENT: DayUse(turns=1, tokens=7, cost=0.25)}
    assert await store.day_use([ME], day=NOON) == {}
