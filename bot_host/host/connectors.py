"""Keeping the connectors running: each alone, with its own faults, its own waits, its own end."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from bot_host.contracts.acting import ActingConnector
from bot_host.contracts.connector import Connector, ConnectorState, SelfChecking
from bot_host.contracts.connector_app import scoped_key
from bot_host.contracts.connector_config import ConnectorConfig
from bot_host.contracts.plugin import Action
from bot_host.contracts.store import Store
from bot_host.host.accounts import Accounts, Line
from bot_host.host.cards import card_of
from bot_host.host.inbox import HostInbox
from bot_host.host.missed import Missed
from bot_host.host.runner import Runner
from bot_host.host.scope import scoped
from bot_host.kit.clock import utc_now
from bot_host.runtime import AgentRuntime
from bot_host.runtime.choices import why_not
from bot_host.runtime.commands import complete, offered
from bot_host.runtime.parts import check_action
from bot_host.types.cards import AgentCard
from bot_host.types.choices import Choices
from bot_host.types.commands import CommandSpec, Completing
from bot_host.types.errors import StateError
from bot_host.types.ids import UUID, create_unique_uuid
from bot_host.types.inbound import Account, InboundEvent, InboundMessage, Mark, RecentRoom
from bot_host.types.pairing import PairingState

log = logging.getLogger(__name__)

COMPLETE_SECONDS: Final = 2.0
"""Whoever types waits no longer: Discord takes proposals for three."""
LOOK_SECONDS: Final = 60.0
"""What a connector may take to find out what makes it silent."""


class ConnectorRunner(Runner):
    """One connector and its `ConnectorHost`: supervises `run`, and takes in what it brings."""

    def __init__(
        self,
        connector: Connector,
        config: ConnectorConfig,
        *,
        name: str,
        agent_id: UUID,
        agent_name: str,
        store: Store,
        inbox: HostInbox,
        accounts: Accounts,
        data_dir: Path,
        on_open: Callable[[str], Awaitable[None]],
        find_agent: Callable[[UUID], AgentRuntime | None],
        mask: Callable[[str], str],
        watch_pairing: Callable[[str], Coroutine[Any, Any, None]],
        scope: str = "",
    ) -> None:
        """`scope`: what keys of this account are kept apart by (`host/scope`).

        `mask` blots secrets out of what is stored about failures (invariant I5).
        """
        super().__init__(
            connector,
            name=name,
            agent_id=agent_id,
            agent_name=agent_name,
            store=store,
            data_dir=data_dir,
            mask=mask,
        )
        self._connector = connector
        self._config = config
        self._inbox = inbox
        self._accounts = accounts
        self._on_open = on_open
        self._find_agent = find_agent
        self._watch_pairing = watch_pairing
        self._missed = Missed(store, inbox, config, name=name, began=utc_now())
        self._looked = False
        self._scope = scope

    @property
    def connector(self) -> Connector:
        """What it runs."""
        return self._connector

    async def _serve(self) -> None:
        await self._connector.run(self)

    # -- what the connector sees (ConnectorHost) --------------------------------------------------------

    async def connected(self, account: Account) -> None:
        """Logged in: the account's line opens, and what waited for it goes out."""
        line = Line(
            account=account,
            agent_id=self.agent_id,
            agent_name=self.agent_name,
            connector=self.connector,
            config=self._config,
            actions=self._actions(),
        )
        new = self._accounts.open(line)
        if new or self.state is not ConnectorState.CONNECTED:
            log.log(
                logging.DEBUG if self.accompanies else logging.INFO,
                "%s on: connected as %s, %s answers%s",
                self.name,
                account.name or account.id,
                self.agent_name,
                f"; find or invite it: {account.link}" if account.link else "",
            )
        self._account = account
        if new or self.state is not ConnectorState.CONNECTED:
            self._become(ConnectorState.CONNECTED)
            self._tasks.spawn("note", self._note())
        self._failures = 0
        if not self._looked:
            self._looked = True
            self._tasks.spawn("silences", self._warn_of_silence())
            if self._config.dm_policy == "pairing":
                self._tasks.spawn("pairing", self._watch_pairing(account.key))
        await self._on_open(account.key)

    def _actions(self) -> tuple[Action, ...]:
        """What the connector can do besides. A slip there costs the actions, never the connection."""
        if not isinstance(self.connector, ActingConnector):
            return ()
        try:
            found = [check_action(action) for action in self.connector.actions()]
        except Exception:
            log.exception("%s: its actions cannot be offered", self.name)
            return ()
        return tuple(replace(action, plugin=self.connector.platform) for action in found)

    async def accept(self, *events: InboundEvent) -> None:
        """Take events in, in order. Returns when all are on disk. Raises StoreError."""
        self.events += len(events)
        self.last_event_at = utc_now()
        await self._inbox.accept(self.agent_id, self._who(), [scoped(each, self._scope) for each in events])

    async def accept_missed(self, *events: InboundEvent) -> None:
        """`accept`, by the account's `catch_up` and `catch_up_max_age`. Raises StoreError."""
        await self._missed.accept(self.agent_id, self._who(), [scoped(each, self._scope) for each in events])

    def caught_up(self) -> None:
        """All of a gap has been handed over: say what became of it."""
        self._missed.close()

    async def recent_rooms(self, *, limit: int) -> list[RecentRoom]:
        """The rooms of this account in which people spoke last, newest first."""
        return await self._store.recent_rooms(self._who().key, limit=limit)

    async def find_mark(self, name: str) -> int | None:
        """How far a stream of this account has been taken in."""
        await self._inbox.skips.flush()
        return await self._store.find_mark(self._who().key, name)

    async def is_paired(self, user_id: str) -> bool:
        """Whether somebody may write directly where `dm_policy` is `pairing`."""
        known = await self._store.find_pairing(self._who().key, user_id)
        return known is not None and known.state is PairingState.APPROVED

    async def set_mark(self, mark: Mark) -> None:
        """Move a mark without an event."""
        await self._store.set_mark(self._who().key, mark)

    def commands(self) -> Sequence[CommandSpec]:
        """The commands of the agent that answers here."""
        agent = self._find_agent(self.agent_id)
        return tuple(offered(agent)) if agent is not None else ()

    async def card(self, person: str, room: str) -> AgentCard:
        """What the agent shows of itself to a person. Raises StoreError."""
        agent = self._find_agent(self.agent_id)
        if agent is None:
            return AgentCard(name=self.agent_name)
        return await card_of(
            agent,
            entity_id=create_unique_uuid(self.agent_id, scoped_key(self._scope, person)),
            room_id=create_unique_uuid(self.agent_id, scoped_key(self._scope, room)),
        )

    def openers(self) -> Sequence[str]:
        """What people may ask the agent to begin with."""
        agent = self._find_agent(self.agent_id)
        return agent.character.openers() if agent is not None else ()

    async def complete(self, asked: Completing) -> list[str]:
        """What to propose to somebody who types an option. Never raises."""
        agent = self._find_agent(self.agent_id)
        if agent is None or not agent.started:
            return []
        try:
            async with asyncio.timeout(COMPLETE_SECONDS):
                return await complete(agent, asked)
        except Exception:
            log.exception("%s: nothing is proposed for /%s", self.name, asked.command)
            return []

    async def find_choices(self, key: str) -> Choices | None:
        """What one of our messages offers; None: it is over."""
        found = await self._store.find_choice(key)
        over = found is None or found.used_at is not None or found.expires_at <= utc_now()
        return None if found is None or over else found.choices

    async def refuse_choice(self, message: InboundMessage) -> str:
        """Why what it chooses is not its sender's to choose; empty: it is. Raises StoreError."""
        if message.choice is None:
            return ""
        choice, message = message.choice, scoped(message, self._scope)
        refusal = why_not(
            await self._store.find_choice(choice.key),
            agent_id=self.agent_id,
            entity_id=create_unique_uuid(self.agent_id, message.sender.key),
            room_id=create_unique_uuid(self.agent_id, message.room.key),
            by=create_unique_uuid(self.agent_id, message.memory_key),
            at=utc_now(),
        )
        return refusal[1] if refusal is not None else ""

    async def recall(self, name: str) -> Any:
        """A JSON value that this account's connector wanted to be remembered."""
        return await self._store.get_cache(self.agent_id, f"connector:{self._who().key}:{name}")

    async def remember(self, name: str, value: Any) -> None:
        """Keep a JSON value over restarts."""
        await self._store.set_cache(self.agent_id, f"connector:{self._who().key}:{name}", value)

    async def _warn_of_silence(self) -> None:
        """Say once what would keep the bot silent though it is connected."""
        if not isinstance(self.connector, SelfChecking):
            return
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                lines = await self.connector.silences()
        except Exception as error:
            log.debug("%s: could not look for what makes it silent", self.name, exc_info=error)
            return
        for line in lines:
            log.warning("%s: %s%s", self.name, line.detail, f"; {line.advice}" if line.advice else "")

    def _who(self) -> Account:
        if self._account is None:
            raise StateError(f"{self.name} has not said who it is: `connected` comes first")
        return self._account
