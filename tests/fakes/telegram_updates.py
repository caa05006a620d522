"""The queue behind getUpdates: offsets, confirmation, long polling, the one poller.

As documented (core.telegram.org/bots/api#getupdates) and as the open server does it (`do_get_updates`,
`abort_long_poll`, `TQueue::get`). Left out: the real server stretches a repeated short poll to three
seconds and cuts a quickly repeated one to one update; both only slow a client down.
"""

import asyncio
import itertools
from typing import Any

Update = dict[str, Any]

DEFAULT_OFF = frozenset({"chat_member", "message_reaction", "message_reaction_count"})
"""Kinds that come only when `allowed_updates` names them."""
CONFLICT = "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"


class PollAborted(Exception):
    """This poll was ended by somebody else's request; the message is what its client is told."""


class UpdateQueue:
    """One bot's updates. An update is kept until a getUpdates asks for a higher offset."""

    def __init__(self, first_id: int = 812_345_001) -> None:
        self._ids = itertools.count(first_id)
        self._tail = first_id
        self._pending: list[Update] = []
        self._allowed: frozenset[str] | None = None
        self._poll: asyncio.Future[None] | None = None
        self._changed = asyncio.Condition()
        self.confirmed_up_to = first_id - 1
        """The highest update id that a client has confirmed."""

    @property
    def pending(self) -> list[Update]:
        """What is not confirmed, oldest first."""
        return list(self._pending)

    @property
    def polling(self) -> bool:
        """Whether a long poll is waiting."""
        return self._poll is not None

    def allow(self, kinds: list[str] | None) -> None:
        """The `allowed_updates` parameter: kept until it is given anew; an empty list is the default set."""
        if kinds is not None:
            self._allowed = frozenset(kinds) or None

    def allows(self, kind: str) -> bool:
        """Whether updates of a kind are made for this bot at present."""
        return kind not in DEFAULT_OFF if self._allowed is None else kind in self._allowed

    async def push(self, kind: str, value: Any, *, forced: bool = False) -> int | None:
        """Queue an update if its kind is allowed (or `forced`); its id."""
        if not forced and not self.allows(kind):
            return None
        return await self.push_raw({kind: value})

    async def push_raw(self, fields: dict[str, Any]) -> int:
        """Queue an update of any shape; its id."""
        update_id = next(self._ids)
        self._tail = update_id + 1
        async with self._changed:
            self._pending.append({"update_id": update_id, **fields})
            if self._poll is not None and not self._poll.done():
                self._poll.set_result(None)
            self._changed.notify_all()
        return update_id

    async def _forget_below(self, offset: int) -> None:
        async with self._changed:
            gone = [update["update_id"] for update in self._pending if update["update_id"] < offset]
            if gone:
                self.confirmed_up_to = max(self.confirmed_up_to, *gone)
                self._pending = [update for update in self._pending if update["update_id"] >= offset]
            self._changed.notify_all()

    async def take_out(self, update_id: int) -> None:
        """A webhook has taken this one."""
        async with self._changed:
            self._pending = [update for update in self._pending if update["update_id"] != update_id]
            self.confirmed_up_to = max(self.confirmed_up_to, update_id)
            self._changed.notify_all()

    async def clear(self) -> None:
        """Forget everything (`drop_pending_updates`)."""
        await self._forget_below(self._tail)

    async def get(self, *, offset: int, limit: int, timeout: float) -> list[Update]:
        """One getUpdates. Raises PollAborted when another poll takes over."""
        if offset < 0:
            keep = self._pending[offset:]
            await self._forget_below(keep[0]["update_id"] if keep else self._tail)
        head = self._pending[0]["update_id"] if self._pending else self._tail
        if offset <= 0 or offset > self._tail + 10:
            offset = head
        await self._forget_below(offset)
        ready = [update for update in self._pending if update["update_id"] >= offset][:limit]
        if ready or timeout <= 0:
            return ready
        self.abort(CONFLICT)
        poll = self._poll = asyncio.get_running_loop().create_future()
        async with self._changed:
            self._changed.notify_all()
        try:
            await asyncio.wait_for(asyncio.shield(poll), timeout)
        except TimeoutError:
            return []
        finally:
            if self._poll is poll:
                self._poll = None
            poll.cancel()
        return [update for update in self._pending if update["update_id"] >= offset][:limit]

    def abort(self, why: str) -> None:
        """End the waiting poll with an error for its client."""
        if self._poll is not None and not self._poll.done():
            self._poll.set_exception(PollAborted(why))
        self._poll = None

    async def wait_polling(self) -> None:
        """Wait until a long poll is waiting."""
        async with self._changed:
            await self._changed.wait_for(lambda: self.polling)

    async def wait_confirmed(self, update_id: int) -> None:
        """Wait until a client has confirmed this update."""
        async with self._changed:
            await self._changed.wait_for(lambda: self.confirmed_up_to >= update_id)
