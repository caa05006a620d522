"""A running Slack connector against the fake, for the live tests."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot_host.connector import LoginError
from bot_host.testing.connector import RecordingHost
from connectors.slack.client import SlackConnector
from connectors.slack.config import SlackConfig
from tests.fakes.slack import FakeSlack


def config_for(slack: FakeSlack, **changes: Any) -> SlackConfig:
    """A config that points at the fake."""
    values = {"bot_token": slack.bot_token, "app_token": slack.app_token, "api_base": slack.api_base}
    return SlackConfig(**{**values, **changes})


@dataclass
class Running:
    """A connector at work."""

    connector: SlackConnector
    host: RecordingHost
    task: "asyncio.Task[None]"
    slack: FakeSlack

    async def received(self) -> None:
        """Until all that the fake has sent is queued, or further: frames come in order."""
        before = self.slack.socket_mode.sockets[0].pongs
        await self.slack.socket_mode.ping()
        await self.slack.wait_until(lambda: self.slack.socket_mode.sockets[0].pongs > before)


@asynccontextmanager
async def running(
    slack: FakeSlack, folder: Path, *, host: RecordingHost | None = None, **changes: Any
) -> AsyncIterator[Running]:
    """Start a connector, wait until it is connected, and stop it in the end."""
    connector = SlackConnector(config_for(slack, **changes))
    host = host or RecordingHost(folder)
    task = asyncio.create_task(connector.run(host))
    try:
        await slack.wait_connected()
        await host.wait_connected()
        yield Running(connector, host, task, slack)
    finally:
        host.open_gate.set()
        await connector.stop_intake()
        await asyncio.wait([task])
        await connector.close()
        await host.tasks.close()
        error = None if task.cancelled() else task.exception()
        assert error is None or isinstance(error, LoginError), repr(error)
