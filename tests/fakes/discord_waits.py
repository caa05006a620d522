"""Waiting for what the bot does at the fake Discord, and looking at it."""

import asyncio
from collections.abc import Callable

from tests.fakes.discord_door import Call, Door
from tests.fakes.discord_gateway import Gateway
from tests.fakes.discord_model import Channel, Json


class Waits:
    """The waiting part of `FakeDiscord`."""

    door: Door
    gateway: Gateway

    def __init__(self) -> None:
        self.sent: list[Json] = []
        """The bot's messages, in order."""
        self._waiters: list[asyncio.Future[None]] = []

    @property
    def calls(self) -> list[Call]:
        """Every REST request, in order."""
        return self.door.calls

    def calls_of(self, route: str) -> list[Call]:
        """The requests to one route, such as `SEND` or `GET /users/@me`."""
        return [call for call in self.door.calls if call.route == route]

    def changed(self) -> None:
        """Wake whoever waits."""
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    async def wait_until(self, condition: Callable[[], bool], what: str, *, timeout: float = 30.0) -> None:
        """Wait until something is so. The timeout (seconds) only keeps a broken test from hanging."""
        try:
            async with asyncio.timeout(timeout):
                while not condition():
                    waiter = asyncio.get_running_loop().create_future()
                    self._waiters.append(waiter)
                    await waiter
        except TimeoutError:
            seen = [f"{call.route} {call.status}" for call in self.calls[-20:]]
            raise AssertionError(f"fake discord waited in vain for {what}; last calls: {seen}") from None

    async def wait_ready(self, count: int = 1) -> None:
        """Wait until the bot has been sent READY `count` times in all and is connected."""
        ready = self.gateway
        await self.wait_until(
            lambda: len(ready.identifies) >= count and bool(ready.live), f"{count} identified sessions"
        )

    async def wait_resumed(self, count: int = 1) -> None:
        """Wait until `count` resumes have been asked for and the bot is connected."""
        gateway = self.gateway
        await self.wait_until(
            lambda: len(gateway.resumes) >= count and bool(gateway.live), f"{count} resumes"
        )

    async def wait_for_message(
        self, channel: Channel | None = None, *, containing: str = "", count: int = 1
    ) -> Json:
        """Wait for the `count`th message of the bot that fits; that message."""
        await self.wait_until(
            lambda: len(self.sent_to(channel, containing=containing)) >= count,
            f"message {count} of the bot{f' with {containing!r}' if containing else ''}",
        )
        return self.sent_to(channel, containing=containing)[count - 1]

    def sent_to(self, channel: Channel | None = None, *, containing: str = "") -> list[Json]:
        """The bot's messages in a channel (None: anywhere) that contain a text, in order."""
        return [
            message
            for message in self.sent
            if (channel is None or message["channel_id"] == channel.id) and containing in message["content"]
        ]

    async def wait_for_call(self, route: str, count: int = 1) -> Call:
        """Wait for the `count`th request to a route."""
        await self.wait_until(lambda: len(self.calls_of(route)) >= count, f"call {count} of {route}")
        return self.calls_of(route)[count - 1]
