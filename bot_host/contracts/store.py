"""What the database does for the host. Each method is one whole transaction."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol, TypeAlias

from bot_host.contracts.agents import AgentRows
from bot_host.contracts.corrections import Corrections
from bot_host.contracts.hearing import Hearings
from bot_host.contracts.knowledge import Memories, People, Places, Records
from bot_host.contracts.ledger import Ledger
from bot_host.contracts.links import Links
from bot_host.contracts.pairing import Pairings
from bot_host.contracts.retention import Retentions
from bot_host.contracts.secrets import Secrets
from bot_host.contracts.sources import Sources
from bot_host.contracts.summaries import Summaries
from bot_host.contracts.tables import SchemaStore
from bot_host.contracts.tasks import Tasks
from bot_host.contracts.views import Views
from bot_host.types.choices import OpenChoice
from bot_host.types.content import Content
from bot_host.types.ids import UUID
from bot_host.types.inbound import Mark, RecentRoom
from bot_host.types.memory import Memory, MemoryType
from bot_host.types.outbound import ClosedRoom
from bot_host.types.places import Entity, Participant, ParticipantState, Room, World
from bot_host.types.turn import (
    Admission,
    Admitted,
    BotUse,
    Deleted,
    Draft,
    Edited,
    Move,
    Moved,
    NewOutbox,
    OutboxRow,
    Queued,
    RunRecord,
    StepRow,
    StepState,
    TakenTurn,
    TurnCommit,
    Use,
)

WantedHistory: TypeAlias = Callable[[Room | None, Sequence[Memory]], int]
"""How many of a room's messages a turn will want to see, by its room and the messages to answer."""


def no_history(room: Room | None, messages: Sequence[Memory]) -> int:
    """None."""
    return 0


