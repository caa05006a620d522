"""Installing the app in a workspace: Slack's OAuth, at `/slack/install` and `/slack/oauth_redirect`.

https://docs.slack.dev/authentication/installing-with-oauth
"""

import asyncio
import logging
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from http.cookies import CookieError, SimpleCookie
from typing import Any, Final, Protocol
from urllib.parse import quote, urlsplit

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.oauth import AuthorizeUrlGenerator
from slack_sdk.web.async_client import AsyncWebClient

from bot_host.connector import ConfigError, HttpAnswer, HttpRequest, HttpRoute, StoreError, one_line
from connectors.slack import pages
from connectors.slack.config import SlackConfig
from connectors.slack.errors import code_of, fault_of
from connectors.slack.needs import scopes_of
from connectors.slack.tickets import LINK_S, STATE_S, Ticket, Tickets
from connectors.slack.tokens import Installation, exchange, installation_of

log = logging.getLogger(__name__)

INSTALL: Final = "/install"
REDIRECT: Final = "/oauth_redirect"
"""Both as in slack-bolt."""
COOKIE: Final = "bot_host_slack_install"
USED: Final = "used tickets"
MOST_USED: Final = 10_000
FAULTS: Final = (SlackClientError, aiohttp.ClientError, TimeoutError, OSError)


class Memory(Protocol):
    """Of what was used up."""

    async def recall(self, name: str) -> Any: ...

    async def remember(self, name: str, value: Any) -> None: ...


Add = Callable[[Installation], Awaitable[None]]
"""Keeps an installation and brings its accounts up. Raises StoreError, ConfigError."""


