"""`import-elizaos`: what an elizaOS database holds, taken over into the configured one."""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, TypeAlias

from bot_host.app.elizaos.agents import Agents, choose
from bot_host.app.elizaos.contents import NotUnderstoodError
from bot_host.app.elizaos.ids import CONNECTED, person_key, room_key
from bot_host.app.elizaos.queries import OPTIONAL
from bot_host.app.elizaos.report import Report
from bot_host.app.elizaos.rows import (
    LeftOutError,
    document_of,
    source_of,
    to_component,
    to_entity,
    to_memory,
    to_participant,
    to_relationship,
    to_room,
    to_world,
)
from bot_host.app.elizaos.source import Source, open_source
from bot_host.app.folders import make_places, process_lock
from bot_host.config.schema import Loaded
from bot_host.store import Database, make_store
from bot_host.store.importing import Imported
from bot_host.types.errors import NotReady, StateError, StoreError, StoreUnfit
from bot_host.types.ids import UUID, create_unique_uuid
from bot_host.types.places import Entity, Room
from bot_host.types.sources import KnowledgeSource

Row: TypeAlias = Mapping[str, Any]
Convert: TypeAlias = Callable[[Row], Imported]
Tell: TypeAlias = Callable[[str], None]

TOLD_EVERY: Final = 10_000
"""Rows after which it is said how far it is."""


async def import_elizaos(
    loaded: Loaded, url: str, *, wanted: Sequence[str] = (), dry_run: bool = False, tell: Tell = print
) -> Report:
    """Take over what the database at `url` holds of the agents `wanted` (names or ids; none: of all).

    It can be run again, whatever happened: what is known stays as it is. `dry_run`: only look. `tell` hears
    how far it is. Raises BotHostError; the rows up to then are in the database.
    """
    async with open_source(url) as source:
        chosen = choose(await source.agents(), wanted)
        report = Report(dry_run=dry_run, version=source.version)
        async with _target(loaded, dry_run=dry_run) as store:
            agents = Agents(loaded, store, report)
            for row in chosen:
                await agents.take(row)
            await _Importer(source, store, report, [row["id"] for row in chosen], tell).run()
            agents.conclude()
    return report


@asynccontextmanager
async def _target(loaded: Loaded, *, dry_run: bool) -> AsyncIterator[Database | None]:
    """The configured database; None: there is none yet, and none is made for a look."""
    url = loaded.config.database.url
    if dry_run:
        store = make_store(url, base=loaded.folder, read_only=True)
        try:
            await store.open()
        except NotReady:
            yield None
            return
        try:
            yield store
        finally:
            await store.close()
        return
    make_places(loaded)
    lock = process_lock(loaded)
    if not lock.try_take():
        raise StateError(f"a host is running (process {lock.holder}): stop it, run this, and start it again")
    try:
        async with make_store(url, base=loaded.folder) as store:
            await store.claim()
            yield store
    finally:
        lock.release()


