"""Links that begin a chat with the bot: `t.me/BOT?start=PAYLOAD`, and `startgroup` for groups. Pure.

Whoever follows one sends `/start PAYLOAD` (core.telegram.org/bots/features#deep-linking).
"""

import re
from typing import Final

from bot_host.connector import CommandUse

START: Final = "start"
_FOLLOWED: Final = re.compile(r"/start\s+([A-Za-z0-9_-]{1,64})", re.I)


def started_by(text: str) -> CommandUse | None:
    """The command that a followed link is; None for all else, a bare `/start` too.

    What stands in the link is for a plugin's command: to the model it would be noise.
    """
    found = _FOLLOWED.fullmatch(text)
    return CommandUse(name=START, text=found[1], optional=True) if found else None
