"""The files that hang on Discord's messages, as the host's. Pure."""

from collections.abc import Iterator
from typing import Any, Final

from bot_host.connector import Media, MediaType, clean_text
from connectors.discord.places import clean_name
from connectors.discord.text import snapshots

Json = dict[str, Any]

VOICE_MESSAGE: Final = 1 << 13
"""https://docs.discord.com/developers/resources/message#message-object-message-flags"""


def attachments_of(data: Json) -> list[Media]:
    """The files of a message, and of those that it forwards."""
    voice = bool(int(data.get("flags") or 0) & VOICE_MESSAGE)
    found = [media_of(item, voice=voice) for item in data.get("attachments", ())]
    for shot in snapshots(data):
        found += [media_of(item) for item in shot.get("attachments", ())]
    return found


def all_attachments(data: Json) -> Iterator[Json]:
    """What hangs on a message, on those that it forwards, and on the one that it answers."""
    yield from data.get("attachments", ())
    for shot in snapshots(data):
        yield from shot.get("attachments", ())
    yield from (data.get("referenced_message") or {}).get("attachments", ())


def media_of(item: Json, *, voice: bool = False) -> Media:
    """An attachment object."""
    mime = str(item.get("content_type") or "").split(";")[0].strip().lower()
    kinds = {"image": MediaType.IMAGE, "video": MediaType.VIDEO, "audio": MediaType.AUDIO}
    name = clean_name(item.get("filename"))
    return Media(
        id=str(item["id"]),
        url=str(item.get("url") or ""),
        title=clean_name(item.get("title")) or name or None,
        source="discord",
        description=clean_text(str(item["description"])) if item.get("description") else None,
        content_type=kinds.get(mime.split("/")[0], MediaType.DOCUMENT),
        file_name=name or None,
        mime_type=mime or None,
        size=item.get("size") if isinstance(item.get("size"), int) else None,
        duration=item.get("duration_secs") if isinstance(item.get("duration_secs"), int | float) else None,
        voice=voice,
    )
