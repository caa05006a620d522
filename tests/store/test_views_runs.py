"""Lists of messages with what became of them, on both databases."""

from datetime import timedelta
from typing import Any

import pytest

from bot_host.store import Database
from bot_host.store.views import runs as views
from bot_host.types.content import ChannelType, Content
from bot_host.types.inbound import Skipped
from bot_host.types.memory import Memory
from bot_host.types.runs import Inbound, Looked, Unasked, Wanted
from bot_host.types.turn import InboxEnd, OutboxState, Outcome, TurnCommit
from tests.store.samples import ACCOUNT, AGENT, NOON, make_admission, make_id, make_part, make_reply, make_run

CALL = {"type": "TEXT_LARGE", "model": "m", "prompt_tokens": 5, "completion_tokens": 2, "cost": 0.25}


@pytest.fixture
async def busy(store: Database) -> Database:
    """Five messages in two rooms of two people: the first answered, the second ignored, the rest waiting."""
    await store.admit(
        [
            make_admission("m1", "Tell me about 100% wool"),
            make_admission("m2", "not for you", person="ann"),
            make_admission("m3", "wool again", room="other", person="ann"),
            make_admission("m4", "and silk", room="other"),
            make_admission("m5", "hello"),
        ]
    )
    rows = (await store.take_turn(AGENT, make_id("room"), 2)).rows
    reply = make_reply(rows[0])
    run = make_run(
        make_id("room"),
        started_at=rows[0].received_at,
        ended_at=rows[0].received_at + timedelta(seconds=2),
        model_calls=(CALL,),
    )
    await store.commit_turn(
        TurnCommit(
            ends=(
                InboxEnd(seq=rows[0].seq, outcome=Outcome.ANSWERED, reason="mention", reply_id=reply.id),
                InboxEnd(seq=rows[1].seq, outcome=Outcome.IGNORED, reason="not addressed"),
            ),
            run=run,
            memories=(reply,),
            outbox=(make_part(reply, run_id=run.id),),
            revisions={row.memory_id: 0 for row in rows},
        )
    )
    return store


def texts(looked: Looked) -> list[str]:
    return [row.content["text"] for row in looked.rows]


async def all_pages(store: Database, wanted: Wanted, count: int) -> list[str]:
    found: list[str] = []
    after = None
    while True:
        looked = await store.list_inbound(wanted, after=after, count=count)
        found += texts(looked)
        after = looked.next
        if after is None:
            return found


async def test_each_message_is_listed_with_what_became_of_it(busy: Database) -> None:
    looked = await busy.list_inbound(Wanted(), after=None, count=50)
    assert texts(looked) == ["hello", "and silk", "wool again", "not for you", "Tell me about 100% wool"]
    assert looked.next is None
    first: Inbound = looked.rows[-1]
    assert (first.agent_id, first.agent_name, first.account) == (AGENT, "Ada", ACCOUNT)
    assert (first.sender, first.entity_id) == ("Ben", make_id("ben"))
    assert (first.room_name, first.room_type) == ("general", ChannelType.GROUP)
    assert (first.outcome, first.reason, first.running) == (Outcome.ANSWERED, "mention", False)
    assert first.run_id is not None
    assert first.model_calls == (CALL,)
    assert first.started_at is not None
    assert first.ended_at == first.started_at + timedelta(seconds=2)
    waiting: Inbound = looked.rows[0]
    assert (waiting.outcome, waiting.run_id, waiting.started_at) == (None, None, None)


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({"agent_id": AGENT, "outcome": "answered"}, ["Tell me about 100% wool"]),
        ({"agent_id": make_id("nobody")}, []),
        ({"outcome": "waiting"}, ["hello", "and silk", "wool again"]),
        ({"reason": "ADDRESSED"}, ["not for you"]),
        ({"text": "WOOL"}, ["wool again", "Tell me about 100% wool"]),
        # Signs that mean something to LIKE mean themselves.
        ({"text": "0%"}, ["Tell me about 100% wool"]),
        ({"text": "h_llo"}, []),
        ({"room_id": make_id("other")}, ["and silk", "wool again"]),
        ({"entity_id": make_id("ann")}, ["wool again", "not for you"]),
        ({"entity_id": make_id("ann"), "room_id": make_id("other")}, ["wool again"]),
        ({"room_id": make_id("room"), "text": "wool", "outcome": "answered"}, ["Tell me about 100% wool"]),
        ({"account": "discord", "text": "silk"}, ["and silk"]),
        ({"account": ACCOUNT, "text": "silk"}, ["and silk"]),
        ({"account": "disc"}, []),
        ({"account": "discord:9"}, []),
        ({"since": NOON + timedelta(days=400_000)}, []),
        ({"since": NOON - timedelta(days=9000), "text": "silk"}, ["and silk"]),
    ],
)
async def test_lists_are_narrowed(busy: Database, wanted: dict[str, Any], found: list[str]) -> None:
    assert texts(await busy.list_inbound(Wanted(**wanted), after=None, count=50)) == found


