"""The store: each verb of the contract as one unit of work on a driver."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from bot_host.contracts.store import WantedHistory, no_history
from bot_host.store import (
    cache,
    choices,
    doubts,
    drafts,
    inbox,
    ledger,
    marks,
    media,
    memories,
    missed,
    outbox,
    places,
    plugin_people,
    reactions,
    revisions,
    runs,
    steps,
    use,
)
from bot_host.store import closed as closing
from bot_host.store.agent_verbs import AgentVerbs
from bot_host.store.driver import Driver
from bot_host.store.hearing_verbs import HearingVerbs
from bot_host.store.knowledge import MemoryVerbs, PeopleVerbs, PlaceVerbs, RecordVerbs, SchemaVerbs, TaskVerbs
from bot_host.store.ledger_verbs import LedgerVerbs
from bot_host.store.person_verbs import PersonVerbs
from bot_host.store.search_verbs import SearchVerbs
from bot_host.store.secret_verbs import SecretVerbs
from bot_host.store.source_verbs import SourceVerbs
from bot_host.store.summary_verbs import SummaryVerbs
from bot_host.store.views import ViewVerbs
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


class Database(
    MemoryVerbs,
    SearchVerbs,
    PeopleVerbs,
    PlaceVerbs,
    RecordVerbs,
    TaskVerbs,
    SchemaVerbs,
    AgentVerbs,
    LedgerVerbs,
    PersonVerbs,
    SecretVerbs,
    SummaryVerbs,
    HearingVerbs,
    SourceVerbs,
    ViewVerbs,
):
    """`bot_host.contracts.store.Store`; see there for what each verb does."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    @property
    def lock_path(self) -> Path | None:
        """See Store."""
        return self._driver.lock_path

    async def open(self) -> None:
        """See Store."""
        await self._driver.open()

    async def claim(self) -> None:
        """See Store."""
        await self._driver.claim()

    async def close(self) -> None:
        """See Store."""
        await self._driver.close()

    # The inbox.

    async def admit(self, admissions: Sequence[Admission]) -> list[Admitted]:
        """See Inbox."""
        return await self._driver.write(partial(ledger.admit, admissions))

    async def known_events(self, account: str, event_keys: Sequence[str]) -> set[str]:
        """See Inbox."""
        return await self._driver.read(partial(missed.known_events, account, event_keys))

    async def recent_rooms(self, account: str, *, limit: int) -> list[RecentRoom]:
        """See Inbox."""
        return await self._driver.search(partial(missed.recent_rooms, account, limit))

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
        """See Inbox."""
        return await self._driver.write(
            partial(
                ledger.apply_edit, account, event_key, content, edited_at, mark, reopen_since, retry_since
            )
        )

    async def apply_quiet_edit(
        self, account: str, event_key: str, content: Content, mark: Mark | None
    ) -> bool:
        """See Inbox."""
        return await self._driver.write(partial(ledger.apply_quiet_edit, account, event_key, content, mark))

    async def apply_delete(
        self, account: str, event_keys: Sequence[str], mark: Mark | None, *, retract: bool = False
    ) -> Deleted:
        """See Inbox."""
        return await self._driver.write(partial(ledger.apply_delete, account, event_keys, mark, retract))

    async def apply_places(
        self,
        account: str,
        worlds: Sequence[World],
        rooms: Sequence[Room],
        people: Sequence[Entity],
        mark: Mark | None,
    ) -> None:
        """See Inbox."""
        await self._driver.write(partial(ledger.apply_places, account, worlds, rooms, people, mark))

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
        """See Inbox."""
        return await self._driver.write(
            partial(
                ledger.apply_reaction,
                account,
                agent_id,
                reactions.Reacted(event_key, message_id, channel_id, reaction, added, totals),
                mark,
            )
        )

    async def apply_membership(
        self, account: str, world: World, person: Entity | None, joined: bool, mark: Mark | None
    ) -> None:
        """See Inbox."""
        await self._driver.write(partial(ledger.apply_membership, account, world, person, joined, mark))

    async def apply_move(self, move: Move, mark: Mark | None) -> Moved:
        """See Inbox."""
        return await self._driver.write(partial(ledger.apply_move, move, mark))

    async def move_plugin_rows(self, old_room: UUID, room: UUID) -> None:
        """See Inbox."""
        await self._driver.write(partial(plugin_people.move_room, old_room, room))

    async def set_mark(self, account: str, mark: Mark) -> None:
        """See Inbox."""
        await self._driver.write(partial(marks.set_mark, account, mark))

    async def find_mark(self, account: str, name: str) -> int | None:
        """See Inbox."""
        return await self._driver.read(partial(marks.find_mark, account, name))

    async def recover(self) -> list[tuple[UUID, UUID]]:
        """See Inbox."""
        return await self._driver.write(inbox.recover)

    async def pending_rooms(self, limit: int) -> list[tuple[UUID, UUID]]:
        """See Inbox."""
        return await self._driver.read(partial(inbox.pending_rooms, limit))

    async def take_turn(
        self,
        agent_id: UUID,
        room_id: UUID,
        limit: int,
        history: WantedHistory = no_history,
        *,
        quiet_s: float = 0.0,
    ) -> TakenTurn:
        """See Inbox."""
        return await self._driver.write(partial(inbox.take_turn, agent_id, room_id, limit, history, quiet_s))

    async def put_back(self, seqs: Sequence[int], *, blameless: bool) -> None:
        """See Inbox."""
        await self._driver.write(partial(inbox.put_back, seqs, blameless=blameless))

    async def commit_turn(self, commit: TurnCommit) -> Queued | None:
        """See Inbox. Raises StateError when one of the rows has ended before."""
        return await self._driver.write(partial(runs.commit_turn, commit))

    async def get_use(
        self, agent_id: UUID, entity_id: UUID, room_id: UUID, now: datetime, reasons: Sequence[str]
    ) -> Use:
        """See Inbox."""
        return await self._driver.read(partial(use.get_use, agent_id, entity_id, room_id, now, reasons))

    async def get_bot_use(
        self, room_id: UUID, *, since: datetime, now: datetime, count: int, reason: str
    ) -> BotUse:
        """See Inbox."""
        return await self._driver.read(partial(use.get_bot_use, room_id, since, now, count, reason))

    async def pending_count(self) -> int:
        """See Inbox."""
        return await self._driver.read(inbox.pending_count)

    # The outbox.

    async def enqueue(
        self, rows: Sequence[NewOutbox], memory: Memory | None, send_now: Collection[str] = ()
    ) -> Queued:
        """See Outbox."""
        return await self._driver.write(partial(outbox.enqueue, rows, memory, send_now))

    async def pending_destinations(self) -> list[str]:
        """See Outbox."""
        return await self._driver.read(outbox.pending_destinations)

    async def next_part(self, destination: str) -> OutboxRow | None:
        """See Outbox."""
        return await self._driver.read(partial(outbox.next_part, destination))

    async def mark_sending(self, seq: int) -> None:
        """See Outbox. Raises StateError when the part is not to be sent (any more)."""
        await self._driver.write(partial(outbox.mark_sending, seq))

    async def mark_sent(
        self, seq: int, platform_message_id: str, *, mark_next: bool = True
    ) -> OutboxRow | None:
        """See Outbox."""
        return await self._driver.write(
            partial(outbox.mark_sent, seq, platform_message_id, mark_next=mark_next)
        )

    async def put_parts_back(self, seqs: Sequence[int]) -> None:
        """See Outbox."""
        await self._driver.write(partial(outbox.put_parts_back, seqs))

    async def mark_later(self, seq: int, not_before: datetime, error: str) -> None:
        """See Outbox."""
        await self._driver.write(partial(outbox.mark_later, seq, not_before, error))

    async def mark_unknown(self, seq: int, not_before: datetime, error: str) -> None:
        """See Outbox."""
        await self._driver.write(partial(doubts.mark_unknown, seq, not_before, error))

    async def mark_given_up(self, seq: int, error: str) -> None:
        """See Outbox."""
        await self._driver.write(partial(doubts.mark_given_up, seq, error))

    async def sent_ids(self, destination: str, before: int) -> set[str]:
        """See Outbox."""
        return await self._driver.read(partial(doubts.sent_ids, destination, before))

    async def mark_failed(self, seq: int, error: str) -> list[int]:
        """See Outbox."""
        return await self._driver.write(partial(outbox.mark_failed, seq, error))

    async def find_place(self, memory_id: UUID, part: int, *, before: int | None = None) -> str:
        """See Outbox."""
        return await self._driver.read(partial(revisions.find_place, memory_id, part, before))

    async def send_instead(self, seq: int) -> None:
        """See Outbox."""
        await self._driver.write(partial(outbox.send_instead, seq))

    async def show_part(self, draft: Draft, part: NewOutbox, send_now: Collection[str] = ()) -> Queued | None:
        """See Outbox."""
        return await self._driver.write(partial(drafts.show_part, draft, part, send_now))

    async def withdraw_draft(self, memory_id: UUID) -> list[str]:
        """See Outbox."""
        return await self._driver.write(partial(drafts.withdraw, memory_id))

    async def recover_drafts(self) -> list[Draft]:
        """See Outbox."""
        return await self._driver.write(drafts.recover_drafts)

    async def close_room(self, closed: ClosedRoom) -> list[int]:
        """See Outbox."""
        return await self._driver.write(partial(closing.close_room, closed))

    async def open_room(self, destination: str) -> bool:
        """See Outbox."""
        return await self._driver.write(partial(closing.open_room, destination))

    async def closed_rooms(self) -> list[ClosedRoom]:
        """See Outbox."""
        return await self._driver.read(closing.closed_rooms_all)

    async def get_parts(self, seqs: Sequence[int]) -> list[OutboxRow]:
        """See Outbox."""
        return await self._driver.read(partial(outbox.get_parts, seqs))

    async def needed_files(self) -> set[str]:
        """See Outbox."""
        return await self._driver.search(media.needed_files)

    async def unsent_count(self) -> int:
        """See Outbox."""
        return await self._driver.read(outbox.unsent_count)

    # The steps of turns.

    async def add_steps(
        self, rows: Sequence[StepRow], *, room_id: UUID, seqs: Sequence[int], revisions: dict[UUID, int]
    ) -> bool:
        """See Steps."""
        return await self._driver.write(partial(steps.add_steps, rows, room_id, seqs, revisions))

    async def change_step(self, row: StepRow, *, was: StepState, revisions: dict[UUID, int]) -> bool:
        """See Steps."""
        return await self._driver.write(partial(steps.change_step, row, was, revisions))

    async def get_steps(self, turn_id: UUID) -> list[StepRow]:
        """See Steps."""
        return await self._driver.read(partial(steps.get_steps, turn_id))

    # Choices.

    async def find_choice(self, key: str) -> OpenChoice | None:
        """See Choosing."""
        return await self._driver.read(partial(choices.find_choice, key))

    async def open_choices(self, room_id: UUID, now: datetime) -> list[OpenChoice]:
        """See Choosing."""
        return await self._driver.read(partial(choices.open_choices, room_id, now))

    async def use_choice(self, key: str, memory_id: UUID) -> bool:
        """See Choosing."""
        return await self._driver.write(partial(choices.use_choice, key, memory_id))

    # The rest.

    async def create_memory(self, memory: Memory) -> bool:
        """See Store."""
        return await self._driver.write(partial(memories.create_memory, memory))

    async def note_readings(self, memory_id: UUID, revision: int, read: Content) -> bool:
        """See Store."""
        return await self._driver.write(partial(memories.note_readings, memory_id, revision, read))

    async def find_memory(self, memory_id: UUID) -> Memory | None:
        """See Store."""
        return await self._driver.read(partial(memories.find_memory, memory_id))

    async def get_memories(
        self,
        room_id: UUID,
        *,
        type: MemoryType = MemoryType.MESSAGE,
        count: int = 32,
        until: datetime | None = None,
    ) -> list[Memory]:
        """See Store."""
        return await self._driver.read(partial(memories.get_memories, room_id, type, count, until))

    async def has_spoken(self, agent_id: UUID, room_id: UUID) -> bool:
        """See Store."""
        return await self._driver.read(partial(memories.has_spoken, agent_id, room_id))

    async def find_world(self, world_id: UUID) -> World | None:
        """See Store."""
        return await self._driver.read(partial(places.find_world, world_id))

    async def find_room(self, room_id: UUID) -> Room | None:
        """See Store."""
        return await self._driver.read(partial(places.find_room, room_id))

    async def find_entity(self, entity_id: UUID) -> Entity | None:
        """See Store."""
        return await self._driver.read(partial(places.find_entity, entity_id))

    async def get_entities(self, entity_ids: Sequence[UUID]) -> dict[UUID, Entity]:
        """See Store."""
        return await self._driver.read(partial(places.get_entities, entity_ids))

    async def get_participants(self, room_id: UUID) -> list[Participant]:
        """See Store."""
        return await self._driver.read(partial(places.get_participants, room_id))

    async def get_participant_state(self, room_id: UUID, entity_id: UUID) -> ParticipantState | None:
        """See Store."""
        return await self._driver.read(partial(places.get_participant_state, room_id, entity_id))

    async def set_participant_state(
        self, agent_id: UUID, room_id: UUID, entity_id: UUID, state: ParticipantState | None
    ) -> None:
        """See Store."""
        await self._driver.write(partial(places.set_participant_state, agent_id, room_id, entity_id, state))

    async def get_runs(self, room_id: UUID, *, count: int = 20) -> list[RunRecord]:
        """See Store."""
        return await self._driver.read(partial(runs.get_runs, room_id, count))

    async def get_cache(self, agent_id: UUID, key: str) -> Any | None:
        """See Store."""
        return await self._driver.read(partial(cache.get_cache, agent_id, key))

    async def set_cache(self, agent_id: UUID, key: str, value: Any) -> None:
        """See Store."""
        await self._driver.write(partial(cache.set_cache, agent_id, key, value))

    async def delete_cache(self, agent_id: UUID, key: str) -> None:
        """See Store."""
        await self._driver.write(partial(cache.delete_cache, agent_id, key))
