"""Which connector speaks for which platform account."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, cast

from bot_host.contracts.connector import Connector, EditingConnector
from bot_host.contracts.connector_config import ConnectorConfig
from bot_host.contracts.plugin import Action
from bot_host.host.handlers import HandlerSender, handler_account, handler_of
from bot_host.runtime import AgentRuntime
from bot_host.types.errors import ConfigError, StateError
from bot_host.types.ids import UUID
from bot_host.types.inbound import Account, PersonRef
from bot_host.types.memory import SOURCE_ACCOUNT, Memory
from bot_host.types.outbound import Target
from bot_host.types.places import Role

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
    actions: tuple[Action, ...] = ()
    """What the agent can do there besides (`ActingConnector`)."""

    def voiced(self, target: Target) -> Target:
        """`target` on this line, with the name of who speaks as `extra["agent"]`."""
        return replace(target, account=self.account.key, extra={**target.extra, "agent": self.agent_name})


def answers_callers(account: str) -> bool:
    """Whether a caller of the library may wait for what is said there."""
    return account.startswith(LOCAL) or handler_of(account) is not None


class Accounts:
    """The lines that are open, by account key. Send handlers of started agents count as lines."""

    def __init__(self, find_agent: Callable[[UUID], AgentRuntime | None] = lambda _: None) -> None:
        self._lines: dict[str, Line] = {}
        self._find_agent = find_agent

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

    def close(self, connector: object) -> None:
        """The lines of a connector that is taken away."""
        for key in [key for key, line in self._lines.items() if line.connector is connector]:
            del self._lines[key]

    def find(self, account: str) -> Line | None:
        """The line of an account key."""
        line = self._lines.get(account)
        if line is None and (handled := handler_of(account)) is not None:
            return self._handler_line(*handled)
        return line

    def _handler_line(self, source: str, agent_id: UUID) -> Line | None:
        agent = self._find_agent(agent_id)
        if agent is None or not agent.started or source not in agent.send_handlers:
            return None
        return Line(
            account=handler_account(agent_id, source),
            agent_id=agent_id,
            agent_name=agent.character.name,
            # The outbox asks of it only what a HandlerSender has: nothing logs in there.
            connector=cast(Connector, HandlerSender(agent, source)),
            config=ConnectorConfig(mention_only=False),
        )

    def get(self, account: str) -> Line:
        """The line of an account key. Raises StateError."""
        line = self.find(account)
        if line is None:
            raise StateError(f"the account {account} is not connected")
        return line

    def can_answer(self, account: str) -> bool:
        """Whether an answer has a way out: a line that is open, or a caller of our own who waits for it."""
        return account in self._lines or account.startswith(LOCAL) or self.find(account) is not None

    def revises(self, account: str) -> bool:
        """Whether answers there follow the edits of their questions: wanted, and the platform can."""
        line = self._lines.get(account)
        return (
            line is not None
            and line.config.edited_answer == "edit"
            and isinstance(line.connector, EditingConnector)
        )

    def retracts(self, account: str) -> bool:
        """Whether answers there go with their questions: wanted, and the platform can."""
        line = self._lines.get(account)
        return (
            line is not None
            and line.config.deleted_answer == "retract"
            and isinstance(line.connector, EditingConnector)
        )

    def host_role(self, account: str, person: PersonRef) -> Role:
        """What the account's `roles` make of somebody, by their roles on the platform: the highest."""
        line = self._lines.get(account)
        if line is None or not line.config.roles:
            return Role.NONE
        held = {line.config.roles[role] for role in person.roles if role in line.config.roles}
        return Role.OWNER if "owner" in held else Role.ADMIN if held else Role.NONE

    def handles(self, agent_id: UUID, source: str) -> bool:
        """Whether a send handler of the agent's sends to a source."""
        return self._handler_line(source, agent_id) is not None

    def speaks(self, agent_id: UUID, source: str) -> bool:
        """Whether an agent has an open line on a platform, or a send handler for it."""
        lines = self._lines.values()
        mine = any(line.agent_id == agent_id and line.account.platform == source for line in lines)
        return mine or self.handles(agent_id, source)

    def actions_for(self, agent_id: UUID, message: Memory) -> tuple[Action, ...]:
        """What the account that a message came in through can do for its agent."""
        line = self._lines.get(str(message.metadata.get(SOURCE_ACCOUNT, "")))
        return line.actions if line is not None and line.agent_id == agent_id else ()

    def resolve(self, agent_id: UUID, target: Target) -> Line:
        """The line that a message of `agent_id` to `target` goes through. Raises StateError."""
        if target.account:
            line = self.find(target.account)
            if line is None:
                raise StateError(f"there is no connected account {target.account}")
            return line
        mine = [
            line
            for line in self._lines.values()
            if line.agent_id == agent_id and line.account.platform == target.source
        ]
        if not mine:
            handled = self._handler_line(target.source, agent_id)
            if handled is not None:
                return handled
            raise StateError(
                f"nothing sends to {target.source or 'an unnamed source'}: no such connector is on, and no "
                "send handler is registered for it"
            )
        if len(mine) > 1:
            names = ", ".join(line.account.key for line in mine)
            raise StateError(f"several accounts could send this; name one as target.account: {names}")
        return mine[0]
