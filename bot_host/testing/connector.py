"""A host for one connector, without the rest of the house."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from bot_host.kit.tasks import Supervisor
from bot_host.types.cards import AgentCard
from bot_host.types.choices import Choices
from bot_host.types.commands import CommandSpec, Completing
from bot_host.types.errors import StoreError
from bot_host.types.inbound import Account, InboundEvent, InboundMessage, Mark, RecentRoom

E = TypeVar("E")


class RecordingHost:
    """A `ConnectorHost` that keeps what it is given.

    `open_gate.clear()` makes every `accept` wait, as a slow disk would, until `open_gate.set()`.
    `fail_next = n` makes the next n calls of `accept` raise StoreError. `after_accept` is called when events
    have been taken, as the turns of a real host would come then.
    """

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._tasks = Supervisor("recording host")
        self._news = asyncio.Condition()
        self.account: Account | None = None
        self.events: list[InboundEvent] = []
        self.marks: dict[str, int] = {}
        self.waits: list[str] = []
        self.open_gate = asyncio.Event()
        self.open_gate.set()
        self.fail_next = 0
        self.after_accept: Callable[[], Awaitable[None]] | None = None
        self.missed: list[InboundEvent] = []
        """Those of `events` that came by `accept_missed`."""
        self.gaps_closed = 0
        self._gap_closed = asyncio.Event()
        self.paired: set[str] = set()
        """Whom `is_paired` knows."""
        self.rooms: list[RecentRoom] = []
        """What `recent_rooms` says."""
        self.known_commands: Sequence[CommandSpec] = ()
        """What `commands` says."""
        self.agent_card = AgentCard(name="Test")
        """What `card` says."""
        self.known_openers: Sequence[str] = ()
        """What `openers` says."""
        self.completing: list[Completing] = []
        self.proposals: list[str] = []
        """What `complete` says."""
        self.open_choices: dict[str, Choices] = {}
        """What `find_choices` says, by key."""
        self.refusals: dict[str, str] = {}
        """What `refuse_choice` says, by key."""
        self.remembered: dict[str, Any] = {}

    @property
    def tasks(self) -> Supervisor:
        return self._tasks

    @property
    def data_dir(self) -> Path:
        return self._data_dir

    @property
    def messages(self) -> list[InboundMessage]:
        """The accepted messages, in order."""
        return [event for event in self.events if isinstance(event, InboundMessage)]

    async def connected(self, account: Account) -> None:
        async with self._news:
            self.account = account
            self._news.notify_all()

    def waiting(self, why: str) -> None:
        self.waits.append(why)

    async def accept(self, *events: InboundEvent) -> None:
        await self._take(events, missed=False)

    async def accept_missed(self, *events: InboundEvent) -> None:
        await self._take(events, missed=True)

    async def _take(self, events: Sequence[InboundEvent], *, missed: bool) -> None:
        await self.open_gate.wait()
        if self.fail_next > 0:
            self.fail_next -= 1
            raise StoreError("the disk is full (made so by the test)")
        async with self._news:
            self.events.extend(events)
            if missed:
                self.missed.extend(events)
            for event in events:
                if event.mark is not None:
                    self._move(event.mark)
            self._news.notify_all()
        if self.after_accept is not None:
            await self.after_accept()

    def caught_up(self) -> None:
        self.gaps_closed += 1
        self._gap_closed.set()

    async def recent_rooms(self, *, limit: int) -> list[RecentRoom]:
        return self.rooms[:limit]

    async def is_paired(self, user_id: str) -> bool:
        return user_id in self.paired

    def commands(self) -> Sequence[CommandSpec]:
        return self.known_commands

    async def card(self, person: str, room: str) -> AgentCard:
        return self.agent_card

    def openers(self) -> Sequence[str]:
        return self.known_openers

    async def complete(self, asked: Completing) -> list[str]:
        self.completing.append(asked)
        return self.proposals

    async def find_choices(self, key: str) -> Choices | None:
        return self.open_choices.get(key)

    async def refuse_choice(self, message: InboundMessage) -> str:
        return self.refusals.get(message.choice.key, "") if message.choice is not None else ""

    async def recall(self, name: str) -> Any:
        return self.remembered.get(name)

    async def remember(self, name: str, value: Any) -> None:
        async with self._news:
            self.remembered[name] = value
            self._news.notify_all()

    async def find_mark(self, name: str) -> int | None:
        return self.marks.get(name)

    async def set_mark(self, mark: Mark) -> None:
        self._move(mark)

    def _move(self, mark: Mark) -> None:
        self.marks[mark.name] = max(mark.value, self.marks.get(mark.name, mark.value))

    async def wait_remembered(self, name: str) -> Any:
        """Wait until the connector has wanted something to be remembered; what."""
        async with self._news:
            await self._news.wait_for(lambda: name in self.remembered)
        return self.remembered[name]

    async def wait_connected(self) -> Account:
        """Wait until the connector has logged in."""
        async with self._news:
            await self._news.wait_for(lambda: self.account is not None)
        assert self.account is not None
        return self.account

    async def wait_caught_up(self, count: int = 1) -> None:
        """Wait until the connector has closed `count` gaps."""
        while self.gaps_closed < count:
            self._gap_closed.clear()
            await self._gap_closed.wait()

    async def wait_for(self, kind: type[E], count: int = 1) -> list[E]:
        """Wait until `count` events of a kind have been accepted; all of that kind so far."""
        async with self._news:
            await self._news.wait_for(lambda: len(self._of(kind)) >= count)
        return self._of(kind)

    def _of(self, kind: type[E]) -> list[E]:
        return [event for event in self.events if isinstance(event, kind)]
