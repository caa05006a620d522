"""The typing indicator."""

import asyncio
import logging
from typing import Final

from bot_host.contracts.connector import Connector
from bot_host.types.errors import ConnectorError
from bot_host.types.outbound import Target

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
