"""Slack's Web API client, set up for a host that keeps its own account of what was sent."""

from typing import Final, TypeVar
from urllib.parse import urlsplit
from urllib.request import proxy_bypass

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient

from connectors.slack.config import SlackConfig
from connectors.slack.logs import SDK_LOG

C = TypeVar("C", bound=AsyncWebClient)

TIMEOUT: Final = aiohttp.ClientTimeout(total=30.0, connect=10.0)
"""Seconds. slack-sdk's own `timeout` counts only for sessions that it makes itself."""


def open_session() -> aiohttp.ClientSession:
    """One session for all calls: without it slack-sdk opens one, with a connection, for each call."""
    return aiohttp.ClientSession(timeout=TIMEOUT)


_OWN: Final = object()


def web_client(
    config: SlackConfig, session: aiohttp.ClientSession | None, *, token: object = _OWN
) -> AsyncWebClient:
    """A client on `session`; with the bot token unless another one, or None, is given.

    No retry handlers: slack-sdk's default sends a call again when the connection broke after it had left,
    which posts a message twice. The outbox knows better what may be sent again.
    """
    chosen = config.bot_token if token is _OWN else token
    return make_client(AsyncWebClient, config, session, token=chosen if isinstance(chosen, str) else None)


def make_client(
    make: type[C],
    config: SlackConfig,
    session: aiohttp.ClientSession | None,
    *,
    token: str | None,
    team_id: str | None = None,
) -> C:
    """A client of any kind. `team_id` goes along with each call, for a token of a whole organisation."""
    client = make(
        token=token,
        base_url=config.base_url,
        session=session,
        logger=SDK_LOG,
        retry_handlers=[],
        team_id=team_id,
    )
    if goes_direct(config.base_url):
        client.proxy = None
    return client


def goes_direct(url: str) -> bool:
    """Whether no proxy is to be asked for `url`: this machine, or NO_PROXY, which slack-sdk does not read."""
    host = urlsplit(url).hostname or ""
    return host in ("localhost", "127.0.0.1", "::1") or bool(proxy_bypass(host))
