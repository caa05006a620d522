"""One workspace of an app that is installed in several: its events come by the app's way in."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final

from slack_sdk.web.async_client import AsyncWebClient

from bot_host.connector import (
    ConnectorHost,
    HttpRoute,
    LoginError,
    Media,
    Target,
)
from connectors.slack.calls import Wire
from connectors.slack.catch_up import CatchUp
from connectors.slack.client import FAULTS, SlackConnector
from connectors.slack.config import SlackConfig
from connectors.slack.errors import login_error
from connectors.slack.events import Self
from connectors.slack.tokens import OVER, RotatingClient, Tokens
from connectors.slack.web import make_client, open_session

log = logging.getLogger(__name__)

READY_S: Final = 2.0
"""What an event may wait for a workspace that is logging in: Slack waits for three."""
LOOK_S: Final = 0.02


class WayIn:
    """Whether the app's way in stands, for all its workspaces."""

    def __init__(self) -> None:
        self._stands = asyncio.Event()

    @property
    def stands(self) -> bool:
        """Whether what happens comes in."""
        return self._stands.is_set()

    def set(self, stands: bool) -> None:
        """It does, or does not any more."""
        if stands:
            self._stands.set()
        else:
            self._stands.clear()

    async def wait(self) -> None:
        """Until it stands."""
        await self._stands.wait()


class _Relay(Wire):
    """A wire that is as good as the app's way in."""

    way_in: WayIn

    async def is_connected(self) -> bool:
        """Whether what happens comes in."""
        return self.way_in.stands and not self.closed

    async def connect(self) -> None:
        """What comes from now on is taken in."""
        await self.way_in.wait()
        await super().connect()


class Workspace(SlackConnector):
    """The connector of one of them."""

    def __init__(
        self,
        config: SlackConfig,
        tokens: Tokens,
        *,
        team_id: str,
        way_in: WayIn,
        over: Callable[["Workspace", str], None],
        locked: str = "",
    ) -> None:
        """`over` hears that Slack knows the installation no more. `locked`: why there is no token."""
        super().__init__(config.model_copy(update={"mode": "http", "bot_token": tokens.token}))
        self._workspace.scope = team_id if tokens.installation.apart else ""
        self.tokens = tokens
        self.team_id = team_id
        self.failed = False
        """Slack refuses it, and nothing is taken in."""
        self._way_in = way_in
        self._over = over
        self._locked = locked
        self._doubt = ""
        self._asking = False
        self._host: ConnectorHost | None = None

    def _web(self) -> AsyncWebClient:
        if self._client is None or self._session is None or self._session.closed:
            self._session = open_session()
            team_id = self.team_id if self.tokens.installation.is_org else None
            client = make_client(
                RotatingClient, self._config, self._session, token=self.tokens.token, team_id=team_id
            )
            client.tokens, client.doubted = self.tokens, self._doubted
            self._client = client
        return self._client

    def _self_of(self, data: Any) -> Self:
        # Of an organisation's token Slack says that it is the organisation's.
        me = super()._self_of(data)
        if not self.tokens.installation.is_org and me.team_id != self.team_id:
            raise LoginError(
                f"the token kept for {self.team_id} is one of {me.team_id}; install the app again"
            )
        return replace(me, team_id=self.team_id)

    def _wire(self, me: Self, catch_up: CatchUp) -> Wire:
        relay = _Relay(me.team_id, lost=catch_up.lost)
        relay.way_in = self._way_in
        return relay

    def http_routes(self) -> Sequence[HttpRoute]:
        """The app has the address."""
        return ()

    async def run(self, host: ConnectorHost) -> None:
        """See `Connector.run`."""
        self._host = host
        self.failed = False
        try:
            if self._locked:
                raise LoginError(self._locked)
            await super().run(host)
        except LoginError as error:
            self.failed = True
            if self._doubt not in OVER or self.tokens.installation.is_fixed:
                raise self.tokens.refusal or error from None
            self._over(self, self._doubt)
            # The app takes this account away: with a reason, and with all that waits for it.
            await self._stop.wait()

    # events

    async def wire(self) -> Wire | None:
        """What its events go into, once it has logged in, which may take a moment. None: nothing now."""
        try:
            async with asyncio.timeout(READY_S):
                while self._calls.wire is None and not self.failed:  # noqa: ASYNC110 - it is a matter of moments
                    await asyncio.sleep(LOOK_S)
        except TimeoutError:
            return None
        return self._calls.wire

    def refuse(self, why: str) -> None:
        """Slack says that it is over, and the config says that it is not."""
        if self._reading is not None:
            self._reading.refusal = LoginError(why)

    async def said_hello(self) -> None:
        """The app's way in stands again: what came meanwhile is read from the history."""
        if self._calls.wire is not None:
            await self._calls.wire.connect()

    # the token

    def _doubted(self, code: str) -> None:
        """Slack has refused a call for its token."""
        self._doubt = code
        if self._host is not None and self._calls.wire is not None and not self._asking:
            self._asking = True
            self._host.tasks.spawn("slack token", self._ask())

    async def _ask(self) -> None:
        """Whether the token is good for nothing, or only that call was refused."""
        try:
            await self._web().auth_test()
        except FAULTS as error:
            found = self.tokens.refusal or login_error(error, "bot token")
            if isinstance(found, LoginError) and self._reading is not None:
                self._reading.refusal = found
        finally:
            self._asking = False

    async def download(self, media: Media, target: Target, *, message_id: str, max_bytes: int) -> bytes:
        """See the contract `DownloadingConnector`."""
        self._web().token = await self.tokens.fresh()
        return await super().download(media, target, message_id=message_id, max_bytes=max_bytes)
