"""Inbox and outbox against a model of them: whatever comes in what order, no row is lost, doubled or stuck.

Hypothesis makes up the stories: messages and their redeliveries, turns that end, go back or are cut off by a
kill, parts that are sent, refused, put off or in doubt. After each step the rows of the database are what the
model says.
"""

import asyncio
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from bot_host.store import make_store
from bot_host.types.errors import StateError
from bot_host.types.ids import UUID, new_id
from bot_host.types.turn import InboxRow, OutboxRow, OutboxState
from tests.store.samples import (
    ACCOUNT,
    AGENT,
    CHARACTER,
    make_admission,
    make_commit,
    make_id,
    make_part,
    make_reply,
)

ROOMS = ("red", "blue")
ENDS = ("later", "unknown", "given up", "refused", "back")
FAR = datetime(2100, 1, 1, tzinfo=UTC)


@dataclass
class Message:
    """What the model knows of one that came in."""

    room: str
    key: str
    state: str = "pending"
    attempts: int = 0
    revision: int = 0


@dataclass
class Part:
    """What the model knows of one that goes out."""

    room: str
    memory_id: UUID
    part: int
    state: str = "pending"
    attempts: int = 0
    far: bool = False


@dataclass
class Model:
    messages: dict[int, Message] = field(default_factory=dict)
    parts: dict[int, Part] = field(default_factory=dict)

    def waiting(self, room: str) -> list[int]:
        return [n for n, m in sorted(self.messages.items()) if m.room == room and m.state == "pending"]

    def next_part(self, room: str) -> int | None:
        open_parts = (
            n for n, p in sorted(self.parts.items()) if p.room == room and p.state in ("pending", "sending")
        )
        return next(open_parts, None)


