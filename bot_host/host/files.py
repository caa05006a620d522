"""Files on their way in and out: which connector reads one, and what becomes of those that code made."""

import asyncio
import base64
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from bot_host.contracts.connector import DownloadingConnector, FileSendingConnector
from bot_host.contracts.store import Store
from bot_host.host.accounts import LOCAL, Accounts, Line
from bot_host.host.handlers import handler_of
from bot_host.kit.clean import one_line
from bot_host.kit.media_folder import KEPT_S, MediaFolder
from bot_host.kit.sniff import UNKNOWN, sniff
from bot_host.types.content import Media
from bot_host.types.errors import FetchRefused, StoreError
from bot_host.types.memory import Memory
from bot_host.types.turn import InboxRow

log = logging.getLogger(__name__)

TIDY_S: Final = 3600.0
INLINE_BYTES: Final = 50 * 1000 * 1000
"""Of a file that comes as a `data:` URL."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Downloads:
    """See `FileSource`."""

    accounts: Accounts
    folder: MediaFolder | None = None

    async def download(self, media: Media, row: InboxRow, *, max_bytes: int) -> bytes | None:
        """A file by the platform that its message came from; what callers put into the folder, from there."""
        line = self.accounts.find(row.account)
        if line is None and row.account.startswith(LOCAL) and media.file and self.folder is not None:
            return await self._from_folder(self.folder, media.file, max_bytes)
        if line is None or not isinstance(line.connector, DownloadingConnector):
            return None
        return await line.connector.download(
            media, row.target, message_id=row.message_id, max_bytes=max_bytes
        )

    async def _from_folder(self, folder: MediaFolder, name: str, max_bytes: int) -> bytes:
        data = await folder.read(name)
        if data is None:
            raise FetchRefused("the file is not kept any more")
        if len(data) > max_bytes:
            raise FetchRefused(f"the file is larger than {max_bytes} bytes")
        return data


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """Makes attachments into what the connector of a line can send."""

    folder: MediaFolder

    async def prepare(self, line: Line, memory: Memory) -> Memory:
        """The message with `data:` URLs put into files; with names as text, where none can be sent."""
        if handler_of(line.account.key) is not None or not memory.content.attachments:
            return memory
        kept: list[Media] = []
        unsent: list[str] = []
        for given in memory.content.attachments:
            media = await self._kept(given)
            if media is None or (media.file and not isinstance(line.connector, FileSendingConnector)):
                unsent.append(one_line(given.title or given.file_name or "a file", 100))
            if media is not None:
                kept.append(media)
        text = "\n".join([memory.content.text, *(f"[{name}: could not be sent]" for name in unsent)]).strip()
        content = memory.content.model_copy(update={"attachments": kept, "text": text})
        return memory.model_copy(update={"content": content})

    async def _kept(self, media: Media) -> Media | None:
        if media.file or not media.url.lower().startswith("data:"):
            return media
        head, _, body = media.url.partition(",")
        try:
            if not head.lower().endswith(";base64") or len(body) * 3 // 4 > INLINE_BYTES:
                raise ValueError("too large, or no base64")
            return await save_media(self.folder, base64.b64decode(body, validate=True), media)
        except (ValueError, OSError) as error:
            log.error("a file that was to be sent could not be kept: %s", error)
            return None


async def keep_tidy(
    folder: MediaFolder, stores: Callable[[], Sequence[Store]], *, kept_s: float = KEPT_S
) -> None:
    """Delete files older than `kept_s` now and then, as long as the host runs; none that is to be sent."""
    while True:
        if folder.made:
            try:
                needed = set[str]().union(*[await store.needed_files() for store in stores()])
                deleted = await folder.sweep(needed=needed, kept_s=kept_s)
                if deleted:
                    log.info("%d old files were deleted from the media folder", deleted)
            except (StoreError, OSError) as error:
                log.warning("the media folder could not be tidied: %s", error)
        await asyncio.sleep(TIDY_S)


async def save_media(folder: MediaFolder, data: bytes, media: Media) -> Media:
    """`media` with its bytes in the folder. Raises OSError, ValueError for no bytes."""
    if not data:
        raise ValueError("the file is empty")
    kind = sniff(data)
    mime = media.mime_type or kind if kind == UNKNOWN or kind.startswith("text/") else kind
    ending = _ENDINGS.get(mime) or (media.file_name or "").rpartition(".")[2] or "bin"
    name = media.file_name or f"{one_line(media.title or str(media.content_type or 'file'), 60)}.{ending}"
    stored = await folder.save(data, ending=ending)
    return media.model_copy(
        update={"url": "", "file": stored, "file_name": name, "mime_type": mime, "size": len(data)}
    )


_ENDINGS: Final = {
    "image/png": "png",
    "image/jpeg": "jpg",
    "image/gif": "gif",
    "image/webp": "webp",
    "audio/ogg": "ogg",
    "audio/mpeg": "mp3",
    "audio/wav": "wav",
    "audio/flac": "flac",
    "audio/mp4": "m4a",
    "video/mp4": "mp4",
    "video/webm": "webm",
    "application/pdf": "pdf",
}