@pytest.mark.parametrize("wanted", [{}, {"room_id": make_id("room")}, {"text": "o"}])
async def test_pages_hold_each_message_once(busy: Database, wanted: dict[str, Any]) -> None:
    whole = texts(await busy.list_inbound(Wanted(**wanted), after=None, count=50))
    assert len(whole) > 2
    for count in (1, 2):
        assert await all_pages(busy, Wanted(**wanted), count) == whole


async def test_a_look_back_ends_and_can_be_taken_up_again(
    busy: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "WINDOW", 1)
    monkeypatch.setattr(views, "WINDOWS", 2)
    looked = await busy.list_inbound(Wanted(text="Tell me"), after=None, count=50)
    assert looked.rows == ()
    assert looked.next is not None
    assert looked.back_to is not None
    assert await all_pages(busy, Wanted(text="Tell me"), 50) == ["Tell me about 100% wool"]
    room = {"room_id": make_id("room")}
    looked = await busy.list_inbound(Wanted(text="Tell me", **room), after=None, count=50)
    assert (looked.rows, looked.next is None) == ((), False)
    assert await all_pages(busy, Wanted(text="Tell me", **room), 50) == ["Tell me about 100% wool"]
    assert len(await all_pages(busy, Wanted(**room), 50)) == 3
    assert len(await all_pages(busy, Wanted(entity_id=make_id("ann")), 1)) == 2
    assert len(await all_pages(busy, Wanted(), 50)) == 5


async def test_what_was_said_unasked_is_a_list_of_its_own(busy: Database) -> None:
    said = Memory(
        agent_id=AGENT,
        entity_id=AGENT,
        room_id=make_id("room"),
        content=Content(text="Good morning"),
        created_at=NOON,
    )
    parts = [make_part(said, part=n, parts=2) for n in range(2)]
    [first, _] = (await busy.enqueue(parts, said)).seqs
    await busy.enqueue([make_part()], None)
    looked = await busy.list_unasked(Wanted(), after=None, count=50)
    alone, told = looked.rows
    assert isinstance(told, Unasked)
    assert (told.seq, told.parts, told.state, told.room_name) == (first, 2, OutboxState.PENDING, "general")
    assert told.agent_name == "Ada"
    assert told.content is not None
    assert told.content["text"] == "Good morning"
    assert alone.content is None
    assert texts(await busy.list_unasked(Wanted(agent_id=AGENT, text="morning"), after=None, count=1)) == [
        "Good morning"
    ]
    page = await busy.list_unasked(Wanted(), after=None, count=1)
    assert page.next is not None
    rest = await busy.list_unasked(Wanted(), after=page.next, count=1)
    assert (*page.rows, *rest.rows) == looked.rows


async def test_what_an_action_says_while_it_works_is_not_unasked(busy: Database) -> None:
    [row] = (await busy.take_turn(AGENT, make_id("other"), 1)).rows
    said = make_reply(row, "one moment")
    await busy.enqueue([make_part(said)], said)
    assert (await busy.list_unasked(Wanted(), after=None, count=50)).rows == ()


async def test_what_was_not_let_in_is_listed(store: Database) -> None:
    await store.count_skipped(ACCOUNT, [Skipped(reason="bot", event_key="room/1")])
    await store.count_skipped("slack:T1", [Skipped(reason="not allowed", event_key="C/2")])
    looked = await store.list_skipped(Wanted(), after=None, count=50)
    assert [(each.account, each.reason) for each in looked.rows] == [
        ("slack:T1", "not allowed"),
        (ACCOUNT, "bot"),
    ]
    only = await store.list_skipped(Wanted(account="discord", reason="BO"), after=None, count=50)
    assert [each.event_key for each in only.rows] == ["room/1"]
    page = await store.list_skipped(Wanted(), after=None, count=1)
    assert page.next is not None
    rest = await store.list_skipped(Wanted(), after=page.next, count=1)
    assert [*page.rows, *rest.rows] == list(looked.rows)
    assert rest.next is None


async def test_the_row_of_a_run_is_found(busy: Database) -> None:
    first = (await busy.list_inbound(Wanted(outcome="answered"), after=None, count=1)).rows[0]
    found = await busy.row_of_run(first.run_id)
    assert found is not None
    received = await busy.get_received(found)
    assert received is not None
    assert received.run_id == first.run_id
    assert await busy.row_of_run(make_id("nothing")) is None
