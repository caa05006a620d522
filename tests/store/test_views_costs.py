"""What models cost, added up as the turns are committed."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot_host.store import Database, spending
from bot_host.types.costs import CostsBy, Spent
from bot_host.types.ids import new_id
from bot_host.types.turn import InboxEnd, Move, Outcome, TurnCommit
from tests.store.samples import (
    ACCOUNT,
    AGENT,
    NOON,
    make_admission,
    make_commit,
    make_id,
    make_room,
    make_run,
    make_world,
)

DAY = "2026-11-23"
SUMMED = ("calls", "failed", "unpriced", "prompt_tokens", "completion_tokens", "cost")


def call(model: str = "large", cost: float = 0.5, **more: Any) -> dict[str, Any]:
    return {
        "type": "TEXT_LARGE",
        "provider": "openai",
        "model": model,
        "prompt_tokens": 100,
        "completion_tokens": 10,
        "cost": cost,
        "ms": 5,
        **more,
    }


async def turn(
    store: Database,
    key: str,
    *calls: dict[str, Any],
    days: int = 0,
    room: str = "room",
    person: str = "ben",
    **more: Any,
) -> TurnCommit:
    """A message, answered with these calls."""
    await store.admit([make_admission(key, room=room, person=person)])
    taken = await store.take_turn(AGENT, make_id(room), 9)
    run = make_run(
        make_id(room), model_calls=calls, steps=({"name": "gate"},), ended_at=NOON + timedelta(days=days)
    )
    commit = make_commit(*taken.rows, run=run, **more)
    await store.commit_turn(commit)
    return commit


async def spent(store: Database, by: CostsBy, **more: Any) -> list[Spent]:
    return await store.costs(by, **{"since": "2026-11-01", "until": "2026-11-30", "count": 50, **more})


def short(found: list[Spent]) -> list[tuple[str, int, float]]:
    return [(each.key, each.calls, each.cost) for each in found]


async def test_calls_are_added_up_by_all_that_they_may_be_asked_by(store: Database) -> None:
    await turn(store, "m1", call(), call("small", 0.25))
    await turn(store, "m2", call(), room="other", person="zoe")
    await turn(store, "m3", call(cost=1.0), days=1, person="zoe")
    assert short(await spent(store, CostsBy.DAY)) == [(DAY, 3, 1.25), ("2026-11-24", 1, 1.0)]
    (agent,) = await spent(store, CostsBy.AGENT)
    assert (agent.key, agent.name, agent.calls, agent.cost) == (AGENT, "Ada", 4, 2.25)
    assert (agent.prompt_tokens, agent.completion_tokens) == (400, 40)
    assert short(await spent(store, CostsBy.ROOM)) == [(make_id("room"), 3, 1.75), (make_id("other"), 1, 0.5)]
    room = (await spent(store, CostsBy.ROOM))[0]
    assert (room.name, room.source, room.agent_id) == ("general", "discord", AGENT)
    people = await spent(store, CostsBy.PERSON)
    assert short(people) == [(make_id("zoe"), 2, 1.5), (make_id("ben"), 2, 0.75)]
    assert [each.name for each in people] == ["Zoe", "Ben"]
    models = await spent(store, CostsBy.MODEL)
    assert [(each.key, each.source, each.cost) for each in models] == [
        ("large", "openai", 2.0),
        ("small", "openai", 0.25),
    ]


async def test_days_agents_and_places_on_the_list_may_be_chosen(store: Database) -> None:
    await turn(store, "m1", call())
    await turn(store, "m2", call(cost=1.0), days=1, room="other")
    assert short(await spent(store, CostsBy.DAY, since="2026-11-24")) == [("2026-11-24", 1, 1.0)]
    assert short(await spent(store, CostsBy.DAY, until=DAY)) == [(DAY, 1, 0.5)]
    assert short(await spent(store, CostsBy.ROOM, count=1)) == [(make_id("other"), 1, 1.0)]
    for by in CostsBy:
        assert await spent(store, by, agent_id=new_id()) == []
        assert len(await spent(store, by, agent_id=AGENT)) > 0


async def test_a_price_that_nobody_knows_is_told_apart_from_nothing(store: Database) -> None:
    free = call("offline", 0.0, prompt_tokens=0, completion_tokens=0)
    broken = {"type": "TEXT_LARGE", "provider": "openai", "ms": 5, "error": "no answer"}
    await turn(store, "m1", call(cost=0.0), free, broken)
    by_model = {each.key: each for each in await spent(store, CostsBy.MODEL)}
    sums = {key: tuple(getattr(each, name) for name in SUMMED) for key, each in by_model.items()}
    assert sums == {
        "large": (1, 0, 1, 100, 10, 0.0),
        "offline": (1, 0, 0, 0, 0, 0.0),
        "": (1, 1, 0, 0, 0, 0.0),
    }


async def test_what_evaluators_ask_later_is_the_persons_too(store: Database) -> None:
    commit = await turn(store, "m1", call())
    after = replace(commit.run, model_calls=(call(), call("small", 0.25)))
    await store.amend_run(after, 1, entity_id=make_id("ben"))
    assert short(await spent(store, CostsBy.PERSON)) == [(make_id("ben"), 2, 0.75)]
    await store.add_run(make_run(make_id("room"), model_calls=(call("small", 0.125),)))
    assert short(await spent(store, CostsBy.PERSON)) == [(make_id("ben"), 2, 0.75), ("", 1, 0.125)]


async def test_of_erased_people_the_sums_stay_and_nothing_else(store: Database) -> None:
    await turn(store, "m1", call())
    await turn(store, "m2", call(), person="zoe")
    await turn(store, "m3", call(), person="gus")
    assert (await store.export_entity(make_id("ben")))["spending"][0]["cost"] == 0.5
    assert (await store.erase_entity(make_id("ben")))["spending"] == 1
    await store.erase_entity(make_id("gus"))
    assert sorted(short(await spent(store, CostsBy.PERSON))) == [("", 2, 1.0), (make_id("zoe"), 1, 0.5)]
    assert short(await spent(store, CostsBy.ROOM)) == [(make_id("room"), 3, 1.5)]


async def test_a_room_that_moves_takes_its_costs_along(store: Database) -> None:
    await turn(store, "m1", call())
    await turn(store, "m2", call(), room="new room")
    world = make_world("guild")
    new = make_room("new room")
    move = Move(agent_id=AGENT, account=ACCOUNT, old_world=world, old_room=make_room(), world=world, room=new)
    await store.apply_move(move, None)
    assert short(await spent(store, CostsBy.ROOM)) == [(new.id, 2, 1.0)]


async def test_the_pulse_counts_what_ended_and_what_it_used(store: Database) -> None:
    await turn(store, "m1", call(cost=0.0), call(error="no answer"))
    await store.admit([make_admission("m2"), make_admission("m3")])
    taken = await store.take_turn(AGENT, make_id("room"), 9)
    ends = [Outcome.IGNORED, Outcome.FAILED]
    commit = TurnCommit(
        ends=tuple(InboxEnd(seq=row.seq, outcome=end) for row, end in zip(taken.rows, ends, strict=True)),
        run=make_run(make_id("room"), ended_at=NOON + timedelta(minutes=3)),
    )
    await store.commit_turn(commit)
    all_of_it = await store.beats(NOON - timedelta(minutes=1))
    assert (all_of_it.answered, all_of_it.ignored, all_of_it.failed, all_of_it.superseded) == (1, 1, 1, 0)
    assert (all_of_it.calls, all_of_it.failed_calls, all_of_it.unpriced) == (2, 1, 1)
    assert (all_of_it.tokens, all_of_it.cost) == (220, 0.5)
    late = await store.beats(NOON + timedelta(minutes=1))
    assert (late.answered, late.ignored, late.calls, late.cost) == (0, 1, 0, 0.0)
    assert (await store.beats(NOON + timedelta(hours=1))).ignored == 0


async def test_old_minutes_go(store: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spending, "_SWEEP_EACH", 1)
    await turn(store, "m1", call())
    await turn(store, "m2", call(), days=1)
    assert (await store.beats(NOON - timedelta(days=9))).calls == 2
    await turn(store, "m3", call(), days=4)
    assert (await store.beats(NOON - timedelta(days=9))).calls == 1
    assert len(await spent(store, CostsBy.DAY)) == 3


async def test_failed_messages_are_found_with_their_run(store: Database) -> None:
    await turn(store, "m1")
    await store.admit([make_admission("m2", person="zoe")])
    (row,) = (await store.take_turn(AGENT, make_id("room"), 9)).rows
    run = make_run(make_id("room"), status="failed", error="no answer")
    ends = (InboxEnd(seq=row.seq, outcome=Outcome.FAILED, reason="no answer"),)
    await store.commit_turn(TurnCommit(ends=ends, run=run))
    (found,) = await store.failed_messages(row.received_at, count=5)
    assert (found.seq, found.run_id, found.room, found.person) == (row.seq, run.id, "general", "Zoe")
    assert (found.reason, found.source, found.agent_id) == ("no answer", "discord", AGENT)
    assert await store.failed_messages(row.received_at + timedelta(seconds=1), count=5) == []
    await store.erase_entity(make_id("zoe"))
    (erased,) = await store.failed_messages(row.received_at, count=5)
    assert (erased.person, erased.run_id) == ("", None)