class Inbox(Protocol):
    """Inbound messages: taken in once, handled in order."""

    async def admit(self, admissions: Sequence[Admission]) -> list[Admitted]:
        """Take messages in, in order, in one transaction.

        For each: the duplicate check by (account, event_key); world, room, sender and participants
        (sender and agent) made, or renamed where a non-empty name differs; the message memory; the inbox
        row; the mark. A duplicate changes nothing but the mark. When this returns, the rows are on disk.
        A message with `unanswered` ends at once, as ignored with that reason.
        """

    async def known_events(self, account: str, event_keys: Sequence[str]) -> set[str]:
        """Those of these messages that have been admitted."""

    async def recent_rooms(self, account: str, *, limit: int) -> list[RecentRoom]:
        """Rooms with the newest inbound messages of an account, newest first.

        Looks back a bounded number of messages; a room that was silent for longer may be missing.
        """

    async def apply_edit(
        self,
        account: str,
        event_key: str,
        content: Content,
        edited_at: datetime,
        mark: Mark | None,
        *,
        reopen_since: datetime | None = None,
        retry_since: datetime | None = None,
    ) -> Edited:
        """Put an edited message's new text and attachments into its memory and count its revision up.

        What was derived from the old text goes, except for what an action did. Equal text and attachments
        change nothing. Unknown messages are `found=False`. With `reopen_since` a message that is done becomes
        pending again, with those that were answered together with it: when its answer is younger than that;
        or when it was ignored for not turning to the agent, is younger than that, and turns to it now. With
        `retry_since` one that has failed since then does so too.
        """

    async def apply_quiet_edit(
        self, account: str, event_key: str, content: Content, mark: Mark | None
    ) -> bool:
        """Put what changes by itself, such as a place that moves, into its message's memory: its text alone.

        The revision stays, so that a turn under way goes on. False: unknown, or nothing new.
        """

    async def apply_delete(
        self, account: str, event_keys: Sequence[str], mark: Mark | None, *, retract: bool = False
    ) -> Deleted:
        """Delete the memories of messages that are gone; pending ones end as ignored, `deleted`.

        `retract`: an answer whose questions are all gone goes as well, from the memory and the platform.
        """

    async def apply_places(
        self,
        account: str,
        worlds: Sequence[World],
        rooms: Sequence[Room],
        people: Sequence[Entity],
        mark: Mark | None,
    ) -> None:
        """Make worlds, rooms and entities, or rename them where a non-empty name differs.

        `account` is whose mark it is, as in `apply_edit`.
        """

    async def apply_reaction(
        self,
        account: str,
        agent_id: UUID,
        event_key: str,
        message_id: str,
        channel_id: str,
        reaction: str,
        added: bool,
        mark: Mark | None,
        totals: Mapping[str, int] | None = None,
    ) -> Memory | None:
        """Count a reaction in its message's metadata (`reactions`: how often each); the message.

        `totals`: what they are all to be, instead. None: not known. Of what the agent said, the newest
        thousand parts of the account are.
        """

    async def apply_membership(
        self, account: str, world: World, person: Entity | None, joined: bool, mark: Mark | None
    ) -> None:
        """Make the world and the person that came; who left is only counted."""

    async def apply_move(self, move: Move, mark: Mark | None) -> Moved:
        """A room has got other ids: all that points at it and its world points at the new ones.

        What was said and learned, people with their states, open messages and parts, tasks. A turn under way
        for it cannot be committed any more: its messages are pending again. Repeated, it changes nothing.
        """

    async def move_plugin_rows(self, old_room: UUID, room: UUID) -> None:
        """What plugins' tables have about a room that has moved (columns of the type RoomId)."""

    async def set_mark(self, account: str, mark: Mark) -> None:
        """Move a mark up; a lower value changes nothing."""

    async def find_mark(self, account: str, name: str) -> int | None:
        """A mark's value."""

    async def recover(self) -> list[tuple[UUID, UUID]]:
        """After a start: put interrupted rows back (`running` to `pending`, attempts kept).

        Returns each (agent_id, room_id) with pending rows once, oldest row first.
        """

    async def pending_rooms(self, limit: int) -> list[tuple[UUID, UUID]]:
        """Up to `limit` (agent_id, room_id) with pending rows, each once, oldest row first."""

    async def take_turn(
        self,
        agent_id: UUID,
        room_id: UUID,
        limit: int,
        history: WantedHistory = no_history,
        *,
        quiet_s: float = 0.0,
    ) -> TakenTurn:
        """Mark the oldest pending rows of a room as running and count their attempts.

        None while the newest of them is younger than `quiet_s` and the oldest than five times that. What
        their turn needs to know is read along: one transaction instead of six on every message's way.
        `history` says how many of the room's messages; it runs on another thread.
        """

    async def put_back(self, seqs: Sequence[int], *, blameless: bool) -> None:
        """Running rows become pending again.

        `blameless` takes the attempt back: the turn did not fail by these messages (shutdown, an edit, a
        database that was busy), so it must not count towards giving them up.
        """

    async def commit_turn(self, commit: TurnCommit) -> Queued | None:
        """Response memories, outbox rows, ended inbox rows and the run, in one transaction.

        A memory that is there already is not sent a second time. None, and nothing written, when a memory's
        revision is not the one in `commit.revisions` any more (the message was edited meanwhile).
        """

    async def get_use(
        self, agent_id: UUID, entity_id: UUID, room_id: UUID, now: datetime, reasons: Sequence[str]
    ) -> Use:
        """What a person, a room and an agent have used up by `now`."""

    async def get_bot_use(
        self, room_id: UUID, *, since: datetime, now: datetime, count: int, reason: str
    ) -> BotUse:
        """What bots in a room have had: the newest `count` answers since then, the last refusal for `reason`.

        A message that is gone counts as a bot's: nobody gets around it by deleting.
        """

    async def pending_count(self) -> int:
        """Inbound rows that are not done."""


