"""The tokens of one installation, renewed before they expire (token rotation).

Slack hands out a new refresh token with each new token and takes the old one back, so both are on disk before
either is used: https://docs.slack.dev/authentication/using-token-rotation
"""

import asyncio
import base64
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot_host.connector import ConfigError, KeptAccount, LoginError, StoreError, Supervisor, backoff, one_line
from connectors.slack.config import SlackConfig
from connectors.slack.errors import code_of, fault_of

log = logging.getLogger(__name__)

EARLY_S: Final = 7200.0
"""Before its end a token is renewed, as by slack-sdk's own rotator. Tokens live for twelve hours."""
EXPIRED: Final = "token_expired"
OVER: Final = frozenset({"account_inactive", "token_revoked"})
"""Slack does not know the installation any more. https://docs.slack.dev/reference/methods/auth.test#errors"""
DOUBTFUL: Final = OVER | {"invalid_auth", "not_authed", EXPIRED}
"""What a call may be refused with when something is wrong with the token."""
FAULTS: Final = (SlackClientError, aiohttp.ClientError, TimeoutError, OSError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """The app in a workspace, or in an organisation with many of them."""

    id: str
    """`T…`, or `E…` of an organisation."""
    token: str = field(repr=False)
    refresh_token: str = field(default="", repr=False)
    """Empty: the token does not expire."""
    expires_at: float = 0.0
    """In seconds since 1970; 0: never."""
    name: str = ""
    enterprise_id: str = ""
    installed_at: float = 0.0
    """In seconds since 1970, by our clock: what happened before concerns an earlier installation."""
    apart: bool = True
    """See `AppHost.open_account`."""

    @property
    def is_org(self) -> bool:
        """Whether it is an organisation's."""
        return self.id.startswith("E")

    @property
    def is_fixed(self) -> bool:
        """Whether its token stands in the config."""
        return not self.installed_at

    def kept(self) -> KeptAccount:
        """As it is kept."""
        about = {
            "name": self.name,
            "enterprise_id": self.enterprise_id,
            "installed_at": self.installed_at,
            "apart": self.apart,
        }
        secrets = {
            "token": self.token,
            "refresh_token": self.refresh_token,
            "expires_at": str(self.expires_at),
        }
        return KeptAccount(id=self.id, secrets=secrets, about=about)


def kept_installation(kept: KeptAccount) -> Installation:
    """What was kept, with its secrets, or without where they cannot be read."""
    about, secrets = kept.about, kept.secrets
    return Installation(
        id=kept.id,
        token=secrets.get("token", ""),
        refresh_token=secrets.get("refresh_token", ""),
        expires_at=float(secrets.get("expires_at") or 0.0),
        name=str(about.get("name", "")),
        enterprise_id=str(about.get("enterprise_id", "")),
        installed_at=float(about.get("installed_at") or 0.0),
        apart=bool(about.get("apart", True)),
    )


def installation_of(answer: Mapping[str, Any] | AsyncSlackResponse) -> Installation:
    """What `oauth.v2.access` has brought. Raises ValueError when it brought no bot.

    https://docs.slack.dev/reference/methods/oauth.v2.access
    """
    team, enterprise = answer.get("team") or {}, answer.get("enterprise") or {}
    is_org = bool(answer.get("is_enterprise_install"))
    place = enterprise if is_org else team
    token, id = str(answer.get("access_token") or ""), str(place.get("id") or "")
    if answer.get("token_type") != "bot" or not token or not id:
        raise ValueError("the answer has no bot token")
    now = time.time()
    return Installation(
        id=id,
        token=token,
        refresh_token=str(answer.get("refresh_token") or ""),
        expires_at=_end_of(answer),
        name=one_line(str(place.get("name") or ""), 80),
        enterprise_id=str(enterprise.get("id") or ""),
        installed_at=now,
    )


def _end_of(answer: Mapping[str, Any] | AsyncSlackResponse) -> float:
    lasts = answer.get("expires_in")
    return time.time() + float(lasts) if lasts else 0.0


async def exchange(web: AsyncWebClient, config: SlackConfig, **fields: str) -> AsyncSlackResponse:
    """Ask for tokens, by a code or a refresh token. Raises what slack-sdk raises.

    slack-sdk's own method for it uses a class of aiohttp that is about to go, and warns at each call.
    """
    said = base64.b64encode(f"{config.client_id}:{config.client_secret}".encode()).decode("ascii")
    return await web.api_call("oauth.v2.access", data=fields, headers={"Authorization": f"Basic {said}"})


Exchange = Callable[[str], Awaitable[AsyncSlackResponse]]
"""Asks Slack for new tokens, by a refresh token."""
Keep = Callable[[Installation], Awaitable[None]]
"""Puts them on disk. Raises StoreError, ConfigError."""


class Tokens:
    """One installation's, for all that call Slack with them. One renewal at a time, however many ask."""

    def __init__(
        self, installation: Installation, *, tasks: Supervisor, exchange: Exchange, keep: Keep
    ) -> None:
        """`tasks` owns the renewals."""
        self.installation = installation
        self._tasks = tasks
        self._exchange = exchange
        self._keep = keep
        self._renewing: asyncio.Task[None] | None = None
        self._unkept = False
        self._failures = 0
        self._again_at = 0.0
        self._fault: Exception | None = None

    @property
    def token(self) -> str:
        """The newest."""
        return self.installation.token

    @property
    def _left_s(self) -> float:
        expires_at = self.installation.expires_at
        return expires_at - time.time() if expires_at else float("inf")

    @property
    def refusal(self) -> LoginError | None:
        """Why Slack gives no more of them; None: as far as is known it does."""
        return self._fault if isinstance(self._fault, LoginError) else None

    async def fresh(self, *, than: str = "") -> str:
        """A token that is good for a while; `than`: one that Slack has called expired.

        Raises LoginError when Slack gives none any more, and what the request raises where none is left.
        """
        if not self._is_due(than):
            return self.token
        if self._unkept or time.monotonic() >= self._again_at:
            if self._renewing is None or self._renewing.done():
                self._renewing = self._tasks.spawn("slack token", self._see_to_it(than))
            # In a task of its own: whoever asks may be cancelled, and what Slack gave would go with them.
            await asyncio.wait([self._renewing])
            if self._renewing.cancelled():
                raise TimeoutError("the host stops")
        if self._fault is not None and (self.token == than or self._left_s <= 0):
            raise self._fault
        return self.token

    def _is_due(self, than: str) -> bool:
        if self._unkept:
            return True
        return bool(self.installation.refresh_token) and (self.token == than or self._left_s <= EARLY_S)

    async def finish(self, patience_s: float) -> None:
        """Wait for a renewal that is under way: the host ends."""
        if self._renewing is not None:
            await asyncio.wait([self._renewing], timeout=patience_s)

    async def _see_to_it(self, than: str) -> None:
        if self._unkept:
            await self._try_to_keep()
            if self._unkept and self.token != than:
                return
        if self.token != than and self._left_s > EARLY_S:
            return
        try:
            await self._renew()
        except FAULTS as error:
            self._failures += 1
            self._again_at = time.monotonic() + backoff(self._failures)
            self._fault = _refusal(error)
            why = code_of(error) if isinstance(error, SlackApiError) else fault_of(error)
            log.warning("slack: the token of %s is not renewed: %s", self.installation.id, why)

    async def _renew(self) -> None:
        answer = await self._exchange(self.installation.refresh_token)
        renewed = replace(
            self.installation,
            token=str(answer["access_token"]),
            refresh_token=str(answer.get("refresh_token") or self.installation.refresh_token),
            expires_at=_end_of(answer),
        )
        # The old ones are good for nothing from here on, whether or not the disk takes the new ones.
        self.installation = renewed
        self._unkept = True
        self._failures, self._again_at, self._fault = 0, 0.0, None
        await self._try_to_keep()
        log.debug("slack: the token of %s is renewed", renewed.id)

    async def _try_to_keep(self) -> None:
        try:
            await self._keep(self.installation)
        except (StoreError, ConfigError) as error:
            log.error(
                "slack: the new token of %s could not be kept and is lost if the host ends now: %s",
                self.installation.id,
                error,
            )
            return
        self._unkept = False


def _refusal(error: Exception) -> Exception:
    if not isinstance(error, SlackApiError):
        return error
    code = code_of(error)
    if code in ("invalid_refresh_token", "bad_refresh_token", "invalid_grant") or code in OVER:
        return LoginError(f"Slack renews the token no more: {code}; install the app there again")
    if code in ("bad_client_secret", "invalid_client_id"):
        return LoginError(f"Slack refuses client_id or client_secret: {code}; copy them again")
    return error


class RotatingClient(AsyncWebClient):
    """slack-sdk's client, with the newest token for each call; tells when Slack has doubts about it."""

    tokens: Tokens
    doubted: Callable[[str], None]

    async def api_call(self, api_method: str, **more: Any) -> AsyncSlackResponse:
        """See slack-sdk. A call that met an expired token was not carried out, and is made again."""
        used = self.token = await self._fresh("")
        try:
            return await super().api_call(api_method, **more)
        except SlackApiError as error:
            code = code_of(error)
            if code == EXPIRED and self.tokens.installation.refresh_token:
                self.token = await self._fresh(used)
                return await super().api_call(api_method, **more)
            if code in DOUBTFUL:
                self.doubted(code)
            raise

    async def _fresh(self, than: str) -> str:
        """As an answer of Slack's, where there is no token: the call was not made, and may be made later."""
        try:
            return await self.tokens.fresh(than=than)
        except LoginError as error:
            self.doubted(EXPIRED)
            raise _answered(str(error), EXPIRED) from None
        except FAULTS as error:
            raise _answered("the token could not be renewed", "service_unavailable") from error


class _Answer:
    """Like one of slack-sdk's."""

    status_code = 200
    headers: Mapping[str, str] = {}

    def __init__(self, code: str) -> None:
        self.data = {"ok": False, "error": code}


def _answered(why: str, code: str) -> SlackApiError:
    return SlackApiError(why, _Answer(code))  # type: ignore[no-untyped-call]
