"""The one door in: events become rows, and only then the platform is told (step 3)."""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final, Protocol, TypeAlias

from bot_host.contracts.store import Store
from bot_host.host.comings import Comings
from bot_host.host.refs import person_of, room_of, world_of
from bot_host.host.skips import Skips
from bot_host.kit.clean import one_line
from bot_host.kit.clock import utc_now
from bot_host.kit.tasks import Supervisor
from bot_host.runtime.commands import CHOICE, COMMAND
from bot_host.types.access import NOT_LISTED
from bot_host.types.content import Content
from bot_host.types.errors import StoreError
from bot_host.types.events import EventType
from bot_host.types.ids import UUID, create_unique_uuid
from bot_host.types.inbound import (
    Account,
    InboundDelete,
    InboundEdit,
    InboundEvent,
    InboundMembership,
    InboundMessage,
    InboundMove,
    InboundPlaces,
    InboundReaction,
    InboundStop,
    Joins,
    Mark,
    PersonRef,
    Skipped,
)
from bot_host.types.knowledge import Audience
from bot_host.types.ledger import EventKind
from bot_host.types.memory import PLATFORM_ROLE, SOURCE_ACCOUNT, Memory, MemoryType
from bot_host.types.places import OUTSIDERS, Role
from bot_host.types.turn import Admission, Admitted, Edited, InboxState, Move

log = logging.getLogger(__name__)

KNOWN_PLACES: Final = 8192
"""(room, person) pairs whose names are remembered as written, so that a message need not write them again."""


REVISED_WITHIN: Final = timedelta(minutes=15)
"""An edit that comes so long after the answer changes it, and after a failure is another try.

Later ones are for the record: nobody waits.
"""

_KINDS: Final = {
    InboundEdit: EventKind.EDIT,
    InboundDelete: EventKind.DELETE,
    InboundPlaces: EventKind.PLACES,
    InboundReaction: EventKind.REACTION,
    InboundMembership: EventKind.MEMBERSHIP,
    InboundMove: EventKind.MOVE,
    InboundStop: EventKind.STOP,
    Skipped: EventKind.SKIP,
}


Knocking: TypeAlias = InboundMessage | InboundEdit | InboundReaction
"""What somebody may have to be approved of for."""


MoveRoom: TypeAlias = Callable[[Move, Mark | None], Awaitable[None]]
"""Raises StoreError: nothing was changed."""


class Judge(Protocol):
    """Lets in those who were approved of: the event itself, or why it is skipped. Raises StoreError."""

    async def __call__(
        self, agent_id: UUID, account: Account, event: Knocking, *, missed: bool = False
    ) -> InboundEvent: ...


