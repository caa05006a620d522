"""Reads what an agent is to know. The rows are the truth: whoever runs it takes what is due, one at a time.

Files are looked at by their time of change, then by a hash; addresses by what their server says. What is read
again counts when it is whole; what cannot be read again stays as it was, unless it is gone.
"""

import asyncio
import logging
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Final
from urllib.parse import unquote, urlsplit
from weakref import WeakKeyDictionary

from bot_host.contracts.store import Store
from bot_host.kit.clean import clean_text, one_line
from bot_host.kit.clock import utc_now
from bot_host.kit.faults import FetchError, FetchFailed
from bot_host.kit.fetch import SafeFetcher
from bot_host.kit.reading.child import SECONDS, Document, DocumentUnreadable, reading
from bot_host.kit.reading.pack import Fragment
from bot_host.runtime.config import KnowledgeOptions
from bot_host.runtime.knowledge_files import (
    NotReadable,
    NotThere,
    changed_at,
    fingerprint,
    listing,
    opened,
)
from bot_host.types.content import Content
from bot_host.types.ids import UUID, new_id
from bot_host.types.knowledge import Audience
from bot_host.types.memory import Memory, MemoryType
from bot_host.types.sources import (
    PATH,
    POSITION,
    SOURCE,
    KnowledgeSource,
    SourceKind,
    SourceOrigin,
    SourceRead,
    SourceState,
    knowledge_room,
)

log = logging.getLogger(__name__)

BATCH: Final = 50
"""Fragments that are written in one transaction."""
CLAIM: Final = timedelta(seconds=SECONDS + 180)
"""For one reading, its download and the writing; then another may begin."""
AT_ONCE: Final = 2
"""Documents that one process reads at a time, whoever's they are."""
DUE: Final = 50
"""Sources that are taken up before others are looked for."""
GONE: Final = frozenset({404, 410})
NOT_AGAIN: Final = "not read again"
"""How a remark begins that is over with the next look that succeeds."""
_TAKEN: Final = 304
_turns: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = WeakKeyDictionary()


@dataclass(frozen=True, slots=True)
class _Opened:
    """Something to read, and what is to be kept of where it came from."""

    file: BinaryIO
    name: str
    content_type: str = ""
    modified: str = ""
    etag: str = ""


class _Unchanged(Exception):
    """It is what it was."""


class _Gone(Exception):
    """It is there no more. The message says how that is known."""


class _Unread(Exception):
    """It cannot be read. The message says why."""

    def __init__(self, why: str, *, modified: str = "") -> None:
        super().__init__(why)
        self.modified = modified


class _Left(Exception):
    """The source was taken away while it was read."""


