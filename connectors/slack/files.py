"""What hangs on a Slack message: files, and what others said."""

from collections.abc import Mapping
from typing import Any, Final

from bot_host.connector import Media, MediaType, Quote, one_line
from connectors.slack.text import Names, readable

_CLIPS: Final = {"slack_audio": MediaType.AUDIO, "slack_video": MediaType.VIDEO}
_MOST: Final = 20
"""More than people attach; a bound for what others send."""
_QUOTE: Final = 4_000
"""Characters of what is quoted."""


def attachments(event: Mapping[str, Any]) -> list[Media]:
    """The files of a message."""
    found = (_file(file) for file in _dicts(event.get("files")))
    return [media for media in found if media is not None][:_MOST]


def quotes(event: Mapping[str, Any], names: Names, *, own_id: str) -> list[Quote]:
    """Messages that were shared from elsewhere, with their files: not the speaker's own words."""
    shared = (
        _shared(quote, names, own_id)
        for quote in _dicts(event.get("attachments"))
        # The others are link previews: Slack's additions, which come later and as an edit.
        if quote.get("is_share") or quote.get("is_msg_unfurl")
    )
    return [quote for quote in shared if quote.text or quote.attachments][:_MOST]


def _dicts(value: Any) -> list[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def _file(file: Mapping[str, Any]) -> Media | None:
    id = file.get("id")
    if not isinstance(id, str) or file.get("mode") == "tombstone":
        return None
    mime = file.get("mimetype") if isinstance(file.get("mimetype"), str) else None
    size = file.get("size")
    name = file.get("name")
    title = file.get("title")
    url = file.get("url_private")
    kind, voice = _media_type(mime or ""), False
    if file.get("subtype") in _CLIPS:
        # A clip that somebody recorded in Slack; its type is often that of a video, whatever it is.
        kind, voice = _CLIPS[str(file["subtype"])], True
    seconds = file.get("duration_ms")
    return Media(
        id=id,
        # Needs the bot's token as a header and carries none itself.
        url=url if isinstance(url, str) else "",
        title=one_line(title, 200) if isinstance(title, str) and title else None,
        source="slack",
        content_type=kind,
        file_name=one_line(name, 200) if isinstance(name, str) and name else None,
        mime_type=one_line(mime, 100) if mime else None,
        size=size if isinstance(size, int) else None,
        duration=seconds / 1000 if isinstance(seconds, int) else None,
        voice=voice,
    )


def _media_type(mime: str) -> MediaType:
    kinds = {"image": MediaType.IMAGE, "video": MediaType.VIDEO, "audio": MediaType.AUDIO}
    return kinds.get(mime.partition("/")[0], MediaType.DOCUMENT)


def _shared(quote: Mapping[str, Any], names: Names, own_id: str) -> Quote:
    text, author = quote.get("text"), quote.get("author_name")
    return Quote(
        kind="forward",
        author=one_line(author, 100) if isinstance(author, str) else "",
        text=readable(text, names, own_id=own_id)[:_QUOTE] if isinstance(text, str) else "",
        attachments=attachments(quote),
    )
