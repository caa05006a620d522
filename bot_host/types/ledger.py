"""What became of everything that came in and went out, as `why`, `status` and `verify` tell it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from bot_host.types.ids import UUID
from bot_host.types.memory import Memory
from bot_host.types.outbound import Target
from bot_host.types.places import Entity, Room, World
from bot_host.types.turn import InboxState, Operation, OutboxState, Outcome, RunRecord, StepRow


class EventKind(StrEnum):
    """Kinds of inbound events, as they are counted."""

    MESSAGE = "message"
    DUPLICATE = "duplicate"
    """A message that the platform handed over again."""
    PIECE = "piece"
    """Joined to a message that is there already: an album's further pictures."""
    EDIT = "edit"
    DELETE = "delete"
    PLACES = "places"
    """Names of worlds, rooms and people."""
    REACTION = "reaction"
    MEMBERSHIP = "membership"
    """Somebody came or left."""
    MOVE = "move"
    """A room got other ids."""
    STOP = "stop"
    """Somebody pressed a stop button."""
    SKIP = "skip"
    """Not for the agent, by the connector's rules."""
    PART = "part"
    """Not inbound: a part of an answer that will never be sent."""
    SWEPT = "swept"
    """Not inbound: rows of messages that were deleted because they were old (`[retention] inbox`)."""


class EventEnd(StrEnum):
    """How an inbound event that is no message ended. Messages end with an `Outcome`."""

    APPLIED = "applied"
    """It changed something."""
    HANDLED = "handled"
    """There was nothing to change; the reason says why."""
    FAILED = "failed"
    """It could not be read or taken in."""


RECEIVED: Final = "received"
"""What stands beside outcomes and ends in the tallies: how many came in at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """How often something came in, or ended so, on one account, since the database was made."""

    account: str
    kind: EventKind
    end: str
    """`received`, an Outcome of messages, an EventEnd of others."""
    reason: str
    """Of what was ignored, handled or failed; empty for the rest."""
    count: int
    first_at: datetime
    last_at: datetime
    last_seq: int | None
    """Number of the last inbox row (of a part: outbox row) that is counted here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """An inbox row with all that it knows; what was erased or deleted is None or empty."""

    seq: int
    agent_id: UUID
    agent_name: str
    account: str
    event_key: str
    message_id: str
    room_id: UUID | None
    entity_id: UUID | None
    memory_id: UUID | None
    target: Target
    state: InboxState
    attempts: int
    outcome: Outcome | None
    reason: str
    received_at: datetime
    sent_at: datetime
    """By the platform's clock."""
    finished_at: datetime | None
    run_id: UUID | None
    turn_id: UUID | None
    """Of the steps of its turn, where actions were asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SkippedMessage:
    """A message that a connector did not let in, and why. The newest ones are kept."""

    seq: int
    account: str
    event_key: str
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """An outbox row, without its payload."""

    seq: int
    agent_id: UUID
    account: str
    destination: str
    part: int
    """From 0."""
    parts: int
    memory_id: UUID | None
    run_id: UUID | None
    state: OutboxState
    attempts: int
    not_before: datetime | None
    error: str
    platform_message_id: str
    created_at: datetime
    sent_at: datetime | None
    operation: Operation = Operation.SEND


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """All that is known of one inbound message, or of one that the agent said unasked."""

    received: Received | None
    """None: nobody asked for it."""
    memory: Memory | None
    """What was said; None when it was deleted."""
    sender: Entity | None
    room: Room | None
    world: World | None
    run: RunRecord | None
    together: tuple[int, ...]
    """Rows of other messages that the same turn ended."""
    steps: tuple[StepRow, ...]
    """The actions that the model asked for, over all attempts; kept for a month."""
    replies: tuple[Memory, ...]
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountNote:
    """How a platform account was when its connector last said so. It outlives the host."""

    account: str
    """`platform:id`; of one that never logged in: the name."""
    name: str
    """The config's table: `discord`, `telegram[2]`."""
    agent_id: UUID
    label: str
    """How people see the bot."""
    state: str
    """Of `ConnectorState`."""
    since: datetime
    """In this state."""
    error: str = ""
    """The last one, also when it is over; empty: there was none since the host's start."""
    error_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """Rows that are not done."""

    waiting: int = 0
    under_way: int = 0
    oldest_at: datetime | None = None
    """When the oldest of them came."""

    @property
    def depth(self) -> int:
        """All of them."""
        return self.waiting + self.under_way


