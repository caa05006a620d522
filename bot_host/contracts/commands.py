"""Commands that a plugin brings: what is done when somebody asks for it by name, without a model."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn, Protocol, TypeAlias

from bot_host.types.commands import CommandSpec
from bot_host.types.content import Content
from bot_host.types.ids import UUID
from bot_host.types.memory import Memory
from bot_host.types.places import Role, Room

if TYPE_CHECKING:
    from bot_host.contracts.plugin import Agent, HandlerCallback


class ForgetSender(Protocol):
    """How a command erases whoever asks for it."""

    def __call__(self, content: Content, *, also: Sequence[UUID] = ()) -> Awaitable[NoReturn]:
        """Say a last word, wait until it has gone out (30 seconds at most), then erase all that the store has
        of the sender, this message included, and of the entities `also`, which go first.

        Does not return: nothing is left to be answered.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandCall:
    """One use of a command."""

    message: Memory
    """What was written or clicked; its sender is who asks."""
    room: Room
    arguments: Mapping[str, Any]
    """Checked against the command's options; those that were not given are missing."""
    role: Role
    """The sender's, in the world of the room."""
    say: "HandlerCallback"
    """Says something while the command works."""
    forget_sender: "ForgetSender"
    locale: str = ""
    """The language of the sender's client, where the platform tells."""
    chosen: bool = False
    """It was chosen from what a message of ours offered, not typed."""


Answer: TypeAlias = str | Content | None
"""What a command says. None: nothing."""
CommandHandler: TypeAlias = "Callable[[Agent, CommandCall], Awaitable[Answer]]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Command(CommandSpec):
    """Something that people can ask for by name, without a model: `/name`, a menu, a button."""

    handler: "CommandHandler | None" = None
    """None: only for commands that say an option (`says`)."""
    required_role: Role | None = None
    """The sender must have it in the room's world, everywhere; OWNER may do what ADMIN may."""
    shared_role: Role | None = None
    """The same, asked only in rooms of several people."""
    idempotent: bool = False
    """Doing it twice is the same as doing it once, so an interrupted one may simply begin again."""
    free: bool = False
    """It uses no model: limits of tokens and cost do not hold it up, those of messages do."""
    plugin: str = field(default="")
    """Who brought it; filled in when the plugin is loaded."""
