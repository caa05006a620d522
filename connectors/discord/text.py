"""Discord's text as people read it: mentions by name, custom emoji by name, times as times. Pure."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlsplit

from bot_host.connector import Quote, clean_text, one_line
from connectors.discord.places import Book, Me, display_name

Json = dict[str, Any]

# https://docs.discord.com/developers/reference#message-formatting. Code stands first: Discord shows
# what is inside it as it was typed.
_TOKEN: Final = re.compile(
    r"(?P<code>```.*?```|``.+?``|`[^`\n]+`)"
    r"|<@!?(?P<user>\d{1,20})>"
    r"|<@&(?P<role>\d{1,20})>"
    r"|<#(?P<channel>\d{1,20})>"
    r"|<a?:(?P<emoji>\w{1,64}):\d{1,20}>"
    r"|<t:(?P<time>-?\d{1,12})(?::[a-zA-Z])?>"
    r"|</(?P<command>[^:<>\n]{1,100}):\d{1,20}>",
    re.DOTALL,
)
_FORWARD: Final = 1
EMBED: Final = 2000
"""Characters of one embed that are read; Discord allows 6,000 in all of a message's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A message's text, and whether it names the bot."""

    text: str
    names_me: bool


def read_text(data: Json, *, me: Me, book: Book, strip: bool = True) -> Reading:
    """A message's own text (without stickers and the like); `strip` takes the bot's leading mention off.

    When nothing else is left, the mention stays as `@Name`: an empty ping is a message, too.
    """
    raw = clean_text(str(data.get("content") or ""))
    guild = book.guilds.get(str(data.get("guild_id", "")))
    own_roles = guild.named_by if guild else frozenset[str]()
    users = {str(u["id"]): display_name(u, u.get("member")) for u in data.get("mentions", ())}
    users[me.id] = me.name
    names_me = False

    def readable(match: re.Match[str]) -> str:
        nonlocal names_me
        kind, value = match.lastgroup, match[match.lastgroup or 0]
        if kind == "user":
            names_me = names_me or value == me.id
            return f"@{users[value]}" if value in users else match[0]
        if kind == "role":
            names_me = names_me or value in own_roles
            return (
                f"@{me.name if value in own_roles else (guild.roles.get(value) if guild else '') or 'role'}"
            )
        if kind == "channel":
            place = book.channels.get(value)
            return f"#{place.name if place and place.name else 'unknown'}"
        if kind == "time":
            return _time(int(value)) or match[0]
        return {"emoji": f":{value}:", "command": f"/{value}"}.get(kind or "", match[0])

    whole = _TOKEN.sub(readable, raw).strip()
    if not names_me or not strip:
        return Reading(text=whole, names_me=names_me)
    rest = _TOKEN.sub(readable, _strip_lead(raw, me, own_roles)).strip()
    return Reading(text=rest or f"@{me.name}", names_me=True)


def _strip_lead(raw: str, me: Me, own_roles: Iterable[str]) -> str:
    names = "|".join([f"@!?{me.id}", *(f"@&{role}" for role in own_roles)])
    return re.sub(rf"\A\s*(?:<(?:{names})>[\s,:]*)+", "", raw)


def _time(seconds: int) -> str:
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")
    except (ValueError, OverflowError, OSError):
        return ""


def read_extras(data: Json) -> list[str]:
    """What a message carries besides its text, each as a short line: stickers, polls."""
    lines = [f"[sticker: {_short(item.get('name'))}]" for item in data.get("sticker_items", ())]
    poll = data.get("poll")
    if poll:
        answers = " / ".join(
            _short((answer.get("poll_media") or {}).get("text")) for answer in poll.get("answers", ())
        )
        lines.append(f"[poll: {_short((poll.get('question') or {}).get('text'))} {answers}]")
    return lines


def embeds(data: Json) -> list[Quote]:
    """Link previews and what other programs attach (resources/message#embed-object)."""
    found = []
    for item in data.get("embeds", ()):
        if not isinstance(item, dict):
            continue
        fields = (
            f"{_short(each.get('name'))}: {_words(each.get('value'))}" for each in item.get("fields", ())
        )
        parts = [_short(item.get("title")), _words(item.get("description")), *fields]
        parts.append(_short((item.get("footer") or {}).get("text")))
        text = "\n".join(part for part in parts if part)
        author = _short((item.get("author") or item.get("provider") or {}).get("name"))
        if text:
            found.append(Quote(kind="embed", author=author or _site(item.get("url")), text=text[:EMBED]))
    return found


def _site(url: object) -> str:
    try:
        return urlsplit(url).hostname or "" if isinstance(url, str) else ""
    except ValueError:
        return ""


def _words(value: object) -> str:
    return clean_text(value).strip()[:EMBED] if isinstance(value, str) else ""


def snapshots(data: Json) -> list[Json]:
    """The messages that a forward carries."""
    if (data.get("message_reference") or {}).get("type") != _FORWARD:
        return []
    return [shot["message"] for shot in data.get("message_snapshots", ()) if shot.get("message")]


def all_words(data: Json, *, me: Me, book: Book) -> str:
    """All that a message says: its own words, what it carries besides, and what it forwards."""
    guild = {"guild_id": data.get("guild_id", "")}
    lines: list[str] = []
    for each in (data, *(shot | guild for shot in snapshots(data))):
        lines += [read_text(each, me=me, book=book, strip=False).text, *read_extras(each)]
        lines += [quote.text for quote in embeds(each)]
    return "\n".join(line for line in lines if line)


def _short(value: object) -> str:
    return one_line(value, 300) if isinstance(value, str) else ""
