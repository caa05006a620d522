"""Commands: what people may ask for by name, and the use of one."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal, Self, TypeAlias

MenuKind: TypeAlias = Literal["message", "user", "anywhere"]
"""What a command may be chosen from besides its name: the menu of a message, of a person, or one that belongs
to neither (Slack's shortcuts)."""
Where: TypeAlias = Literal["anywhere", "private", "shared"]
"""Kinds of rooms: with one person in them, or with several."""


class OptionKind(StrEnum):
    """What an option takes."""

    TEXT = "text"
    INTEGER = "integer"
    BOOLEAN = "boolean"
    USER = "user"
    """The platform's id of a person."""
    CHANNEL = "channel"
    """The platform's id of a channel."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Localized:
    """A name and description in another language; empty: as in English."""

    name: str = ""
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Completing:
    """Somebody who writes a command and has not sent it yet."""

    command: str
    option: str
    typed: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    """Of the other options, as far as they are filled in."""


Completer: TypeAlias = Callable[[Any, Completing], Awaitable[Sequence[str]]]
"""Gets the agent, and what was typed so far; gives texts to choose from, of which 25 are shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """Something that a command is told."""

    name: str
    """As a command's name."""
    description: str
    """1 to 100 characters."""
    kind: OptionKind = OptionKind.TEXT
    required: bool = False
    choices: tuple[str, ...] = ()
    """The only texts that it takes, 25 at the most; empty: any."""
    complete: Completer | None = None
    """Proposes texts while somebody types, where the platform asks."""
    hidden: bool = False
    """Not offered to people: only a choice that the command itself has put fills it in."""
    localizations: Mapping[str, Localized] = field(default_factory=dict)
    """By language: `de`, `pt`, `zh` …"""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandSpec:
    """A command as platforms need to know it."""

    name: str
    """Lower case letters, digits and underscores, 32 at the most: what all platforms take."""
    description: str
    """1 to 100 characters."""
    options: tuple[Option, ...] = ()
    """Required ones first; 25 at the most."""
    where: Where = "anywhere"
    private: bool = False
    """Only the one who asks sees the answer, where the platform can do that; it enters no prompt."""
    secret: bool = False
    """Never answered where others can read it: elsewhere the person is sent to their private chat."""
    says: str = ""
    """The option whose text is said to the agent as if the person had written it: an ordinary turn."""
    menus: Mapping[MenuKind, str] = field(default_factory=dict)
    """Entries in menus, with their label (32 characters): used without options, on a message or a person.

    From a message's menu, what that message says is given as the option `says`.
    """
    localizations: Mapping[str, Localized] = field(default_factory=dict)
    """By language: `de`, `pt`, `zh` …"""
    guarded: tuple[Where, ...] = ()
    """`private`, `shared`: where it needs a role, so that others need not see it. Filled in by the host."""

    def option(self, name: str) -> Option | None:
        """An option by name."""
        return next((option for option in self.options if option.name == name), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandUse:
    """A command that somebody used, as the platform says it. Not checked yet."""

    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    text: str = ""
    """Where the arguments came as one text: all that stands behind the name."""
    locale: str = ""
    """The language of the person's client, where the platform tells: `de`, `en-US`."""
    optional: bool = False
    """An agent without this command takes the message for one like any other."""

    def to_dict(self) -> dict[str, Any]:
        """As JSON values, without what is empty."""
        values: dict[str, Any] = {"name": self.name, "arguments": dict(self.arguments), "text": self.text}
        values |= {"locale": self.locale, "optional": self.optional}
        return {key: value for key, value in values.items() if value}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`."""
        names = ("name", "arguments", "text", "locale", "optional")
        return cls(**{key: values[key] for key in names if key in values})


@dataclass(frozen=True, slots=True, kw_only=True)
class ChoiceUse:
    """Something that was chosen, of what a message offered."""

    key: str
    picks: tuple[int, ...] = ()
    """Which, from 0."""
    fields: Mapping[str, str] = field(default_factory=dict)
    """What was written into a form, by the fields' names."""

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return {"key": self.key, "picks": list(self.picks), "fields": dict(self.fields)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`."""
        return cls(
            key=str(values["key"]),
            picks=tuple(values.get("picks", ())),
            fields=dict(values.get("fields", {})),
        )
