"""What a Telegram message says: text, attachments, mentions. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from telegram import ExternalReplyInfo, Message, MessageEntity, User

from bot_host.connector import Media, MediaType, clean_text, one_line
from connectors.telegram.rich import rich_files, rich_text
from connectors.telegram.spans import seconds_of

_AFTER_MENTION: Final = re.compile(r"^(?:[,:;.!…]+|\s+[–—-](?=\s))?\s*")
_FILES: Final = {
    "animation": MediaType.VIDEO,
    "video": MediaType.VIDEO,
    "video_note": MediaType.VIDEO,
    "audio": MediaType.AUDIO,
    "voice": MediaType.AUDIO,
    "document": MediaType.DOCUMENT,
}
"""An animation comes with a `document` of the same file; the first that is there counts."""
RICH: Final = "rich_message"


@dataclass(frozen=True, slots=True, kw_only=True)
class Me:
    """The bot itself, as mentions name it."""

    id: int
    username: str


def slice_utf16(text: str, offset: int, length: int) -> str:
    """The part of `text` that an entity covers; its offset and length are UTF-16 code units."""
    units = text.encode("utf-16-le", "surrogatepass")
    return units[2 * max(offset, 0) : 2 * (max(offset, 0) + max(length, 0))].decode("utf-16-le", "replace")


def display_name(user: User) -> str:
    """How to call a person."""
    return one_line(" ".join(part for part in (user.first_name, user.last_name) if part)) or one_line(
        user.username or ""
    )


def marked_text(message: Message) -> tuple[str, Sequence[MessageEntity]]:
    """Text with its entities, or the caption with its own; the text of a rich message, which has none."""
    if message.text:
        return message.text, message.entities
    if RICH in message.api_kwargs:
        return rich_text(message.api_kwargs[RICH]), ()
    return message.caption or "", message.caption_entities


def mentions_me(message: Message, me: Me) -> bool:
    """Whether an entity of the text or caption names the bot.

    Telegram marks each mention. In a text without any mark, from a server that makes none, the name counts.
    """
    text, entities = marked_text(message)
    if not entities and me.username:
        return re.search(rf"(?<![\w@])@{re.escape(me.username)}(?!\w)", text, re.IGNORECASE) is not None
    return any(_is_me(entity, slice_utf16(text, entity.offset, entity.length), me) for entity in entities)


def _is_me(entity: MessageEntity, part: str, me: Me) -> bool:
    address = f"@{me.username}".casefold()
    if entity.type == MessageEntity.MENTION:
        return part.casefold() == address
    if entity.type == MessageEntity.TEXT_MENTION:
        return entity.user is not None and entity.user.id == me.id
    if entity.type == MessageEntity.BOT_COMMAND:
        return part.casefold().endswith(address) and "@" in part
    return False


def is_for_other_bot(message: Message, me: Me) -> bool:
    """Whether the message is a command that names another bot (`/start@other_bot`)."""
    text, entities = marked_text(message)
    for entity in entities:
        if entity.type == MessageEntity.BOT_COMMAND and entity.offset == 0:
            command, _, address = slice_utf16(text, 0, entity.length).partition("@")
            return bool(command and address) and address.casefold() != me.username.casefold()
    return False


def plain_text(message: Message) -> str:
    """The text or caption, with the addresses that lie behind words: `here (https://…)`."""
    return clean_text(_spelled(*marked_text(message))).strip()


def readable_text(message: Message, me: Me) -> str:
    """The text as the agent is to read it.

    A mention of the bot at the very start is an address, not content, and goes; so does `@me` of a command.
    Elsewhere mentions stay. A message that is nothing but the mention keeps it.
    """
    text, entities = marked_text(message)
    address = ""
    for entity in entities:
        part = slice_utf16(text, entity.offset, entity.length)
        if entity.offset == 0 and part and _is_me(entity, part, me):
            address = part
            is_command = entity.type == MessageEntity.BOT_COMMAND
            break
    text = _spelled(text, entities)
    if address:
        rest = text[len(address) :]
        if is_command:
            text = address.partition("@")[0] + rest
        elif rest.strip():
            text = _AFTER_MENTION.sub("", rest) or text
    return clean_text(text).strip()


def _spelled(text: str, entities: Sequence[MessageEntity]) -> str:
    """The text, with the address behind each link whose words do not say it."""
    links = [entity for entity in entities if entity.type == MessageEntity.TEXT_LINK and entity.url]
    for link in sorted(links, key=lambda each: each.offset, reverse=True):
        shown, url = slice_utf16(text, link.offset, link.length), one_line(link.url or "", 500)
        if shown and _bare(shown) != _bare(url):
            before = slice_utf16(text, 0, max(link.offset, 0))
            text = f"{before}{shown} ({url}){text[len(before) + len(shown) :]}"
    return text


def _bare(url: str) -> str:
    return re.sub(r"^https?://(www\.)?|/$", "", url.strip(), flags=re.I)


def attachments(message: Message, *, forwarded: bool) -> list[Media]:
    """The files of a message; what is heard in a forwarded one somebody else has said."""
    spoken = bool(message.voice or message.video_note) and not forwarded
    return [media.model_copy(update={"voice": spoken}) for media in files_of(message)]


def files_of(message: Message | ExternalReplyInfo) -> list[Media]:
    """Telegram's file addresses contain the token, so only the ids are kept."""
    found = [(name, getattr(message, name, None)) for name in ("photo", "live_photo", "sticker", *_FILES)]
    media = next((_media(name, value) for name, value in found if value), None)
    paid = message.paid_media.paid_media if message.paid_media else ()
    files = [media] if media is not None else [_media(each.type, _shown(each)) for each in paid]
    files += [_media(name, value) for name, value in rich_files(message.api_kwargs.get(RICH))]
    return [each for each in files if each is not None]


