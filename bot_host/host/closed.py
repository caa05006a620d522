"""Rooms that take nothing any more: what waits is given up, the admin is told once, plugins hear of it."""

import logging
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from bot_host.contracts.store import Store
from bot_host.kit.clock import utc_now
from bot_host.kit.tasks import Supervisor
from bot_host.types.errors import StoreError
from bot_host.types.ids import UUID
from bot_host.types.outbound import ClosedRoom
from bot_host.types.turn import OutboxRow

log = logging.getLogger(__name__)

TOLD: Final = 10_000
"""Rooms whose reason is remembered as told, beyond those that are closed now."""

OnClosed = Callable[[ClosedRoom, bool], None]


class ClosedRooms:
    """The destinations of one database that are closed.

    A closed room is still sent to: only the platform knows when it opens. The mark is lifted by the next
    message from there, by a part that is taken, or when the platform tells of it.
    """

    def __init__(self, store: Store, *, tasks: Supervisor, tell: OnClosed) -> None:
        """`tell` hears of each room that closes (True) or opens again (False)."""
        self._store = store
        self._tasks = tasks
        self._tell = tell
        self._closed: dict[str, ClosedRoom] = {}
        self._told: OrderedDict[str, str] = OrderedDict()
        """Reasons that the admin knows of. They outlive the mark: a bot that may read but not write in a
        room closes it anew with each message there."""

    async def load(self) -> None:
        """What the store knows. Raises StoreError."""
        for closed in await self._store.closed_rooms():
            self._closed[closed.destination] = closed
            self._told[closed.destination] = closed.reason

    async def close(self, row: OutboxRow, why: str) -> list[int]:
        """The platform refuses the room of `row`: the numbers of the parts that are given up."""
        closed = ClosedRoom(
            destination=row.destination,
            account=row.account,
            agent_id=row.agent_id,
            room_id=row.target.room_id,
            reason=why,
            closed_at=utc_now(),
        )
        seqs = await self._store.close_room(closed)
        known = row.destination in self._closed
        self._closed[row.destination] = closed
        level = logging.DEBUG if self._told.get(row.destination) == why else logging.ERROR
        self._note(row.destination, why)
        log.log(
            level,
            "%s room %s is closed to the bot: %s (parts of messages given up: %d)",
            row.account.partition(":")[0],
            "/".join(filter(None, (row.target.channel_id, row.target.thread_id))),
            why,
            len(seqs),
        )
        if not known:
            self._tell(closed, True)
        return seqs

    def _note(self, destination: str, why: str) -> None:
        self._told[destination] = why
        self._told.move_to_end(destination)
        while len(self._told) > TOLD:
            self._told.popitem(last=False)

    def moved(self, old: str, new: str, room_id: UUID) -> None:
        """A destination is another one now."""
        closed = self._closed.pop(old, None)
        if closed is not None and new not in self._closed:
            self._closed[new] = replace(closed, destination=new, room_id=room_id)
        if old in self._told:
            self._told.setdefault(new, self._told.pop(old))

    def heard_from(self, destination: str) -> None:
        """Somebody wrote there."""
        if destination in self._closed:
            self._tasks.spawn("room opened", self._open(destination, "somebody wrote there"))

    def opened(self, account: str, channel_id: str) -> None:
        """The platform says that a channel takes messages again; its threads do, too."""
        here = f"{account}/{channel_id}"
        for destination in [each for each in self._closed if each == here or each.startswith(f"{here}/")]:
            # Should it close once more, the admin is told once more.
            self._told.pop(destination, None)
            self._tasks.spawn("room opened", self._open(destination, "the platform says so"))

    async def taken(self, destination: str) -> None:
        """Something that was sent there was taken."""
        if destination in self._closed or destination in self._told:
            self._told.pop(destination, None)
            await self._open(destination, "a message was taken")

    async def _open(self, destination: str, why: str) -> None:
        closed = self._closed.pop(destination, None)
        if closed is None:
            return
        try:
            await self._store.open_room(destination)
        except StoreError as error:
            # Not worth a failure: the next message from there, or a start, tries again.
            self._closed[destination] = closed
            log.warning("the room %s could not be marked as open: %s", destination, error)
            return
        log.info("the room %s counts as open again: %s", destination, why)
        self._tell(closed, False)
