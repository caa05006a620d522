"""Links to messages, as Slack's "Copy link" makes them."""

import re
from typing import Final

from bot_host.connector import LinkedMessage

_LINK: Final = re.compile(
    r"https?://[a-z0-9.-]+\.slack(?:-gov)?\.com/archives/([A-Z0-9]+)/p([0-9]{4,})([0-9]{6})/?(?:[?#].*)?"
)


def read_link(link: str) -> LinkedMessage | None:
    """The message of `https://TEAM.slack.com/archives/CHANNEL/p1700000000123456`: its `ts` without the dot.

    What stands behind a question mark only says in which thread to show it.
    """
    found = _LINK.fullmatch(link)
    return LinkedMessage(channel_id=found[1], message_id=f"{found[2]}.{found[3]}") if found else None
