"""What an agent shows of itself to one person, where a platform has a place for that."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

LimitKind: TypeAlias = Literal["messages", "tokens", "cost"]
"""Answers to this person within the last minute; tokens and US dollars of all its turns today (UTC)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """One limit of `[agents.limits]`, and how much of it is gone."""

    kind: LimitKind
    used: float
    most: float

    @property
    def left(self) -> float:
        """What is left of it."""
        return max(0.0, self.most - self.used)


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentCard:
    """An agent, as one person has it."""

    name: str
    about: str = ""
    """What it says of itself, in one line; may be empty."""
    language: str = ""
    """The language that is set for their private chat; empty: none."""
    allowances: tuple[Allowance, ...] = ()
    """The limits that hold for them. Those who run the bot have none."""
