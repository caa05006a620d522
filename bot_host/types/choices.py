"""Choices: what a message offers to choose from, or a form to fill in."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from bot_host.types.ids import UUID

PICKS: Final = 25
"""Of one message: what Discord shows (5 rows of 5 buttons, or 25 options of a list)."""
FIELDS: Final = 5
"""Of one form: Discord's bound."""
DAY_S: Final = 86_400.0


class Pick(BaseModel):
    """One thing to choose."""

    model_config = ConfigDict(extra="forbid")

    label: str = Field(min_length=1, max_length=80)
    """What people see."""
    value: str = Field(default="", max_length=1000)
    """What it stands for; empty: the label."""
    description: str = Field(default="", max_length=100)
    """A line below the label, where it is shown in a list."""
    style: Literal["plain", "primary", "good", "danger"] = "plain"

    @property
    def meaning(self) -> str:
        """What it stands for."""
        return self.value or self.label


class FormField(BaseModel):
    """One field of a form."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=32)
    label: str = Field(min_length=1, max_length=45)
    long: bool = False
    """Several lines."""
    required: bool = True
    max_length: int = Field(default=1000, ge=1, le=4000)
    placeholder: str = Field(default="", max_length=100)


class Choices(BaseModel):
    """Buttons or a list (`picks`), or a form (`fields`), below a message.

    What is chosen is a use of `command`, with `arguments`, and the chosen value as its option `argument` (of
    a form: each field as the option of its name). Without a command the person says it: the chosen values,
    or the filled-in fields, come as a message of theirs.
    """

    model_config = ConfigDict(extra="forbid")

    picks: list[Pick] = Field(default_factory=list, max_length=PICKS)
    fields: list[FormField] = Field(default_factory=list, max_length=FIELDS)
    title: str = Field(default="", max_length=45)
    """Of a form: on its button and above it."""
    many: bool = False
    """Several picks may be chosen together."""
    command: str = ""
    argument: str = ""
    arguments: dict[str, Any] = Field(default_factory=dict)
    listed: bool = True
    """Written as a list where there are no buttons. False: the text says already how to answer in words."""
    anybody: bool = False
    """Whoever is in the room may choose; else only the person who is answered."""
    lasts_s: float = Field(default=DAY_S, gt=0, le=30 * DAY_S)
    """Seconds. Later it is too late."""
    key: str = ""
    """Filled in by the host: what a platform gives back. 16 characters that say nothing."""
    owner: UUID | None = None
    """Filled in by the host: who may choose; None: anybody."""
    expires_at: datetime | None = None
    """Filled in by the host."""

    @model_validator(mode="after")
    def _is_one_of_both(self) -> Self:
        if bool(self.picks) == bool(self.fields):
            raise ValueError("choices need either picks or fields")
        if self.fields and not self.title:
            raise ValueError("a form needs a title")
        if len({each.name for each in self.fields}) < len(self.fields):
            raise ValueError("two fields of a form have the same name")
        if self.argument and not self.command:
            raise ValueError("argument is an option of a command: command is missing")
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenChoice:
    """What a message of ours offered, and whether somebody chose."""

    key: str
    agent_id: UUID
    room_id: UUID
    memory_id: UUID
    """The message that offers."""
    entity_id: UUID | None
    """Who may choose; None: anybody in the room."""
    expires_at: datetime
    used_at: datetime | None
    used_by: UUID | None
    """The message that chose."""
    choices: Choices