class HostInbox:
    """Turns inbound events into committed rows, and wakes the rooms that have something to do."""

    def __init__(
        self,
        store: Store,
        *,
        tasks: Supervisor,
        came: Callable[[Admission, Admitted], None],
        interrupt: Callable[[UUID, UUID], None],
        revises: Callable[[str], bool] = lambda _account: False,
        reopened: Callable[[UUID, UUID], None] = lambda _agent_id, _room_id: None,
        retracts: Callable[[str], bool] = lambda _account: False,
        retracted: Callable[[Sequence[str]], None] = lambda _destinations: None,
        happened: Callable[[UUID, EventType, dict[str, Any]], None] = lambda _agent_id, _event, _about: None,
        judge: Judge | None = None,
        host_role: Callable[[str, PersonRef], Role] = lambda _account, _person: Role.NONE,
        opened: Callable[[str, str], None] = lambda _account, _channel_id: None,
        move: MoveRoom | None = None,
        stop: Callable[[UUID, UUID], None] = lambda _agent_id, _room_id: None,
    ) -> None:
        """`came` is told of each message once it is on disk.

        `revises`: whether answers of an account follow their questions' edits; `reopened` is told of a room
        with a message that gets another turn for that. `retracts`: whether answers of an account go with
        their questions; `retracted` is told of the destinations where some do. `happened` is told of what
        plugins may want to know: reactions, people and worlds that came or went. `judge` looks at what only
        somebody who was approved of may say; without it nobody may. `host_role`: what a person's roles on
        the platform make of them. `opened` is told of channels that take messages again.
        `move` moves rooms that get other ids. `stop` is told of rooms in which somebody wants the turn under
        way to end.
        """
        self._opened = opened
        self._move = move
        self._stop = stop
        self._happened = happened
        self._judge = judge
        self._host_role = host_role
        self._retracts = retracts
        self._retracted = retracted
        self._revises = revises
        self._reopened = reopened
        self._store = store
        self._tasks = tasks
        self._came = came
        self._interrupt = interrupt
        self._known: OrderedDict[Hashable, Hashable] = OrderedDict()
        self._newest = utc_now()
        self._comings = Comings()
        self.skips = Skips(store, tasks=tasks)
        """Events that were not for the agent."""

    async def accept(
        self, agent_id: UUID, account: Account, events: Sequence[InboundEvent], *, missed: bool = False
    ) -> None:
        """Take events in, in order. When this returns they are on disk; what is skipped follows in a second.

        `missed`: they were said while nobody listened. Raises StoreError.
        """
        waiting: list[InboundMessage] = []
        for event in events:
            if isinstance(event, InboundMessage | InboundEdit | InboundReaction) and event.pairing_id:
                event = await self._judged(agent_id, account, event, missed=missed)
            if isinstance(event, InboundMessage):
                waiting.append(event)
                continue
            await self._admit(agent_id, account, waiting)
            waiting = []
            await self._other(agent_id, account, event)
        await self._admit(agent_id, account, waiting)

    async def _judged(
        self, agent_id: UUID, account: Account, event: Knocking, *, missed: bool
    ) -> InboundEvent:
        """What only somebody who was approved of may say. A fault lets nobody in."""
        reason = NOT_LISTED
        try:
            if self._judge is not None:
                return await self._judge(agent_id, account, event, missed=missed)
        except StoreError:
            raise
        except Exception as error:
            log.exception("%s: a stranger could not be looked up", account.platform)
            reason = f"malformed: {type(error).__name__}"
        return Skipped(reason=reason, event_key=event.event_key, mark=event.mark)

    async def admit(self, admissions: Sequence[Admission], *, wake: bool = True) -> list[Admitted]:
        """Commit admissions and wake their rooms, also when the caller is cancelled meanwhile.

        `wake` is off for a caller who works its own message off.
        """
        return await asyncio.shield(self._tasks.spawn("admit", self._commit(admissions, wake)))

    async def _commit(self, admissions: Sequence[Admission], wake: bool) -> list[Admitted]:
        admitted = await self._store.admit(admissions)
        for admission, done in zip(admissions, admitted, strict=True):
            if done.joined is not None:
                self._begin_again(done.joined)
                continue
            if done.duplicate:
                log.debug("%s %s came again and is not taken twice", admission.account, admission.event_key)
            # A duplicate's room, too: seen is not the same as handled, and a look costs little.
            if wake and not admission.unanswered:
                self._came(admission, done)
        return admitted

    async def _admit(self, agent_id: UUID, account: Account, messages: list[InboundMessage]) -> None:
        if not messages:
            return
        admissions: list[Admission] = []
        fresh: dict[Hashable, Hashable] = {}
        for message in messages:
            try:
                admission = self._admission(agent_id, account, message)
            except Exception as error:
                # A message that cannot even be written down would come again and again, before all others.
                log.exception("%s message %s cannot be taken in", account.platform, message.event_key)
                why = Skipped(
                    reason=f"malformed: {type(error).__name__}",
                    event_key=message.event_key,
                    mark=message.mark,
                    failed=True,
                )
                await self.skips.add(account.key, why)
                continue
            key, names = _fingerprint(admission)
            known = fresh.get(key, self._known.get(key)) == names
            fresh[key] = names
            admissions.append(replace(admission, places_known=known) if known else admission)
        if admissions:
            await self.admit(admissions)
        for key, names in fresh.items():
            self._known[key] = names
            self._known.move_to_end(key)
        while len(self._known) > KNOWN_PLACES:
            self._known.popitem(last=False)

    async def _other(self, agent_id: UUID, account: Account, event: InboundEvent) -> None:
        try:
            await self._apply(agent_id, account, event)
        except StoreError:
            raise
        except Exception as error:
            # As with messages: the platform is told, so that the next event comes.
            log.exception("%s event cannot be taken in: %s", account.platform, type(event).__name__)
            await self._store.count_failed(account.key, _KINDS[type(event)], type(error).__name__)

    async def _apply(self, agent_id: UUID, account: Account, event: InboundEvent) -> None:
        match event:
            case InboundEdit():
                await self._edit(account, event)
            case InboundDelete():
                await self._delete(account, event)
            case InboundPlaces():
                await self._places(agent_id, account, event)
            case InboundReaction():
                await self._reaction(agent_id, account, event)
            case InboundMembership():
                await self._membership(agent_id, account, event)
            case InboundMove():
                await self._moved(agent_id, account, event)
            case InboundStop():
                await self._store.count_applied(account.key, EventKind.STOP, event.mark)
                self._stop(agent_id, create_unique_uuid(agent_id, event.room.key))
            case Skipped():
                log.debug("%s skipped: %s %s", account.platform, event.reason, event.event_key)
                await self.skips.add(account.key, event)
            case InboundMessage():
                raise AssertionError("messages are admitted together")

    async def _edit(self, account: Account, event: InboundEdit) -> None:
        if event.quiet:
            await self._store.apply_quiet_edit(account.key, event.event_key, event.content, event.mark)
            return
        since = utc_now() - REVISED_WITHIN
        done = await self._store.apply_edit(
            account.key,
            event.event_key,
            event.content,
            event.edited_at,
            event.mark,
            reopen_since=since if self._revises(account.key) else None,
            retry_since=since,
        )
        if not done.found:
            log.debug("%s edit of a message that was never taken in: %s", account.platform, event.event_key)
        elif done.changed:
            self._begin_again(done)
            log.debug("edit of %s taken over", event.event_key)

    def _begin_again(self, done: Edited) -> None:
        """What is said now is answered, not what was said before."""
        if not (done.changed and done.agent_id and done.room_id):
            return
        if done.state is InboxState.RUNNING:
            self._interrupt(done.agent_id, done.room_id)
        if done.reopened:
            self._reopened(done.agent_id, done.room_id)

    async def _delete(self, account: Account, event: InboundDelete) -> None:
        done = await self._store.apply_delete(
            account.key, event.event_keys, event.mark, retract=self._retracts(account.key)
        )
        for agent_id, room_id in done.under_way:
            self._interrupt(agent_id, room_id)
        if done.destinations:
            self._retracted(done.destinations)
        if done.count:
            log.info("%d deleted messages forgotten", done.count)

    async def _places(self, agent_id: UUID, account: Account, event: InboundPlaces) -> None:
        world = world_of(agent_id, account, event.world) if event.world else None
        rooms = [room_of(agent_id, account, room, world.id if world else None) for room in event.rooms]
        people = [person_of(agent_id, account, person) for person in event.people]
        if world is not None and event.readable is not None:
            await self._store.narrow_rooms(world.id, event.readable)
        await self._store.apply_places(account.key, [world] if world else [], rooms, people, event.mark)
        self._known.clear()
        for channel_id in event.opened:
            self._opened(account.key, channel_id)

    async def _reaction(self, agent_id: UUID, account: Account, event: InboundReaction) -> None:
        message = await self._store.apply_reaction(
            account.key,
            agent_id,
            event.event_key,
            event.message_id,
            event.channel_id,
            event.reaction,
            event.added,
            event.mark,
            event.totals,
        )
        if message is None:
            log.debug("%s reaction to a message that is not known: %s", account.platform, event.event_key)
            return
        if event.totals is not None:
            return
        # Not stored as a message: it is no turn of the conversation.
        reaction = Memory(
            agent_id=agent_id,
            entity_id=person_of(agent_id, account, event.sender).id,
            room_id=message.room_id,
            world_id=message.world_id,
            content=Content(text=event.reaction, source=account.platform, in_reply_to=message.id),
            metadata={"reaction": event.reaction, "added": event.added},
        )
        self._happened(agent_id, EventType.REACTION_RECEIVED, {"message": reaction})

    async def _membership(self, agent_id: UUID, account: Account, event: InboundMembership) -> None:
        world = world_of(agent_id, account, event.world)
        person = person_of(agent_id, account, event.person) if event.person else None
        await self._store.apply_membership(account.key, world, person, event.joined, event.mark)
        self._known.clear()
        if not self._comings.is_news((world.id, person.id if person else ""), joined=event.joined):
            return
        about: dict[str, Any] = {"world_id": world.id}
        if person is not None:
            about["entity_id"] = person.id
            kind = EventType.ENTITY_JOINED if event.joined else EventType.ENTITY_LEFT
        else:
            kind = EventType.WORLD_JOINED if event.joined else EventType.WORLD_LEFT
            done = "added to" if event.joined else "removed from"
            log.info(
                "%s: the bot was %s %s", account.platform, done, one_line(world.name or world.platform_id)
            )
        self._happened(agent_id, kind, about)

    async def _moved(self, agent_id: UUID, account: Account, event: InboundMove) -> None:
        old_world, world = (world_of(agent_id, account, ref) for ref in (event.old_world, event.world))
        move = Move(
            agent_id=agent_id,
            account=account.key,
            old_world=old_world,
            old_room=room_of(agent_id, account, event.old_room, old_world.id),
            world=world,
            room=room_of(agent_id, account, event.room, world.id),
        )
        if self._move is not None:
            await self._move(move, event.mark)
        self._known.clear()

    def _now(self) -> datetime:
        """Strictly later than the last time, so that the order of arrival is the order in time."""
        self._newest = max(utc_now(), self._newest + timedelta(microseconds=1))
        return self._newest

    def _admission(self, agent_id: UUID, account: Account, message: InboundMessage) -> Admission:
        world = world_of(agent_id, account, message.world)
        room = room_of(agent_id, account, message.room, world.id)
        sender = person_of(agent_id, account, message.sender)
        content = message.content.model_copy(
            update={
                "source": message.content.source or account.platform,
                "channel_type": message.room.type,
                "in_reply_to": create_unique_uuid(agent_id, message.replied_memory_key)
                if message.replied_memory_key
                else None,
            }
        )
        metadata: dict[str, Any] = {
            SOURCE_ACCOUNT: account.key,
            "source_id": message.message_id,
            "from_id": message.sender.platform_id,
            "sent_at": message.sent_at.isoformat(),
        }
        if message.replied_id:
            metadata["replied_id"] = message.replied_id
        if message.sender.is_bot:
            metadata["from_bot"] = True
        role = self._host_role(account.key, message.sender)
        if role is not Role.NONE:
            metadata[PLATFORM_ROLE] = role.value
        if message.command is not None:
            metadata[COMMAND] = message.command.to_dict()
        if message.choice is not None:
            metadata[CHOICE] = message.choice.to_dict()
        memory = Memory(
            id=create_unique_uuid(agent_id, message.memory_key),
            agent_id=agent_id,
            entity_id=sender.id,
            room_id=room.id,
            world_id=world.id,
            type=MemoryType.CUSTOM if message.private else MemoryType.MESSAGE,
            content=content,
            # Our clock, not the platform's: some count whole seconds, and answers are timed by ours.
            created_at=self._now(),
            metadata=metadata,
            audience=Audience.ENTITY if message.private else None,
        )
        return Admission(
            agent_id=agent_id,
            account=account.key,
            event_key=message.event_key,
            message_id=message.message_id,
            world=world,
            room=room,
            sender=sender,
            memory=memory,
            target=replace(message.target, account=account.key, room_id=room.id),
            sent_at=message.sent_at,
            mark=message.mark,
            unanswered=message.unanswered,
            replaces=message.replaces,
            **({} if message.joins is None else self._joins(account, message.joins)),
        )

    def _joins(self, account: Account, joins: Joins) -> dict[str, Any]:
        """What is joined after its turn changes the answer as an edit does."""
        since = utc_now() - REVISED_WITHIN
        reopen_since = since if self._revises(account.key) else None
        return {"joins": joins, "reopen_since": reopen_since, "retry_since": since}


def _fingerprint(admission: Admission) -> tuple[Hashable, Hashable]:
    key = (admission.agent_id, admission.room.id, admission.sender.id)
    room = admission.room
    ears = (room.open, room.metadata.get(OUTSIDERS))
    return key, (admission.world.name, room.name, room.type, ears, admission.sender.names)
