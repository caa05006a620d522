"""The app's manifest, for just what the config leaves on. Pure.

Keys and limits by https://docs.slack.dev/reference/app-manifest
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from bot_host.connector import (
    AppAbout,
    AppManifest,
    CommandSpec,
    ConfigError,
    ConnectorConfig,
    Option,
    OptionKind,
    one_line,
)
from connectors.slack.blocks import prompt_of
from connectors.slack.config import SlackConfig
from connectors.slack.menus import shortcuts_of
from connectors.slack.needs import events_of, hears_direct, scopes_of, slash_of

NAME: Final = 35
"""Characters of an app's name."""
COMMANDS: Final = 50
HTTP_PATH: Final = "/slack/events"
REDIRECT_PATH: Final = "/slack/oauth_redirect"

Json = dict[str, Any]


def manifest(config: ConnectorConfig, about: AppAbout) -> AppManifest:
    """The app. Raises ConfigError where Slack would have to call us, and nobody has said where."""
    assert isinstance(config, SlackConfig)
    url = _request_url(config, about)
    name = one_line(about.name, NAME)
    values = {
        "_metadata": {"major_version": 1, "minor_version": 1},
        "display_information": {"name": name, "description": _description(config)},
        "features": _features(config, about, name, url),
        "oauth_config": _oauth(config, about),
        "settings": _settings(config, url),
    }
    return AppManifest(values=values, notes=_notes(config, name))


def _request_url(config: SlackConfig, about: AppAbout) -> str:
    if config.mode != "http":
        return ""
    if not about.public_url.startswith("https://"):
        raise ConfigError(
            'mode = "http": Slack has to know where it reaches this host; set web.public_url to an address '
            "that begins with https://"
        )
    return about.public_url + HTTP_PATH


def _oauth(config: SlackConfig, about: AppAbout) -> Json:
    scopes = {"scopes": {"bot": sorted(scopes_of(config))}}
    if not config.client_id or not about.public_url:
        return scopes
    return {"redirect_urls": [about.public_url + REDIRECT_PATH], **scopes}


def _description(config: SlackConfig) -> str:
    where = "in direct messages and when it is mentioned" if hears_direct(config) else "when it is mentioned"
    return f"An AI agent that answers {where}."


def _features(config: SlackConfig, about: AppAbout, name: str, url: str) -> Json:
    home = {
        "home_tab_enabled": True,
        "messages_tab_enabled": hears_direct(config),
        "messages_tab_read_only_enabled": False,
    }
    features: Json = {"app_home": home, "bot_user": {"display_name": name, "always_online": True}}
    if shortcuts := shortcuts_of(about.commands):
        features["shortcuts"] = shortcuts
    if config.assistant:
        prompts = [prompt_of(each) for each in config.suggested_prompts]
        features["agent_view"] = {"agent_description": _description(config), "suggested_prompts": prompts}
    if commands := [_command(spec, url) for spec in about.commands[:COMMANDS]]:
        features["slash_commands"] = commands
    return features


def _command(spec: CommandSpec, url: str) -> Json:
    told: Json = {"command": slash_of(spec.name)}
    if url:
        told["url"] = url
    told["description"] = spec.description
    if hint := usage_hint([option for option in spec.options if not option.hidden]):
        told["usage_hint"] = hint
    # So that people and channels come with their ids.
    return told | {"should_escape": True}


def usage_hint(options: Sequence[Option]) -> str:
    """What people read behind the command while they write it."""
    if len(options) != 1 or options[0].choices:
        return " ".join(_hints(options))
    [option] = options
    words = option.description.rstrip(".")
    words = option.name if option.kind is OptionKind.BOOLEAN else words[:1].lower() + words[1:]
    return words if option.required else f"[{words}]"


def _hints(options: Sequence[Option]) -> Iterator[str]:
    for option in options:
        value = "yes" if option.kind is OptionKind.BOOLEAN else "|".join(option.choices) or "…"
        hint = f"{option.name}:{value}"
        yield hint if option.required else f"[{hint}]"


def _settings(config: SlackConfig, url: str) -> Json:
    events: Json = {"bot_events": events_of(config)}
    interactivity: Json = {"is_enabled": True}
    if url:
        events = {"request_url": url, **events}
        interactivity["request_url"] = url
    return {
        "event_subscriptions": events,
        "interactivity": interactivity,
        "org_deploy_enabled": bool(config.client_id),
        "socket_mode_enabled": not url,
        "token_rotation_enabled": False,
    }


def _notes(config: SlackConfig, name: str) -> list[str]:
    told = [
        "A new app: paste this at https://api.slack.com/apps -> Create New App -> From a manifest.",
        "One that is there: App Manifest -> paste it, save, then Install App -> Reinstall.",
    ]
    if config.mode == "http":
        told.append("Basic Information -> App Credentials -> Signing Secret (SLACK_SIGNING_SECRET)")
    else:
        told.append(
            "Basic Information -> App-Level Tokens -> generate one with the scope connections:write "
            "(SLACK_APP_TOKEN)"
        )
    told += [
        f"Install App -> Bot User OAuth Token (SLACK_BOT_TOKEN); invite it to a channel: /invite @{name}",
        "What the keys mean: https://docs.slack.dev/reference/app-manifest",
    ]
    return told
