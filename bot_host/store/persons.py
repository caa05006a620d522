"""What the database holds of one person, column by column, and what becomes of it when they are erased.

An entity is a person as one agent knows them: with several agents, each one's is exported and erased apart.
Not covered: what others said about them in their own words, the write-ahead log until it is written over,
backups, logs in files, and what the platforms keep.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Table, Text, and_, bindparam, cast, func, or_, select
from sqlalchemy.sql.elements import ColumnElement

from bot_host.store import link_tables as links
from bot_host.store import places, schema
from bot_host.store.columns import InList, JsonText
from bot_host.store.schema import constant
from bot_host.store.spending_tables import spending
from bot_host.store.statement import Statement, Unit
from bot_host.store.summary_tables import summaries
from bot_host.types.content import ChannelType
from bot_host.types.errors import StateError
from bot_host.types.ids import UUID
from bot_host.types.memory import FOR_ENTITY
from bot_host.types.places import Entity


class Policy(StrEnum):
    """What erasure does about a column."""

    DELETE = "the row goes"
    BLANK = "the row stays, the value goes"
    PRUNE = "the row stays; what names the person goes from the value"
    KEEP = "stays"


POLICIES: Final[Mapping[str, tuple[Policy, str]]] = {
    "agents.name": (Policy.KEEP, "the agent's own"),
    "agents.character": (Policy.KEEP, "configuration"),
    "agents.edits": (Policy.KEEP, "configuration"),
    "character_versions.character": (Policy.KEEP, "configuration as it was"),
    "character_versions.changed": (Policy.KEEP, "names of keys"),
    "character_versions.note": (Policy.KEEP, "ours"),
    "worlds.name": (Policy.KEEP, "the place's own"),
    "worlds.metadata": (Policy.PRUNE, "roles and ownership by id"),
    "rooms.name": (Policy.KEEP, "the place's own; private rooms go"),
    "rooms.metadata": (Policy.PRUNE, "whatever names the id; private rooms go"),
    "entities.names": (Policy.DELETE, ""),
    "entities.metadata": (Policy.DELETE, "others' metadata are theirs"),
    "entity_names.name": (Policy.DELETE, ""),
    "entity_names.entity_id": (Policy.DELETE, ""),
    "participants.entity_id": (Policy.DELETE, ""),
    "components.entity_id": (Policy.DELETE, ""),
    "components.source_entity_id": (Policy.BLANK, "what they told of others is the others'"),
    "components.data": (Policy.PRUNE, "whatever names the id, in components of others"),
    "memories.id": (
        Policy.DELETE,
        "theirs, what was said to them, all of private rooms, what was derived",
    ),
    "memories.entity_id": (Policy.DELETE, ""),
    "memories.source_memory_id": (Policy.DELETE, "facts derived from what they said"),
    "memories.content": (Policy.KEEP, "what others said in rooms of several people"),
    "memories.metadata": (Policy.PRUNE, "whatever names the id, in memories of others"),
    "embeddings.memory_id": (Policy.DELETE, "with the memory; so do its words in the full-text index"),
    "embedding_jobs.memory_id": (Policy.DELETE, "with the memory"),
    "embedding_jobs.error": (Policy.KEEP, "of a model provider"),
    "relationships.source_entity_id": (Policy.DELETE, ""),
    "relationships.target_entity_id": (Policy.DELETE, ""),
    "relationships.source_memory_id": (Policy.DELETE, "learned from what they said"),
    "relationships.tags": (Policy.KEEP, "of others"),
    "relationships.metadata": (Policy.PRUNE, "whatever names the id, in relationships of others"),
    "summaries.text": (
        Policy.BLANK,
        "where it told of a message of theirs, by triggers: made anew without them; of private rooms it goes",
    ),
    "tasks.entity_id": (Policy.DELETE, "with their occurrences"),
    "tasks.name": (Policy.KEEP, "of the worker"),
    "tasks.description": (Policy.KEEP, "of others' tasks"),
    "tasks.tags": (Policy.KEEP, "of others' tasks"),
    "tasks.metadata": (Policy.PRUNE, "whatever names the id, in tasks of others"),
    "tasks.last_error": (Policy.KEEP, "of others' tasks"),
    "task_occurrences.error": (Policy.KEEP, "of others' tasks"),
    "cache.key": (Policy.DELETE, "where key or value names the id"),
    "cache.value": (Policy.DELETE, "where key or value names the id"),
    "runs.model_calls": (Policy.BLANK, "of their turns; models, tokens and cost stay"),
    "runs.steps": (Policy.BLANK, "of their turns"),
    "runs.error": (Policy.BLANK, "of their turns"),
    "steps.name": (Policy.KEEP, "the action's"),
    "steps.arguments": (Policy.BLANK, "of their turns; that an action was asked for stays"),
    "steps.text": (Policy.BLANK, "of their turns"),
    "steps.answering": (Policy.BLANK, "of their turns"),
    "steps.result": (Policy.BLANK, "of their turns"),
    "steps.data": (Policy.BLANK, "of their turns"),
    "spending.entity_id": (Policy.BLANK, "what their turns cost stays, added to what is nobody's"),
    "logs.entity_id": (Policy.DELETE, ""),
    "logs.body": (Policy.PRUNE, "whatever names the id, in others' entries"),
    "audit.actor": (Policy.BLANK, "the entry stays: what was changed, and when"),
    "audit.action": (Policy.KEEP, "a fixed word"),
    "audit.subject": (Policy.BLANK, "the entry stays"),
    "audit.details": (Policy.PRUNE, "whatever names the id"),
    "inbox.entity_id": (Policy.BLANK, "the key stays, so that a redelivery is still known"),
    "inbox.memory_id": (Policy.BLANK, ""),
    "inbox.reply_id": (Policy.BLANK, ""),
    "inbox.target": (Policy.BLANK, ""),
    "inbox.reason": (Policy.KEEP, "a fixed word"),
    "outbox.memory_id": (Policy.BLANK, "that something was sent, and when, stays"),
    "outbox.message": (Policy.BLANK, ""),
    "outbox.target": (Policy.BLANK, ""),
    "outbox.payload": (Policy.BLANK, "unsent answers are not sent any more"),
    "outbox.error": (Policy.BLANK, ""),
    "drafts.memory_id": (Policy.KEEP, "of an answer in the making; its words: `outbox.payload`"),
    "choices.entity_id": (Policy.DELETE, ""),
    "choices.memory_id": (Policy.DELETE, "with the message that offers"),
    "choices.used_by_memory_id": (Policy.DELETE, "what they used up is gone"),
    "closed_rooms.reason": (Policy.KEEP, "of shared rooms; of private ones it goes with the room"),
    "pairings.entity_id": (Policy.DELETE, ""),
    "pairings.name": (Policy.DELETE, ""),
    "pairings.target": (Policy.DELETE, ""),
    "pairings.decided_by": (Policy.BLANK, "of approvals that they gave to others"),
    "person_links.entity_id": (Policy.DELETE, "whoever is left alone of the person goes, too"),
    "link_codes.entity_id": (Policy.DELETE, ""),
    "link_codes.used_by_memory_id": (Policy.DELETE, "what they used up is gone"),
    "plugin_schemas.tables": (Policy.KEEP, "what tables there are; their rows: `plugin_people`"),
    "tallies.reason": (Policy.KEEP, "a fixed word"),
    "skipped.reason": (Policy.KEEP, "a fixed word; nothing but a key tells which message it was"),
    "accounts.label": (Policy.KEEP, "the agent's own"),
    "accounts.error": (Policy.KEEP, "of a platform"),
    "knowledge_sources.document_id": (Policy.KEEP, "a document that an admin gave"),
    "knowledge_sources.location": (Policy.KEEP, "where it lies, or the name of a text"),
    "knowledge_sources.title": (Policy.KEEP, "the document's own"),
    "knowledge_sources.text": (Policy.KEEP, "the document's own"),
    "knowledge_sources.remark": (Policy.KEEP, "why it could not be read"),
    "knowledge_sources.added_by": (Policy.BLANK, "what they gave as knowledge stays"),
    "connector_secrets.value": (Policy.KEEP, "a platform's tokens for the agent's own account, encrypted"),
    "connector_secrets.about": (Policy.KEEP, "a workspace's name, and why its tokens are over"),
}
"""Of each column that points at an entity or a memory, or may hold words about people."""

_PRIVATE: Final = (ChannelType.DM, ChannelType.VOICE_DM, ChannelType.SELF, ChannelType.API)
_entity = bindparam("person", type_=schema.entities.c.id.type)


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """An entity, and where its data are."""

    entity: Entity
    room_ids: tuple[UUID, ...]
    """Private rooms: nobody but this person and the agent is in them."""
    memory_ids: tuple[UUID, ...]
    """All memories that are theirs, by the policy of `memories.id`."""
    run_ids: tuple[UUID, ...]
    """Runs of their turns."""
    platform_ids: frozenset[str] = field(default_factory=frozenset)
    """The platforms' ids of them."""

    def values(self) -> dict[str, Any]:
        """For the conditions in `ROWS`."""
        return {
            "person": self.entity.id,
            "person_text": self.entity.id,
            "of_agent": self.entity.agent_id,
            "like": f"%{self.entity.id}%",
            "room_ids": self.room_ids,
            "memory_ids": self.memory_ids,
            "run_ids": self.run_ids,
        }


