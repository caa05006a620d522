"""Answers that are shown while they are written: sent early, edited, and finished by their turn's commit.

The first words go out as a row of the outbox, like any other message. From then on the draft is on disk: a
turn that begins again, in this process or after a kill, writes on in the same message. Edits in between are
no rows: they show the latest text, at the platform's pace, and one that is refused is left out. They are made
by the destination's own lane, when nothing else waits there, so that all stays in order.
"""

import asyncio
import logging
import re
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Final

from bot_host.contracts.connector import DraftingConnector, UnfoldingConnector
from bot_host.contracts.store import Store
from bot_host.host.accounts import Line
from bot_host.host.lanes import AGAIN, IDLE, Next
from bot_host.host.parts import make_part, marks_early
from bot_host.kit.logs import log_context
from bot_host.kit.tasks import Supervisor
from bot_host.types.content import Content
from bot_host.types.errors import ConnectorError, RoomClosed, SendLater, SendRefused, StoreError
from bot_host.types.ids import UUID, new_id
from bot_host.types.outbound import Payload, Target, destination_of
from bot_host.types.turn import Draft, InboxRow, OutboxRow, Queued

log = logging.getLogger(__name__)

START_SECONDS: Final = 1.0
"""After the first words. An answer that is there by then goes out as one request."""
START_CHARACTERS: Final = 24
"""Fewer say nothing, and a message of two letters is a poor notification."""
EDIT_SECONDS: Final = 15.0
"""An edit that takes longer is given up: the next one says more."""
REFUSALS: Final = 3
"""Edits that are refused one after the other; then the answer is shown when it is finished."""
SLOWEST: Final = 30.0
"""Seconds between two edits, when a platform goes on refusing."""
LONGEST: Final = 10_000
"""Characters. Of a longer text the end is shown when it is finished: each edit encodes all of it."""
SHARE: Final = 20.0
"""Encoding takes at most one part in so many of the time (4,000 characters: some tens of milliseconds)."""
KNOWN: Final = 1000
"""Finished answers of which it is remembered what the platform shows."""

Place = tuple[UUID, UUID]
"""Agent and room."""


@dataclass(slots=True)
class _Shown:
    """A part that is in the outbox."""

    payload: Payload | None
    """What the platform shows; None: not known for certain."""
    platform_message_id: str = ""


