"""What a catch-up asks of the store, and what it leaves there; parts of unknown fate."""

from datetime import timedelta

import pytest

from bot_host.store import Database, doubts, missed
from bot_host.types.content import ChannelType
from bot_host.types.turn import OutboxState
from tests.store.samples import ACCOUNT, AGENT, NOON, make_admission, make_id, make_part
from tests.store.test_inbox import ROOM, replace

HERE = f"{ACCOUNT}/room"


async def test_what_is_only_noted_is_remembered_and_has_no_turn(store: Database) -> None:
    noted = replace(make_admission("m1", "an old question"), unanswered="too old")
    (first,) = await store.admit([noted])
    (again,) = await store.admit([replace(noted, unanswered="")])
    assert (again.seq, again.duplicate) == (first.seq, True)
    assert await store.find_memory(noted.memory.id) == noted.memory
    assert (await store.take_turn(AGENT, ROOM, 10)).rows == ()
    assert await store.pending_count() == 0
    assert await store.recover() == []


async def test_known_events_are_those_of_the_account(store: Database) -> None:
    await store.admit([make_admission("m1"), replace(make_admission("m2"), account="discord:1")])
    assert await store.known_events(ACCOUNT, ["room/m1", "room/m2", "room/m3"]) == {"room/m1"}
    assert await store.known_events(ACCOUNT, []) == set()


async def test_recent_rooms_are_those_in_which_people_spoke_last(
    store: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await store.recent_rooms(ACCOUNT, limit=10) == []
    thread = replace(make_admission("m2", room="thread"))
    thread = replace(thread, room=replace(thread.room, type=ChannelType.THREAD, thread_id="t7"))
    await store.admit([make_admission("m1"), thread])
    await store.admit([replace(make_admission("x", room="elsewhere"), account="discord:1")])
    await store.admit([make_admission("m3", room="third")])
    await store.admit([make_admission("m4")])
    rooms = await store.recent_rooms(ACCOUNT, limit=10)
    assert [(room.server_id, room.channel_id, room.thread_id, room.type) for room in rooms] == [
        ("guild", "room", "", ChannelType.GROUP),
        ("guild", "third", "", ChannelType.GROUP),
        ("guild", "thread", "t7", ChannelType.THREAD),
    ]
    assert rooms[0].last_at > rooms[1].last_at > rooms[2].last_at
    assert len(await store.recent_rooms(ACCOUNT, limit=2)) == 2
    monkeypatch.setattr(missed, "LOOK_BACK", 2)
    assert [room.channel_id for room in await store.recent_rooms(ACCOUNT, limit=10)] == ["room", "third"]


async def test_a_deleted_room_is_not_recent(store: Database) -> None:
    await store.admit([make_admission("m1")])
    await store.delete_room(make_id("room"))
    assert await store.recent_rooms(ACCOUNT, limit=10) == []


async def test_a_part_of_unknown_fate_stays_in_the_air_until_it_is_due(store: Database) -> None:
    seq, sent = (await store.enqueue([make_part(), make_part()], None)).seqs
    await store.mark_sending(seq)
    due = NOON + timedelta(seconds=30)
    await store.mark_unknown(seq, due, "no answer")
    part = await store.next_part(HERE)
    assert part is not None
    assert (part.seq, part.state, part.not_before, part.error) == (seq, OutboxState.SENDING, due, "no answer")
    await store.mark_sent(sent, "p9")
    await store.mark_unknown(sent, due, "too late")
    (part,) = await store.get_parts([sent])
    assert part.state is OutboxState.SENT


async def test_the_ids_that_a_destination_got_are_told(store: Database) -> None:
    parts = [make_part(), make_part(destination="discord:99/there"), make_part(), make_part()]
    a, b, c, d = (await store.enqueue(parts, None)).seqs
    for seq in (a, b, c):
        await store.mark_sent(seq, f"p{seq}")
    assert await store.sent_ids(HERE, d) == {f"p{a}", f"p{c}"}
    assert await store.sent_ids(HERE, c) == {f"p{a}"}


async def test_they_are_told_also_where_thousands_went_elsewhere_meanwhile(
    store: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    # An equal answer of a minute ago would else be taken for one of unknown fate, which then is lost.
    monkeypatch.setattr(doubts, "LOOK_BACK", 2)
    others = [make_part(destination="discord:99/there")] * 9
    seqs = (await store.enqueue([make_part(), *others, make_part()], None)).seqs
    for seq in seqs[:-1]:
        await store.mark_sent(seq, f"p{seq}")
    assert await store.sent_ids(HERE, seqs[-1]) == {f"p{seqs[0]}"}
    monkeypatch.setattr(doubts, "LATELY", timedelta(days=-1))
    assert await store.sent_ids(HERE, seqs[-1]) == set()