def names_the_id(table: Table, *columns: str) -> ColumnElement[bool]:
    """The agent's rows that name the entity's id in one of these columns."""
    like = [cast(table.c[name], Text).like(bindparam("like", type_=Text())) for name in columns]
    return and_(table.c.agent_id == bindparam("of_agent"), or_(*like))


def _rows() -> dict[Table, ColumnElement[bool]]:
    s = schema
    text = bindparam("person_text", type_=s.audit.c.actor.type)

    def at(table: Table) -> ColumnElement[bool]:
        return or_(table.c.entity_id == _entity, InList(table.c.room_id, "room_ids"))

    target = JsonText(s.outbox.c.target, "entity_id")
    their_tasks = select(s.tasks.c.id).where(at(s.tasks))
    return {
        s.entities: s.entities.c.id == _entity,
        s.entity_names: s.entity_names.c.entity_id == _entity,
        s.participants: at(s.participants),
        s.components: or_(at(s.components), s.components.c.source_entity_id == _entity),
        s.memories: InList(s.memories.c.id, "memory_ids"),
        s.embeddings: InList(s.embeddings.c.memory_id, "memory_ids"),
        s.embedding_jobs: InList(s.embedding_jobs.c.memory_id, "memory_ids"),
        s.relationships: or_(
            s.relationships.c.source_entity_id == _entity,
            s.relationships.c.target_entity_id == _entity,
            InList(s.relationships.c.source_memory_id, "memory_ids"),
        ),
        s.tasks: at(s.tasks),
        s.task_occurrences: s.task_occurrences.c.task_id.in_(their_tasks),
        s.rooms: InList(s.rooms.c.id, "room_ids"),
        summaries: InList(summaries.c.room_id, "room_ids"),
        s.runs: or_(InList(s.runs.c.id, "run_ids"), InList(s.runs.c.room_id, "room_ids")),
        s.steps: s.steps.c.turn_id.in_(
            select(s.inbox.c.turn_id).where(at(s.inbox), s.inbox.c.turn_id.is_not(None))
        ),
        spending: at(spending),
        s.logs: at(s.logs),
        s.inbox: at(s.inbox),
        s.outbox: or_(
            InList(s.outbox.c.message, "memory_ids"),
            # Later revisions are messages of their own.
            InList(s.outbox.c.memory_id, "memory_ids"),
            and_(
                s.outbox.c.agent_id == bindparam("of_agent"),
                or_(
                    target == text,
                    InList(JsonText(s.outbox.c.target, "room_id"), "room_ids"),
                ),
            ),
        ),
        s.choices: or_(
            at(s.choices),
            InList(s.choices.c.memory_id, "memory_ids"),
            InList(s.choices.c.used_by_memory_id, "memory_ids"),
        ),
        s.closed_rooms: InList(s.closed_rooms.c.room_id, "room_ids"),
        links.person_links: links.person_links.c.entity_id == _entity,
        links.link_codes: or_(
            links.link_codes.c.entity_id == _entity,
            InList(links.link_codes.c.used_by_memory_id, "memory_ids"),
        ),
        s.pairings: or_(s.pairings.c.entity_id == _entity, s.pairings.c.decided_by == text),
        s.knowledge_sources: s.knowledge_sources.c.added_by == text,
        s.cache: names_the_id(s.cache, "key", "value"),
        s.audit: and_(
            s.audit.c.agent_id == bindparam("of_agent"),
            or_(s.audit.c.actor == text, s.audit.c.subject == text),
        ),
    }