def _shown(paid: Any) -> Any:
    """What can be seen of paid media: nothing, until it is paid for."""
    return getattr(paid, paid.type, None)


def _media(name: str, value: Any) -> Media | None:
    """A file of a message by the attribute that holds it."""
    if name == "photo" and value:
        largest = max(value, key=lambda size: size.width * size.height)
        return _file(largest, MediaType.IMAGE)
    if name == "live_photo" and value:
        return _media("photo", value.photo) or _file(value, MediaType.VIDEO)
    if name == "sticker" and value:
        return _sticker(value)
    if name not in _FILES or not value:
        return None
    return _file(value, _FILES[name], title=getattr(value, "title", None), silent=name == "animation")


def _sticker(sticker: Any) -> Media:
    """A picture; of one that moves the still one, which models can look at."""
    title = f"sticker {sticker.emoji or ''}".strip()
    moves = sticker.is_animated or sticker.is_video
    still = sticker.thumbnail if moves else None
    media = _file(still or sticker, MediaType.IMAGE, title=title, silent=bool(moves and not still))
    # People send the same ones over and over (core.telegram.org/bots/api#sticker: the same over time).
    return media.model_copy(update={"lasting_id": f"telegram:{one_line(sticker.file_unique_id)}"})


def _file(file: Any, kind: MediaType, *, title: str | None = None, silent: bool = False) -> Media:
    name, mime_type = getattr(file, "file_name", None), getattr(file, "mime_type", None)
    if kind is MediaType.DOCUMENT and mime_type and mime_type.startswith("image/"):
        kind = MediaType.IMAGE
    return Media(
        id=file.file_id,
        source="telegram",
        content_type=kind,
        title=one_line(title) if title else None,
        file_name=one_line(name, 120) if name else None,
        mime_type=one_line(mime_type) if mime_type else None,
        size=file.file_size,
        duration=seconds_of(getattr(file, "duration", None)),
        silent=silent,
    )
