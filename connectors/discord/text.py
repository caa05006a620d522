"""Discord's text as people read it: mentions by name, custom emoji by name, times as times. Pure."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from bot_host.connector import clean_text, one_line
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A message's text, and whether it names the bot."""

    text: str
    names_me: bool


def read_text(data: Json, *, me: Me, book: Book) -> Reading:
    """A message's own text (without stickers and the like), the bot's leading mention taken off.

    When nothing else is left, the mention stays as `@Name`: an empty ping is a message, too.
    """
    raw = clean_text(str(data.get("content") or ""))
    guild = book.guilds.get(str(data.get("guild_id", "")))
    own_roles = guild.own_roles if guild else set()
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
    if not names_me:
        return Reading(text=whole, names_me=False)
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


def read_extras(data: Json, *, me: Me, book: Book) -> list[str]:
    """What a message carries besides its text, each as a short line: stickers, polls, forwarded text."""
    lines = [f"[sticker: {_short(item.get('name'))}]" for item in data.get("sticker_items", ())]
    poll = data.get("poll")
    if poll:
        answers = " / ".join(
            _short((answer.get("poll_media") or {}).get("text")) for answer in poll.get("answers", ())
        )
        lines.append(f"[poll: {_short((poll.get('question') or {}).get('text'))} {answers}]")
    for shot in snapshots(data):
        text = read_text(shot | {"guild_id": data.get("guild_id", "")}, me=me, book=book).text
        lines.append(f"[forwarded] {text}".strip())
    return lines


def snapshots(data: Json) -> list[Json]:
    """The messages that a forward carries."""
    if (data.get("message_reference") or {}).get("type") != _FORWARD:
        return []
    return [shot["message"] for shot in data.get("message_snapshots", ()) if shot.get("message")]


def _short(value: object) -> str:
    return one_line(value, 300) if isinstance(value, str) else ""
