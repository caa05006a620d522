"""Files: read from Discord's CDN, sent with a message.

https://docs.discord.com/developers/reference#uploading-files and #signed-attachment-cdn-urls
"""

import io
import json
import logging
import time
from collections.abc import Iterator, Sequence
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import aiohttp
import discord

from bot_host.connector import (
    ConnectorError,
    FetchFailed,
    FetchRefused,
    Media,
    OutgoingFiles,
    Payload,
    SafeFetcher,
)
from connectors.discord.attachments import all_attachments
from connectors.discord.encode import MAX_CHARACTERS
from connectors.discord.rest import Rest, describe

log = logging.getLogger(__name__)

ASK_TIMEOUT_S: Final = 30.0
EVERYWHERE: Final = 10 * 1024 * 1024
"""Bytes of one file that every server takes; boosted ones take more."""
MOST: Final = 100 * 1024 * 1024
"""What the most boosted ones take."""
GONE: Final = frozenset({403, 404, 410})
"""How the CDN answers when an address has expired."""
TOO_LARGE: Final = 40005
NO_FILES: Final = 50013
"""Also said where the bot may write and not attach files."""

Json = dict[str, Any]
File = tuple[Json, bytes]


class Files:
    """The files of one account."""

    def __init__(self, rest: Rest, *, api_base: str = "") -> None:
        self._rest = rest
        # A proxy of the admin's own may pass on the CDN too, at whatever address.
        host = urlsplit(api_base).netloc.rpartition("@")[2]
        self._fetcher = SafeFetcher(allow_hosts=[host] if host else ())
        self.outgoing: OutgoingFiles | None = None

    async def download(self, media: Media, *, channel_id: str, message_id: str, max_bytes: int) -> bytes:
        """An attachment's bytes. Addresses expire: the message is then asked for a new one.

        Raises FetchRefused and FetchFailed.
        """
        url = media.url
        if not url or has_expired(url):
            url = await self._address(media, channel_id, message_id)
        try:
            return (await self._fetcher.fetch(url, max_bytes=max_bytes)).body
        except FetchFailed as error:
            if error.status not in GONE or url != media.url:
                raise
        url = await self._address(media, channel_id, message_id)
        return (await self._fetcher.fetch(url, max_bytes=max_bytes)).body

    async def _address(self, media: Media, channel_id: str, message_id: str) -> str:
        try:
            message = await self._rest.request(
                "GET",
                "/channels/{channel_id}/messages/{message_id}",
                timeout=ASK_TIMEOUT_S,
                channel_id=channel_id,
                message_id=message_id,
            )
        except (discord.NotFound, discord.Forbidden) as error:
            raise FetchRefused("its message is gone from Discord") from error
        except (discord.DiscordException, aiohttp.ClientError, OSError, ConnectorError) as error:
            raise FetchFailed(f"Discord does not tell where it is: {describe(error)}") from error
        for item in all_attachments(message):
            if str(item.get("id")) == media.id and item.get("url"):
                return str(item["url"])
        raise FetchRefused("it is gone from its message")

    async def read(self, payload: Payload) -> tuple[list[File], list[Json]]:
        """The files of a payload with their bytes, and those that are gone or too large for any server."""
        found: list[File] = []
        unsent: list[Json] = []
        for told in payload.get("files", ()):
            data = await self.outgoing.read(str(told["file"])) if self.outgoing is not None else None
            if data is None or len(data) > MOST:
                log.warning(
                    "discord: the file %s is %s", told["name"], "gone" if data is None else "too large"
                )
                unsent.append(told)
            else:
                found.append((told, data))
        return found, unsent


def has_expired(url: str) -> bool:
    """Whether a signed address says so itself: `ex` is the time, in hexadecimal."""
    try:
        return int(parse_qs(urlsplit(url).query)["ex"][0], 16) <= time.time()
    except (KeyError, ValueError):
        return False


def is_about(files: Sequence[File], error: discord.HTTPException) -> bool:
    """Whether a refusal may be about the files that were sent along."""
    return bool(files) and (error.status == 413 or error.code in (TOO_LARGE, NO_FILES))


def without(
    files: Sequence[File], unsent: Sequence[Json], error: discord.HTTPException
) -> tuple[list[File], list[Json]]:
    """What to try after a refusal that is about the files, and what is left away. Raises any other one."""
    if not is_about(files, error):
        raise error
    log.warning("discord: files are refused: %s", describe(error))
    small = [file for file in files if len(file[1]) <= EVERYWHERE] if error.code != NO_FILES else []
    kept = small if len(small) < len(files) else []
    return kept, [*unsent, *(file[0] for file in files if file not in kept)]


def with_notes(body: Json, unsent: Sequence[Json]) -> Json:
    """The body with what is not sent as links, or as names."""
    if not unsent:
        return body
    lines = [str(told.get("url") or f"[{told['name']}: could not be sent]") for told in unsent]
    text = "\n".join(filter(None, (str(body.get("content") or ""), *lines)))
    if len(text) > MAX_CHARACTERS and body.get("content"):
        return body
    return {**body, "content": text[:MAX_CHARACTERS]}


def as_request(body: Json, files: Sequence[File]) -> Json:
    """The arguments of `Rest.request` for a body and its files: JSON, or multipart."""
    if not files:
        return {"json": body}
    told = [_attachment(number, told) for number, (told, _) in enumerate(files)]
    # discord.py's own objects: it winds them back before it sends them again.
    opened = [discord.File(io.BytesIO(data), filename=about["name"]) for about, data in files]
    # In a forum the message is part of the post (resources/channel#start-thread-in-forum-or-media-channel).
    if "message" in body:
        body = {**body, "message": {**body["message"], "attachments": told}}
    else:
        body = {**body, "attachments": told}
    fields = [{"name": "payload_json", "value": json.dumps(body)}]
    return {"form": [*fields, *_parts(files, opened)], "files": opened}


def _attachment(number: int, told: Json) -> Json:
    about = {"id": number, "filename": told["name"]}
    return {**about, "description": str(told["title"])[:1024]} if told.get("title") else about


def _parts(files: Sequence[File], opened: Sequence[discord.File]) -> Iterator[Json]:
    for number, ((told, _), file) in enumerate(zip(files, opened, strict=True)):
        yield {
            "name": f"files[{number}]",
            "value": file.fp,
            "filename": told["name"],
            "content_type": told["type"],
        }
