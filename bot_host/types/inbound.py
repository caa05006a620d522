"""What a connector's decode makes of a platform's event. Pure data; ids are the platform's own, as text."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, TypeAlias

from bot_host.types.commands import ChoiceUse, CommandUse
from bot_host.types.content import ChannelType, Content
from bot_host.types.outbound import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """The bot itself on a platform, as learned at login (never its place in the config file)."""

    platform: str
    """`discord`, `telegram`, `slack`, `terminal`."""
    id: str
    """The platform's own bot or team id."""
    name: str = ""
    """How people see it."""
    link: str = ""
    """Where people find it or invite it; empty where the platform has no such address."""

    @property
    def key(self) -> str:
        """`platform:id`, the account's name in the store."""
        return f"{self.platform}:{self.id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class WorldRef:
    """A world as the platform names it. `key` is hashed with the agent's id into the world's UUID."""

    key: str
    name: str = ""
    platform_id: str = ""
    metadata: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomRef:
    """A room as the platform names it. `key` is hashed with the agent's id into the room's UUID."""

    key: str
    type: ChannelType
    channel_id: str
    thread_id: str = ""
    name: str = ""
    """Empty when the event does not say: a known name is then kept."""
    metadata: dict[str, Any] = field(default_factory=dict)
    open: bool | None = None
    """Whether everybody of its world may read it; what is learned there may then be told in all of the world.
    None when the event does not say: what is known is then kept. A room of which nobody said so is not open,
    nor is a thread whose channel is not open any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonRef:
    """A person or bot as the platform names them. `key` and the agent's id make the entity's UUID."""

    key: str
    platform_id: str
    name: str = ""
    """Display name; empty when the event does not say: a known name is then kept."""
    user_name: str = ""
    is_bot: bool = False
    roles: tuple[str, ...] = ()
    """Roles or user groups on the platform, as far as it tells: ids. See `ConnectorConfig.roles`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """How far an event stream has been taken in, kept in the same transaction as the event.

    Only ever moves up. `value` is the platform's order key as an integer: a Discord snowflake, a Telegram
    update id, a Slack `ts` in microseconds.
    """

    name: str
    """For example `channel:1234`."""
    value: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Joins:
    """A message that comes in pieces, of which this is one.

    All pieces have the same `InboundMessage.memory_key`. The first that comes in is the message; each further
    one is joined to it: its text and files, in the order of `place`. A deletion of the first deletes all.
    """

    key: str
    """What all pieces share, inside the account: `channel/album:1234`. Never the event key of a message."""
    place: int
    """Where it stands among the others."""
    settle_s: float
    """Seconds of quiet after which no further piece is waited for. One that comes later is an edit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InboundMessage:
    """Somebody said something."""

    event_key: str
    """The message's identity inside the account, for example `channel/message`: the duplicate check's key."""
    message_id: str
    """The platform's message id."""
    memory_key: str
    """Hashed with the agent's id into the memory's UUID (unique over all of the platform's chats)."""
    world: WorldRef
    room: RoomRef
    sender: PersonRef
    content: Content
    sent_at: datetime
    """Aware, UTC, by the platform's clock."""
    target: Target
    """Where an answer goes. The host fills in the account."""
    replied_memory_key: str | None = None
    """The memory key of the message that this one replies to."""
    replied_id: str = ""
    """The platform's id of that message, where actions need it: the memory's metadata has it."""
    mark: Mark | None = None
    unanswered: str = ""
    """Why it is remembered without a turn: it ends as ignored with this reason. Set by the host, for what was
    missed (`ConnectorHost.accept_missed`)."""
    pairing_id: str = ""
    """The sender's platform id, where only somebody who was approved of may say it (`dm_policy = "pairing"`).
    The host looks them up, and gives strangers a code. Empty: let in already."""
    replaces: str = ""
    """The event key of a message that this one repeats for its sender, and that is gone: where that one was
    answered, this one is not."""
    command: CommandUse | None = None
    """It is the use of a command; `content.text` is how it would be written."""
    choice: ChoiceUse | None = None
    """It chooses something that a message of ours offered; `content.text` is what was chosen, in words."""
    private: bool = False
    """Nobody but the sender sees it: it does not belong to what was said in the room."""
    joins: Joins | None = None
    """It may be a piece only of what its sender says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InboundEdit:
    """A message that was said before now says something else."""

    event_key: str
    """That of the original `InboundMessage`."""
    content: Content
    edited_at: datetime
    mark: Mark | None = None
    pairing_id: str = ""
    """As in `InboundMessage`."""
    quiet: bool = False
    """Nobody asks anew by it, as with a place that moves on a map: an answer stays as it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InboundDelete:
    """Messages that were said before are gone."""

    event_keys: tuple[str, ...]
    mark: Mark | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InboundPlaces:
    """Names that the platform told or changed: worlds, rooms (with their world), people."""

    world: WorldRef | None = None
    rooms: tuple[RoomRef, ...] = ()
    people: tuple[PersonRef, ...] = ()
    opened: tuple[str, ...] = ()
    """Channels, as in `Target.channel_id`, that take the agent's messages from now on, with their threads."""
    readable: tuple[str, ...] | None = None
    """All channels of `world`, as in `Target.channel_id`, that everybody of it may read: no other room of it
    is open any more, but their threads. None: not said."""
    mark: Mark | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InboundReaction:
    """Somebody put a reaction to a message, or took it away."""

    event_key: str
    """That of the message."""
    message_id: str
    """The platform's id of the message, which may be the agent's own."""
    channel_id: str
    """As in `Target.channel_id`."""
    world: WorldRef
    room: RoomRef
    sender: PersonRef
    reaction: str
    """An emoji, or the name of the platform's own one as `:name:`."""
    added: bool
    mark: Mark | None = None
    pairing_id: str = ""
    """As in `InboundMessage`."""
    totals: Mapping[str, int] | None = None
    """All that the message has by now, where the platform tells nothing but how many: nobody's in particular,
    so `reaction` and `added` say nothing then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InboundMembership:
    """Somebody came into a world or left it."""

    world: WorldRef
    person: PersonRef | None
    """None: the agent itself."""
    joined: bool
    mark: Mark | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InboundMove:
    """The platform has given a room, with its world, other ids: what was said there goes on in the new one.

    May come more than once, before or after the first message from there.
    """

    old_world: WorldRef
    old_room: RoomRef
    world: WorldRef
    room: RoomRef
    mark: Mark | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InboundStop:
    """Somebody who may talk with the agent wants it to stop what it does in a room, without a word.

    The turn under way ends, as by a stop word. Where there is none, nothing happens.
    """

    room: RoomRef
    sender: PersonRef
    mark: Mark | None = None


OWN_MESSAGE: Final = "own message"
"""The reason of what the agent said itself: platforms send it back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """An event that is not for the agent, and why: own message, another bot's, a kind we do not know …"""

    reason: str
    """Short and fixed, so that it can be counted: `own message`, `bot`, `unknown kind: poll_answer` …"""
    event_key: str = ""
    mark: Mark | None = None
    failed: bool = False
    """It should have been read and could not be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecentRoom:
    """A room in which somebody spoke lately, as the platform names it."""

    server_id: str
    channel_id: str
    thread_id: str
    type: ChannelType
    last_at: datetime
    """When the newest message came in."""


InboundEvent: TypeAlias = (
    InboundMessage
    | InboundEdit
    | InboundDelete
    | InboundPlaces
    | InboundReaction
    | InboundMembership
    | InboundMove
    | InboundStop
    | Skipped
)
