"""Messages that come in pieces: one row, one memory, and each piece's key leads there."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot_host.kit.clock import utc_now
from bot_host.store import Database, inbox, pieces
from bot_host.types.content import Content, Media, MentionContext, MentionType, Quote, Reading
from bot_host.types.inbound import Joins
from bot_host.types.ledger import EventKind
from bot_host.types.memory import Memory
from bot_host.types.turn import Admission, Admitted, InboxEnd, InboxState, Outcome
from tests.store.samples import ACCOUNT, AGENT, make_admission, make_commit, make_id

WHOLE = make_id("memory album")
ROOM = make_id("room")


def piece(place: int, text: str = "", *, settle_s: float = 0.0, **content: Any) -> Admission:
    """One picture of an album, with its caption."""
    content.setdefault("attachments", [Media(id=f"file {place}")])
    made = make_admission(f"m{place}", text, **content)
    return replace(
        made,
        memory=made.memory.model_copy(update={"id": WHOLE}),
        joins=Joins(key="room/album", place=place, settle_s=settle_s),
    )


async def admit(store: Database, *admissions: Admission) -> list[Admitted]:
    return await store.admit(admissions)


async def whole(store: Database) -> Memory:
    found = await store.find_memory(WHOLE)
    assert found is not None
    return found


async def take(store: Database, limit: int = 20) -> list[str]:
    return [row.message_id for row in (await store.take_turn(AGENT, ROOM, limit)).rows]


async def test_pieces_in_any_order_make_one_message_in_theirs(store: Database) -> None:
    [first] = await admit(store, piece(2, "two"))
    joined = await admit(store, piece(3), piece(1, "one"))
    assert [(each.seq, each.duplicate) for each in joined] == [(first.seq, False)] * 2
    assert all(each.joined and each.joined.changed for each in joined)
    memory = await whole(store)
    assert (memory.content.text, [media.id for media in memory.content.attachments]) == (
        "one\ntwo",
        ["file 1", "file 2", "file 3"],
    )
    assert await store.pending_count() == 1
    assert await take(store) == ["m2"]


async def test_a_piece_that_comes_again_changes_nothing(store: Database) -> None:
    await admit(store, piece(1, "one"), piece(2))
    before = await whole(store)
    again = await admit(store, piece(2), piece(1, "one"))
    assert [each.duplicate for each in again] == [True, True]
    assert await whole(store) == before
    assert await store.known_events(ACCOUNT, ["room/m1", "room/m2", "room/m3"]) == {"room/m1", "room/m2"}


async def test_what_all_pieces_say_is_said_once(store: Database) -> None:
    quote = Quote(author="Ann", text="hello")
    quoted = Media(id="hers", quoted=True)
    for place in (1, 2):
        await admit(
            store, piece(place, "same", quotes=[quote], attachments=[Media(id=f"file {place}"), quoted])
        )
    content = (await whole(store)).content
    assert (content.text, content.quotes) == ("same", [quote])
    assert [media.id for media in content.attachments] == ["file 1", "file 2", "hers"]


async def test_whichever_piece_turns_to_the_agent_does_so_for_all(store: Database) -> None:
    mention = MentionContext(is_mention=True, mention_type=MentionType.PLATFORM_MENTION)
    reply = MentionContext(is_reply=True, mention_type=MentionType.REPLY)
    await admit(store, piece(1, mention_context=reply), piece(2, mention_context=mention))
    await admit(store, piece(3, mention_context=MentionContext()))
    assert (await whole(store)).content.mention_context == MentionContext(
        is_mention=True, is_reply=True, mention_type=MentionType.PLATFORM_MENTION
    )


async def test_nothing_is_taken_until_it_has_settled_and_order_is_kept(store: Database) -> None:
    await admit(store, make_admission("before"), piece(1, settle_s=60), make_admission("after"))
    taken = await store.take_turn(AGENT, ROOM, 20)
    assert ([row.message_id for row in taken.rows], taken.more) == (["before"], True)
    await store.commit_turn(make_commit(*taken.rows))
    waiting = await store.take_turn(AGENT, ROOM, 20)
    assert waiting.rows == ()
    assert 59 < waiting.wait_s <= 60
    # A restart does not shorten it.
    await store.recover()
    assert (await store.take_turn(AGENT, ROOM, 20)).wait_s > 58
    await store._driver.write(lambda: settle_now(store))
    taken = await store.take_turn(AGENT, ROOM, 20)
    assert [(row.message_id, row.attempts) for row in taken.rows] == [("m1", 1), ("after", 1)]


def settle_now(store: Database) -> Any:
    found = yield inbox.FIND_SEQ(account=ACCOUNT, event_key="room/m1")
    yield pieces.SETTLE(row=found[0][0], until=utc_now() - timedelta(seconds=1))


async def test_a_further_piece_makes_it_settle_anew_but_not_for_ever(store: Database) -> None:
    waits = []
    await admit(store, piece(0, settle_s=10))
    for place in range(1, 4):
        await admit(store, piece(place, settle_s=10 * place))
        waits.append((await store.take_turn(AGENT, ROOM, 20)).wait_s)
    assert [round(wait) for wait in waits] == [10, 20, 30]
    await admit(store, piece(4, settle_s=0.0))
    assert await take(store) == ["m0"]


async def test_a_clock_that_was_set_back_holds_nothing_up(
    store: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await admit(store, piece(1, settle_s=60))
    monkeypatch.setattr(inbox, "utc_now", lambda: utc_now() - timedelta(hours=1))
    assert await take(store) == ["m1"]


async def test_a_piece_during_the_turn_makes_it_stale(store: Database) -> None:
    await admit(store, piece(1))
    taken = await store.take_turn(AGENT, ROOM, 20)
    [late] = await admit(store, piece(2))
    assert late.joined is not None
    assert (late.joined.state, late.joined.room_id) == (InboxState.RUNNING, ROOM)
    assert await store.commit_turn(make_commit(*taken.rows)) is None


@pytest.mark.parametrize("revises", [True, False])
async def test_a_piece_after_the_answer_is_an_edit(store: Database, revises: bool) -> None:
    await admit(store, piece(1))
    taken = await store.take_turn(AGENT, ROOM, 20)
    commit = make_commit(*taken.rows)
    reply = commit.memories[0].model_copy(update={"created_at": utc_now()})
    ends = tuple(replace(end, reply_id=reply.id) for end in commit.ends)
    await store.commit_turn(replace(commit, memories=(reply,), ends=ends))
    since = utc_now() - timedelta(minutes=15) if revises else None
    [late] = await admit(store, replace(piece(2), reopen_since=since))
    assert late.joined is not None
    assert late.joined.reopened is revises
    again = await store.take_turn(AGENT, ROOM, 20)
    assert [row.reply_id for row in again.rows] == ([reply.id] if revises else [])


async def test_the_piece_with_the_mention_brings_a_turn_after_all(store: Database) -> None:
    await admit(store, piece(1))
    taken = await store.take_turn(AGENT, ROOM, 20)
    ignored = tuple(
        InboxEnd(seq=row.seq, outcome=Outcome.IGNORED, reason="not addressed") for row in taken.rows
    )
    await store.commit_turn(make_commit(*taken.rows, ends=ignored, memories=(), outbox=()))
    mention = MentionContext(is_mention=True, mention_type=MentionType.PLATFORM_MENTION)
    late = replace(piece(2, mention_context=mention), reopen_since=utc_now() - timedelta(minutes=15))
    assert [each.joined and each.joined.reopened for each in await admit(store, late)] == [True]
    assert await take(store) == ["m1"]


async def test_each_pieces_key_leads_to_the_message(store: Database) -> None:
    await admit(store, piece(1, "one"), piece(2))
    read = (await whole(store)).content.model_copy(deep=True)
    read.attachments[0].reading = Reading.DESCRIBED
    await store.note_readings(WHOLE, (await whole(store)).revision, read)
    edit = Content(text="both", attachments=[Media(id="file 2")])
    done = await store.apply_edit(ACCOUNT, "room/m2", edit, utc_now(), None)
    assert (done.found, done.changed) == (True, True)
    content = (await whole(store)).content
    assert (content.text, [(m.id, m.reading) for m in content.attachments]) == (
        "one\nboth",
        [("file 1", "described"), ("file 2", None)],
    )
    assert not (await store.apply_edit(ACCOUNT, "room/m2", edit, utc_now(), None)).changed
    # And the first one's own key, with what the edit of the other left.
    other = Content(text="1", attachments=[Media(id="file 9")])
    await store.apply_edit(ACCOUNT, "room/m1", other, utc_now(), None)
    content = (await whole(store)).content
    assert (content.text, [m.id for m in content.attachments]) == ("1\nboth", ["file 9", "file 2"])
    reacted = await store.apply_reaction(ACCOUNT, AGENT, "room/m2", "m2", "room", "👍", True, None)
    assert reacted is not None
    assert reacted.id == WHOLE
    assert [found.seq for found in await store.find_received("m2")] == [
        found.seq for found in await store.find_received("m1")
    ]


async def test_a_piece_of_what_was_deleted_is_kept_as_a_key_only(store: Database) -> None:
    await admit(store, piece(1, "one"))
    await store.apply_delete(ACCOUNT, ["room/m1"], None)
    [late] = await admit(store, piece(2, "two"))
    assert late.joined is not None
    assert not late.joined.changed
    assert await store.find_memory(WHOLE) is None
    assert [each.duplicate for each in await admit(store, piece(2, "two"))] == [True]


async def test_pieces_that_are_only_remembered_get_no_turn(store: Database) -> None:
    await admit(store, replace(piece(1), unanswered="missed"), replace(piece(2), unanswered="missed"))
    assert await store.pending_count() == 0
    assert len((await whole(store)).content.attachments) == 2


async def test_pieces_are_counted_and_the_sums_agree(store: Database) -> None:
    await admit(store, piece(1), piece(2), piece(2))
    audited = await store.audit_rows(host_runs=False)
    assert audited.violations == ()
    assert audited.balance.received == 1
    assert audited.others[EventKind.PIECE]["received"] == 1
    assert audited.others[EventKind.DUPLICATE]["received"] == 1
