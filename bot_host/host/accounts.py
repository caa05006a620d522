"""Which connector speaks for which platform account."""

from dataclasses import dataclass, replace
from typing import Final

from bot_host.contracts.connector import Connector, ConnectorConfig
from bot_host.types.errors import ConfigError, StateError
from bot_host.types.ids import UUID
from bot_host.types.inbound import Account
from bot_host.types.outbound import Target

LOCAL: Final = "local:"
"""Accounts of callers of the library: their answers are returned, not sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A logged-in account: its connector, and the agent that answers there."""

    account: Account
    agent_id: UUID
    agent_name: str
    connector: Connector
    config: ConnectorConfig

    def voiced(self, target: Target) -> Target:
        """`target` on this line, with the name of who speaks as `extra["agent"]`."""
        return replace(target, account=self.account.key, extra={**target.extra, "agent": self.agent_name})


class Accounts:
    """The lines that are open, by account key."""

    def __init__(self) -> None:
        self._lines: dict[str, Line] = {}

    def open(self, line: Line) -> bool:
        """Add or renew a line; whether it is new. Raises ConfigError when another one has the account."""
        known = self._lines.get(line.account.key)
        if known is not None and known.connector is not line.connector:
            raise ConfigError(
                f"two [[connectors.{line.account.platform}]] tables log in to the same account "
                f"{line.account.name or line.account.id}: remove one, or give it a token of its own"
            )
        self._lines[line.account.key] = line
        return known is None

    def close(self, connector: Connector) -> None:
        """The lines of a connector that is taken away."""
        for key in [key for key, line in self._lines.items() if line.connector is connector]:
            del self._lines[key]

    def find(self, account: str) -> Line | None:
        """The line of an account key."""
        return self._lines.get(account)

    def get(self, account: str) -> Line:
        """The line of an account key. Raises StateError."""
        line = self._lines.get(account)
        if line is None:
            raise StateError(f"the account {account} is not connected")
        return line

    def can_answer(self, account: str) -> bool:
        """Whether an answer has a way out: a line that is open, or a caller of our own who waits for it."""
        return account in self._lines or account.startswith(LOCAL)

    def speaks(self, agent_id: UUID, source: str) -> bool:
        """Whether an agent has an open line on a platform."""
        lines = self._lines.values()
        return any(line.agent_id == agent_id and line.account.platform == source for line in lines)

    def resolve(self, agent_id: UUID, target: Target) -> Line:
        """The line that a message of `agent_id` to `target` goes through. Raises StateError."""
        if target.account:
            line = self._lines.get(target.account)
            if line is None:
                raise StateError(f"there is no connected account {target.account}")
            return line
        mine = [
            line
            for line in self._lines.values()
            if line.agent_id == agent_id and line.account.platform == target.source
        ]
        if not mine:
            raise StateError(
                f"nothing sends to {target.source or 'an unnamed source'}: no such connector is on"
            )
        if len(mine) > 1:
            names = ", ".join(line.account.key for line in mine)
            raise StateError(f"several accounts could send this; name one as target.account: {names}")
        return mine[0]