ROWS: Final = _rows()
"""Which rows of each table are a person's."""

MENTIONS: Final = (
    (schema.worlds, "id", "metadata"),
    (schema.rooms, "id", "metadata"),
    (schema.components, "id", "data"),
    (schema.memories, "id", "metadata"),
    (schema.relationships, "id", "metadata"),
    (schema.tasks, "id", "metadata"),
    (schema.logs, "id", "body"),
    (schema.audit, "id", "details"),
)
"""Table, key and JSON column of rows that are not a person's but may name them."""

_m, _p, _i = schema.memories.c, schema.participants.c, schema.inbox.c
_others = (
    select(_p.entity_id)
    .where(_p.room_id == schema.rooms.c.id, _p.entity_id != _entity, _p.entity_id != schema.rooms.c.agent_id)
    .correlate(schema.rooms)
    .exists()
)
PRIVATE_ROOMS: Final = Statement(
    "persons.private_rooms",
    select(schema.rooms.c.id)
    .join_from(schema.participants, schema.rooms, schema.rooms.c.id == _p.room_id)
    .where(
        _p.entity_id == _entity,
        schema.rooms.c.type.in_([constant(kind.value) for kind in _PRIVATE]),
        ~_others,
    ),
)
STRANGER: Final = Statement(
    "persons.stranger",
    select(schema.pairings.c.agent_id).where(schema.pairings.c.entity_id == bindparam("entity_id")),
)
OWN: Final = Statement(
    "persons.own_memories",
    select(_m.id, _m.room_id).where(or_(_m.entity_id == _entity, InList(_m.room_id, "room_ids"))),
)
ANSWERS: Final = Statement(
    "persons.answers",
    select(_m.id).where(
        _m.entity_id == bindparam("of_agent"),
        InList(_m.room_id, "room_ids"),
        InList(JsonText(_m.content, "in_reply_to"), "memory_ids"),
    ),
)
SAID_FOR: Final = Statement(
    "persons.said_for",
    select(_m.id).where(
        _m.agent_id == bindparam("of_agent"),
        _m.entity_id == bindparam("of_agent"),
        JsonText(_m.metadata, FOR_ENTITY) == bindparam("person_text", type_=schema.audit.c.actor.type),
    ),
)
DERIVED: Final = Statement("persons.derived", select(_m.id).where(InList(_m.source_memory_id, "memory_ids")))
RUNS: Final = Statement(
    "persons.runs",
    select(_i.run_id).where(
        or_(_i.entity_id == _entity, InList(_i.room_id, "room_ids")), _i.run_id.is_not(None)
    ),
)
DRAFTS: Final = Statement(
    "persons.drafts",
    select(schema.drafts.c.memory_id)
    .join_from(schema.drafts, schema.inbox, _i.seq == schema.drafts.c.asked)
    .where(or_(_i.entity_id == _entity, InList(_i.room_id, "room_ids"))),
)
COUNTS: Final = {
    table: Statement(f"persons.count_{table.name}", select(func.count()).select_from(table).where(theirs))
    for table, theirs in ROWS.items()
}


