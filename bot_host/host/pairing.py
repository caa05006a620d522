"""Strangers at the door of an account with `dm_policy = "pairing"`: a code for them, a word when they are in.

The rows are the truth: whoever approves, in this process or beside it, is heeded at the next message.
"""

import asyncio
import logging
import secrets
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from bot_host.contracts.store import Store
from bot_host.host.accounts import Accounts, Line
from bot_host.host.inbox import Knocking
from bot_host.host.parts import parts_of
from bot_host.host.sender import Sender
from bot_host.kit.clean import one_line
from bot_host.kit.clock import utc_now
from bot_host.kit.tasks import Supervisor
from bot_host.runtime import AgentRuntime
from bot_host.types.access import PAIRING, PAIRING_BEFORE, PAIRING_DENIED, PAIRING_OLD, PAIRING_SILENT
from bot_host.types.content import Content
from bot_host.types.errors import StoreError
from bot_host.types.ids import UUID, create_unique_uuid
from bot_host.types.inbound import Account, InboundEvent, InboundMessage, Skipped
from bot_host.types.memory import Memory
from bot_host.types.pairing import CODE_ALPHABET, CODE_LASTS, CODE_LENGTH, Pairing, PairingState, who
from bot_host.types.turn import NewOutbox

log = logging.getLogger(__name__)

LOOK_SECONDS: Final = 1.0
"""Between looks for those whom somebody beside this process has approved of."""
AGAIN_SECONDS: Final = 60.0
"""After somebody could not be told."""
CODE_LINE: Final = (
    "I don't know you yet. Please give this code to whoever runs me, and they can let you in: `{code}`\n"
    "It is good for an hour. Until then I read nothing of what you write."
)
"""Told to a stranger; a character's `templates.pairingMessage` says it its own way, with `{code}` in it."""
WELCOME_LINE: Final = "You have been let in, and can talk with me now. What you wrote before I have not read."
"""Told to somebody who was approved of: `templates.pairingApprovedMessage`."""


def new_code() -> str:
    """A code that nobody can guess: 40 random bits."""
    return "".join(secrets.choice(CODE_ALPHABET) for _ in range(CODE_LENGTH))


class PairingDesk:
    """Looks strangers up, gives them codes, and tells those who were let in."""

    def __init__(
        self,
        store: Store,
        accounts: Accounts,
        sender: Sender,
        *,
        tasks: Supervisor,
        find_agent: Callable[[UUID], AgentRuntime | None],
    ) -> None:
        self._store = store
        self._accounts = accounts
        self._sender = sender
        self._tasks = tasks
        self._find_agent = find_agent

    async def judge(
        self, agent_id: UUID, account: Account, event: Knocking, *, missed: bool = False
    ) -> InboundEvent:
        """The event itself when its sender has been approved of; else why it is skipped. Raises StoreError.

        `missed`: it was said while nobody listened. What was said before the approval is not answered then:
        its sender has been told so.
        """
        known = await self._store.find_pairing(account.key, event.pairing_id)
        if known is not None and known.state is PairingState.APPROVED and known.agent_id == agent_id:
            since = known.decided_at or known.asked_at
            if missed and isinstance(event, InboundMessage) and event.sent_at < since:
                return _skipped(event, PAIRING_BEFORE)
            return event
        if not isinstance(event, InboundMessage):
            return _skipped(event, PAIRING_SILENT)
        if known is not None and known.state is PairingState.DENIED:
            return _skipped(event, PAIRING_DENIED)
        if known is not None and known.is_open(utc_now()):
            return _skipped(event, PAIRING_SILENT)
        if event.unanswered:
            return _skipped(event, PAIRING_OLD)
        request = self._request(agent_id, account, event)
        return await asyncio.shield(self._tasks.spawn("pairing", self._knock(request, event)))

    def _request(self, agent_id: UUID, account: Account, message: InboundMessage) -> Pairing:
        now = utc_now()
        entity_id = create_unique_uuid(agent_id, message.sender.key)
        target = replace(message.target, account=account.key, entity_id=entity_id, room_id=None)
        return Pairing(
            account=account.key,
            user_id=message.pairing_id,
            agent_id=agent_id,
            entity_id=entity_id,
            name=one_line(message.sender.name or message.sender.user_name, 80),
            target=replace(target, reply_to=""),
            code=new_code(),
            asked_at=now,
            expires_at=now + CODE_LASTS,
        )

    async def _knock(self, request: Pairing, message: InboundMessage) -> InboundEvent:
        line = self._words(request.agent_id, "pairingMessage", CODE_LINE)
        said = line.replace("{code}", request.code) if "{code}" in line else f"{line} {request.code}"
        rows = self._rows(self._accounts.get(request.account), request, said)
        knocked = await self._store.knock(request, rows, self._sender.free(rows))
        if not knocked.reason:
            return message  # somebody was quicker to approve
        if knocked.reason == PAIRING:
            self._sender.queued(rows, knocked.queued)
            log.info("%s asks to be let in: python -m bot_host pair list", who(request))
        return _skipped(message, knocked.reason)

    def _words(self, agent_id: UUID, template: str, default: str) -> str:
        agent = self._find_agent(agent_id)
        return default if agent is None else agent.character.templates.get(template, default)

    def _rows(self, line: Line, pairing: Pairing, text: str) -> list[NewOutbox]:
        if not text.strip():
            return []
        said = Memory(
            agent_id=pairing.agent_id,
            entity_id=pairing.agent_id,
            room_id=create_unique_uuid(pairing.agent_id, pairing.target.channel_id or pairing.user_id),
            content=Content(text=text, source=line.account.platform),
        )
        return parts_of(line, said, pairing.target, run_id=None)

    async def watch(self, account: str) -> None:
        """Tell those who are approved of, as long as the account is on."""
        while True:
            try:
                for pairing in await self._store.untold_pairings(account):
                    await asyncio.shield(self._tasks.spawn("pairing", self._tell(pairing)))
            except StoreError as error:
                log.warning("who has been let in could not be looked up: %s", error)
            except Exception as error:
                # A connector's fault, or an account that is off just now: the row waits.
                log.warning("%s: somebody who was let in could not be told: %s", account, error)
                log.debug("pairing", exc_info=error)
                await asyncio.sleep(AGAIN_SECONDS)
            await asyncio.sleep(LOOK_SECONDS)

    async def _tell(self, pairing: Pairing) -> None:
        text = self._words(pairing.agent_id, "pairingApprovedMessage", WELCOME_LINE)
        rows = self._rows(self._accounts.get(pairing.account), pairing, text)
        queued = await self._store.tell_pairing(pairing, rows, self._sender.free(rows), now=utc_now())
        self._sender.queued(rows, queued)
        log.info("%s has been let in", who(pairing))


def _skipped(event: Knocking, reason: str) -> Skipped:
    return Skipped(reason=reason, event_key=event.event_key, mark=event.mark)
