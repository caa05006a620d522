"""What waits for somebody, as lists."""

from datetime import timedelta

from bot_host.store import Database
from bot_host.types.outbound import ClosedRoom
from tests.store.samples import ACCOUNT, AGENT, NOON, make_admission, make_id
from tests.store.test_pairing import MINUTE, knock


async def test_strangers_wait_as_long_as_their_code_is_good(store: Database) -> None:
    await knock(store, "ben")
    await knock(store, "zoe", at=NOON + MINUTE)
    waiting = await store.waiting_pairings(NOON + 2 * MINUTE, count=9)
    assert [each.name for each in waiting] == ["Ben", "Zoe"]
    assert len(await store.waiting_pairings(NOON + 2 * MINUTE, count=1)) == 1
    assert [each.name for each in await store.waiting_pairings(NOON + 60 * MINUTE, count=9)] == ["Zoe"]
    await store.decide_pairing("ZOE23", approve=True, by="x", now=NOON + MINUTE)
    assert await store.waiting_pairings(NOON + 60 * MINUTE, count=9) == []


async def test_closed_rooms_have_their_names_and_the_newest_comes_first(store: Database) -> None:
    await store.admit([make_admission()])
    known = ClosedRoom(
        destination=f"{ACCOUNT}/room",
        account=ACCOUNT,
        agent_id=AGENT,
        room_id=make_id("room"),
        reason="no access",
        closed_at=NOON,
    )
    unknown = ClosedRoom(
        destination=f"{ACCOUNT}/elsewhere",
        account=ACCOUNT,
        agent_id=AGENT,
        room_id=None,
        reason="gone",
        closed_at=NOON + timedelta(minutes=1),
    )
    await store.close_room(known)
    await store.close_room(unknown)
    found = await store.closed_places(count=9)
    assert [(each.name, each.closed) for each in found] == [("", unknown), ("general", known)]
    assert len(await store.closed_places(count=1)) == 1
