"""What the pipeline is given for one turn, and the outbox that it speaks through (the host implements it)."""

from collections.abc import Coroutine, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from bot_host.contracts.connector import TextStream
from bot_host.types.commands import ChoiceUse, CommandUse
from bot_host.types.content import Media
from bot_host.types.ids import UUID
from bot_host.types.memory import Memory
from bot_host.types.outbound import Target
from bot_host.types.places import Entity, ParticipantState, Room, World
from bot_host.types.turn import InboxEnd, InboxRow, RunRecord

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """The rows of one room that are handled together, oldest first."""

    rows: tuple[InboxRow, ...]
    run_id: UUID

    @property
    def last(self) -> InboxRow:
        """The newest row: its target is where the answer goes."""
        return self.rows[-1]

    @property
    def revises(self) -> UUID | None:
        """The answer that its rows have already, and that this turn puts another one in place of."""
        return self.rows[0].reply_id


class FileSource(Protocol):
    """Reads the files that hang on a turn's messages."""

    async def download(self, media: Media, row: InboxRow, *, max_bytes: int) -> bytes | None:
        """A file by the platform that its message came from; None: that platform has none to give.

        Raises FetchRefused and FetchFailed, with messages that the model may see.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnWishes:
    """What a caller of the library wants of the turn that answers its message; None: as the agent does."""

    max_steps: int | None = None
    """Model and tool rounds."""
    max_retries: int = 0
    """Further tries of a round whose answer is empty or fails."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnInput:
    """What the rows of a turn say, read once."""

    room: Room
    world: World | None = None
    messages: tuple[Memory, ...]
    """The message of each row, as it reads now."""
    people: dict[UUID, Entity]
    """Who said them, and who speaks in the history."""
    mention_only: bool
    bots_limit: int = 20
    """Answers to bots in the room within five minutes."""
    own_state: ParticipantState | None = None
    """How the agent holds itself in the room."""
    history: tuple[Memory, ...] | None = None
    """What was said in the room up to the last of the messages, oldest first; None when it was not read."""
    wishes: TurnWishes = TurnWishes()
    use: CommandUse | ChoiceUse | None = None
    """What its one message asks for besides an answer."""
    files: FileSource | None = None


class TurnOutbox(Protocol):
    """The one door out, for one turn."""

    def typing(self, target: Target) -> AbstractAsyncContextManager[None]:
        """Shows the typing indicator while inside, and ends it on every exit."""

    def open_stream(
        self, asked: InboxRow, *, memory_id: UUID, answering: tuple[UUID, ...] = ()
    ) -> TextStream | None:
        """A way to show the reply while it is written, where the platform has one.

        `memory_id` is the reply's; `asked` is the newest message that it answers, `answering` are all.
        """

    def shown_id(self, asked: InboxRow) -> UUID | None:
        """The id of the reply to this message, where some of it is shown, or about to be; it must keep it."""

    def find_shown(self, agent_id: UUID, room_id: UUID) -> int | None:
        """The message (`InboxRow.seq`) whose answer is shown in a room and not finished."""

    async def withdraw(self, agent_id: UUID, room_id: UUID) -> None:
        """Take that back: no turn will finish it. Raises StoreError."""

    async def say(self, memory: Memory, target: Target, *, answering: tuple[UUID, ...] = ()) -> None:
        """Commit something that is said before the turn ends; it goes out at once. Raises StoreError."""

    async def farewell(
        self, memory: Memory, target: Target, *, entity_ids: Sequence[UUID], chosen: str = ""
    ) -> None:
        """Say a last word, wait until it has gone out (30 seconds at most), then erase them. StoreError.

        `chosen`: as for `commit`, taken away with it.
        Doing it again, after a kill, says it once.
        """

    def erased(self, turn: Turn, run: RunRecord) -> None:
        """The turn's rows have ended with the erasure of their sender: whoever waits for them is told."""

    async def finish(self, writing: Coroutine[Any, Any, T]) -> T:
        """Do a short piece of writing to its end, also when the turn is cancelled meanwhile."""

    async def commit(
        self,
        turn: Turn,
        *,
        ends: tuple[InboxEnd, ...],
        run: RunRecord,
        replies: tuple[tuple[Memory, Target], ...] = (),
        revisions: dict[UUID, int],
        chosen: str = "",
    ) -> bool:
        """Write the turn's end in one transaction; then its replies go out. False: stale, nothing written.

        `chosen`: what its message chose of an earlier one's choices, in words: they are taken away there.

        A reply with the id of `turn.revises` takes that answer's place. Without one it stands: its rows stay
        answered, whatever `ends` says.
        """
