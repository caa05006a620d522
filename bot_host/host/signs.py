"""What is shown beside the answers: that one is being written, that a choice was made, that none comes."""

import asyncio
import logging
from collections.abc import Collection
from typing import Final

from bot_host.contracts.connector import AcknowledgingConnector, ChoiceConnector, Connector
from bot_host.contracts.turn import Turn
from bot_host.host.accounts import Accounts, Line
from bot_host.types.errors import ConnectorError
from bot_host.types.ids import UUID
from bot_host.types.outbound import LANE, Payload, Target, destination_of
from bot_host.types.turn import NewOutbox

log = logging.getLogger(__name__)

TYPING_SECONDS: Final = 10.0


async def keep_typing(connector: Connector, target: Target) -> None:
    """Show it again and again, until cancelled."""
    while True:
        try:
            async with asyncio.timeout(TYPING_SECONDS):
                await connector.typing(target)
        except (TimeoutError, ConnectorError) as error:
            log.debug("typing indicator: %s", error)
        await asyncio.sleep(connector.typing_interval_s)


async def typing_done(connector: Connector, target: Target) -> None:
    """Take it away."""
    try:
        async with asyncio.timeout(TYPING_SECONDS):
            await connector.typing_done(target)
    except (TimeoutError, ConnectorError) as error:
        log.debug("typing indicator: %s", error)


def signs_of(turn: Turn, accounts: Accounts, *, answered: Collection[Target], chosen: str) -> list[NewOutbox]:
    """What goes out beside a turn's answers: choices are taken away, and waiting for nothing is ended."""
    rows: list[NewOutbox] = []
    for row in turn.rows:
        line = accounts.find(row.account)
        if line is None:
            continue
        rows += sign_of_choice(line, row.target, agent_id=row.agent_id, chosen=chosen)
        if not any(_is_same(row.target, target) for target in answered) and isinstance(
            line.connector, AcknowledgingConnector
        ):
            rows += _parts(line, row.target, line.connector.unanswered(row.target), agent_id=row.agent_id)
    return rows


def sign_of_choice(line: Line, target: Target, *, agent_id: UUID, chosen: str) -> list[NewOutbox]:
    """What takes the choices away of which `chosen` was chosen, in words; nothing for empty words."""
    if not chosen or not isinstance(line.connector, ChoiceConnector):
        return []
    return _parts(line, target, line.connector.chosen(target, chosen), agent_id=agent_id)


def _is_same(one: Target, other: Target) -> bool:
    lane = one.extra.get(LANE)
    return lane == other.extra.get(LANE) if lane else one == other


def _parts(line: Line, target: Target, payloads: list[Payload], *, agent_id: UUID) -> list[NewOutbox]:
    account = line.account.key
    return [
        NewOutbox(
            agent_id=agent_id,
            account=account,
            destination=destination_of(account, target),
            target=target,
            payload=payload,
            part=part,
            parts=len(payloads),
        )
        for part, payload in enumerate(payloads)
    ]
