"""Files: read by getFile, sent as photos, voice messages, albums or documents.

A file's address contains the token: it is made for the one request, and neither stored nor logged.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from telegram import (
    Bot,
    InputFile,
    InputMediaAnimation,
    InputMediaAudio,
    InputMediaDocument,
    InputMediaPhoto,
    InputMediaVideo,
)
from telegram.constants import ParseMode
from telegram.error import BadRequest, InvalidToken, NetworkError, TelegramError

from bot_host.connector import FetchFailed, FetchRefused, Media, OutgoingFiles, Payload
from connectors.telegram.errors import is_bad_markup, is_unchanged, say
from connectors.telegram.http import AiohttpRequest, NoAnswer

log = logging.getLogger(__name__)

GROUP: Final = 10
"""Of one album (core.telegram.org/bots/api#sendmediagroup)."""
PHOTO_BYTES: Final = 10 * 1000 * 1000
MOST_BYTES: Final = 50 * 1000 * 1000
"""core.telegram.org/bots/api#sending-files; an own Bot API server takes 2,000 MB."""
_KINDS: Final = {
    "image/jpeg": "photo",
    "image/png": "photo",
    "image/webp": "photo",
    "image/gif": "animation",
    "audio/mpeg": "audio",
    "audio/mp4": "audio",
    "video/mp4": "video",
}
_VOICES: Final = ("audio/ogg", "audio/mpeg", "audio/mp4")
"""https://core.telegram.org/bots/api#sendvoice; an older server sends the latter two as files."""
_ALBUMS: Final = {"photo": "seen", "video": "seen", "audio": "heard", "document": "read"}
"""Albums are of photos and videos, of audio, or of documents."""
_INPUTS: Final = {
    "animation": InputMediaAnimation,
    "photo": InputMediaPhoto,
    "video": InputMediaVideo,
    "audio": InputMediaAudio,
    "document": InputMediaDocument,
}

Json = dict[str, Any]
Call = Callable[[str, Json], Awaitable[Any]]
"""A method of the Bot API with its parameters. Raises TelegramError."""
SendText = Callable[[Payload], Awaitable[str]]
"""Sends a part's text where its files cannot go; the message's id. Raises TelegramError."""


def kind_of(told: Json) -> str:
    """As what a file is sent: by what it is, not by its name."""
    if told.get("voice") and told["type"] in _VOICES:
        return "voice"
    kind = _KINDS.get(str(told["type"]), "document")
    return "document" if kind == "photo" and told["size"] > PHOTO_BYTES else kind


def groups_of(files: Sequence[Json]) -> Iterator[list[Json]]:
    """Files as messages: albums of what goes together, in order."""
    group: list[Json] = []
    for told in files:
        album = _ALBUMS.get(kind_of(told))
        if group and (album is None or album != _ALBUMS.get(kind_of(group[0])) or len(group) == GROUP):
            yield group
            group = []
        group.append(told)
    if group:
        yield group


def takes_caption(files: Sequence[Json]) -> bool:
    """Whether a text may stand under these files.

    Under one only: what was shown as a text before can become that one file with a text (editMessageMedia),
    but neither an album nor a voice message.
    """
    return len(files) == 1 and kind_of(files[0]) != "voice"


class Files:
    """The files of one bot."""

    def __init__(
        self, bot: Bot, requests: AiohttpRequest, call: Call, *, own_server: bool, token: str
    ) -> None:
        """`own_server`: one of the admin's own, which may take and give more, and files by their path."""
        self._bot = bot
        self._requests = requests
        self._call = call
        self._own_server = own_server
        self._token = token
        self.outgoing: OutgoingFiles | None = None

    # -- in

    async def download(self, media: Media, *, max_bytes: int) -> bytes:
        """Raises FetchRefused, FetchFailed; their words hold no address."""
        try:
            found = await self._call("getFile", {"file_id": media.id})
        except BadRequest as error:
            if "too big" in error.message.lower():
                raise FetchRefused("Telegram gives bots no files of more than 20 MB") from error
            raise FetchRefused(f"Telegram does not give it: {say(error)}") from error
        except InvalidToken as error:
            raise FetchFailed("Telegram refuses the token") from error
        except TelegramError as error:
            raise FetchFailed(f"Telegram does not answer: {say(error)}") from error
        path = found.get("file_path") if isinstance(found, dict) else None
        if not isinstance(path, str) or not path:
            raise FetchRefused("Telegram does not say where it is")
        if (found.get("file_size") or 0) > max_bytes:
            raise FetchRefused(f"it is larger than {max_bytes:,} bytes")
        if path.startswith("/"):
            return await asyncio.to_thread(self._read_local, Path(path), max_bytes)
        return await self._requests.read(f"{self._bot.base_file_url}/{quote(path)}", max_bytes=max_bytes)

    def _read_local(self, path: Path, max_bytes: int) -> bytes:
        """Of a server of one's own that runs with `--local`: it lies in a folder named as the token."""
        if not self._own_server or self._token not in path.resolve().parts:
            raise FetchRefused("the Bot API names a file that is none of this bot's")
        try:
            with path.open("rb") as file:
                data = file.read(max_bytes + 1)
        except OSError as error:
            raise FetchRefused("the Bot API server's file is not on this machine") from error
        if len(data) > max_bytes:
            raise FetchRefused(f"it is larger than {max_bytes:,} bytes")
        return data

    # -- out

    async def send(self, payload: Payload, where: Json, send_text: SendText) -> str:
        """Send a part with files; the id of its message, with commas between those of an album.

        What Telegram does not take as it is goes as a document, then as its name. Raises TelegramError.
        """
        found, unsent = await self._read(payload["files"])
        for plain_files in (False, True):
            if not found:
                break
            try:
                return await self._send(found, with_notes(payload, unsent), where, plain_files=plain_files)
            except TelegramError as error:
                if not _is_about_files(error):
                    raise
                log.warning("telegram: files are refused (%s)", say(error))
                if _is_too_large(error):
                    break
        told = [*unsent, *(each for each, _ in found)]
        return await send_text(with_notes({**payload, "files": []}, told))

    async def _read(self, files: Sequence[Json]) -> tuple[list[tuple[Json, bytes]], list[Json]]:
        found: list[tuple[Json, bytes]] = []
        unsent: list[Json] = []
        for told in files:
            data = await self.outgoing.read(str(told["file"])) if self.outgoing is not None else None
            if data is None or (len(data) > MOST_BYTES and not self._own_server):
                log.warning(
                    "telegram: the file %s is %s", told["name"], "gone" if data is None else "too large"
                )
                unsent.append(told)
            else:
                found.append((told, data))
        return found, unsent

    async def _send(
        self, found: Sequence[tuple[Json, bytes]], payload: Payload, where: Json, *, plain_files: bool
    ) -> str:
        async def send(caption: str, parse_mode: str | None) -> str:
            with_caption: Json = {"caption": caption} if caption else {}
            if caption and parse_mode:
                with_caption["parse_mode"] = parse_mode
            kinds = ["document" if plain_files else kind_of(told) for told, _ in found]
            if len(found) == 1:
                [(told, data)], [kind] = found, kinds
                file = InputFile(data, filename=told["name"])
                method = f"send{kind.capitalize()}"
                return _ids(await self._call(method, {**where, kind: file, **with_caption}))
            media = [
                _INPUTS[kind](
                    InputFile(data, filename=told["name"], attach=True),
                    **(with_caption if number == 0 else {}),
                )
                for number, (kind, (told, data)) in enumerate(zip(kinds, found, strict=True))
            ]
            return _ids(await self._call("sendMediaGroup", {**where, "media": media}))

        return str(await _dressed(payload, send))

    async def edit(self, payload: Payload, where: Json) -> Payload | None:
        """Put the first file in place of a message's, or with its text; None: done.

        Else what is to be shown as text instead, as the files are gone or refused. Raises TelegramError.
        """
        found, unsent = await self._read(payload["files"])
        shown = with_notes(payload, [*unsent, *(told for told, _ in found[1:])])
        if found:
            told, data = found[0]
            make = _INPUTS.get(kind_of(told), InputMediaDocument)

            async def edit(caption: str, parse_mode: str | None) -> None:
                media = make(InputFile(data, filename=told["name"], attach=True), caption, parse_mode)
                await self._call("editMessageMedia", {**where, "media": media})

            try:
                await _dressed(shown, edit)
            except TelegramError as error:
                if is_unchanged(error) or not _is_about_files(error):
                    raise
                log.warning("telegram: a file is refused (%s)", say(error))
            else:
                return None
        told_all = [*unsent, *(told for told, _ in found)]
        return with_notes({key: value for key, value in payload.items() if key != "files"}, told_all)


async def edit_caption(call: Call, payload: Payload, where: Json) -> None:
    """Change what stands under a file. Raises TelegramError."""

    async def edit(caption: str, parse_mode: str | None) -> None:
        dressed = {"parse_mode": parse_mode} if parse_mode else {}
        await call("editMessageCaption", {**where, "caption": caption, **dressed})

    await _dressed(payload, edit)


async def _dressed(payload: Payload, send: Callable[[str, str | None], Awaitable[Any]]) -> Any:
    """With markup, or plain where that is refused."""
    try:
        return await send(payload["html"], ParseMode.HTML)
    except TelegramError as error:
        if not is_bad_markup(error):
            raise
        log.warning("telegram: markup refused, sending the plain text (%s)", say(error))
        return await send(payload["plain"], None)


def with_notes(payload: Payload, unsent: Sequence[Json]) -> Payload:
    """The payload with what is not sent as names, or addresses, below its text."""
    if not unsent:
        return payload
    lines = [str(told.get("url") or f"[{told['name']}: could not be sent]") for told in unsent]
    escaped = [line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;") for line in lines]
    return {
        **payload,
        "html": "\n".join(filter(None, (payload["html"], *escaped))),
        "plain": "\n".join(filter(None, (payload["plain"], *lines))),
    }


def _is_too_large(error: TelegramError) -> bool:
    text = error.message.lower()
    return "too large" in text or "(413)" in text or "too big" in text


def _is_about_files(error: TelegramError) -> bool:
    """Whether the same text without files may pass; markup is seen to before."""
    if isinstance(error, NetworkError) and not isinstance(error, BadRequest):
        return not isinstance(error, NoAnswer) and _is_too_large(error)
    return isinstance(error, BadRequest)


def _ids(sent: Any) -> str:
    messages = sent if isinstance(sent, list) else [sent]
    ids = [message.get("message_id") for message in messages if isinstance(message, dict)]
    if not ids or not all(isinstance(each, int) for each in ids):
        raise NoAnswer("the Bot API's answer is no message")
    return ",".join(map(str, ids))