@dataclass(slots=True, eq=False)
class LiveDraft:
    """One turn's answer in the making. A `RevisableStream`."""

    line: Line
    target: Target
    draft: Draft
    every_s: float
    wake: Callable[[str], None]
    gone: Callable[["LiveDraft"], None]
    text: str = ""
    parts: list[_Shown] = field(default_factory=list)
    due: float = 0.0
    """Loop time of the next request, at the earliest."""
    slowed: float = 1.0
    refused: int = 0
    costs_s: float = 0.0
    """How long it took to encode it."""
    closed: bool = False
    timer: asyncio.TimerHandle | None = None
    adding: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held while a part is put into the outbox."""

    async def write(self, chunk: str) -> None:
        """More text."""
        await self.replace(self.text + chunk)

    async def replace(self, text: str) -> None:
        """The answer reads like this."""
        if not self.text:
            self.due = max(self.due, asyncio.get_running_loop().time() + START_SECONDS)
        self.text = text
        self.plan()

    async def abandon(self) -> None:
        """The turn is over, or begins again; what is shown stays until the next one finishes it."""
        self.close()
        self.gone(self)

    def plan(self) -> None:
        """Have the lane look at it, as soon as it may."""
        if self.closed or self.timer is not None:
            return
        if self.parts or len(self.text.strip()) >= START_CHARACTERS:
            loop = asyncio.get_running_loop()
            self.timer = loop.call_at(max(self.due, loop.time()), self._is_due)

    def _is_due(self) -> None:
        self.timer = None
        self.wake(self.draft.destination)

    def close(self) -> None:
        """Show no more of it."""
        self.closed = True
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None

    def rest(self, seconds: float) -> None:
        """No further request for so long."""
        self.due = asyncio.get_running_loop().time() + seconds

    def payloads(self) -> list[Payload]:
        """What the platform should show by now."""
        begun = time.perf_counter()
        # As the pipeline cleans the finished text; models copy the name from the history.
        text = re.sub(rf"\A\s*{re.escape(self.line.agent_name)}:\s+", "", self.text[:LONGEST])
        connector = self.line.connector
        payloads = connector.encode(Content(text=text.strip()), self.target)
        if payloads and isinstance(connector, UnfoldingConnector):
            payloads[-1] = connector.unfinished(payloads[-1], self.target)
        self.costs_s = time.perf_counter() - begun
        return payloads


class Drafts:
    """All answers in the making of one database."""

    def __init__(self, store: Store, *, tasks: Supervisor, wake: Callable[[str], None]) -> None:
        """`wake` has a destination's lane call `work`."""
        self._store = store
        self._tasks = tasks
        self._wake = wake
        self._kept: dict[Place, Draft] = {}
        """Those on disk."""
        self._live: dict[str, LiveDraft] = {}
        """By destination: those of a turn that is under way."""
        self._finished: OrderedDict[UUID, list[Payload | None]] = OrderedDict()

    async def load(self) -> None:
        """Take up what the last process was writing. Raises StoreError."""
        self._kept = {(draft.agent_id, draft.room_id): draft for draft in await self._store.recover_drafts()}

    # -- for turns --------------------------------------------------------------------------------------

    def open(self, line: Line, asked: InboxRow, *, memory_id: UUID) -> LiveDraft | None:
        """Show the answer to this message; None: not there."""
        if not isinstance(line.connector, DraftingConnector) or not asked.target.channel_id:
            return None
        target = line.voiced(asked.target)
        every_s = line.connector.edit_every_s(target)
        if every_s <= 0:
            return None
        known = self._kept.get((asked.agent_id, asked.room_id))
        if known is None or known.memory_id != memory_id:
            known = Draft(
                memory_id=memory_id,
                agent_id=asked.agent_id,
                room_id=asked.room_id,
                asked=asked.seq,
                destination=destination_of(line.account.key, target),
            )
        left = self._live.get(known.destination)
        if left is not None:
            left.close()
        live = LiveDraft(
            line=line,
            target=target,
            draft=known,
            every_s=every_s,
            wake=self._wake,
            gone=self._forget,
            parts=[_Shown(payload=None) for _ in range(known.parts)],
        )
        self._live[known.destination] = live
        return live

    def shown_id(self, asked: InboxRow) -> UUID | None:
        """See TurnOutbox.shown_id."""
        for live in self._live.values():
            if live.draft.asked == asked.seq:
                return live.draft.memory_id
        known = self._kept.get((asked.agent_id, asked.room_id))
        return known.memory_id if known is not None and known.asked == asked.seq else None

    def find(self, agent_id: UUID, room_id: UUID) -> int | None:
        """See TurnOutbox.find_shown."""
        known = self._kept.get((agent_id, room_id))
        return known.asked if known is not None else None

    async def withdraw(self, agent_id: UUID, room_id: UUID) -> None:
        """See TurnOutbox.withdraw."""
        known = self._kept.get((agent_id, room_id))
        if known is None:
            return
        for destination in await self._store.withdraw_draft(known.memory_id):
            self._wake(destination)
        self._kept.pop((agent_id, room_id), None)

    def moved(self, agent_id: UUID, room_id: UUID) -> None:
        """The room has other ids now: what was shown in it stays there."""
        self._kept.pop((agent_id, room_id), None)

    async def make_room(self, destination: str) -> None:
        """Something else is about to be said there by the same turn: the answer is to stand below it.

        What is shown of it is taken back, and shown again after that. Raises StoreError.
        """
        live = self._live.get(destination)
        if live is None or live.closed:
            return
        async with live.adding:
            if live.parts:
                await self.withdraw(live.draft.agent_id, live.draft.room_id)
                # Rows of the old id are there: a new one keeps their keys apart.
                live.draft = replace(live.draft, memory_id=new_id(), parts=0)
                live.parts = []
            live.rest(live.every_s)
            live.plan()

    @asynccontextmanager
    async def ending(self, rows: Sequence[InboxRow]) -> AsyncIterator[Draft | None]:
        """The draft of a turn that is being committed: nothing more of it is shown while inside."""
        place = (rows[0].agent_id, rows[0].room_id)
        seqs = {row.seq for row in rows}
        live = next((each for each in self._live.values() if each.draft.asked in seqs), None)
        if live is None:
            yield self._asked_by(place, seqs)
            return
        async with live.adding:
            live.close()
            yield self._asked_by(place, seqs)

    def _asked_by(self, place: Place, seqs: set[int]) -> Draft | None:
        known = self._kept.get(place)
        return known if known is not None and known.asked in seqs else None

    def ended(self, rows: Sequence[InboxRow], draft: Draft | None) -> None:
        """Their turn is committed."""
        seqs = {row.seq for row in rows}
        for live in [each for each in self._live.values() if each.draft.asked in seqs]:
            self._forget(live)
            self._finished[live.draft.memory_id] = [part.payload for part in live.parts]
        while len(self._finished) > KNOWN:
            self._finished.popitem(last=False)
        if draft is not None:
            self._kept.pop((draft.agent_id, draft.room_id), None)

    def _forget(self, live: LiveDraft) -> None:
        if self._live.get(live.draft.destination) is live:
            del self._live[live.draft.destination]

    def passed(self, destination: str) -> None:
        """Something else has gone out there."""
        live = self._live.get(destination)
        if live is not None:
            live.plan()

    def held(self, destination: str, seconds: float) -> None:
        """Something else waits there for so long, and goes first."""
        live = self._live.get(destination)
        if live is not None:
            live.rest(seconds)

    def shows(self, row: OutboxRow) -> bool:
        """Whether the platform shows what this part says."""
        known = self._finished.get(row.memory_id) if row.memory_id is not None else None
        return known is not None and row.part < len(known) and known[row.part] == row.payload

    # -- for the lanes ----------------------------------------------------------------------------------

    async def work(self, destination: str, *, wait_s: Callable[[str], float]) -> tuple[Next, Queued | None]:
        """Show more of what is written for a destination to which nothing else waits.

        What is queued goes out next. `wait_s` tells how long an account is held back.
        """
        live = self._live.get(destination)
        if live is None or live.closed:
            return IDLE, None
        fields = {"agent": live.line.agent_name, "room": live.draft.room_id}
        with log_context(**fields):
            try:
                return await self._show(live, wait_s)
            except StoreError as error:
                log.warning("the answer is not shown before it is finished: %s", error)
            except Exception:
                # A connector's own fault: the finished answer goes the ordinary way (I4).
                log.exception("the answer cannot be shown before it is finished")
        live.close()
        return IDLE, None

    async def _show(self, live: LiveDraft, wait_s: Callable[[str], float]) -> tuple[Next, Queued | None]:
        held = wait_s(live.line.account.key)
        if held > 0:
            live.rest(held)
        if live.due > asyncio.get_running_loop().time():
            live.plan()
            return IDLE, None
        for part, payload in enumerate(live.payloads()):
            if part == len(live.parts):
                queued = await asyncio.shield(self._tasks.spawn("draft", self._add(live, payload)))
                return (AGAIN, queued) if queued is not None else (IDLE, None)
            if live.parts[part].payload != payload:
                if not await self._edit(live, part, payload):
                    live.close()
                break
        return IDLE, None

    async def _add(self, live: LiveDraft, payload: Payload) -> Queued | None:
        """Put the next part into the outbox."""
        async with live.adding:
            if live.closed:
                return None
            count = len(live.parts) + 1
            draft = replace(live.draft, parts=count)
            row = make_part(
                live.line,
                payload,
                live.target,
                agent_id=draft.agent_id,
                memory_id=draft.memory_id,
                part=count - 1,
                parts=count,
            )
            now = {draft.destination} if marks_early(live.line) else set[str]()
            queued = await self._store.show_part(draft, row, now)
            if queued is None:
                live.close()
                return None
            live.draft = self._kept[draft.agent_id, draft.room_id] = draft
            live.parts.append(_Shown(payload=payload))
            self._next(live)
            return queued

    async def _edit(self, live: LiveDraft, part: int, payload: Payload) -> bool:
        """Put a part's newest text in place. False: no more of it is to be shown."""
        shown, connector = live.parts[part], live.line.connector
        assert isinstance(connector, DraftingConnector)
        if not shown.platform_message_id:
            # Nothing waits for the destination: what was sent has its id on disk, or never will.
            shown.platform_message_id = await self._store.find_place(live.draft.memory_id, part)
            if not shown.platform_message_id:
                shown.payload = None
                return False
        target = live.target if part == 0 else replace(live.target, reply_to="")
        key = f"{live.draft.memory_id}:{part}:live"
        wait_s = 0.0
        try:
            async with asyncio.timeout(EDIT_SECONDS):
                await connector.edit(payload, target, shown.platform_message_id, key=key)
        except (TimeoutError, ConnectorError) as error:
            log.info("the answer is shown more slowly: %s", error or "no answer in time")
            live.slowed *= 2
            if isinstance(error, SendLater):
                wait_s = error.after_s or 0.0
            elif isinstance(error, SendRefused):
                live.refused += 1
            else:
                shown.payload = None
            if isinstance(error, RoomClosed) or live.refused >= REFUSALS:
                return False
        else:
            shown.payload = payload
            live.refused = 0
        self._next(live, at_least=wait_s)
        return True

    def _next(self, live: LiveDraft, *, at_least: float = 0.0) -> None:
        connector = live.line.connector
        sharing = 1
        if isinstance(connector, DraftingConnector) and connector.edits_share_limit:
            account = live.line.account.key
            sharing = sum(
                1 for each in self._live.values() if each.parts and each.line.account.key == account
            )
        pace = min(live.every_s * live.slowed, max(SLOWEST, live.every_s))
        live.rest(max(pace * max(1, sharing), at_least, live.costs_s * SHARE))
        live.plan()
