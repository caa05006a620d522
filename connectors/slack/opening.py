"""Opening a websocket and hanging it up, each in a bounded time and to the end."""

import asyncio
from collections.abc import Coroutine
from typing import Any, Final

from slack_sdk.socket_mode.aiohttp import SocketModeClient

from bot_host.connector import ConnectorError, Supervisor
from connectors.slack.calls import Wire

LOGIN_PATIENCE_S: Final = 30.0
"""For the websocket and its `hello`; then a fresh URL is asked for."""
CLOSE_S: Final = 5.0


async def opened(opening: Coroutine[Any, Any, None], stop: asyncio.Event, tasks: Supervisor) -> bool:
    """Wait for `opening`, which slack-sdk tries for ever. False: told to stop meanwhile.

    Raises ConnectorError when it takes too long, and what `opening` raises.
    """
    trying, stopping = tasks.spawn("slack connect", opening), tasks.spawn("slack stop", stop.wait())
    try:
        await asyncio.wait({trying, stopping}, timeout=LOGIN_PATIENCE_S, return_when=asyncio.FIRST_COMPLETED)
        if not trying.done() and not stop.is_set():
            raise ConnectorError("Slack's websocket does not open")
        if trying.done():
            trying.result()
        return trying.done()
    finally:
        trying.cancel()
        stopping.cancel()
        await asyncio.wait({trying, stopping})


async def hang_up(socket: SocketModeClient | Wire) -> None:
    """Close it, and wait for its tasks: slack-sdk cancels these but does not wait for them."""
    try:
        async with asyncio.timeout(CLOSE_S):
            await socket.close()
    except TimeoutError:
        if isinstance(socket, SocketModeClient):
            await socket.aiohttp_client_session.close()
    left = [socket.message_processor, socket.message_receiver, socket.current_session_monitor]
    if tasks := [task for task in left if task is not None]:
        await asyncio.wait(tasks, timeout=CLOSE_S)