class Installer:
    """The pages of one app."""

    def __init__(self, config: SlackConfig, web: Callable[[], AsyncWebClient], add: Add) -> None:
        """`web`: a client without a token."""
        self._config = config
        self._web = web
        self._add = add
        self._tickets = Tickets(config)
        self._base = ""
        self._using = asyncio.Lock()
        self.memory: Memory | None = None
        """There while the app runs."""

    def use_address(self, base: str) -> None:
        """Where the pages are: `https://bots.example.org/slack`."""
        self._base = base

    def http_routes(self) -> Sequence[HttpRoute]:
        """The pages."""
        return (
            HttpRoute(method="GET", path=INSTALL, handler=self._begin),
            HttpRoute(method="GET", path=REDIRECT, handler=self._finish),
        )

    # the beginning

    async def _begin(self, request: HttpRequest) -> HttpAnswer | None:
        if self._config.install == "off":
            return pages.OFF
        if self.memory is None:
            return pages.NOT_NOW
        link = request.query.get("ticket", "")
        nonce = ""
        if self._config.install == "link":
            if not link:
                return pages.NO_LINK
            if not self._tickets.is_mine(link):
                return None
            ticket = self._tickets.read_link(link)
            if ticket is None:
                return pages.NO_LINK
            if ticket.is_old or await self._is_used(ticket.nonce):
                return pages.USED
            nonce = ticket.nonce
        # Whoever fetches links to look at them uses nothing up: that is done when the app is installed.
        cookie = secrets.token_urlsafe(24)
        state = self._tickets.state(link=nonce, cookie=cookie)
        return pages.asked_for(self._authorize_url(state), {"Set-Cookie": self._cookie(cookie, STATE_S)})

    def _authorize_url(self, state: str) -> str:
        generator = AuthorizeUrlGenerator(
            client_id=quote(self._config.client_id, safe=""),
            # The generator quotes nothing.
            redirect_uri=quote(self._redirect_uri, safe=""),
            scopes=sorted(scopes_of(self._config)),
            authorization_url=authorize_base(self._config),
        )
        return generator.generate(state)

    @property
    def _redirect_uri(self) -> str:
        return f"{self._base}{REDIRECT}"

    def _cookie(self, value: str, seconds: int) -> str:
        secure = "; Secure" if self._base.startswith("https://") else ""
        path = urlsplit(self._base).path or "/"
        return f"{COOKIE}={value}; Path={path}; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}"

    # the end

    async def _finish(self, request: HttpRequest) -> HttpAnswer | None:
        state = request.query.get("state", "")
        if state and not self._tickets.is_mine(state):
            return None
        if self.memory is None:
            return pages.NOT_NOW
        ticket = self._tickets.read_state(state, cookie=_cookie_of(request.headers))
        if ticket is None or ticket.is_old:
            return pages.BAD_STATE
        if request.query.get("error"):
            log.info("slack: an installation was cancelled: %s", one_line(request.query["error"], 60))
            return pages.DENIED
        code = request.query.get("code", "")
        if not code:
            return pages.BAD_STATE
        async with self._using:
            if await self._is_used(ticket.nonce) or (ticket.link and await self._is_used(ticket.link)):
                return pages.USED
            # Before the exchange: a kill in between costs a link, and never makes it good twice.
            await self._use(ticket)
        answer = await self._exchange(code)
        if answer.status != 200 and ticket.link:
            await self._good_again(ticket.link)
        return answer

    async def _exchange(self, code: str) -> HttpAnswer:
        try:
            answer = await exchange(self._web(), self._config, code=code, redirect_uri=self._redirect_uri)
            installation = installation_of(answer)
        except (*FAULTS, ValueError) as error:
            why = code_of(error) if isinstance(error, SlackApiError) else fault_of(error)
            log.error("slack: an installation could not be finished: %s; %s", why, _advice(why, self._base))
            return pages.REFUSED
        allowed = self._config.workspaces
        if allowed and installation.id not in allowed and installation.enterprise_id not in allowed:
            log.warning("slack: %s (%s) is not among workspaces; its token is handed back",
                        installation.name, installation.id)  # fmt: skip
            await self._hand_back(installation)
            return pages.NOT_HERE
        try:
            await self._add(installation)
        except (StoreError, ConfigError) as error:
            log.error("slack: %s (%s) could not be kept: %s", installation.name, installation.id, error)
            await self._hand_back(installation)
            return pages.NOT_NOW
        log.info("slack: installed in %s (%s)", installation.name, installation.id)
        headers = {"Set-Cookie": self._cookie("", 0)}
        shown = pages.installed(installation.name)
        return HttpAnswer(
            body=shown.body, content_type=shown.content_type, headers={**shown.headers, **headers}
        )

    async def _hand_back(self, installation: Installation) -> None:
        try:
            await self._web().auth_revoke(token=installation.token)
        except FAULTS as error:
            log.warning(
                "slack: the token of %s could not be handed back: %s", installation.id, fault_of(error)
            )

    # tickets

    async def _used(self) -> dict[str, int]:
        assert self.memory is not None
        told = await self.memory.recall(USED)
        now = time.time()
        return {str(n): int(t) for n, t in told.items() if t > now} if isinstance(told, dict) else {}

    async def _is_used(self, nonce: str) -> bool:
        return nonce in await self._used()

    async def _good_again(self, link: str) -> None:
        """Nothing was installed with it."""
        assert self.memory is not None
        async with self._using:
            used = await self._used()
            used.pop(link, None)
            await self.memory.remember(USED, used)

    async def _use(self, ticket: Ticket) -> None:
        assert self.memory is not None
        used = await self._used()
        used[ticket.nonce] = ticket.expires_at
        if ticket.link:
            # It is good for a day, and its own end is not known here.
            used[ticket.link] = int(time.time()) + LINK_S
        for old in list(used)[: max(0, len(used) - MOST_USED)]:
            del used[old]
        await self.memory.remember(USED, used)


def _cookie_of(headers: Mapping[str, str]) -> str:
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return ""
    return found.value if found is not None else ""


def _advice(why: str, base: str) -> str:
    if why == "bad_redirect_uri":
        return f"add {base}{REDIRECT} to the app's Redirect URLs (OAuth & Permissions)"
    if why in ("bad_client_secret", "invalid_client_id"):
        return "copy client_id and client_secret again (Basic Information)"
    return "see https://docs.slack.dev/reference/methods/oauth.v2.access"


def authorize_base(config: SlackConfig) -> str:
    """Slack's own page: beside the Web API, so that GovSlack has its own."""
    return config.base_url.removesuffix("/").removesuffix("/api") + "/oauth/v2/authorize"
