"""What hangs on a Slack message, as attachments."""

from collections.abc import Mapping
from typing import Any, Final

from bot_host.connector import Media, MediaType, clean_text, one_line
from connectors.slack.text import Names, readable

_CLIPS: Final = {"slack_audio": MediaType.AUDIO, "slack_video": MediaType.VIDEO}
_MOST: Final = 20
"""More than people attach; a bound for what others send."""


def attachments(event: Mapping[str, Any], names: Names, *, own_id: str) -> list[Media]:
    """Files, and messages that were shared from elsewhere (not the speaker's own words)."""
    found = [_file(file) for file in _dicts(event.get("files"))]
    found += [
        _shared(number, quote, names, own_id)
        for number, quote in enumerate(_dicts(event.get("attachments")))
        # The others are link previews: Slack's additions, which come later and as an edit.
        if quote.get("is_share") or quote.get("is_msg_unfurl")
    ]
    return [media for media in found if media is not None][:_MOST]


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


def _shared(number: int, quote: Mapping[str, Any], names: Names, own_id: str) -> Media:
    text, author, url = quote.get("text"), quote.get("author_name"), quote.get("from_url")
    return Media(
        id=f"shared-{number}",
        url=clean_text(url) if isinstance(url, str) else "",
        title=f"shared message of {one_line(author) if isinstance(author, str) and author else 'somebody'}",
        source="slack",
        text=readable(text, names, own_id=own_id) if isinstance(text, str) else None,
        content_type=MediaType.LINK,
    )
