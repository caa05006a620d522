"""Links to messages (core.telegram.org/api/links#message-links). Private chats and basic groups have none."""

import re
from typing import Final

from bot_host.connector import LinkedMessage

_WEB: Final = re.compile(
    r"(?:https?://)?(?:t|telegram)\.me/(?:c/([0-9]+)|[A-Za-z][A-Za-z0-9_]+)/(?:[0-9]+/)?([0-9]+)/?(?:\?.*)?"
)
_APP: Final = re.compile(r"tg://privatepost\?channel=([0-9]+)&post=([0-9]+)(?:&.*)?")
_SUPERGROUP: Final = "-100"
"""Before a channel's own number, it makes the Bot API's chat id (core.telegram.org/api/bots/ids)."""


def read_link(link: str) -> LinkedMessage | None:
    """The message of `https://t.me/c/CHANNEL/MESSAGE` or `t.me/NAME/MESSAGE`; a topic may stand between."""
    found = _WEB.fullmatch(link) or _APP.fullmatch(link)
    if found is None:
        return None
    return LinkedMessage(channel_id=f"{_SUPERGROUP}{found[1]}" if found[1] else "", message_id=found[2])


def make_link(chat_id: str, name: str, message_id: str, *, topic: str = "") -> str:
    """The address of a message; empty in private chats and basic groups, where messages have none."""
    if name:
        place = name
    elif chat_id.startswith(_SUPERGROUP):
        place = f"c/{chat_id.removeprefix(_SUPERGROUP)}"
    else:
        return ""
    return "/".join(filter(None, ("https://t.me", place, topic, message_id)))
