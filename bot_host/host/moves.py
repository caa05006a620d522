"""Rooms that get other ids on their platform: their work goes on in the new ones."""

import asyncio
import logging
from typing import Final

from bot_host.contracts.store import Store
from bot_host.host.lanes import Lanes
from bot_host.host.sender import Sender
from bot_host.host.turns import RoomKey, TurnWorker
from bot_host.kit.clean import one_line
from bot_host.kit.tasks import Supervisor
from bot_host.types.errors import StoreError
from bot_host.types.inbound import Mark
from bot_host.types.turn import Move, Moved

log = logging.getLogger(__name__)

PATIENCE_S: Final = 5.0
"""What is under way in the old room gets so long to end. What does not is made void by the store."""


class Mover:
    """Moves the rooms of one database."""

    def __init__(
        self,
        store: Store,
        lanes: Lanes[RoomKey],
        worker: TurnWorker,
        sender: Sender,
        *,
        tasks: Supervisor,
    ) -> None:
        self._store = store
        self._lanes = lanes
        self._worker = worker
        self._sender = sender
        self._tasks = tasks

    async def move(self, move: Move, mark: Mark | None) -> None:
        """Move a room, also when the caller is cancelled meanwhile. Raises StoreError."""
        await asyncio.shield(self._tasks.spawn("move", self._move(move, mark)))

    async def _move(self, move: Move, mark: Mark | None) -> None:
        old, new = (move.agent_id, move.old_room.id), (move.agent_id, move.room.id)
        async with (
            self._lanes.paused(old, within_s=PATIENCE_S, interrupt=True),
            self._sender.lanes.paused(move.old_destination, within_s=PATIENCE_S),
        ):
            await self._sender.park(move.old_destination)
            moved = await self._store.apply_move(move, mark)
            self._worker.moved(old)
            self._sender.moved(move)
        self._say(move, moved)
        # Awake as well, where it is still sent to: what was under way there goes its old way.
        self._sender.wake([move.old_destination, move.destination])
        self._lanes.wake(new)
        try:
            await self._store.move_plugin_rows(move.old_room.id, move.room.id)
        except StoreError as error:
            # A plugin's table must not keep the platform's events from coming in.
            log.error("rows of plugins still name the room by its old id %s: %s", move.old_room.id, error)

    def _say(self, move: Move, moved: Moved) -> None:
        if moved.found:
            log.info(
                "%s: %s has moved from %s to %s; what was said there stays known (%d messages to answer, %d "
                "parts of answers to send)",
                move.room.source,
                one_line(moved.name) or "a room",
                move.old_room.channel_id,
                move.room.channel_id,
                moved.pending,
                moved.parts,
            )
