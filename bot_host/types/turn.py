"""A turn's rows: what came in, what goes out, what the run was."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from bot_host.kit.clock import utc_now
from bot_host.types.ids import UUID
from bot_host.types.inbound import Joins, Mark
from bot_host.types.memory import Memory
from bot_host.types.outbound import Payload, Target, destination_of
from bot_host.types.places import Entity, ParticipantState, Room, World


class Outcome(StrEnum):
    """How an inbound message ended; exactly one each (promise 2)."""

    ANSWERED = "answered"
    IGNORED = "ignored"
    SUPERSEDED = "superseded"
    FAILED = "failed"


class InboxState(StrEnum):
    """Where an inbound message is on its way."""

    PENDING = "pending"
    RUNNING = "running"
    DONE = "done"


class StepState(StrEnum):
    """Where a tool call of the model is on its way. `running` is on disk before the action begins."""

    PLANNED = "planned"
    RUNNING = "running"
    DONE = "done"
    UNKNOWN = "unknown"
    """It was running when its turn was cut off, may or may not have been done, and is not repeated."""
    SPARED = "spared"
    """Not run: an earlier edition of the turn had done just this, or may have."""


class OutboxState(StrEnum):
    """Where an outgoing part is on its way. `sending` is on disk before the request leaves."""

    PENDING = "pending"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"


class Operation(StrEnum):
    """What an outgoing part does on its platform."""

    SEND = "send"
    EDIT = "edit"
    """Puts its payload in place of a part that was sent before; sends it where there is none."""
    DELETE = "delete"
    """Takes a part away that was sent before."""
    REACT = "react"
    """Puts a reaction on the message that its target replies to."""
    FINISH = "finish"
    """Puts its payload in place of a part that was shown while the answer was written. Where the platform
    refuses that, the part is taken away and the payload sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """One inbound message, ids already mapped for the agent that answers on this account."""

    agent_id: UUID
    account: str
    event_key: str
    message_id: str
    world: World
    room: Room
    sender: Entity
    memory: Memory
    target: Target
    sent_at: datetime
    mark: Mark | None = None
    places_known: bool = False
    """The world, room and sender are in the store already, with just these names: leave them alone."""
    unanswered: str = ""
    """Remembered only: the row ends at once as ignored, with this reason."""
    replaces: str = ""
    """Event key of a message that this one repeats; where that one's answer stands, this one gets none."""
    joins: Joins | None = None
    """It is joined to the piece that is here already, if one is."""
    reopen_since: datetime | None = None
    """For what is joined after its turn, as in `Inbox.apply_edit`."""
    retry_since: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Edited:
    """What became of an edit, after the commit."""

    found: bool
    """The original had been admitted."""
    changed: bool = False
    """The text or attachments differ from what was stored (platforms re-send equal ones)."""
    state: InboxState | None = None
    agent_id: UUID | None = None
    room_id: UUID | None = None
    reopened: bool = False
    """It was done, and gets another turn: its answer is to be edited, or it turns to the agent only now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Admitted:
    """What became of an admission, after the commit."""

    seq: int
    """The inbox row's number; of the first copy for a duplicate, of the first piece for a further one."""
    duplicate: bool
    joined: Edited | None = None
    """It was joined to what was here already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deleted:
    """What became of messages that are gone from their platform, after the commit."""

    count: int
    """Memories that went with them."""
    under_way: tuple[tuple[UUID, UUID], ...] = ()
    """(agent_id, room_id) of those whose turn is under way."""
    destinations: tuple[str, ...] = ()
    """Where answers are to be taken back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A room that has got other ids on its platform, as one account hears of it."""

    agent_id: UUID
    account: str
    old_world: World
    old_room: Room
    world: World
    room: Room

    @property
    def old_destination(self) -> str:
        """Where was sent to."""
        return _destination(self.account, self.old_room)

    @property
    def destination(self) -> str:
        """Where is sent to from now on."""
        return _destination(self.account, self.room)


def _destination(account: str, room: Room) -> str:
    target = Target(source=room.source, channel_id=room.channel_id, thread_id=room.thread_id)
    return destination_of(account, target)


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """What became of a move, after the commit."""

    found: bool
    """The agent knew the old room."""
    name: str = ""
    """Of the room."""
    pending: int = 0
    """Messages that are to be answered in the new one."""
    parts: int = 0
    """Parts that are to be sent to the new one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxRow:
    """An inbound message that waits for its turn or has had it."""

    seq: int
    """Arrival order over the whole host."""
    agent_id: UUID
    account: str
    room_id: UUID
    entity_id: UUID
    memory_id: UUID
    message_id: str
    target: Target
    attempts: int
    """Turns begun with this row, this one included."""
    received_at: datetime
    state: InboxState = InboxState.RUNNING
    outcome: Outcome | None = None
    reason: str = ""
    turn_id: UUID | None = None
    """Under which the steps of its turn stand; None as long as it has none."""
    reply_id: UUID | None = None
    """The answer that it has: this turn, after an edit, is to revise it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenTurn:
    """The rows of a room that have begun their turn, and what the turn needs to know of them."""

    rows: tuple[InboxRow, ...]
    """Oldest first; none when nothing was pending."""
    more: bool = False
    """Other rows of the room were left pending."""
    wait_s: float = 0.0
    """Nothing was taken, because more messages may be coming: look again after so many seconds."""
    memories: dict[UUID, Memory] = field(default_factory=dict)
    """The rows' messages; one that was deleted is missing."""
    room: Room | None = None
    world: World | None = None
    people: dict[UUID, Entity] = field(default_factory=dict)
    """Who said them, and who speaks in the history."""
    own_state: ParticipantState | None = None
    """How the agent holds itself in the room."""
    history: tuple[Memory, ...] | None = None
    """The room's newest messages up to the newest of the rows, oldest first; None: not asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """What has been used up, for `[agents.limits]`."""

    entity_messages: int
    """Messages of one person that were answered, or are being answered elsewhere, in the last minute."""
    room_messages: int
    """The same of one room."""
    tokens: int
    """Of the agent's turns that ended today (UTC)."""
    cost: float
    """US dollars, of the same."""
    refused_entity: dict[str, datetime] = field(default_factory=dict)
    """When the person's last message ended for each of the reasons asked for, today or in the last minute."""
    refused_room: dict[str, datetime] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class BotUse:
    """What bots in one room have had of an agent lately."""

    answered: tuple[datetime, ...]
    """When the newest of those came that were answered, newest first."""
    refused_at: datetime | None = None
    """When the newest came that was not answered for having had too many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxEnd:
    """How one row of a turn ended."""

    seq: int
    outcome: Outcome
    reason: str = ""
    """Why, in few words that can be counted: `direct message`, `not addressed`, `muted` …"""
    reply_id: UUID | None = None
    """The memory that answers it."""
    kept: bool = False
    """The answer that it has stands, whatever came of the turn that was to revise it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRow:
    """One tool call of a turn. A turn that is cut off goes on from these rows."""

    turn_id: UUID
    agent_id: UUID
    edition: int
    """Counts from 0; an edit of the message begins a new one, in which the model is asked anew."""
    round: int
    """The model's answer that the call stood in; from 1."""
    call: int
    """The call's place in that answer; from 0."""
    call_id: str
    """The model's own name for it."""
    name: str
    arguments: str
    """JSON text, as the model wrote it."""
    text: str = ""
    """What the model said in this round; with the first call only."""
    answering: dict[UUID, tuple[int, str]] = field(default_factory=dict)
    """The messages that the round answers, each with its revision and why it is answered; as `text`."""
    state: StepState = StepState.PLANNED
    result: dict[str, Any] = field(default_factory=dict)
    """Of an ended one: `success`, `text`, `error`, and `said` when it said something to the room."""
    data: dict[str, Any] = field(default_factory=dict)
    """The result's `values` and `data`; only until the end of the turn."""
    created_at: datetime = field(default_factory=utc_now)
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewOutbox:
    """One part of a message to send. Parts of one message share `memory_id` and are sent in order."""

    agent_id: UUID
    account: str
    destination: str
    """What is sent in order: account and channel. Destinations do not wait for each other."""
    target: Target
    payload: Payload
    part: int
    """From 0."""
    parts: int
    memory_id: UUID | None = None
    run_id: UUID | None = None
    operation: Operation = Operation.SEND
    revision: int = 0
    """Of the answer: 0 is the first; the parts of each are numbered anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """An answer that is shown while it is written: some of its parts are in the outbox already."""

    memory_id: UUID
    """Of the answer, once it is committed."""
    agent_id: UUID
    room_id: UUID
    asked: int
    """`InboxRow.seq` of the newest message that it answers."""
    destination: str
    parts: int = 0
    """How many of its parts have been put into the outbox."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxRow:
    """A part on its way."""

    seq: int
    agent_id: UUID
    account: str
    destination: str
    target: Target
    payload: Payload
    part: int
    parts: int
    memory_id: UUID | None
    run_id: UUID | None
    state: OutboxState
    attempts: int
    not_before: datetime | None
    error: str
    platform_message_id: str
    created_at: datetime
    operation: Operation = Operation.SEND
    revision: int = 0
    marked: bool = False
    """It was pending, and the transaction that read it has marked it `sending`: it goes out next, or back."""

    def is_due(self, now: datetime) -> bool:
        """Waits for nothing but to be sent."""
        return self.state is OutboxState.PENDING and (self.not_before is None or self.not_before <= now)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """The record of one turn's execution."""

    id: UUID
    agent_id: UUID
    room_id: UUID
    started_at: datetime
    ended_at: datetime
    status: str
    """`completed`, `ignored`, `failed`, `timeout`, `stopped`."""
    model_calls: tuple[dict[str, Any], ...] = ()
    """Each: type, provider, model, prompt_tokens, completion_tokens, cost, ms, error."""
    steps: tuple[dict[str, Any], ...] = ()
    """Each: name, at (ms after the run began), ms, and what is worth saying of it."""
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnCommit:
    """All that a turn changes, for one transaction (step 8 of one message's way)."""

    ends: tuple[InboxEnd, ...]
    run: RunRecord
    memories: tuple[Memory, ...] = ()
    outbox: tuple[NewOutbox, ...] = ()
    revisions: dict[UUID, int] = field(default_factory=dict)
    """Revision of each answered memory as the turn read it; another one by now makes the commit stale."""
    revised: Memory | None = None
    """An answer that is there already and says this from now on; its parts in `outbox` edit the old ones."""
    draft: UUID | None = None
    """An answer that is shown already. A memory of this id takes its place; without one it is taken back."""
    send_now: frozenset[str] = frozenset()
    """Destinations that nothing is sent to at the moment: their first part is marked `sending` right away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Queued:
    """Parts that are in the outbox now."""

    seqs: tuple[int, ...]
    """Their numbers, in the order given."""
    marked: tuple[OutboxRow, ...] = ()
    """Those that are marked `sending` already: they go out next, or back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Processing:
    """What a turn came to, for a caller of the library who waits for it."""

    outcome: Outcome
    reason: str
    text: str
    """All that was said, joined; empty when nothing was."""
    responses: tuple[Memory, ...]
    """What was said, in order: by actions while they worked, then the reply."""
    run: RunRecord

    @property
    def did_respond(self) -> bool:
        """Whether something was said."""
        return bool(self.responses)
