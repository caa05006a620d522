"""What elizaOS's memories say, as ours say it."""

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from pydantic import ValidationError

from bot_host.types.content import ChannelType, Content, Media, MediaType, MentionContext
from bot_host.types.ids import as_id, is_uuid

_TELEGRAM_TOKEN: Final = re.compile(r"\bbot\d{5,}:[A-Za-z0-9_-]{30,}")
"""In the address of a Telegram file, which elizaOS keeps with the bot's token in it (elizaos.md 6.10-03)."""
_OURS: Final = frozenset(Content.model_fields)
_NAMES: Final = {
    "inReplyTo": "in_reply_to",
    "channelType": "channel_type",
    "mentionContext": "mention_context",
}
_TEXTS: Final = ("thought", "source", "target", "url")
_LISTS: Final = ("actions", "providers")


class NotUnderstoodError(ValueError):
    """A row that cannot be taken over; the message says why."""


def parse(text: str | None) -> Any:
    """JSON of the database; text in which JSON stands is read once more, as elizaOS does.

    Raises NotUnderstoodError.
    """
    if text is None:
        return None
    try:
        value = json.loads(_TELEGRAM_TOKEN.sub("bot", text))
        if isinstance(value, str) and value[:1] in ("{", "["):
            value = json.loads(value)
    except RecursionError:
        raise NotUnderstoodError("its JSON is nested too deep") from None
    except ValueError as error:
        raise NotUnderstoodError(f"its JSON cannot be read: {error}") from None
    return value


def parse_object(text: str | None, what: str) -> dict[str, Any]:
    """A JSON object; nothing is an empty one. Raises NotUnderstoodError."""
    value = parse(text)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise NotUnderstoodError(f"its {what} is no JSON object")
    return value


def channel_type(told: object) -> ChannelType | None:
    """A kind of room, however it is written; None for one that we do not know."""
    name = told.upper() if isinstance(told, str) else ""
    return ChannelType(name) if name in list(ChannelType) else None


def to_content(text: str | None) -> Content:
    """A memory's content. What has no place of its own here stays under its key.

    Raises NotUnderstoodError.
    """
    value = parse(text)
    if isinstance(value, str):
        return Content(text=value)
    if not isinstance(value, dict):
        raise NotUnderstoodError("its content is no JSON object")
    made: dict[str, Any] = {}
    for key, item in value.items():
        name = _NAMES.get(key, key)
        if name not in _OURS:
            made[key] = item
        elif (kept := _field(name, item)) is not None:
            made[name] = kept
    try:
        return Content.model_validate(made)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise NotUnderstoodError(f"its content cannot be taken over: {where}: {first['msg']}") from None


def _field(name: str, item: Any) -> Any:
    """The value of one of our own fields; None: elizaOS has none that fits."""
    if name == "text":
        return item if isinstance(item, str) else None if item is None else json.dumps(item)
    if name in _TEXTS:
        return item if isinstance(item, str) else None
    if name in _LISTS:
        given = item if isinstance(item, list) else [item]
        return [each for each in given if isinstance(each, str)]
    if name == "in_reply_to":
        return as_id(item) if isinstance(item, str) and is_uuid(item) else None
    if name == "channel_type":
        return channel_type(item)
    if name == "mention_context":
        return _mention(item) if isinstance(item, Mapping) else None
    if name == "attachments":
        given = item if isinstance(item, list) else []
        return [_media(each, place) for place, each in enumerate(given) if isinstance(each, Mapping)]
    # `quotes` and `choices` are ours alone.
    return None


def _mention(item: Mapping[str, Any]) -> MentionContext | None:
    told = {
        "is_mention": item.get("isMention") is True,
        "is_reply": item.get("isReply") is True,
        "is_thread": item.get("isThread") is True,
    }
    kind = item.get("mentionType")
    try:
        return MentionContext.model_validate({**told, "mention_type": kind or "none"})
    except ValidationError:
        return MentionContext.model_validate(told)


def _media(item: Mapping[str, Any], place: int) -> Media:
    """An attachment. Of an address with a bot's token in it nothing can be fetched, so it goes."""
    told: dict[str, Any] = {
        key: item[key]
        for key in ("title", "source", "description", "text")
        if isinstance(item.get(key), str) and item[key]
    }
    url = item.get("url")
    if isinstance(url, str) and "api.telegram.org/file/bot" not in url:
        told["url"] = url
    kind = str(item.get("contentType") or "").lower()
    if kind in list(MediaType):
        told["content_type"] = MediaType(kind)
    return Media(id=str(item.get("id") or place), **told)
