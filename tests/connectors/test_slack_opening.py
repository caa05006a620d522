"""Opening a websocket of Slack's: never for ever, and never past a stop."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from bot_host.connector import ConnectorError, Supervisor
from connectors.slack.opening import opened


@pytest.fixture
async def tasks() -> AsyncIterator[Supervisor]:
    tasks = Supervisor("test")
    yield tasks
    await tasks.close()


async def at_once() -> None:
    pass


async def never() -> None:
    await asyncio.Event().wait()


async def refused() -> None:
    raise OSError("no way")


async def test_it_opens_or_says_why_not(tasks: Supervisor, monkeypatch: pytest.MonkeyPatch) -> None:
    stop = asyncio.Event()
    assert await opened(at_once(), stop, tasks)
    with pytest.raises(OSError, match="no way"):
        await opened(refused(), stop, tasks)
    monkeypatch.setattr("connectors.slack.opening.LOGIN_PATIENCE_S", 0.01)
    with pytest.raises(ConnectorError, match="does not open"):
        await opened(never(), stop, tasks)


async def test_who_is_told_to_stop_waits_no_longer(tasks: Supervisor) -> None:
    stop = asyncio.Event()
    stop.set()
    assert not await opened(never(), stop, tasks)
