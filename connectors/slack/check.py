"""`check`: try both tokens without going online as the bot."""

from collections.abc import Mapping, Sequence
from typing import Final

import aiohttp
from slack_sdk.errors import SlackClientError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot_host.connector import CheckLine, LoginError, one_line
from connectors.slack.catch_up import KINDS, LIST, LIST_PAGE
from connectors.slack.config import SlackConfig, missing, wrong
from connectors.slack.errors import login_error
from connectors.slack.history import Busy, History, next_cursor
from connectors.slack.needs import lacking, superfluous
from connectors.slack.web import open_session, web_client

LIST_PAGES: Final = 5
MANIFEST: Final = (
    "paste what `python -m bot_host slack-manifest` prints into the app's manifest, and install the app again"
)
_NETWORK = "see whether this machine reaches Slack, or set api_base"


async def check_account(config: SlackConfig, events: CheckLine) -> Sequence[CheckLine]:
    """What is found: the bot token, its scopes, the app token, or `events` in its place. Never raises."""
    why = missing(config) or wrong(config)
    if why:
        return [
            CheckLine(
                name="slack",
                ok=False,
                detail=why,
                advice="`python -m bot_host slack-manifest` prints the app to make",
            )
        ]
    async with open_session() as session:
        web = web_client(config, session)
        lines = await _bot_token(web, config)
        if lines[0].ok:
            lines += await _catch_up(web)
        return [*lines, events if config.mode == "http" else await _app_token(web, config)]


def _failed(name: str, error: Exception, what: str) -> CheckLine:
    found = login_error(error, what)
    detail, _, advice = str(found).partition("; ")
    if not isinstance(found, LoginError):
        advice = _NETWORK
    return CheckLine(name=name, ok=False, detail=detail, advice=advice)


async def _bot_token(web: AsyncWebClient, config: SlackConfig) -> list[CheckLine]:
    try:
        answer = await web.auth_test()
        bot, team = one_line(str(answer.get("user"))), one_line(str(answer.get("team")))
    except (SlackClientError, aiohttp.ClientError, TimeoutError) as error:
        return [_failed("slack", error, "bot token")]
    line = CheckLine(
        name="slack", ok=True, detail=f"@{bot} in the workspace {team}", account=str(answer.get("team_id"))
    )
    scopes = scope_line(answer, config)
    return [line] if scopes is None else [line, scopes]


def scope_line(answer: AsyncSlackResponse, config: SlackConfig) -> CheckLine | None:
    """What the bot token may do, by the header of any answer; None where Slack does not say."""
    scopes = scopes_told(answer.headers)
    return _scopes(scopes, config) if scopes else None


def scopes_told(headers: Mapping[str, str]) -> list[str]:
    """What the token may do, by the header of any answer; empty where Slack does not say."""
    told = next((value for key, value in headers.items() if key.lower() == "x-oauth-scopes"), "")
    return [scope.strip() for scope in told.split(",") if scope.strip()]


def _scopes(granted: Sequence[str], config: SlackConfig) -> CheckLine:
    matters, comfort = lacking(granted, config)
    if matters:
        return CheckLine(
            name="slack scopes", ok=False, detail=f"missing: {', '.join(matters + comfort)}", advice=MANIFEST
        )
    extra = superfluous(granted, config)
    told = [f"superfluous: {', '.join(extra)}"] if extra else []
    if comfort:
        told.insert(0, f"enough; without {', '.join(comfort)} small things are missing")
    return CheckLine(
        name="slack scopes", ok=True, detail="; ".join(told) or "all there", advice=MANIFEST if told else ""
    )


async def _catch_up(web: AsyncWebClient) -> list[CheckLine]:
    """How much there is to read after a gap, and how long that may take."""
    history = History(lambda: web)
    count, more = 0, ""
    for kinds in KINDS:
        cursor = ""
        for _ in range(LIST_PAGES):
            arguments = {"types": kinds, "exclude_archived": "true", "limit": LIST_PAGE}
            try:
                answer = await history.call(LIST, {**arguments, "cursor": cursor} if cursor else arguments)
            except (Busy, SlackClientError, aiohttp.ClientError, TimeoutError):
                cursor = ""  # a missing scope has a line of its own
                break
            count += len(answer.get("channels") or ())
            cursor = next_cursor(answer)
            if not cursor:
                break
        more = "more than " if cursor else more
    return [
        CheckLine(
            name="slack catch-up",
            ok=True,
            detail=f"after a break it reads {more}{count} conversations and the active threads, 50 a minute",
            advice="an app that is distributed outside the Marketplace gets one page of 15 messages a minute "
            "from Slack: there it takes as many minutes (live messages do not wait for it)",
        )
    ]


async def _app_token(web: AsyncWebClient, config: SlackConfig) -> CheckLine:
    try:
        # Asks for an address and does not connect to it: no event goes astray.
        await web.apps_connections_open(app_token=config.app_token)
    except (SlackClientError, aiohttp.ClientError, TimeoutError) as error:
        return _failed("slack socket mode", error, "app token")
    return CheckLine(name="slack socket mode", ok=True, detail="the app token opens connections")