@dataclass(frozen=True, slots=True)
class LastError:
    """The last thing that went wrong somewhere."""

    seq: int
    """Of the inbox or outbox row."""
    where: str
    """The account or destination."""
    error: str
    at: datetime
    """When the row ended; of an outbox row: when it was made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What is in a database, cheaply: for a status that is asked for every few seconds."""

    tallies: tuple[Tally, ...]
    accounts: tuple[AccountNote, ...]
    inbox: Queue
    outbox: Queue
    inbox_error: LastError | None
    outbox_error: LastError | None

    def count(self, kind: EventKind, end: str) -> int:
        """How often, over all accounts and reasons."""
        return sum(each.count for each in self.tallies if each.kind is kind and each.end == end)

    def balance(self) -> "Balance":
        """Messages in, and what became of them."""
        return Balance(
            received=self.count(EventKind.MESSAGE, RECEIVED),
            answered=self.count(EventKind.MESSAGE, Outcome.ANSWERED),
            ignored=self.count(EventKind.MESSAGE, Outcome.IGNORED),
            superseded=self.count(EventKind.MESSAGE, Outcome.SUPERSEDED),
            failed=self.count(EventKind.MESSAGE, Outcome.FAILED),
            pending=self.inbox.depth,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """Messages received, and what became of them: each has one outcome, or is still to get it."""

    received: int
    answered: int
    ignored: int
    superseded: int
    failed: int
    pending: int

    @property
    def ended(self) -> int:
        """Those with an outcome."""
        return self.answered + self.ignored + self.superseded + self.failed

    @property
    def balanced(self) -> bool:
        """Whether nothing is missing and nothing is counted twice."""
        return self.received == self.ended + self.pending


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """How many, and when the last one came."""

    count: int = 0
    last_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What an account has really received, by its newest messages: for `check --live`."""

    since: datetime | None
    """Of the oldest message that is looked at; None: nothing was received."""
    direct: Seen
    """Messages in private rooms."""
    shared: Seen
    """Messages in rooms of several people."""
    unaddressed: Seen
    """Those of the shared ones that did not turn to the agent."""
    skipped: dict[str, Seen]
    """Events that were not for the agent, by reason, since the database was made."""


class Check(StrEnum):
    """What the walk through all rows looks at."""

    OUTCOMES = "each message has one outcome, or waits"
    BALANCE = "as many messages as were counted"
    OTHERS = "other events received = applied + handled + failed"
    TURNS = "one turn after the other in each room"
    SENDING = "parts go out in order"
    PARTS = "no part twice, none missing"
    ONCE = "each message answered once"
    SAID = "each answer is in the outbox"
    MEMORIES = "each received message has its row"
    ROWS = "each waiting row has its message"
    RUNS = "each finished row has its run"
    UNSENT = "each unsent part has its answer"
    RUNNING = "rows under way have a host"
    LEAVING = "parts under way have a host"


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """Rows that break a promise."""

    check: Check
    count: int
    examples: tuple[str, ...]
    """The first of them: `row:17` of the inbox, `outbox:9`, a memory's id, an account with its figures."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Audited:
    """What the walk through all rows found."""

    balance: Balance
    """Counted from the rows themselves."""
    parts: dict[str, int]
    """Outgoing parts by state."""
    others: dict[str, dict[str, int]]
    """Other inbound events, by kind: received, applied, handled, failed."""
    violations: tuple[Violation, ...]