class Outbox(Protocol):
    """Outgoing parts: committed first, sent in order per destination."""

    async def enqueue(
        self, rows: Sequence[NewOutbox], memory: Memory | None, send_now: Collection[str] = ()
    ) -> Queued:
        """Outgoing parts that no turn commits (proactive messages), with their memory.

        Parts of a memory that is in the outbox already are not added a second time. `send_now`: see
        `TurnCommit`.
        """

    async def pending_destinations(self) -> list[str]:
        """Each destination with parts that are pending or sending, oldest first."""

    async def next_part(self, destination: str) -> OutboxRow | None:
        """The oldest part of a destination that is pending or sending, due or not."""

    async def mark_sending(self, seq: int) -> None:
        """The request is about to leave: state `sending`, attempts counted up."""

    async def mark_sent(
        self, seq: int, platform_message_id: str, *, mark_next: bool = True
    ) -> OutboxRow | None:
        """The platform took it. The destination's next part; with `mark_next` marked `sending` when due."""

    async def put_parts_back(self, seqs: Sequence[int]) -> None:
        """Parts that were marked `sending` and did not go out are pending again, the attempt taken back."""

    async def mark_later(self, seq: int, not_before: datetime, error: str) -> None:
        """Not taken: state `pending` again, due at `not_before`."""

    async def mark_unknown(self, seq: int, not_before: datetime, error: str) -> None:
        """Taken or not, nobody knows: the state stays `sending`; to be looked into at `not_before`."""

    async def mark_given_up(self, seq: int, error: str) -> None:
        """Never to be sent again; the later parts of the same message are."""

    async def sent_ids(self, destination: str, before: int) -> set[str]:
        """The platform's ids of the parts that went to a destination lately, before part `before`."""

    async def mark_failed(self, seq: int, error: str) -> list[int]:
        """Never to be sent: this part and the later parts of the same message. Their numbers."""

    async def find_place(self, memory_id: UUID, part: int, *, before: int | None = None) -> str:
        """The platform's id of what stands in the place of an answer's part, as far as it was sent before
        the outgoing part `before`. Empty: there is nothing."""

    async def send_instead(self, seq: int) -> None:
        """An open part that was to take another's place is sent like a new one."""

    async def show_part(self, draft: Draft, part: NewOutbox, send_now: Collection[str] = ()) -> Queued | None:
        """Add a part of an answer that is still being written. None: its question has ended meanwhile.

        What else is shown in the room and not finished is taken back.
        """

    async def withdraw_draft(self, memory_id: UUID) -> list[str]:
        """Take back all parts of an answer that is not coming; where to send that."""

    async def recover_drafts(self) -> list[Draft]:
        """Answers that were being written when the last process ended; others than those of open questions
        are taken back."""

    async def close_room(self, closed: ClosedRoom) -> list[int]:
        """Remember that a destination takes nothing; all that waits for it has failed. The numbers of these.

        One that is closed already keeps its `closed_at`.
        """

    async def open_room(self, destination: str) -> bool:
        """The destination may take something again; whether it was closed."""

    async def closed_rooms(self) -> list[ClosedRoom]:
        """All destinations that take nothing, the longest closed first."""

    async def get_parts(self, seqs: Sequence[int]) -> list[OutboxRow]:
        """Parts by number, in order."""

    async def needed_files(self) -> set[str]:
        """The files of the media folder that open parts name, or results of actions of turns under way."""

    async def unsent_count(self) -> int:
        """Parts that are pending or sending."""


class Steps(Protocol):
    """The tool calls of turns, so that a turn that is cut off goes on where it was."""

    async def add_steps(
        self, rows: Sequence[StepRow], *, room_id: UUID, seqs: Sequence[int], revisions: dict[UUID, int]
    ) -> bool:
        """The calls of one round, before the first of them begins; `seqs` are the inbox rows of the turn.

        False, and nothing written, when a memory's revision is not the given one any more.
        """

    async def change_step(self, row: StepRow, *, was: StepState, revisions: dict[UUID, int]) -> bool:
        """Write a call's new state, with `result`, `data` and `ended_at`.

        False, and nothing written, when its state is not `was` any more, or a memory's revision another one.
        """

    async def get_steps(self, turn_id: UUID) -> list[StepRow]:
        """All of a turn, by edition, round and call. Kept for 30 days after the turn."""


