"""What comes back: of providers, of actions, of a sending."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from bot_host.types.ids import UUID
from bot_host.types.memory import Memory


@dataclass(slots=True, kw_only=True)
class State:
    """What the providers said about one message."""

    text: str = ""
    values: dict[str, Any] = field(default_factory=dict)
    data: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderResult:
    """A provider's piece of context (elizaos.md 2.6-01)."""

    text: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionResult:
    """What an action did (elizaos.md 2.7-02)."""

    success: bool = True
    text: str = ""
    """For the model, and for the log."""
    values: Mapping[str, Any] = field(default_factory=dict)
    data: Mapping[str, Any] = field(default_factory=dict)
    error: str = ""


@dataclass(slots=True, kw_only=True)
class PlanStep:
    """One action of a plan."""

    action: str
    status: Literal["pending", "completed", "failed"] = "pending"
    result: ActionResult | None = None


@dataclass(slots=True, kw_only=True)
class ActionPlan:
    """The actions of one answer, when there are several (elizaos.md 2.8-01)."""

    run_id: UUID
    steps: list[PlanStep]
    current_step: int = 1
    """From 1."""
    thought: str = ""

    @property
    def total_steps(self) -> int:
        """How many actions."""
        return len(self.steps)


class Delivery(Protocol):
    """A message on its way to a platform: committed, perhaps not yet sent."""

    memory: Memory
    """The message as it is remembered."""

    async def sent(self, timeout: float | None = None) -> list[str]:
        """Wait for the platform; its message ids, one a part.

        Raises SendRefused when it will never be sent, TimeoutError after `timeout` seconds (the message
        stays on its way).
        """
