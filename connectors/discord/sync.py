"""The application's commands, kept as they should be, by difference only.

Discord allows 200 creations a day, so nothing is written at each start: what was written is remembered, and
what Discord has is compared before it is written.
https://docs.discord.com/developers/interactions/application-commands
"""

import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from typing import Any, Final

import aiohttp
import discord

from bot_host.connector import (
    CommandSpec,
    ConnectorError,
    ConnectorHost,
    Localized,
    Option,
    OptionKind,
    StoreError,
)
from connectors.discord.interactions import MESSAGE_MENU, SLASH, USER_MENU
from connectors.discord.rest import Rest, describe

log = logging.getLogger(__name__)

MOST: Final = {SLASH: 100, USER_MENU: 15, MESSAGE_MENU: 15}
"""Global commands of one application, by type (application-commands#registering-a-command)."""
TIMEOUT_S: Final = 30.0
REMEMBERED: Final = "commands"
GUILD_INSTALL: Final = 0
IN_SERVER: Final = 0
IN_DIRECT: Final = 1
CONTEXTS: Final = {"anywhere": [IN_SERVER, IN_DIRECT], "shared": [IN_SERVER], "private": [IN_DIRECT]}
KINDS: Final = {
    OptionKind.TEXT: 3,
    OptionKind.INTEGER: 4,
    OptionKind.BOOLEAN: 5,
    OptionKind.USER: 6,
    OptionKind.CHANNEL: 7,
}
LOCALES: Final[Mapping[str, tuple[str, ...]]] = {
    "en": ("en-US", "en-GB"),
    "es": ("es-ES", "es-419"),
    "pt": ("pt-BR",),
    "sv": ("sv-SE",),
    "zh": ("zh-CN", "zh-TW"),
}
"""Where Discord's names of languages are not two letters (reference#locales)."""
KNOWN: Final = frozenset(
    [
        *("id", "da", "de", "en-GB", "en-US", "es-ES", "es-419", "fr", "hr", "it", "lt", "hu", "nl", "no"),
        *("pl", "pt-BR", "ro", "fi", "sv-SE", "vi", "tr", "cs", "el", "bg", "ru", "uk", "hi", "th"),
        *("zh-CN", "ja", "zh-TW", "ko"),
    ]
)

Json = dict[str, Any]


def payloads_of(specs: Sequence[CommandSpec]) -> list[Json]:
    """Commands as Discord takes them: one for each name, one for each entry in a menu."""
    found: list[Json] = [_slash(spec) for spec in specs]
    for spec in specs:
        for menu, label in spec.menus.items():
            if menu == "anywhere":
                continue
            kind = USER_MENU if menu == "user" else MESSAGE_MENU
            found.append({"type": kind, "name": label, **_places(spec)})
    kept: list[Json] = []
    for payload in found:
        if sum(each["type"] == payload["type"] for each in kept) >= MOST[payload["type"]]:
            log.warning("discord: too many commands; %s is left out", payload["name"])
        else:
            kept.append(payload)
    return kept


def _places(spec: CommandSpec) -> Json:
    return {"contexts": CONTEXTS[spec.where], "integration_types": [GUILD_INSTALL]}


def _slash(spec: CommandSpec) -> Json:
    options = [_option(option) for option in spec.options if not option.hidden]
    return {
        "type": SLASH,
        "name": spec.name,
        "description": spec.description,
        **_localized(spec.localizations),
        **({"options": options} if options else {}),
        **_places(spec),
    }


def _option(option: Option) -> Json:
    made: Json = {
        "type": KINDS[option.kind],
        "name": option.name,
        "description": option.description,
        **_localized(option.localizations),
    }
    if option.required:
        made["required"] = True
    if option.choices:
        made["choices"] = [{"name": text, "value": text} for text in option.choices]
    if option.complete is not None:
        made["autocomplete"] = True
    return made


def _localized(localizations: Mapping[str, Localized]) -> Json:
    names: dict[str, str] = {}
    descriptions: dict[str, str] = {}
    for language, each in localizations.items():
        for locale in LOCALES.get(language, (language,)):
            if locale in KNOWN:
                names |= {locale: each.name} if each.name else {}
                descriptions |= {locale: each.description} if each.description else {}
    found: Json = {"name_localizations": names} if names else {}
    return found | ({"description_localizations": descriptions} if descriptions else {})


def is_same(known: Sequence[Json], wanted: Sequence[Json]) -> bool:
    """Whether what Discord has is what there should be; fields that we do not set do not count."""
    return _by_name(known) == _by_name(wanted)


def _by_name(commands: Sequence[Json]) -> dict[tuple[int, str], Any]:
    return {(int(each.get("type", SLASH)), str(each["name"])): _plain(each) for each in commands}


_FIELDS: Final = (
    "type",
    "name",
    "description",
    "name_localizations",
    "description_localizations",
    "options",
    "required",
    "choices",
    "autocomplete",
    "value",
    "contexts",
    "integration_types",
)
_EMPTY: Final[tuple[Any, ...]] = (None, "", [], {}, False)


def _plain(value: Any) -> Any:
    """Only the fields that we set, without what is empty: Discord fills those in, or gives null."""
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if not isinstance(value, Mapping):
        return value
    set_ = {key: each for key, each in value.items() if key in _FIELDS and each not in _EMPTY}
    return {key: dict(each) if key.endswith("_localizations") else _plain(each) for key, each in set_.items()}


def fingerprint(application_id: str, wanted: Sequence[Json]) -> str:
    """What is remembered of a list of commands that Discord has."""
    text = json.dumps([application_id, list(wanted)], sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


async def sync_commands(host: ConnectorHost, rest: Rest, application_id: str) -> None:
    """Bring Discord's list up to date, if it has changed since it was last brought. Never raises."""
    wanted = payloads_of(host.commands())
    if not wanted:
        return  # an agent that has not started yet has none, and the list must not go for that
    mark = fingerprint(application_id, wanted)
    try:
        if await host.recall(REMEMBERED) == mark:
            return
        known = await rest.request(
            "GET",
            "/applications/{application_id}/commands",
            timeout=TIMEOUT_S,
            params={"with_localizations": "true"},
            application_id=application_id,
        )
        if not is_same(known, wanted):
            await rest.request(
                "PUT",
                "/applications/{application_id}/commands",
                timeout=TIMEOUT_S,
                json=wanted,
                application_id=application_id,
            )
            log.info("discord: %d commands are registered", len(wanted))
        await host.remember(REMEMBERED, mark)
    except (
        StoreError,
        ConnectorError,
        discord.DiscordException,
        aiohttp.ClientError,
        OSError,
        KeyError,
        TypeError,
        ValueError,
    ) as error:
        log.warning(
            "discord: the commands could not be registered: %s; at the next start again", describe(error)
        )