class Choosing(Protocol):
    """What messages of ours offer to choose from. Rows come with the memory (`content.choices`)."""

    async def find_choice(self, key: str) -> OpenChoice | None:
        """One by its key, used or not, for a month after its end."""

    async def open_choices(self, room_id: UUID, now: datetime) -> list[OpenChoice]:
        """Those of a room that are neither used nor over, the longest lasting first; 20 at the most."""

    async def use_choice(self, key: str, memory_id: UUID) -> bool:
        """Use it up, by the message that chooses; True for the same message again. False: used, or over."""


class Store(
    Inbox,
    Outbox,
    Steps,
    Choosing,
    Memories,
    People,
    Places,
    Records,
    Tasks,
    SchemaStore,
    AgentRows,
    Ledger,
    Pairings,
    Links,
    Retentions,
    Secrets,
    Summaries,
    Hearings,
    Sources,
    Corrections,
    Views,
    Protocol,
):
    """The whole database."""

    @property
    def lock_path(self) -> Path | None:
        """The file that whoever works on what waits in the database holds locked; None: it needs none.

        Two hosts that answer from one inbox and send from one outbox would do all of it twice.
        """

    async def open(self) -> None:
        """Connect; create or migrate. Raises StoreError with the way out."""

    async def claim(self) -> None:
        """Take what waits in the database for this process alone, where no lock file does that.

        Waits half a minute for another host to end. Raises StoreError that says who has it. From then on
        nothing is written by this store once another host has taken the database over.
        """

    async def close(self) -> None:
        """Finish what is under way and let go of everything. Idempotent."""

    async def create_memory(self, memory: Memory) -> bool:
        """Store a memory; False when its id is known already (nothing changes)."""

    async def note_readings(self, memory_id: UUID, revision: int, read: Content) -> bool:
        """Put the attachments of `read`, and of its quotes, into their message, which keeps its revision.

        False: it has another revision by now, or is gone, and nothing is written.
        """

    async def find_memory(self, memory_id: UUID) -> Memory | None:
        """One memory."""

    async def get_memories(
        self,
        room_id: UUID,
        *,
        type: MemoryType = MemoryType.MESSAGE,
        count: int = 32,
        until: datetime | None = None,
    ) -> list[Memory]:
        """The newest `count` memories of a room, oldest first (by time, then arrival).

        `until` leaves out what was created later than that moment.
        """

    async def has_spoken(self, agent_id: UUID, room_id: UUID) -> bool:
        """Whether a message memory of the agent's own is in the room."""

    async def find_world(self, world_id: UUID) -> World | None:
        """One world."""

    async def find_room(self, room_id: UUID) -> Room | None:
        """One room."""

    async def find_entity(self, entity_id: UUID) -> Entity | None:
        """One entity."""

    async def get_entities(self, entity_ids: Sequence[UUID]) -> dict[UUID, Entity]:
        """Known entities by id; unknown ids are left out."""

    async def get_participants(self, room_id: UUID) -> list[Participant]:
        """Who is in a room, by time of joining."""

    async def get_participant_state(self, room_id: UUID, entity_id: UUID) -> ParticipantState | None:
        """How an entity (mostly the agent) holds itself in a room."""

    async def set_participant_state(
        self, agent_id: UUID, room_id: UUID, entity_id: UUID, state: ParticipantState | None
    ) -> None:
        """Set it; the participant is made where missing."""

    async def get_runs(self, room_id: UUID, *, count: int = 20) -> list[RunRecord]:
        """The newest runs of a room, newest first."""

    async def get_cache(self, agent_id: UUID, key: str) -> Any | None:
        """A JSON value, or None."""

    async def set_cache(self, agent_id: UUID, key: str, value: Any) -> None:
        """Put a JSON value."""

    async def delete_cache(self, agent_id: UUID, key: str) -> None:
        """Forget it; no-op when missing."""
