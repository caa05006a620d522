"""`check` for an app in several workspaces: its own secrets, its address, and each installation."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient

from bot_host.connector import CheckLine, KeptAccount, LoginError, is_over, one_line
from connectors.slack.check import scope_line
from connectors.slack.config import SlackConfig
from connectors.slack.errors import code_of, fault_of, login_error
from connectors.slack.install import REDIRECT
from connectors.slack.tokens import exchange
from connectors.slack.web import open_session, web_client

FAULTS: Final = (SlackClientError, aiohttp.ClientError, TimeoutError, OSError)
NO_CODE: Final = "bot-host-check"
"""What no person brought: Slack looks at client_id and client_secret first."""


async def check_app(config: SlackConfig, kept: Sequence[KeptAccount], events: str) -> list[CheckLine]:
    """What is found. `events`: the address at which Slack finds the host; empty: nowhere. Never raises."""
    async with open_session() as session:
        web = web_client(config, session, token=None)
        lines = [await _client(web, config)]
        if config.mode != "http":
            lines.append(await _socket(web, config))
        lines.append(_address(config, events.rpartition("/")[0]))
        lines += [await _installation(web, each, config) for each in kept]
        if not kept and not config.bot_token:
            lines.append(
                CheckLine(
                    name="slack installations",
                    ok=True,
                    detail="the app is installed nowhere yet",
                    advice="python -m bot_host slack-install prints a link, by which somebody installs it",
                )
            )
    return lines


async def _client(web: AsyncWebClient, config: SlackConfig) -> CheckLine:
    try:
        await exchange(web, config, code=NO_CODE)
    except SlackApiError as error:
        code = code_of(error)
        if code in ("bad_client_secret", "invalid_client_id"):
            advice = "copy both again: Basic Information of the app, App Credentials"
            return CheckLine(name="slack client", ok=False, detail=f"Slack refuses it: {code}", advice=advice)
        if code.startswith("http"):
            return CheckLine(name="slack client", ok=False, detail=f"Slack's answer is {code}")
    except FAULTS as error:
        return CheckLine(name="slack client", ok=False, detail=f"Slack does not answer: {fault_of(error)}")
    return CheckLine(name="slack client", ok=True, detail="Slack takes client_id and client_secret")


async def _socket(web: AsyncWebClient, config: SlackConfig) -> CheckLine:
    try:
        await web.apps_connections_open(app_token=config.app_token)
    except FAULTS as error:
        found = login_error(error, "app token")
        detail, _, advice = str(found).partition("; ")
        return CheckLine(name="slack socket mode", ok=False, detail=detail, advice=advice)
    return CheckLine(name="slack socket mode", ok=True, detail="the app token opens connections")


def _address(config: SlackConfig, base: str) -> CheckLine:
    if config.install == "off":
        return CheckLine(name="slack install", ok=True, detail='nobody installs it further: install = "off"')
    if not base:
        return CheckLine(
            name="slack install",
            ok=True,
            detail="the web server is off: the app cannot be installed in further workspaces",
        )
    redirect = f"{base}{REDIRECT}"
    fine = base.startswith("https://") or bool(config.api_base)
    advice = "it has to be among the Redirect URLs of the app (OAuth & Permissions)"
    if not fine:
        advice += ", which Slack wants to be https: set web.public_url"
    return CheckLine(
        name="slack install", ok=True, detail=f"Slack sends people back to {redirect}", advice=advice
    )


async def _installation(web: AsyncWebClient, kept: KeptAccount, config: SlackConfig) -> CheckLine:
    name = f"slack[{kept.id}]"
    who = one_line(str(kept.about.get("name") or kept.id), 60)
    if is_over(kept.about):
        return CheckLine(name=name, ok=True, detail=f"{who}: over ({kept.about['over']})")
    if kept.error:
        return CheckLine(name=name, ok=False, detail=kept.error)
    try:
        answer = await web.auth_test(token=kept.secrets.get("token"))
    except FAULTS as error:
        if (
            isinstance(error, SlackApiError)
            and code_of(error) == "token_expired"
            and kept.secrets.get("refresh_token")
        ):
            return CheckLine(name=name, ok=True, detail=f"{who}: its token is renewed when the host runs")
        found = login_error(error, "token")
        advice = "install the app there again" if isinstance(found, LoginError) else ""
        return CheckLine(name=name, ok=False, detail=str(found).partition("; ")[0], advice=advice)
    line = CheckLine(name=name, ok=True, detail=f"@{one_line(str(answer.get('user')))} in {who}")
    scopes = scope_line(answer, config)
    if scopes is not None and not scopes.ok:
        return replace(
            line, ok=False, detail=f"{line.detail}; {scopes.detail}", advice="install it there again"
        )
    return line
