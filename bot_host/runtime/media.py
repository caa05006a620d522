"""Attachments of bytes that code made."""

import mimetypes
from typing import Final

from bot_host.kit.clean import one_line
from bot_host.kit.sniff import UNKNOWN, sniff
from bot_host.types.content import Media, MediaType
from bot_host.types.errors import StateError
from bot_host.types.ids import new_id

MOST_BYTES: Final = 50_000_000
"""Of one file: Telegram takes no more (core.telegram.org/bots/api#sending-files)."""
_KINDS: Final = {"image": MediaType.IMAGE, "audio": MediaType.AUDIO, "video": MediaType.VIDEO}


def made_media(data: bytes, *, file_name: str = "", title: str = "", voice: bool = False) -> Media:
    """What is known of these bytes, by what they are, else by the name.

    Raises StateError for too many or none.
    """
    if not data:
        raise StateError(f"the file {one_line(file_name, 60)!r} is empty")
    if len(data) > MOST_BYTES:
        name = one_line(file_name, 60)
        raise StateError(f"the file {name!r} has {len(data):,} bytes; at most {MOST_BYTES:,} can be sent")
    found = sniff(data)
    guessed = mimetypes.guess_type(file_name)[0] if file_name else None
    mime = guessed or found if found == UNKNOWN or found.startswith("text/") else found
    return Media(
        id=new_id(),
        source="generated",
        title=one_line(title, 100) or None,
        file_name=one_line(file_name, 100) or None,
        content_type=_KINDS.get(mime.partition("/")[0], MediaType.DOCUMENT),
        mime_type=mime,
        size=len(data),
        voice=voice,
    )