class Story(RuleBasedStateMachine):
    """One story."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.store = make_store("sqlite://", base=Path())
        self.do(self.store.open())
        self.do(self.store.ensure_agent(AGENT, CHARACTER))
        self.model = Model()
        self.turns: dict[str, tuple[InboxRow, ...]] = {}
        self.seen: dict[tuple[str, str], int] = {}

    def do(self, work: Any) -> Any:
        return self.loop.run_until_complete(work)

    def teardown(self) -> None:
        self.do(self.store.close())
        self.loop.close()

    # -- in

    @rule(keys=st.lists(st.tuples(st.sampled_from(ROOMS), st.integers(1, 12)), min_size=1, max_size=4))
    def admit(self, keys: list[tuple[str, int]]) -> None:
        """New ones and redeliveries, together in one transaction."""
        admissions = [make_admission(f"{room}{number}", room=room, minutes=number) for room, number in keys]
        for (room, number), done in zip(keys, self.do(self.store.admit(admissions)), strict=True):
            key = f"{room}{number}"
            assert done.duplicate == ((room, key) in self.seen)
            if done.duplicate:
                assert done.seq == self.seen[room, key]
            else:
                assert done.seq > max(self.model.messages, default=0)
                self.seen[room, key] = done.seq
                self.model.messages[done.seq] = Message(room, key)

    @rule(room=st.sampled_from(ROOMS), limit=st.integers(1, 3))
    def take(self, room: str, limit: int) -> None:
        """A lane begins a turn; a room has one at a time."""
        if room not in self.turns:
            self._take(room, limit)

    def _take(self, room: str, limit: int) -> None:
        taken = self.do(self.store.take_turn(AGENT, make_id(room), limit))
        expected = self.model.waiting(room)[:limit]
        assert [row.seq for row in taken.rows] == expected
        for seq in expected:
            self.model.messages[seq].state = "running"
            self.model.messages[seq].attempts += 1
        if expected:
            assert taken.more is bool(self.model.waiting(room))
            self.turns[room] = taken.rows

    @rule(room=st.sampled_from(ROOMS), parts=st.integers(0, 3), at_once=st.booleans())
    def commit(self, room: str, parts: int, at_once: bool) -> None:
        """A turn ends, unless one of its messages was edited meanwhile."""
        if room not in self.turns:
            self._take(room, 1)
        rows = self.turns.pop(room, ())
        if not rows:
            return
        reply = make_reply(rows[-1])
        destination = f"{ACCOUNT}/{room}"
        made = tuple(make_part(reply, destination=destination, part=n, parts=parts) for n in range(parts))
        commit = make_commit(*rows, reply=reply, outbox=made)
        commit = replace(commit, send_now=frozenset({destination} if at_once else ()))
        stale = any(self.model.messages[row.seq].revision for row in rows)
        queued = self.do(self.store.commit_turn(commit))
        assert (queued is None) == stale
        if queued is None:
            self.do(self.store.put_back([row.seq for row in rows], blameless=True))
            for row in rows:
                self.model.messages[row.seq].state = "pending"
                self.model.messages[row.seq].attempts -= 1
                # The story goes on with the text as it is now.
                self.model.messages[row.seq].revision = 0
            self.take_again(room)
            return
        first = at_once and self.model.next_part(room) is None
        for row in rows:
            self.model.messages[row.seq].state = "done"
        for n, seq in enumerate(queued.seqs):
            now = first and n == 0
            self.model.parts[seq] = Part(room, reply.id, n, "sending" if now else "pending", int(now))
        assert len(queued.marked) == int(first and parts > 0)
        with pytest.raises(StateError):
            self.do(self.store.commit_turn(make_commit(*rows)))

    def take_again(self, room: str) -> None:
        """What a lane does after an edit: read anew, with the revisions as they are now."""
        seqs = self.model.waiting(room)
        taken = self.do(self.store.take_turn(AGENT, make_id(room), len(seqs)))
        revisions = {row.memory_id: taken.memories[row.memory_id].revision for row in taken.rows}
        commit = make_commit(*taken.rows, outbox=())
        assert self.do(self.store.commit_turn(replace(commit, revisions=revisions))) is not None
        for row in taken.rows:
            message = self.model.messages[row.seq]
            message.state, message.attempts = "done", message.attempts + 1

    @precondition(lambda self: self.turns)
    @rule(data=st.data(), blameless=st.booleans())
    def put_back(self, data: st.DataObject, blameless: bool) -> None:
        """A turn that could not end."""
        rows = self.turns.pop(data.draw(st.sampled_from(sorted(self.turns))))
        self.do(self.store.put_back([row.seq for row in rows], blameless=blameless))
        for row in rows:
            self.model.messages[row.seq].state = "pending"
            self.model.messages[row.seq].attempts -= int(blameless)

    @precondition(lambda self: self.seen)
    @rule(data=st.data(), number=st.integers(0, 9))
    def edit(self, data: st.DataObject, number: int) -> None:
        """An edit of any message; only those of a turn under way matter to its commit."""
        room, key = data.draw(st.sampled_from(sorted(self.seen)))
        message = self.model.messages[self.seen[room, key]]
        content = make_admission(key, f"text {number} {new_id()}", room=room).memory.content
        edited = self.do(self.store.apply_edit(ACCOUNT, f"{room}/{key}", content, FAR, None))
        assert (edited.found, edited.changed, edited.state) == (True, True, message.state)
        message.revision += 1

    @rule()
    def kill(self) -> None:
        """The process dies and starts again: turns under way wait anew, marked parts are in doubt."""
        self.turns.clear()
        rooms = self.do(self.store.recover())
        for message in self.model.messages.values():
            if message.state == "running":
                message.state = "pending"
        firsts = sorted((w[0], room) for room in ROOMS if (w := self.model.waiting(room)))
        assert rooms == [(AGENT, make_id(room)) for _, room in firsts]

    # -- out

    def _next(self, room: str) -> OutboxRow | None:
        row: OutboxRow | None = self.do(self.store.next_part(f"{ACCOUNT}/{room}"))
        assert (row.seq if row else None) == self.model.next_part(room)
        return row

    @rule(room=st.sampled_from(ROOMS))
    def send(self, room: str) -> None:
        """The next part of a destination is marked."""
        row = self._next(room)
        if row is not None:
            self.do(self.store.mark_sending(row.seq))
            part = self.model.parts[row.seq]
            part.state, part.attempts = "sending", part.attempts + 1

    @rule(room=st.sampled_from(ROOMS), mark_next=st.booleans())
    def sent(self, room: str, mark_next: bool) -> None:
        """The platform took it."""
        row = self._next(room)
        if row is None or row.state is not OutboxState.SENDING:
            return
        following = self.do(self.store.mark_sent(row.seq, f"id-{row.seq}", mark_next=mark_next))
        self.model.parts[row.seq].state = "sent"
        after = self.model.next_part(room)
        assert (following.seq if following else None) == after
        if after is not None and mark_next and self.model.parts[after].state == "pending":
            part = self.model.parts[after]
            assert following.marked is not part.far
            if not part.far:
                part.state, part.attempts = "sending", part.attempts + 1

    @rule(
        room=st.sampled_from(ROOMS), how=st.sampled_from(["later", "unknown", "given up", "refused", "back"])
    )
    def not_sent(self, room: str, how: str) -> None:
        """It did not go out, or nobody knows."""
        row = self._next(room)
        if row is None or row.state is not OutboxState.SENDING:
            return
        part = self.model.parts[row.seq]
        if how == "later":
            self.do(self.store.mark_later(row.seq, FAR, "busy"))
            part.state, part.far = "pending", True
        elif how == "unknown":
            self.do(self.store.mark_unknown(row.seq, FAR, "no answer"))
            part.far = True
        elif how == "given up":
            self.do(self.store.mark_given_up(row.seq, "unknown"))
            part.state = "failed"
        elif how == "back":
            self.do(self.store.put_parts_back([row.seq]))
            part.state, part.attempts = "pending", part.attempts - 1
        else:
            failed = self.do(self.store.mark_failed(row.seq, "blocked"))
            for seq, other in self.model.parts.items():
                if other.memory_id == part.memory_id and seq >= row.seq:
                    assert seq in failed
                    other.state = "failed"

    @precondition(lambda self: any(p.state in ("sent", "failed") for p in self.model.parts.values()))
    @rule(data=st.data())
    def done_is_done(self, data: st.DataObject) -> None:
        """A part that has ended stays so, whatever is said of it."""
        ended = [seq for seq, part in self.model.parts.items() if part.state in ("sent", "failed")]
        seq = data.draw(st.sampled_from(sorted(ended)))
        with pytest.raises(StateError):
            self.do(self.store.mark_sending(seq))
        self.do(self.store.mark_later(seq, FAR, "busy"))
        self.do(self.store.mark_unknown(seq, FAR, "no answer"))
        self.do(self.store.mark_given_up(seq, "unknown"))
        self.do(self.store.put_parts_back([seq]))

    # -- always

    @invariant()
    def the_rows_are_what_the_model_says(self) -> None:
        unsent = [p for p in self.model.parts.values() if p.state in ("pending", "sending")]
        undone = [m for m in self.model.messages.values() if m.state != "done"]
        assert self.do(self.store.unsent_count()) == len(unsent)
        assert self.do(self.store.pending_count()) == len(undone)
        for row in self.do(self.store.get_parts(list(self.model.parts))):
            part = self.model.parts[row.seq]
            assert (row.state, row.attempts, row.part) == (part.state, part.attempts, part.part)
        rooms = {room for room in ROOMS if self.model.waiting(room)}
        assert set(self.do(self.store.pending_rooms(10))) == {(AGENT, make_id(room)) for room in rooms}


Story.TestCase.settings = settings(
    max_examples=60, stateful_step_count=50, deadline=None, suppress_health_check=list(HealthCheck)
)
TestStory = pytest.mark.slow(Story.TestCase)
