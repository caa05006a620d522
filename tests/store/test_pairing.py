"""Strangers' requests as rows: one code each, few at a time, decided once, told once."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot_host.store import Database
from bot_host.types.access import PAIRING, PAIRING_DENIED, PAIRING_FULL, PAIRING_SILENT
from bot_host.types.outbound import Target
from bot_host.types.pairing import CODE_LASTS, Pairing, PairingState
from bot_host.types.turn import OutboxState
from tests.store.samples import ACCOUNT, AGENT, NOON, make_id, make_part

MINUTE = timedelta(minutes=1)


def request(person: str = "ben", *, at: Any = NOON, account: str = ACCOUNT) -> Pairing:
    return Pairing(
        account=account,
        user_id=person,
        agent_id=AGENT,
        entity_id=make_id(person),
        name=person.title(),
        target=Target(source="discord", channel_id=f"dm-{person}"),
        code=f"{person.upper()}23",
        asked_at=at,
        expires_at=at + CODE_LASTS,
    )


def line(person: str = "ben") -> list[Any]:
    return [make_part(None, destination=f"{ACCOUNT}/dm-{person}", payload={"content": "code"})]


async def knock(store: Database, person: str = "ben", **more: Any) -> tuple[str, int]:
    """The reason, and how many parts went into the outbox."""
    knocked = await store.knock(request(person, **more), line(person))
    return knocked.reason, len(knocked.queued.seqs)


async def test_a_stranger_gets_one_code_an_hour(store: Database) -> None:
    assert await knock(store) == (PAIRING, 1)
    assert await knock(store, at=NOON + 59 * MINUTE) == (PAIRING_SILENT, 0)
    assert await knock(store, at=NOON + 60 * MINUTE) == (PAIRING, 1)
    assert len(await store.pairings()) == 1


async def test_the_line_goes_out_with_the_request(store: Database) -> None:
    knocked = await store.knock(request(), line(), {f"{ACCOUNT}/dm-ben"})
    [part] = await store.get_parts(knocked.queued.seqs)
    assert (part.state, part.payload) == (OutboxState.SENDING, {"content": "code"})


async def test_three_may_ask_at_a_time_on_each_account(store: Database) -> None:
    for person in ("a", "b", "c"):
        assert await knock(store, person) == (PAIRING, 1)
    assert await knock(store, "d", at=NOON + MINUTE) == (PAIRING_FULL, 0)
    assert await knock(store, "d", account="discord:77") == (PAIRING, 1)
    # Those that were decided, or have expired, leave their place.
    assert await store.decide_pairing("A23", approve=True, by="x", now=NOON)
    assert await knock(store, "d", at=NOON + MINUTE) == (PAIRING, 1)
    assert await knock(store, "e", at=NOON + MINUTE) == (PAIRING_FULL, 0)
    assert await knock(store, "e", at=NOON + 61 * MINUTE) == (PAIRING, 1)
    left = {(each.account, each.user_id) for each in await store.pairings()}
    assert left == {(ACCOUNT, "a"), ("discord:77", "d"), (ACCOUNT, "e")}


async def test_who_is_approved_of_is_known_and_on_the_record(store: Database) -> None:
    await knock(store)
    decided = await store.decide_pairing("BEN23", approve=True, by="zoe", now=NOON + MINUTE)
    assert decided is not None
    assert (decided.state, decided.decided_by, decided.decided_at) == (
        PairingState.APPROVED,
        "zoe",
        NOON + MINUTE,
    )
    assert await store.find_pairing(ACCOUNT, "ben") == decided
    assert await knock(store, at=NOON + timedelta(days=99)) == ("", 0)
    entity = await store.find_entity(make_id("ben"))
    assert entity is not None
    assert (entity.names, entity.metadata) == (("Ben",), {"discord": {"id": "ben", "name": "Ben"}})
    [entry] = await store.get_audit(AGENT)
    assert (entry.action, entry.actor, entry.subject, entry.details) == (
        "pairing approved",
        "zoe",
        make_id("ben"),
        {"account": ACCOUNT},
    )
    # Once more changes nothing: whoever asks twice is told the same.
    assert await store.decide_pairing("BEN23", approve=False, by="x", now=NOON + 2 * MINUTE) == decided
    assert len(await store.get_audit(AGENT)) == 1


@pytest.mark.parametrize(
    ("code", "later", "agent"),
    [("NOPE2345", MINUTE, None), ("BEN23", CODE_LASTS, None), ("BEN23", MINUTE, make_id("other"))],
    ids=["another code", "expired", "another agent's"],
)
async def test_what_cannot_be_approved(store: Database, code: str, later: timedelta, agent: Any) -> None:
    await knock(store)
    for approve in (True, False):
        done = await store.decide_pairing(code, approve=approve, by="x", now=NOON + later, agent_id=agent)
        assert done is None
    assert [each.state for each in await store.pairings()] == [PairingState.OPEN]
    assert await store.get_audit(AGENT) == []


async def test_who_is_turned_down_gets_no_other_code_until_that_is_forgotten(store: Database) -> None:
    await knock(store)
    await store.decide_pairing("BEN23", approve=False, by="x", now=NOON)
    assert await knock(store, at=NOON + timedelta(days=99)) == (PAIRING_DENIED, 0)
    assert await store.find_entity(make_id("ben")) is None
    assert await store.forget_pairing(ACCOUNT, "ben", by="x", now=NOON)
    assert not await store.forget_pairing(ACCOUNT, "ben", by="x", now=NOON)
    assert await knock(store) == (PAIRING, 1)
    assert {entry.action for entry in await store.get_audit(AGENT)} == {"pairing denied", "pairing revoked"}


async def test_who_is_let_in_is_told_once(store: Database) -> None:
    await knock(store)
    assert await store.untold_pairings(ACCOUNT) == []
    await store.decide_pairing("BEN23", approve=True, by="x", now=NOON)
    assert await store.untold_pairings("discord:77") == []
    [pairing] = await store.untold_pairings(ACCOUNT)
    told = await store.tell_pairing(pairing, line(), now=NOON)
    assert len(told.seqs) == 1
    assert await store.untold_pairings(ACCOUNT) == []
    assert (await store.tell_pairing(pairing, line(), now=NOON)).seqs == ()


async def test_of_one_agent_or_of_all(store: Database) -> None:
    await knock(store)
    assert len(await store.pairings(AGENT)) == 1
    assert await store.pairings(make_id("other")) == []
    assert replace(request(), asked_at=NOON) == (await store.pairings())[0]


async def test_who_only_asked_can_be_erased_as_well(store: Database) -> None:
    target = Target(source="discord", account=ACCOUNT, channel_id="dm-ben", entity_id=make_id("ben"))
    part = make_part(None, destination=f"{ACCOUNT}/dm-ben", target=target, payload={"content": "BEN23"})
    knocked = await store.knock(request(), [part])
    assert (await store.export_entity(make_id("ben")))["pairings"][0]["name"] == "Ben"
    assert await store.erase_entity(make_id("ben")) == {"pairings": 1, "outbox": 1}
    assert await store.pairings() == []
    [left] = await store.get_parts(knocked.queued.seqs)
    assert (left.payload, left.state) == ({}, OutboxState.FAILED)
    assert await store.erase_entity(make_id("ben")) == {}