class KnowledgeReader:
    """Reads the sources of one agent."""

    def __init__(
        self, store: Store, agent_id: UUID, options: KnowledgeOptions, *, fetcher: SafeFetcher | None = None
    ) -> None:
        self._store = store
        self._agent_id = agent_id
        self._options = options
        self._fetcher = fetcher or SafeFetcher(allow_hosts=options.allow_hosts)
        self._strict = SafeFetcher()
        """For what was named in a chat: the hosts that the config allows are for its author to ask."""

    async def read_due(self) -> int:
        """Read all that is due; how many that were. What fails is said by its row and one log line."""
        now, count = utc_now(), 0
        # What folders bring is due by then, too; what is read is due later.
        while due := await self._store.due_sources(self._agent_id, now=utc_now(), count=DUE):
            taken = 0
            for source in due:
                if source.checked_at is None or source.checked_at < now:
                    found = await self.read(source.id)
                    taken += found is not None
                    if found is not None and found.remark and found.remark != source.remark:
                        where, why = one_line(source.location, 200), one_line(found.remark, 300)
                        log.warning("knowledge: %s: %s", where, why)
            count += taken
            if not taken:  # others have them
                break
        return count

    async def read(self, source_id: UUID) -> KnowledgeSource | None:
        """Read one; as it is then. None: it is gone, or somebody else reads it."""
        now = utc_now()
        source = await self._store.claim_source(source_id, now=now, until=now + CLAIM)
        if source is None:
            return None
        loop = asyncio.get_running_loop()
        async with _turns.setdefault(loop, asyncio.Semaphore(AT_ONCE)):
            await self._read(source)
        return await self._store.find_source(source_id)

    async def _read(self, source: KnowledgeSource) -> None:
        due_at = self._next(source)
        try:
            async with asyncio.timeout(CLAIM.total_seconds()):
                if source.kind is SourceKind.FOLDER:
                    await self._read_folder(source)
                else:
                    await self._read_document(source)
        except _Unchanged as same:
            over = "" if source.remark.startswith(NOT_AGAIN) else None
            await self._store.keep_source(
                source.id, now=utc_now(), due_at=due_at, modified=str(same), remark=over
            )
        except _Gone as gone:
            await self._store.fail_source(
                source.id, now=utc_now(), due_at=due_at, remark=str(gone), forget=True
            )
        except (_Unread, TimeoutError) as error:
            why = str(error) or "it took too long"
            if source.document_id is not None and source.read_at is not None:
                why = f"{NOT_AGAIN}, what was read on {source.read_at:%Y-%m-%d %H:%M} UTC stays: {why}"
            modified = error.modified if isinstance(error, _Unread) else ""
            await self._store.fail_source(
                source.id, now=utc_now(), due_at=due_at, remark=why, modified=modified
            )
        except _Left:
            log.debug("knowledge: %s was taken away while it was read", source.id)

    def _next(self, source: KnowledgeSource) -> datetime | None:
        if source.kind is SourceKind.TEXT:
            return None
        if source.kind is SourceKind.URL:
            return utc_now() + timedelta(hours=self._options.url_hours)
        return utc_now() + timedelta(seconds=self._options.check_seconds)

    # -- folders ----------------------------------------------------------------------------------------

    async def _read_folder(self, source: KnowledgeSource) -> None:
        """Sources for its files; those of files that are gone go."""
        try:
            found = await asyncio.to_thread(listing, Path(source.location), most=self._options.max_files)
        except NotThere as error:
            raise _Gone(str(error)) from None
        except NotReadable as error:
            raise _Unread(str(error)) from None
        everything = await self._store.get_sources(self._agent_id)
        children = {each.location: each for each in everything if each.parent_id == source.id}
        there = {str(path) for path in found.files}
        gone = [each.id for location, each in children.items() if location not in there]
        if gone:
            await self._store.remove_sources(gone)
        # Named by itself in the same place, it stays what it is.
        known = {each.location for each in everything if each.world_id == source.world_id}
        for location in sorted(there - known):
            await self._store.add_source(
                KnowledgeSource(
                    agent_id=self._agent_id,
                    world_id=source.world_id,
                    parent_id=source.id,
                    kind=SourceKind.FILE,
                    location=location,
                    origin=source.origin,
                    added_by=source.added_by,
                )
            )
        left = found.left_out
        remark = f"{left} file{'s are' if left != 1 else ' is'} left out: of kinds that are not read, "
        remark = f"{remark}or beyond {self._options.max_files}" if left else ""
        await self._store.keep_source(source.id, now=utc_now(), due_at=self._next(source), remark=remark)

    # -- documents --------------------------------------------------------------------------------------

    async def _read_document(self, source: KnowledgeSource) -> None:
        openers = {SourceKind.FILE: self._file, SourceKind.URL: self._address, SourceKind.TEXT: self._text}
        async with openers[source.kind](source) as found:
            said, size = await asyncio.to_thread(fingerprint, found.file)
            if said == source.hash and source.document_id is not None:
                raise _Unchanged(found.modified)
            try:
                async with reading(found.file, name=found.name, content_type=found.content_type) as document:
                    title, count, document_id = await self._write(source, document, found.name)
            except DocumentUnreadable as error:
                raise _Unread(str(error), modified=found.modified) from None
            if not count:
                raise _Unread("there is no text in it", modified=found.modified)
            cut = f"only its first {count:,} parts are known: split it into several files"
            read = SourceRead(
                title=title,
                hash=said,
                size=size,
                modified=found.modified,
                etag=found.etag,
                remark=cut if document.truncated else "",
                due_at=self._next(source),
            )
            if not await self._store.finish_source(
                source.id, document_id, read, fragments=count, now=utc_now()
            ):
                raise _Left
            while await self._store.tidy_source(source.id):
                pass

    async def _write(self, source: KnowledgeSource, document: Document, name: str) -> tuple[str, int, UUID]:
        """The fragments as memories of a new document; its title, how many, and its id."""
        title = source.title or _name_of(name)
        about = self._memory(source, MemoryType.DOCUMENT, title, {"location": source.location})
        if not await self._store.begin_document(source.id, about):
            raise _Left
        batch: list[Memory] = []
        count = 0
        async for fragment in document.fragments:
            batch.append(self._fragment(source, about.id, fragment, count))
            count += 1
            if len(batch) >= BATCH:
                await self._add(source, about.id, batch)
                batch = []
        await self._add(source, about.id, batch)
        return source.title or one_line(clean_text(document.title), 200) or _name_of(name), count, about.id

    async def _add(self, source: KnowledgeSource, document_id: UUID, batch: list[Memory]) -> None:
        if batch and not await self._store.add_fragments(source.id, document_id, batch):
            raise _Left

    def _fragment(
        self, source: KnowledgeSource, document_id: UUID, fragment: Fragment, position: int
    ) -> Memory:
        # The headings are searched along: "Debian" is a word of all that stands below it.
        above = " > ".join(fragment.path)
        text = clean_text(f"{above}\n{fragment.whole}" if above else fragment.whole)
        more = {PATH: list(fragment.path), POSITION: position}
        made = self._memory(source, MemoryType.FRAGMENT, text, more)
        return made.model_copy(update={"source_memory_id": document_id})

    def _memory(
        self, source: KnowledgeSource, kind: MemoryType, text: str, about: dict[str, object]
    ) -> Memory:
        return Memory(
            id=new_id(),
            agent_id=self._agent_id,
            entity_id=self._agent_id,
            room_id=knowledge_room(self._agent_id).id,
            world_id=source.world_id,
            type=kind,
            content=Content(text=text, source="knowledge"),
            metadata={SOURCE: source.id, **about},
            audience=Audience.WORLD if source.world_id is not None else Audience.AGENT,
        )

    @asynccontextmanager
    async def _file(self, source: KnowledgeSource) -> AsyncIterator[_Opened]:
        path = Path(source.location)
        modified = ""
        try:
            modified = await asyncio.to_thread(changed_at, path)
            if modified == source.modified:
                if source.document_id is not None:
                    raise _Unchanged(modified)
                if source.state is SourceState.FAILED:
                    raise _Unread(source.remark, modified=modified)
            file = await asyncio.to_thread(opened, path, max_bytes=self._options.max_bytes)
        except NotThere as error:
            raise _Gone(str(error)) from None
        except NotReadable as error:
            raise _Unread(str(error), modified=modified) from None
        with file:
            yield _Opened(file, path.name, modified=modified)

    @asynccontextmanager
    async def _address(self, source: KnowledgeSource) -> AsyncIterator[_Opened]:
        known = source.document_id is not None
        asked = {"If-None-Match": source.etag, "If-Modified-Since": source.modified} if known else {}
        fetcher = self._strict if source.origin is SourceOrigin.CHAT else self._fetcher
        try:
            fetched = await fetcher.fetch(
                source.location,
                max_bytes=self._options.max_bytes,
                timeout=SECONDS,
                headers={name: value for name, value in asked.items() if value},
            )
        except FetchFailed as error:
            if error.status == _TAKEN and known:
                raise _Unchanged(source.modified) from None
            if error.status in GONE:
                raise _Gone(str(error)) from None
            raise _Unread(str(error)) from None
        except FetchError as error:
            raise _Unread(str(error)) from None
        name = unquote(PurePosixPath(urlsplit(source.location).path).name)
        # What a server says counts more than the ending of an address, which may be anything.
        promised = name if fetched.content_type in ("", "application/octet-stream", "text/plain") else ""
        with _held(fetched.body) as file:
            yield _Opened(
                file,
                promised or "page",
                content_type=fetched.content_type,
                modified=fetched.last_modified,
                etag=fetched.etag,
            )

    @asynccontextmanager
    async def _text(self, source: KnowledgeSource) -> AsyncIterator[_Opened]:
        with _held(source.text.encode("utf-8", "replace")) as file:
            yield _Opened(file, f"{source.title or source.location}.md")


def _held(data: bytes) -> BinaryIO:
    """Bytes as a real file, which a process can be given."""
    file: BinaryIO = tempfile.TemporaryFile()  # noqa: SIM115 - whoever gets it closes it
    file.write(data)
    file.seek(0)
    return file


def _name_of(name: str) -> str:
    return one_line(clean_text(Path(name).stem), 200)