def find_person(entity_id: UUID) -> Unit[Person | None]:
    """Where an entity's data are; None for one that is not known. Raises StateError for an agent's own."""
    entity = (yield from places.find_entity(entity_id)) or (yield from _stranger(entity_id))
    if entity is None:
        return None
    if entity.id == entity.agent_id:
        raise StateError("this is the agent's own entity, not a person's")
    room_ids = tuple(row[0] for row in (yield PRIVATE_ROOMS(person=entity.id)))
    own = yield OWN(person=entity.id, room_ids=room_ids)
    memory_ids = dict.fromkeys(row[0] for row in own)
    answers = yield ANSWERS(
        of_agent=entity.agent_id, room_ids=sorted({row[1] for row in own}), memory_ids=list(memory_ids)
    )
    said_for = yield SAID_FOR(of_agent=entity.agent_id, person_text=entity.id)
    memory_ids.update(dict.fromkeys(row[0] for row in (*answers, *said_for)))
    new = list(memory_ids)
    while new:
        derived = yield DERIVED(memory_ids=new)
        new = [row[0] for row in derived if row[0] not in memory_ids]
        memory_ids.update(dict.fromkeys(new))
    # No memories yet, but their words are in the outbox.
    drafts = yield DRAFTS(person=entity.id, room_ids=room_ids)
    memory_ids.update(dict.fromkeys(row[0] for row in drafts))
    run_ids = yield RUNS(person=entity.id, room_ids=room_ids)
    ids = (values.get("id") for values in entity.metadata.values() if isinstance(values, Mapping))
    return Person(
        entity=entity,
        room_ids=room_ids,
        memory_ids=tuple(memory_ids),
        run_ids=tuple({row[0] for row in run_ids}),
        platform_ids=frozenset(str(value) for value in ids if value),
    )


def _stranger(entity_id: UUID) -> Unit[Entity | None]:
    """Somebody who asked to be let in, and has not been: no entity yet, but a request and a line to them."""
    rows = yield STRANGER(entity_id=entity_id)
    return Entity(id=entity_id, agent_id=rows[0][0]) if rows else None


def prune(value: Any, named: frozenset[str]) -> Any:
    """A JSON value without keys, items and values that are just one of `named`."""
    if isinstance(value, Mapping):
        return {
            key: prune(item, named)
            for key, item in value.items()
            if key not in named and not (isinstance(item, str) and item in named)
        }
    if isinstance(value, list):
        return [prune(item, named) for item in value if not (isinstance(item, str) and item in named)]
    return value


def prune_column(table: Table, value: Any, person: Person) -> Any:
    """What stays of a JSON column. Roles and ownership of worlds may go by platform ids as well."""
    pruned = prune(value, frozenset({person.entity.id}))
    if table is schema.worlds and isinstance(pruned, dict):
        both = person.platform_ids | {person.entity.id}
        pruned |= {key: prune(pruned[key], both) for key in ("roles", "ownership") if key in pruned}
    return pruned
