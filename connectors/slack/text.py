"""Slack's message text as people read it.

https://docs.slack.dev/messaging/formatting-message-text : a text that Slack hands out has `&`, `<` and `>`
escaped wherever a person typed them, so a real `<` always begins a mention or a link.
"""

import re
from collections.abc import Iterable
from typing import Final, Protocol

from bot_host.connector import clean_text, one_line

_TOKEN: Final = re.compile(r"<([^<>\n]*)>")
_USER_ID: Final = re.compile(r"<@([UW][A-Z0-9]+)(?:\|[^<>]*)?>")
_CHANNEL_ID: Final = re.compile(r"<#([CDG][A-Z0-9]+)(?:\|[^<>]*)?>")
_SCHEME: Final = re.compile(r"^(?:https?|mailto|tel):(?://)?", re.IGNORECASE)


class Names(Protocol):
    """What is known of people and conversations; empty: nothing."""

    def user(self, id: str) -> str:
        """A person's display name."""

    def channel(self, id: str) -> str:
        """A conversation's name, without `#`."""


def unescape(text: str) -> str:
    """`text` with Slack's three entities as characters."""
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def mentioned_users(text: str) -> list[str]:
    """The ids of the people mentioned in `text`."""
    return _USER_ID.findall(text)


def mentioned_channels(text: str) -> list[str]:
    """The ids of the channels linked in `text`."""
    return _CHANNEL_ID.findall(text)


def mentions(text: str, user_id: str) -> bool:
    """Whether `text` mentions this person. Code is no exception: Slack makes a mention of it there too."""
    return user_id in mentioned_users(text)


def readable(text: str, names: Names, *, own_id: str) -> str:
    """`text` with names for ids, Markdown links, plain characters; without the mention of us in front."""
    text = clean_text(text)
    text = re.sub(rf"^(?:\s*<@{re.escape(own_id)}(?:\|[^<>]*)?>[\s,:]*)+", "", text)
    return "".join(_pieces(text, names)).strip()


def _pieces(text: str, names: Names) -> Iterable[str]:
    at = 0
    for match in _TOKEN.finditer(text):
        yield unescape(text[at : match.start()])
        yield _token(match[1], names)
        at = match.end()
    yield unescape(text[at:])


def _token(inside: str, names: Names) -> str:
    target, _, label = inside.partition("|")
    label = unescape(label)
    if target.startswith("@"):
        return "@" + (names.user(target[1:]) or one_line(label) or target[1:])
    if target.startswith("#"):
        return "#" + (one_line(label) or names.channel(target[1:]) or target[1:])
    if target.startswith("!"):
        return _special(target[1:], label)
    url = unescape(target)
    if not label or label == url or _SCHEME.sub("", url).rstrip("/") == label.rstrip("/"):
        return url
    return f"[{label}]({url})"


def _special(command: str, label: str) -> str:
    name, *rest = command.split("^")
    if name in ("channel", "here", "everyone"):
        return f"@{name}"
    if name == "subteam":
        return label if label.startswith("@") else f"@{label or (rest[0] if rest else 'group')}"
    # <!date^…|fallback> and whatever comes later: the fallback is made to be read.
    return label or name
