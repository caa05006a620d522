"""One Slack app in several workspaces: one way in, an account for each workspace, installed by OAuth."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Final

import aiohttp
from slack_bolt.request.internals import extract_enterprise_id, extract_team_id
from slack_sdk.errors import SlackClientError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot_host.connector import (
    AppHost,
    CheckLine,
    ConnectorError,
    HttpAnswer,
    HttpRoute,
    KeptAccount,
    LoginError,
    StoreError,
    backoff,
    is_over,
    one_line,
)
from connectors.slack.app_check import check_app
from connectors.slack.app_socket import AppSocket
from connectors.slack.calls import Calls, Wire
from connectors.slack.config import SlackConfig
from connectors.slack.errors import fault_of, login_error
from connectors.slack.history import next_cursor
from connectors.slack.install import Installer
from connectors.slack.reading import is_gone
from connectors.slack.tokens import Installation, Tokens, exchange, kept_installation
from connectors.slack.web import open_session, web_client
from connectors.slack.workspace import WayIn, Workspace

log = logging.getLogger(__name__)

FAULTS: Final = (SlackClientError, aiohttp.ClientError, TimeoutError, OSError)
RENEW_EVERY_S: Final = 300.0
FINISH_S: Final = 5.0
"""For renewals that are under way when the host ends: what Slack gives is given once."""
TEAM_PAGES: Final = 20
STRANGERS: Final = 1_000
"""Workspaces without an installation whose events are mentioned in the log, once each."""

Body = Mapping[str, Any]


class _AppCalls(Calls):
    """What Slack posts for all workspaces."""

    def __init__(self, config: SlackConfig, app: "SlackApp") -> None:
        super().__init__(config)
        self._app = app

    async def _pass_on(self, kind: str, payload: dict[str, Any], headers: Mapping[str, str]) -> HttpAnswer:
        if kind == "app_rate_limited":
            wire = await self._app.wire_of(payload)
            if wire is not None:
                self._limited(wire, payload)
            return HttpAnswer()
        return await self._app.take(kind, payload, headers)


class SlackApp:
    """The app. See `ConnectorApp` and `HttpConnector`."""

    platform: ClassVar[str] = "slack"

    def __init__(self, config: SlackConfig) -> None:
        self._config = config
        self.app_id = config.client_id
        self._stop = asyncio.Event()
        self._session: aiohttp.ClientSession | None = None
        self._host: AppHost | None = None
        self._way_in = WayIn()
        self._calls = _AppCalls(config, self)
        self._installer = Installer(config, self._web, self._add)
        self._installations: dict[str, Tokens] = {}
        self._workspaces: dict[str, Workspace] = {}
        self._strangers: set[str] = set()
        self._changing = asyncio.Lock()

    def _web(self) -> AsyncWebClient:
        """A client without a token."""
        if self._session is None or self._session.closed:
            self._session = open_session()
        return web_client(self._config, self._session, token=None)

    # over HTTP

    def use_address(self, base: str) -> None:
        """See `HttpConnector`."""
        self._calls.use_address(base)
        self._installer.use_address(base)

    def http_routes(self) -> Sequence[HttpRoute]:
        """See `HttpConnector`."""
        return [*self._calls.http_routes(), *self._installer.http_routes()]

    # life

    async def run(self, host: AppHost) -> None:
        """See `ConnectorApp`."""
        self._host = host
        renewing = host.tasks.spawn("slack tokens", self._renew())
        try:
            await self._open_all(host)
            self._installer.memory = host
            attempt = 0
            while not self._stop.is_set():
                attempt += 1
                try:
                    if self._config.mode == "http":
                        await self._stands(True)
                        await self._stop.wait()
                    else:
                        await AppSocket(self._config, self._web(), self.take).stay(
                            self._stop, tasks=host.tasks, stands=self._stands
                        )
                        attempt = 0
                except LoginError:
                    raise
                except ConnectorError as error:
                    host.waiting(str(error))
                    await self._pause(backoff(attempt))
        finally:
            self._installer.memory = None
            self._way_in.set(False)
            self._stop.clear()
            renewing.cancel()
            await asyncio.wait([renewing])

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._stop.wait()
        except TimeoutError:
            pass

    async def stop_intake(self) -> None:
        """See `ConnectorApp`."""
        self._stop.set()

    async def close(self) -> None:
        """See `ConnectorApp`."""
        self._stop.set()
        await asyncio.gather(*(tokens.finish(FINISH_S) for tokens in self._installations.values()))
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def check(self, kept: Sequence[KeptAccount]) -> Sequence[CheckLine]:
        """See `ConnectorApp`."""
        return await check_app(self._config, kept, self._calls.address)

    async def _stands(self, stands: bool) -> None:
        """The way in does, or does not any more."""
        assert self._host is not None
        again = stands and not self._way_in.stands
        self._way_in.set(stands)
        if stands:
            self._host.ready()
            if again or self._config.mode != "http":
                await asyncio.gather(*(each.said_hello() for each in self._workspaces.values()))
        elif not self._stop.is_set():
            self._host.waiting("the websocket is lost; reconnecting")

    # accounts

    async def _open_all(self, host: AppHost) -> None:
        for kept in await host.kept_accounts():
            if is_over(kept.about) or (not kept.secrets and not kept.error) or kept.id in self._installations:
                continue
            await self._open(host, kept_installation(kept), locked=kept.error)
        if self._config.bot_token:
            await self._open_fixed(host)

    async def _open_fixed(self, host: AppHost) -> None:
        """The workspace whose token stands in the config, unless the app was installed there besides."""
        try:
            answer = await self._web().auth_test(token=self._config.bot_token)
        except FAULTS as error:
            found = login_error(error, "bot token")
            if not isinstance(found, LoginError):
                raise found from None
            log.error("slack: the workspace of bot_token is off: %s", found)
            return
        id = str(answer.get("team_id") or "")
        if id and id not in self._installations:
            fixed = Installation(
                id=id, token=self._config.bot_token, name=one_line(str(answer.get("team") or "")), apart=False
            )
            await self._open(host, fixed)

    async def _open(self, host: AppHost, installation: Installation, *, locked: str = "") -> None:
        tokens = Tokens(installation, tasks=host.tasks, exchange=self._exchange, keep=self._keep)
        self._installations[installation.id] = tokens
        if not installation.is_org:
            await self._open_team(host, tokens, installation.id, locked=locked)
            return
        if locked:
            log.error("slack: the organisation %s is off: %s", installation.name or installation.id, locked)
            return
        for team in await self._teams_of(tokens):
            if team not in self._installations:
                await self._open_team(host, tokens, team)

    async def _open_team(self, host: AppHost, tokens: Tokens, team: str, *, locked: str = "") -> None:
        workspace = Workspace(
            self._config, tokens, team_id=team, way_in=self._way_in, over=self._is_over, locked=locked
        )
        self._workspaces[team] = workspace
        await host.open_account(team, workspace, apart=tokens.installation.apart)

    async def _teams_of(self, tokens: Tokens) -> list[str]:
        """The workspaces of an organisation that have the app; more are found by their events."""
        found: list[str] = []
        cursor = ""
        try:
            for _ in range(TEAM_PAGES):
                token = await tokens.fresh()
                answer = await self._web().auth_teams_list(cursor=cursor or None, token=token)
                found += [str(team["id"]) for team in answer.get("teams") or () if team.get("id")]
                data = answer.data
                cursor = next_cursor(data) if isinstance(data, dict) else ""
                if not cursor:
                    break
        except (LoginError, *FAULTS) as error:
            log.warning(
                "slack: the workspaces of %s are not listed (%s); each comes on with its first event",
                tokens.installation.id,
                fault_of(error),
            )
        return found

    async def _add(self, installation: Installation) -> None:
        """Newly installed, or again."""
        host = self._host
        if host is None:
            raise StoreError("the app does not run")
        async with self._changing:
            kept = {each.id: each for each in await host.kept_accounts()}
            if installation.id in kept:
                apart = bool(kept[installation.id].about.get("apart", True))
            else:
                # Its people are known by a fixed token of before: they stay who they are.
                apart = not await host.has_history(installation.id)
            installation = replace(installation, apart=apart)
            await host.keep_account(installation.kept())
            await self._open(host, installation)

    def _is_over(self, workspace: Workspace, code: str) -> None:
        """Slack knows its installation no more."""
        assert self._host is not None
        id = workspace.tokens.installation.id
        why = f"Slack says {code}: the app was removed; install it again"
        self._host.tasks.spawn("slack over", self._close(id, why))

    async def _close(self, id: str, why: str) -> None:
        """An installation is over. Raises StoreError."""
        assert self._host is not None
        async with self._changing:
            tokens = self._installations.get(id)
            if tokens is None or tokens.installation.is_fixed:
                return
            mine = [team for team, each in self._workspaces.items() if each.tokens is tokens]
            for account in dict.fromkeys([*mine, id]):
                await self._host.close_account(account, why)
                self._workspaces.pop(account, None)
            del self._installations[id]

    # tokens

    async def _exchange(self, refresh_token: str) -> AsyncSlackResponse:
        return await exchange(
            self._web(), self._config, grant_type="refresh_token", refresh_token=refresh_token
        )

    async def _keep(self, installation: Installation) -> None:
        assert self._host is not None
        await self._host.keep_account(installation.kept())

    async def _renew(self) -> None:
        """Also tokens that nobody uses for long are renewed in time."""
        while True:
            await asyncio.sleep(RENEW_EVERY_S)
            for tokens in list(self._installations.values()):
                try:
                    await tokens.fresh()
                except (LoginError, *FAULTS) as error:
                    log.warning("slack: the token of %s is not renewed: %s", tokens.installation.id, error)

    # events

    async def take(self, kind: str, payload: dict[str, Any], headers: Mapping[str, str]) -> HttpAnswer:
        """One envelope, to its workspace; answered when it is on disk."""
        event = payload.get("event")
        if isinstance(event, dict) and is_gone(event):
            return await self._gone(payload, str(event["type"]))
        workspace = await self._workspace_of(payload)
        if workspace is None:
            self._mention(place_of(payload)[0])
            return HttpAnswer()
        wire = await workspace.wire()
        if wire is None:
            # Of one that is refused nothing is read; one that logs in gets it again.
            return HttpAnswer(status=200 if workspace.failed else 503)
        return await wire.bring(kind, payload, headers)

    async def wire_of(self, payload: Body) -> Wire | None:
        """What the events of its workspace go into; None: nothing does now."""
        workspace = await self._workspace_of(payload)
        return await workspace.wire() if workspace is not None else None

    async def _workspace_of(self, payload: Body) -> Workspace | None:
        team, org = place_of(payload)
        found = self._workspaces.get(team)
        if found is not None or not team:
            return found
        tokens = self._installations.get(org)
        if tokens is None or self._host is None or not team.startswith("T"):
            return None
        async with self._changing:
            if team not in self._workspaces:
                # One that has joined the organisation's installation since.
                await self._open_team(self._host, tokens, team)
        return self._workspaces.get(team)

    async def _gone(self, payload: Body, kind: str) -> HttpAnswer:
        """The app is not wanted any more. Both events come, in any order, and old ones come again."""
        team, org = place_of(payload)
        id = team if team in self._installations else org
        tokens = self._installations.get(id)
        at = payload.get("event_time")
        if tokens is None or not isinstance(at, int | float) or at < int(tokens.installation.installed_at):
            return HttpAnswer()
        if tokens.installation.is_fixed:
            self._workspaces[id].refuse(f"Slack says {kind}: install the app again, copy its tokens")
            return HttpAnswer()
        try:
            await self._close(id, f"Slack says {kind}: the app was removed there")
        except StoreError as error:
            log.warning("slack: that the app was removed from %s is not on disk: %s", id, error)
            return HttpAnswer(status=503)
        return HttpAnswer()

    def _mention(self, team: str) -> None:
        team = one_line(team, 20) or "none"
        if team not in self._strangers and len(self._strangers) < STRANGERS:
            self._strangers.add(team)
            log.info("slack: events of the workspace %s are left aside: the app is not installed there", team)


def place_of(payload: Body) -> tuple[str, str]:
    """The workspace and the organisation whose installation it is for, as bolt finds them; empty: none.

    Of what happens in shared channels the authorization says it, not the place where it happened.
    """
    try:
        found = extract_team_id(dict(payload)), extract_enterprise_id(dict(payload))
    except (TypeError, ValueError, AttributeError, KeyError, IndexError):
        log.warning("slack: skipped a malformed envelope")
        return "", ""
    team, org = (each if isinstance(each, str) else "" for each in found)
    return team, org