class _Importer:
    """Takes over the rows of some agents, a kind at a time, in the order in which they need each other."""

    def __init__(
        self, source: Source, store: Database | None, report: Report, agents: Sequence[UUID], tell: Tell
    ) -> None:
        self._source = source
        self._store = store
        self._report = report
        self._agents = agents
        self._tell = tell
        self._worlds: set[UUID] = set()
        self._powers = 0
        """Worlds in which elizaOS knew an owner or other roles."""
        self._vectors = 0
        self._documents_here: list[KnowledgeSource] = []

    async def run(self) -> None:
        """All kinds."""
        queries = self._source.queries
        await self._take("worlds", self._rows(queries.worlds()), self._world)
        await self._take("rooms", self._rows(queries.rooms()), self._room)
        await self._take("people", self._rows(queries.entities()), self._entity)
        await self._take("people", self._rows(queries.shared_entities()), self._entity)
        await self._take("participants", self._rows(queries.participants()), to_participant)
        await self._take_memories()
        await self._know_documents()
        if queries.has("components"):
            await self._take("components", self._rows(queries.components()), to_component)
        if queries.has("relationships"):
            await self._take("relationships", self._rows(queries.relationships()), to_relationship)
        tasks = await self._source.count("tasks", self._agents)
        if tasks:
            self._report.tally("tasks").read += tasks
            self._report.leave_out(
                "tasks", "tasks: their workers are elizaOS's plugins; see [[agents.schedules]]", tasks
            )
        self._conclude()

    def _rows(self, query: str) -> AsyncIterator[list[dict[str, Any]]]:
        return self._source.rows(query, self._agents)

    async def _take(self, kind: str, batches: AsyncIterator[list[dict[str, Any]]], convert: Convert) -> None:
        async for batch in batches:
            await self._put(kind, self._convert(kind, batch, convert))

    async def _take_memories(self) -> None:
        async for batch in self._source.memories(self._agents):
            documents = await self._documents(batch)

            def convert(row: Row, documents: Mapping[str, UUID] = documents) -> Imported:
                return to_memory(row, document=documents.get(row["id"]))

            await self._put("memories", self._convert("memories", batch, convert))

    async def _know_documents(self) -> None:
        """What the agents know by elizaOS's documents is listed, looked up and removed like any other."""
        if self._store is None or self._report.dry_run:
            return
        for source in self._documents_here:
            if await self._store.adopt_document(source):
                self._report.tally("knowledge").new += 1

    async def _documents(self, batch: Iterable[Row]) -> dict[str, UUID]:
        """Of those memories that are pieces of a document of the same agent that is there: which."""
        wanted: dict[str, UUID] = {}
        for row in batch:
            try:
                document = document_of(row)
            except NotUnderstoodError:
                continue
            if document is not None and document != row["id"]:
                wanted[row["id"]] = document
        owners = await self._source.documents(sorted(set(wanted.values())))
        return {
            row["id"]: document
            for row in batch
            if (document := wanted.get(row["id"])) is not None and owners.get(document) == row["agent_id"]
        }

    def _convert(self, kind: str, batch: Iterable[Row], convert: Convert) -> list[tuple[str, Imported]]:
        converted = []
        tally = self._report.tally(kind)
        for row in batch:
            tally.read += 1
            if tally.read % TOLD_EVERY == 0:
                self._tell(f"{kind}: {tally.read:,} read")
            id = str(row.get("id") or row.get("room_id"))
            try:
                converted.append((id, convert(row)))
            except LeftOutError as reason:
                self._report.leave_out(kind, str(reason))
            except NotUnderstoodError as reason:
                self._report.skip(kind, id, str(reason))
        return converted

    async def _put(self, kind: str, rows: Sequence[tuple[str, Imported]]) -> None:
        tally = self._report.tally(kind)
        for (_, given), new in zip(rows, await self._insert(kind, rows), strict=True):
            if new is not None:
                tally.new += new
                tally.known += not new
                if source := source_of(given):
                    self._documents_here.append(source)
                self._vectors += new and given.embed

    async def _insert(self, kind: str, rows: Sequence[tuple[str, Imported]]) -> Sequence[bool | None]:
        """Which of them are new; None: the database does not take it."""
        given = [row for _, row in rows]
        if self._store is None or not given:
            return [True for _ in given]
        if self._report.dry_run:
            return await self._store.are_new(given)
        try:
            return await self._store.put_imported(given)
        except StoreUnfit:
            raise
        except StoreError as error:
            return await self._insert_alone(kind, rows, error)

    async def _insert_alone(
        self, kind: str, rows: Sequence[tuple[str, Imported]], error: StoreError
    ) -> list[bool | None]:
        """One row after the other, since one of them is refused. Raises StoreError when all are."""
        assert self._store is not None
        results: list[bool | None] = []
        refused: list[tuple[str, str]] = []
        for id, row in rows:
            try:
                results += await self._store.put_imported([row])
            except StoreError as reason:
                results.append(None)
                refused.append((id, str(reason)))
        if len(refused) == len(rows) > 1:
            raise error
        for id, told in refused:
            self._report.skip(kind, id, told)
        return results

    def _world(self, row: Row) -> Imported:
        given = to_world(row)
        metadata = given.row.metadata.get("elizaos", {})  # type: ignore[union-attr]
        self._powers += bool(metadata.get("roles") or metadata.get("ownership"))
        if given.row.id in self._worlds:  # type: ignore[union-attr]
            raise LeftOutError("worlds of Telegram groups that had several")
        self._worlds.add(given.row.id)  # type: ignore[union-attr]
        return given

    def _room(self, row: Row) -> Imported:
        given = to_room(row)
        room = given.row
        assert isinstance(room, Room)
        channel = row["room_channel"]
        if room.source in CONNECTED and channel:
            thread = room.metadata.get("elizaos", {}).get("threadTs") if room.source == "slack" else None
            key = room_key(room.source, f"{channel}-{thread}" if thread else channel)
            found = create_unique_uuid(room.agent_id, key) == room.id
            self._report.match(room.source, "rooms", found=found)
        return given

    def _entity(self, row: Row) -> Imported:
        given = to_entity(row)
        person = given.row
        assert isinstance(person, Entity)
        for platform in CONNECTED:
            about = person.metadata.get(platform)
            user_id = (about.get("id") or about.get("userId")) if isinstance(about, dict) else None
            if user_id:
                found = create_unique_uuid(person.agent_id, person_key(platform, str(user_id))) == person.id
                self._report.match(platform, "people", found=found)
        return given

    def _conclude(self) -> None:
        notes = self._report.notes
        notes += [
            f"there is no table {table} as elizaOS makes it, so nothing of it is taken over"
            for table in OPTIONAL
            if not self._source.queries.has(table)
        ]
        if self._vectors:
            notes.append(
                f"{self._vectors:,} memories had a vector there. elizaOS does not say by which model, so "
                "they get new ones by the agent's own, in the background"
            )
        if self._powers:
            notes.append(
                f"{self._powers:,} worlds had owners or roles; they give nobody rights here: name owners in "
                "the connectors' tables (owners = […])"
            )
        notes.append("logs, cache and the chat server's own tables are not read")
