"""A line that somebody typed, as an inbound message."""

import getpass
import re
import uuid
from typing import Final

from bot_host.connector import (
    ChannelType,
    Content,
    InboundMessage,
    PersonRef,
    RoomRef,
    Target,
    WorldRef,
    clean_text,
    one_line,
    utc_now,
)

PLATFORM = "terminal"
_KEYS: Final = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1bO[ -~]|\x1b")
"""What arrow and function keys, and pasting, leave in a line (ECMA-48: CSI, SS3; xterm's bracketed paste)."""


def user_name() -> str:
    """The operating system's name for who sits here."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # no variable names the user, and no table of users does
        return "you"


def decode_line(line: str, *, user: str) -> InboundMessage | None:
    """The message in `line`; None when there is nothing in it."""
    text = clean_text(_KEYS.sub("", line))
    if not text.strip():
        return None
    key = str(uuid.uuid4())
    return InboundMessage(
        event_key=key,
        message_id=key,
        memory_key=key,
        world=WorldRef(key=PLATFORM, name="Terminal", platform_id=PLATFORM),
        room=RoomRef(key=PLATFORM, type=ChannelType.DM, channel_id=PLATFORM, name="Terminal"),
        sender=PersonRef(key=user, platform_id=user, name=one_line(user), user_name=user),
        content=Content(text=text, source=PLATFORM, channel_type=ChannelType.DM),
        sent_at=utc_now(),
        target=Target(source=PLATFORM, channel_id=PLATFORM),
    )
