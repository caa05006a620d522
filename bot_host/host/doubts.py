"""Parts that may have arrived: the platform is asked before one of them goes out again.

A part is in doubt when its row says `sending` before it is sent: the process that sent it was killed, or the
platform did not answer. What a platform can tell decides:

* one that can be read back (`ReadBackConnector`) is asked: the part is recorded, or goes out;
* one that knows neither keys nor reading back (`RepeatingConnector`) gets it once more at most, marked as a
  repeat, or not at all;
* at any other the part goes out again with the same key.
"""

import asyncio
import logging
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, TypeAlias

from bot_host.contracts.connector import Connector, ReadBackConnector, RepeatingConnector
from bot_host.contracts.store import Store
from bot_host.kit.clock import utc_now
from bot_host.types.errors import ConnectorError, SendLater, SendRefused
from bot_host.types.turn import OutboxRow, OutboxState

log = logging.getLogger(__name__)

UNKNOWN: Final = "unknown whether it was delivered"
"""The error of a part that is not sent again."""
REPEATED: Final = "sent again, as it is unknown whether it was delivered"
"""How the error of a row begins whose part goes out, or went out, a second time."""
LOOK_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """It is there."""

    platform_message_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LookLater:
    """It could not be looked up now."""

    error: Exception


@dataclass(frozen=True, slots=True, kw_only=True)
class Unproven:
    """It is not to be sent again."""


Finding: TypeAlias = OutboxRow | Arrived | LookLater | Unproven
"""A row is to be sent, as it is given back."""


class Doubts:
    """One outbox's parts of unknown fate."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._not_taken: set[int] = set()

    async def put_off(self, row: OutboxRow, until: datetime, why: str, *, unknown: bool) -> None:
        """Write down that a part is to be tried, or looked up, later. Raises StoreError."""
        if row.error.startswith(REPEATED):
            why = f"{REPEATED}: {why}"
        if unknown:
            await self._store.mark_unknown(row.seq, until, why)
            return
        # What is not written now is known all the same: the platform did not take it.
        self._not_taken.add(row.seq)
        await self._store.mark_later(row.seq, until, why)

    async def look(self, connector: Connector, row: OutboxRow) -> Finding:
        """What is to be done with a row whose turn it is. Raises StoreError."""
        not_taken = row.seq in self._not_taken
        self._not_taken.discard(row.seq)
        if row.state is OutboxState.PENDING or row.marked or not_taken:
            return self._marked(connector, row) if row.error.startswith(REPEATED) else row
        if not row.error:
            log.warning(
                "part %d of a message to %s was being sent when the host ended", row.part + 1, row.destination
            )
        if isinstance(connector, ReadBackConnector):
            return await self._read_back(connector, row)
        if isinstance(connector, RepeatingConnector):
            return await self._repeat(connector, row)
        log.warning("a part of a message to %s is sent again with the same key", row.destination)
        return row

    async def _read_back(self, connector: ReadBackConnector, row: OutboxRow) -> Finding:
        others = await self._store.sent_ids(row.destination, row.seq)
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                sent = await connector.find_sent(
                    row.payload, row.target, key=key_of(row), since=row.created_at, others=others
                )
        except SendRefused as error:
            log.warning(
                "whether a message to %s has arrived cannot be read back (%s); sending it again",
                row.destination,
                error,
            )
            return row
        except (TimeoutError, ConnectorError) as error:
            return LookLater(error=error)
        except Exception:
            # A connector's own fault must not keep the message from going out (I4).
            log.exception("reading back a message to %s failed; sending it again", row.destination)
            return row
        if sent is None:
            log.info("the message to %s has not arrived; sending it again", row.destination)
            return row
        log.info("the message to %s has arrived: %s", row.destination, sent.platform_message_id)
        return Arrived(platform_message_id=sent.platform_message_id)

    async def _repeat(self, connector: RepeatingConnector, row: OutboxRow) -> Finding:
        payload = None if row.error.startswith(REPEATED) else connector.repeated(row.payload)
        if payload is None:
            return Unproven()
        # On disk first: killed during the repeat, there must not be a second one.
        await self._store.mark_unknown(row.seq, utc_now(), REPEATED)
        log.warning("it is unknown whether a message to %s has arrived; repeating it", row.destination)
        return replace(row, payload=payload, error=REPEATED)

    @staticmethod
    def _marked(connector: Connector, row: OutboxRow) -> Finding:
        if not isinstance(connector, RepeatingConnector):
            return row
        payload = connector.repeated(row.payload)
        return Unproven() if payload is None else replace(row, payload=payload)


def key_of(row: OutboxRow) -> str:
    """A part's idempotency key: the same at each try. What an edit adds is another part than the first."""
    revision = f":{row.revision}" if row.revision else ""
    return f"{row.memory_id or row.seq}:{row.part}{revision}"


def is_unknown(error: Exception, connector: Connector) -> bool:
    """Whether a part may have arrived although its send ended like this."""
    if isinstance(error, ConnectorError):
        return not isinstance(error, SendLater | SendRefused)
    # A fault of the connector's own says nothing of the platform: where it can be asked, it is.
    return isinstance(error, TimeoutError) or isinstance(connector, ReadBackConnector)
