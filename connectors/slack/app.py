"""The app as Slack has it, beside its manifest. Only a configuration token can ask for that.

https://docs.slack.dev/reference/methods/apps.manifest.export
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient

from bot_host.connector import AppManifest, CheckLine
from connectors.slack.check import MANIFEST
from connectors.slack.config import SlackConfig
from connectors.slack.errors import code_of, fault_of
from connectors.slack.needs import OPTIONAL
from connectors.slack.web import web_client

NAME: Final = "slack manifest"
SWITCHES: Final = (
    ("settings", "socket_mode_enabled"),
    ("settings", "interactivity", "is_enabled"),
    ("settings", "interactivity", "request_url"),
    ("settings", "event_subscriptions", "request_url"),
    ("settings", "org_deploy_enabled"),
    ("settings", "token_rotation_enabled"),
    ("features", "app_home", "home_tab_enabled"),
    ("features", "app_home", "messages_tab_enabled"),
    ("features", "app_home", "messages_tab_read_only_enabled"),
)
"""What is one value and no list."""
LISTS: Final = (
    ("scope", ("oauth_config", "scopes", "bot"), ""),
    ("event", ("settings", "event_subscriptions", "bot_events"), ""),
    ("command", ("features", "slash_commands"), "command"),
    ("shortcut", ("features", "shortcuts"), "callback_id"),
)
"""What is called how, where it stands, and by which key its entries are known."""


async def compare_app(
    web: AsyncWebClient, config: SlackConfig, make: Callable[[], AppManifest]
) -> Sequence[CheckLine]:
    """One line; none without a configuration token. Raises what `make` raises."""
    if not config.config_token:
        return []
    wanted = make().values
    try:
        asking = web_client(config, web.session, token=config.config_token)
        answer = await asking.apps_manifest_export(app_id=await _app_id(web, config))
    except SlackApiError as error:
        return [_unknown(f"Slack does not show the app's settings: {code_of(error)}")]
    except (SlackClientError, aiohttp.ClientError, TimeoutError) as error:
        return [_unknown(f"Slack cannot be asked for the app's settings: {fault_of(error)}")]
    found = answer.get("manifest")
    return [compared(wanted, found if isinstance(found, Mapping) else {})]


def _unknown(why: str) -> CheckLine:
    return CheckLine(
        name=NAME,
        ok=True,
        detail=why,
        advice="make a new configuration token on https://api.slack.com/apps (it lasts twelve hours), or "
        "leave SLACK_CONFIG_TOKEN out",
    )


async def _app_id(web: AsyncWebClient, config: SlackConfig) -> str:
    """An app token has it (`xapp-1-A0123…`); otherwise the bot says it."""
    parts = config.app_token.split("-")
    if len(parts) > 2:
        return parts[2]
    bot = await web.bots_info(bot=str((await web.auth_test()).get("bot_id")))
    return str((bot.get("bot") or {}).get("app_id"))


def compared(wanted: Mapping[str, Any], found: Mapping[str, Any]) -> CheckLine:
    """What the app (`found`) has too little and too much, and what is set otherwise."""
    missing, extra = [], []
    for what, path, key in LISTS:
        ours, theirs = _names(wanted, path, key), _names(found, path, key)
        missing += [f"{what} {name}" for name in sorted(ours - theirs)]
        extra += [f"{what} {name}" for name in sorted(theirs - ours)]
    other = list(_switched(wanted, found))
    told = [
        f"{title}: {', '.join(names)}"
        for title, names in (("missing", missing), ("superfluous", extra), ("set otherwise", other))
        if names
    ]
    grave = [name for name in missing if not name.startswith(("command", "shortcut"))]
    return CheckLine(
        name=NAME,
        ok=not other and {name.partition(" ")[2] for name in grave} <= OPTIONAL,
        detail="; ".join(told) or "the app is as the manifest says",
        advice=MANIFEST if told else "",
    )


def _at(values: Any, path: Sequence[str]) -> Any:
    for key in path:
        values = values.get(key) if isinstance(values, Mapping) else None
    return values


def _names(values: Mapping[str, Any], path: Sequence[str], key: str) -> set[str]:
    found = _at(values, path)
    entries = found if isinstance(found, Sequence) and not isinstance(found, str) else ()
    return {str(each.get(key)) if isinstance(each, Mapping) else str(each) for each in entries}


def _switched(wanted: Mapping[str, Any], found: Mapping[str, Any]) -> Iterator[str]:
    for path in SWITCHES:
        ours, theirs = _at(wanted, path) or False, _at(found, path) or False
        if ours != theirs:
            yield f"{'.'.join(path[1:])} is {_shown(theirs)}, should be {_shown(ours)}"


def _shown(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
