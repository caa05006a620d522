"""Sources of knowledge, and the documents that were read from them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import bindparam, delete, func, insert, literal, or_, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from bot_host.kit.clock import utc_now
from bot_host.store import memories, places
from bot_host.store.columns import InList
from bot_host.store.schema import embedding_jobs
from bot_host.store.schema import knowledge_sources as table
from bot_host.store.schema import memories as memory_table
from bot_host.store.statement import Row, Statement, Unit
from bot_host.types.ids import UUID
from bot_host.types.memory import Memory
from bot_host.types.sources import (
    KnowledgeSource,
    SourceKind,
    SourceOrigin,
    SourceRead,
    SourceState,
    knowledge_room,
)

_c, _m, _j = table.c, memory_table.c, embedding_jobs.c
_NAMES: Final = tuple(column.name for column in _c)
_of_source = _c.id == bindparam("source")
_free = or_(_c.claimed_until.is_(None), _c.claimed_until <= bindparam("now"))


def _given(*names: str) -> dict[str, Any]:
    return {name: bindparam(f"new_{name}", type_=_c[name].type) for name in names}


PUT: Final = Statement("sources.put", insert(table).values({name: bindparam(name) for name in _NAMES}))
FIND: Final = Statement("sources.find", select(*_c).where(_of_source))
AT: Final = Statement(
    "sources.at",
    select(*_c).where(_c.agent_id == bindparam("agent_id"), _c.location == bindparam("location")),
)
ALL: Final = Statement(
    "sources.all", select(*_c).where(_c.agent_id == bindparam("agent_id")).order_by(_c.location, _c.id)
)
AGAIN: Final = Statement(
    "sources.again", update(table).where(_of_source).values(**_given("title", "text", "due_at"), modified="")
)
DUE: Final = Statement(
    "sources.due",
    select(*_c)
    .where(_c.agent_id == bindparam("agent_id"), _c.due_at <= bindparam("now"), _free)
    .order_by(_c.due_at, _c.id)
    .limit(bindparam("count")),
)
CLAIM: Final = Statement(
    "sources.claim",
    update(table).where(_of_source, _free).values(_given("claimed_until")).returning(_c.id),
)
DRAFT: Final = Statement(
    "sources.draft", update(table).where(_of_source).values(_given("draft_id")).returning(_c.id)
)
PARTS: Final = Statement(
    "sources.parts",
    select(_m.id).where(_m.source_memory_id == bindparam("document")).limit(bindparam("count")),
)
HOLDS: Final = Statement(
    "sources.holds",
    select(func.count(type_=_c.size.type))
    .select_from(memory_table)
    .where(_m.source_memory_id == bindparam("document")),
)
WRITING: Final = Statement(
    "sources.writing", select(_c.id).where(_of_source, _c.draft_id == bindparam("draft"))
)
FINISH: Final = Statement(
    "sources.finish",
    update(table)
    .where(_of_source)
    .values(
        **_given(
            *("title", "hash", "size", "modified", "etag", "remark", "fragments", "document_id"),
            *("read_at", "checked_at", "due_at"),
        ),
        state=SourceState.READY.value,
        # The old one: its fragments go little by little (`tidy_source`), so that no write waits for them all.
        draft_id=_c.document_id,
        claimed_until=None,
        embedded=False,
    ),
)
LOOKED_AT: Final = Statement(
    "sources.looked_at",
    update(table)
    .where(_of_source)
    .values(
        **_given("state", "remark", "modified", "checked_at", "due_at", "hash", "etag", "fragments"),
        claimed_until=None,
        draft_id=None,
    ),
)
CHILDREN: Final = Statement(
    "sources.children", select(_c.id, _c.document_id, _c.draft_id).where(InList(_c.parent_id, "ids"))
)
DOCUMENTS: Final = Statement(
    "sources.documents", select(_c.id, _c.document_id, _c.draft_id).where(InList(_c.id, "ids"))
)
OF_WORLD: Final = Statement("sources.of_world", select(_c.id).where(_c.world_id == bindparam("world_id")))
REMOVE: Final = Statement("sources.remove", delete(table).where(InList(_c.id, "ids")))
MARK: Final = Statement(
    "sources.mark",
    select(
        func.count(type_=_c.size.type),
        func.sum(_c.fragments, type_=_c.size.type),
        func.max(_c.read_at, type_=_c.read_at.type),
    ).where(_c.agent_id == bindparam("agent_id")),
)
UNEMBEDDED: Final = Statement(
    "sources.unembedded",
    select(*_c).where(
        _c.agent_id == bindparam("agent_id"), _c.embedded.is_(False), _c.document_id.is_not(None)
    ),
)
EMBEDDED: Final = Statement("sources.embedded", update(table).where(_of_source).values(embedded=True))
_queue = upsert(embedding_jobs).from_select(
    ["memory_id", "priority", "attempts", "error", "created_at"],
    select(
        _m.id,
        bindparam("priority", type_=_j.priority.type),
        literal(0, _j.attempts.type),
        literal("", _j.error.type),
        bindparam("now", type_=_j.created_at.type),
    ).where(_m.source_memory_id == bindparam("document")),
)
QUEUE: Final = Statement(
    "sources.queue",
    _queue.on_conflict_do_nothing(index_elements=[_j.memory_id]).returning(_j.memory_id),
)


def _to_source(row: Row) -> KnowledgeSource:
    values: dict[str, Any] = dict(zip(_NAMES, row, strict=True))
    values |= {
        "kind": SourceKind(values["kind"]),
        "origin": SourceOrigin(values["origin"]),
        "state": SourceState(values["state"]),
    }
    return KnowledgeSource(**values)


def add_source(source: KnowledgeSource) -> Unit[KnowledgeSource]:
    """See Sources.add_source."""
    known = [
        each
        for each in map(_to_source, (yield AT(agent_id=source.agent_id, location=source.location)))
        if each.world_id == source.world_id and each.kind is source.kind
    ]
    now = utc_now()
    if known:
        found = known[0]
        yield AGAIN(
            source=found.id,
            new_title=source.title or found.title,
            new_text=source.text,
            new_due_at=now,
        )
        return (yield from _get(found.id)) or found
    values = {name: getattr(source, name) for name in _NAMES} | {"due_at": now}
    yield PUT(**values | {name: values[name].value for name in ("kind", "origin", "state")})
    return (yield from _get(source.id)) or source


def adopt_document(source: KnowledgeSource) -> Unit[bool]:
    """See Sources.adopt_document."""
    if (yield AT(agent_id=source.agent_id, location=source.location)):
        return False
    [(parts,)] = yield HOLDS(document=source.document_id)
    if not parts:
        return False
    values = {name: getattr(source, name) for name in _NAMES} | {"fragments": parts, "state": "ready"}
    yield PUT(**values | {name: values[name].value for name in ("kind", "origin")})
    return True


def _get(source_id: UUID) -> Unit[KnowledgeSource | None]:
    rows = yield FIND(source=source_id)
    return _to_source(rows[0]) if rows else None


find_source = _get
"""See Sources.find_source."""


def get_sources(agent_id: UUID) -> Unit[list[KnowledgeSource]]:
    """See Sources.get_sources."""
    return list(map(_to_source, (yield ALL(agent_id=agent_id))))


def due_sources(agent_id: UUID, now: datetime, count: int) -> Unit[list[KnowledgeSource]]:
    """See Sources.due_sources."""
    return list(map(_to_source, (yield DUE(agent_id=agent_id, now=now, count=max(0, count)))))


def claim_source(source_id: UUID, now: datetime, until: datetime) -> Unit[KnowledgeSource | None]:
    """See Sources.claim_source."""
    if not (yield CLAIM(source=source_id, now=now, new_claimed_until=until)):
        return None
    found = yield from _get(source_id)
    if found is not None and found.draft_id is not None:
        yield memories.DELETE(ids=[found.draft_id])
        yield DRAFT(source=source_id, new_draft_id=None)
    return found


def begin_document(source_id: UUID, document: Memory) -> Unit[bool]:
    """See Sources.begin_document."""
    if not (yield DRAFT(source=source_id, new_draft_id=document.id)):
        return False
    yield from places.ensure_room(knowledge_room(document.agent_id))
    yield from memories.create_memory(document)
    return True


def _is_writing(source_id: UUID, document_id: UUID) -> Unit[bool]:
    return bool((yield WRITING(source=source_id, draft=document_id)))


def add_fragments(source_id: UUID, document_id: UUID, fragments: Sequence[Memory]) -> Unit[bool]:
    """See Sources.add_fragments."""
    if not (yield from _is_writing(source_id, document_id)):
        return False
    for fragment in fragments:
        yield from memories.create_memory(fragment)
    return True


def finish_source(
    source_id: UUID, document_id: UUID, read: SourceRead, fragments: int, now: datetime
) -> Unit[bool]:
    """See Sources.finish_source."""
    if not (yield from _is_writing(source_id, document_id)):
        return False
    before = yield from _get(source_id)
    assert before is not None
    yield FINISH(
        source=source_id,
        new_title=before.title or read.title,
        new_hash=read.hash,
        new_size=read.size,
        new_modified=read.modified,
        new_etag=read.etag,
        new_remark=read.remark,
        new_fragments=fragments,
        new_document_id=document_id,
        new_read_at=now,
        new_checked_at=now,
        new_due_at=read.due_at,
    )
    return True


def tidy_source(source_id: UUID, count: int) -> Unit[bool]:
    """See Sources.tidy_source."""
    found = yield from _get(source_id)
    if found is None or found.draft_id is None or found.claimed_until is not None:
        return False
    rows = yield PARTS(document=found.draft_id, count=count)
    yield memories.DELETE(ids=[row[0] for row in rows] or [found.draft_id])
    if rows:
        return True
    yield DRAFT(source=source_id, new_draft_id=None)
    return False


def keep_source(
    source_id: UUID, now: datetime, due_at: datetime | None, remark: str | None, modified: str
) -> Unit[None]:
    """See Sources.keep_source."""
    found = yield from _get(source_id)
    if found is None:
        return
    yield LOOKED_AT(
        source=source_id,
        new_state=SourceState.READY.value,
        new_remark=found.remark if remark is None else remark,
        new_modified=modified or found.modified,
        new_checked_at=now,
        new_due_at=due_at,
        new_hash=found.hash,
        new_etag=found.etag,
        new_fragments=found.fragments,
    )


def fail_source(
    source_id: UUID, now: datetime, due_at: datetime | None, remark: str, modified: str, forget: bool
) -> Unit[None]:
    """See Sources.fail_source."""
    found = yield from _get(source_id)
    if found is None:
        return
    gone = [found.draft_id, *([found.document_id] if forget else [])]
    yield memories.DELETE(ids=[each for each in gone if each is not None])
    known = found.document_id is not None and not forget
    yield LOOKED_AT(
        source=source_id,
        new_state=(SourceState.READY if known else SourceState.FAILED).value,
        new_remark=remark,
        new_modified=modified,
        new_checked_at=now,
        new_due_at=due_at,
        new_hash=found.hash if known else "",
        new_etag="",
        new_fragments=found.fragments if known else 0,
    )


def remove_sources(source_ids: Sequence[UUID]) -> Unit[int]:
    """See Sources.remove_sources."""
    rows = yield DOCUMENTS(ids=list(source_ids))
    found = list(rows)
    while rows:
        rows = yield CHILDREN(ids=[row[0] for row in rows])
        found += rows
    yield memories.DELETE(ids=[each for row in found for each in row[1:] if each is not None])
    yield REMOVE(ids=[row[0] for row in found])
    return len(found)


def sources_mark(agent_id: UUID) -> Unit[str]:
    """See Sources.sources_mark."""
    count, fragments, read_at = (yield MARK(agent_id=agent_id))[0]
    return f"{count} {fragments or 0} {read_at or ''}"


def remove_world(world_id: UUID) -> Unit[None]:
    """A world goes: so does what only its people may hear."""
    rows = yield OF_WORLD(world_id=world_id)
    if rows:
        yield from remove_sources([row[0] for row in rows])


def unembedded_sources(agent_id: UUID) -> Unit[list[KnowledgeSource]]:
    """See Sources.unembedded_sources."""
    return list(map(_to_source, (yield UNEMBEDDED(agent_id=agent_id))))


def queue_source(source_id: UUID, priority: int) -> Unit[int]:
    """See Sources.queue_source."""
    found = yield from _get(source_id)
    if found is None or found.document_id is None:
        return 0
    rows = yield QUEUE(document=found.document_id, priority=priority, now=utc_now())
    yield EMBEDDED(source=source_id)
    return len(rows)
