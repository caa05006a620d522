"""What came in is counted as it ends, and what was not let in is remembered."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot_host.store import Database, ledger
from bot_host.types.content import ChannelType, Content
from bot_host.types.errors import StateError
from bot_host.types.inbound import Mark, Skipped
from bot_host.types.ledger import AccountNote, EventKind, Figures, Tally
from bot_host.types.turn import InboxEnd, Outcome
from tests.store.samples import (
    ACCOUNT,
    AGENT,
    NOON,
    make_admission,
    make_commit,
    make_id,
    make_part,
    make_person,
    make_room,
    make_world,
)

ROOM = make_id("room")


def counts(figures: Figures, kind: EventKind) -> dict[str, int]:
    """How often, by end and reason."""
    found = {}
    for tally in figures.tallies:
        if tally.kind is kind:
            assert tally.account == ACCOUNT
            found[f"{tally.end} {tally.reason}".strip()] = tally.count
    return found


async def take(store: Database, outcome: Outcome, reason: str = "", count: int = 1) -> None:
    """End the oldest rows of the room so."""
    rows = (await store.take_turn(AGENT, ROOM, count)).rows
    ends = tuple(InboxEnd(seq=row.seq, outcome=outcome, reason=reason) for row in rows)
    assert await store.commit_turn(make_commit(*rows, ends=ends)) is not None


async def test_messages_are_counted_when_they_come_and_when_they_end(store: Database) -> None:
    await store.admit([make_admission(f"m{n}", minutes=n) for n in range(7)])
    await take(store, Outcome.ANSWERED, "mention", count=2)
    await take(store, Outcome.IGNORED, "not addressed")
    await take(store, Outcome.FAILED, "HTTP 500 of request 8127")
    await take(store, Outcome.SUPERSEDED, "a newer one")
    await store.take_turn(AGENT, ROOM, 1)
    figures = await store.figures()
    assert counts(figures, EventKind.MESSAGE) == {
        "received": 7,
        "answered": 2,
        "ignored not addressed": 1,
        "failed": 1,
        "superseded": 1,
    }
    balance = figures.balance()
    assert (balance.received, balance.ended, balance.pending, balance.balanced) == (7, 5, 2, True)
    assert (figures.inbox.waiting, figures.inbox.under_way) == (1, 1)
    first = (await store.take_turn(AGENT, ROOM, 1)).rows[0].received_at
    assert figures.inbox.oldest_at is not None
    assert figures.inbox.oldest_at <= first
    assert figures.inbox_error is not None
    assert (figures.inbox_error.seq, figures.inbox_error.error) == (4, "HTTP 500 of request 8127")


async def test_a_row_that_goes_back_or_is_refused_is_counted_once(store: Database) -> None:
    await store.admit([make_admission("m1")])
    for blameless in (True, False):
        [row] = (await store.take_turn(AGENT, ROOM, 9)).rows
        await store.put_back([row.seq], blameless=blameless)
    [row] = (await store.take_turn(AGENT, ROOM, 9)).rows
    assert await store.commit_turn(make_commit(row, revisions={row.memory_id: 4})) is None
    assert await store.commit_turn(make_commit(row)) is not None
    with pytest.raises(StateError):
        await store.commit_turn(make_commit(row))
    assert counts(await store.figures(), EventKind.MESSAGE) == {"received": 1, "answered": 1}


async def test_each_way_to_end_a_row_is_counted(store: Database) -> None:
    keys = ("deleted", "in mid-turn", "erased", "room gone")
    await store.admit(
        [
            make_admission(key, room=f"room {key}", person=f"person {key}", minutes=n)
            for n, key in enumerate(keys)
        ]
    )
    await store.admit([replace(make_admission("long ago", room="room gone by"), unanswered="too old")])
    await store.apply_delete(ACCOUNT, ["room deleted/deleted"], None)
    await store.take_turn(AGENT, make_id("room in mid-turn"), 9)
    await store.apply_delete(ACCOUNT, ["room in mid-turn/in mid-turn"], None)
    await store.recover()
    await store.erase_entity(make_id("person erased"))
    await store.delete_room(make_id("room room gone"))
    figures = await store.figures()
    assert counts(figures, EventKind.MESSAGE) == {
        "received": 5,
        "ignored too old": 1,
        "ignored deleted": 2,
        "ignored erased": 1,
        "ignored room deleted": 1,
    }
    assert figures.balance().balanced


async def test_other_events_end_as_applied_or_handled(store: Database) -> None:
    await store.admit([make_admission("m1")])
    await store.admit([make_admission("m1"), make_admission("m1")])
    for key, text in (("m1", "new"), ("m1", "new"), ("m9", "new")):
        await store.apply_edit(ACCOUNT, f"room/{key}", Content(text=text, source="discord"), NOON, None)
    for key in ("m1", "m9"):
        await store.apply_delete(ACCOUNT, [f"room/{key}"], None)
    await store.apply_places(ACCOUNT, [make_world()], [make_room()], [make_person()], None)
    await store.count_failed(ACCOUNT, EventKind.PLACES, "ValueError")
    await store.apply_reaction(ACCOUNT, AGENT, "room/m9", "m9", "room", "👍", True, None)
    await store.apply_membership(ACCOUNT, make_world(), make_person(), True, None)
    await store.count_applied(ACCOUNT, EventKind.STOP, Mark(name="m", value=3))
    assert await store.find_mark(ACCOUNT, "m") == 3
    figures = await store.figures()
    assert {kind: counts(figures, kind) for kind in EventKind} == {
        EventKind.MESSAGE: {"received": 1, "ignored deleted": 1},
        EventKind.DUPLICATE: {"received": 2, "handled known already": 2},
        EventKind.EDIT: {
            "received": 3,
            "applied": 1,
            "handled nothing edited": 1,
            "handled message not known": 1,
        },
        EventKind.DELETE: {"received": 2, "applied": 1, "handled message not known": 1},
        EventKind.PLACES: {"received": 2, "applied": 1, "failed ValueError": 1},
        EventKind.REACTION: {"received": 1, "handled message not known": 1},
        EventKind.MEMBERSHIP: {"received": 1, "applied": 1},
        EventKind.STOP: {"received": 1, "applied": 1},
        EventKind.SKIP: {},
        EventKind.PIECE: {},
        EventKind.SWEPT: {},
        EventKind.MOVE: {},
        EventKind.PART: {},
    }


async def test_skipped_events_are_counted_by_reason_and_messages_are_remembered(store: Database) -> None:
    mark = Mark(name="channel:c", value=7)
    await store.count_skipped(
        ACCOUNT,
        [
            Skipped(reason="own message", event_key="c/1", mark=mark),
            Skipped(reason="not allowed", event_key="c/2", mark=replace(mark, value=9)),
            Skipped(reason="not allowed", event_key="c/3", mark=replace(mark, value=8)),
            Skipped(reason="nothing edited", event_key="c/3"),
            Skipped(reason="unknown kind: poll"),
            Skipped(reason="malformed", event_key="c/4", failed=True),
        ],
    )
    assert counts(await store.figures(), EventKind.SKIP) == {
        "received": 6,
        "handled own message": 1,
        "handled not allowed": 2,
        "handled nothing edited": 1,
        "handled unknown kind: poll": 1,
        "failed malformed": 1,
    }
    assert await store.find_mark(ACCOUNT, "channel:c") == 9
    found = [(await store.find_skipped(key)) for key in ("1", "2", "c/3", "4", "5")]
    assert [[each.reason for each in rows] for rows in found] == [
        [],
        ["not allowed"],
        ["not allowed"],
        ["malformed"],
        [],
    ]
    last = await store.last_skipped()
    assert last is not None
    assert (last.account, last.event_key) == (ACCOUNT, "c/4")


async def test_only_the_newest_skipped_messages_are_kept(
    store: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger, "SKIPPED_KEPT", 3)
    for n in range(5):
        await store.count_skipped(ACCOUNT, [Skipped(reason="bot", event_key=f"c/{n}")])
    there = [bool(await store.find_skipped(str(n))) for n in range(5)]
    assert there == [False, False, True, True, True]
    assert counts(await store.figures(), EventKind.SKIP)["received"] == 5


async def test_a_reason_cannot_make_a_row_without_end(store: Database) -> None:
    await store.count_skipped(ACCOUNT, [Skipped(reason="unknown kind: " + "x\n" * 1000)])
    (reason,) = (tally.reason for tally in (await store.figures()).tallies if tally.reason)
    assert len(reason) == ledger.REASON_CHARACTERS
    assert reason.isprintable()


async def test_parts_that_wait_and_parts_that_failed(store: Database) -> None:
    await store.admit([make_admission("m1")])
    [row] = (await store.take_turn(AGENT, ROOM, 9)).rows
    commit = make_commit(row)
    parts = tuple(make_part(commit.memories[0], part=n, parts=3) for n in range(3))
    queued = await store.commit_turn(replace(commit, outbox=parts))
    assert queued is not None
    one = queued.seqs[0]
    await store.mark_sending(one)
    figures = await store.figures()
    assert (figures.outbox.waiting, figures.outbox.under_way, figures.outbox.depth) == (2, 1, 3)
    assert figures.outbox_error is None
    await store.mark_later(one, NOON + timedelta(hours=9), "HTTP 503")
    error = (await store.figures()).outbox_error
    assert error is not None
    assert (error.seq, error.error, error.where) == (one, "HTTP 503", f"{ACCOUNT}/room")
    await store.mark_failed(one, "blocked")
    figures = await store.figures()
    assert counts(figures, EventKind.PART) == {"failed": 3}
    assert figures.outbox.depth == 0
    assert figures.outbox_error is not None
    assert figures.outbox_error.error == "blocked"


def note(**more: Any) -> AccountNote:
    fields: dict[str, Any] = {
        "account": ACCOUNT,
        "name": "discord",
        "agent_id": AGENT,
        "label": "Ada",
        "state": "connected",
        "since": NOON,
        **more,
    }
    return AccountNote(**fields)


async def test_an_account_keeps_its_last_error(store: Database) -> None:
    broken = note(state="waiting", since=NOON + timedelta(hours=1), error="HTTP 500", error_at=NOON)
    again = note(since=NOON + timedelta(hours=2))
    for each in (note(), broken, again):
        await store.note_account(each)
    assert (await store.figures()).accounts == (replace(again, error="HTTP 500", error_at=NOON),)


async def test_first_and_last_times_of_a_tally(store: Database) -> None:
    await store.admit([make_admission("m1")])
    await store.admit([make_admission("m2", minutes=1)])
    row, other = (await store.take_turn(AGENT, ROOM, 9)).rows
    (tally,) = (await store.figures()).tallies
    assert isinstance(tally, Tally)
    assert (tally.first_at, tally.last_at, tally.last_seq) == (row.received_at, other.received_at, other.seq)


async def test_what_an_account_has_heard(store: Database) -> None:
    empty = await store.heard(ACCOUNT)
    assert (empty.since, empty.direct.count, empty.skipped) == (None, 0, {})
    private = make_admission("d1", room="dm")
    private = replace(private, room=replace(private.room, type=ChannelType.DM))
    await store.admit([private, *(make_admission(f"m{n}") for n in range(3))])
    await store.admit([replace(make_admission("other"), account="discord:7")])
    await take(store, Outcome.IGNORED, "not addressed", count=2)
    await store.count_skipped(
        ACCOUNT, [Skipped(reason="no text"), Skipped(reason="no text"), Skipped(reason="bot")]
    )
    heard = await store.heard(ACCOUNT)
    assert (heard.direct.count, heard.shared.count, heard.unaddressed.count) == (1, 3, 2)
    assert {reason: each.count for reason, each in heard.skipped.items()} == {"no text": 2, "bot": 1}
    assert heard.since is not None
    assert heard.shared.last_at is not None
    assert heard.since <= heard.shared.last_at
    assert heard.unaddressed.last_at is not None
    assert heard.unaddressed.last_at <= heard.shared.last_at
