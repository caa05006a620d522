"""Links to messages, as Discord's "Copy Message Link" makes them."""

import re
from typing import Final

from bot_host.connector import LinkedMessage

_LINK: Final = re.compile(
    r"https?://(?:[a-z]+\.)?discord(?:app)?\.com/channels/(?:@me|[0-9]+)/([0-9]+)/([0-9]+)/?(?:[?#].*)?"
)


def read_link(link: str) -> LinkedMessage | None:
    """The message of `https://discord.com/channels/SERVER/CHANNEL/MESSAGE`; also of the test clients."""
    found = _LINK.fullmatch(link)
    return LinkedMessage(channel_id=found[1], message_id=found[2]) if found else None
