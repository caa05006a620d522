"""Erasing a person: one transaction, and a receipt. What becomes of each column stands in `persons`."""

from typing import Any, Final

from sqlalchemy import Integer, Text, bindparam, case, column, delete, insert, literal, select, table, update

from bot_host.kit.clock import utc_now
from bot_host.store import linking, plugin_people, schema
from bot_host.store import spending as spent
from bot_host.store.link_tables import link_codes
from bot_host.store.persons import COUNTS, MENTIONS, ROWS, Person, find_person, names_the_id, prune_column
from bot_host.store.schema import inbox_open, outbox_open
from bot_host.store.statement import Statement, Unit
from bot_host.store.steps import BLANKED
from bot_host.types.ids import UUID
from bot_host.types.turn import InboxState, OutboxState, Outcome

ERASED: Final = "erased"
"""The reason of messages whose sender was erased before their turn ended; what stands for a name in audit."""
_NOBODY: Final = "00000000-0000-0000-0000-000000000000"

_i, _o, _a, _r = schema.inbox.c, schema.outbox.c, schema.audit.c, schema.runs.c
_GOING: Final = (schema.cache, schema.choices, link_codes, schema.memories, schema.entities, schema.rooms)
"""Deleted by statements; the rest goes with them, by the schema's own references."""

END_INBOX: Final = Statement(
    "erase.end_inbox",
    update(schema.inbox)
    .where(ROWS[schema.inbox], inbox_open)
    .values(
        state=InboxState.DONE.value,
        outcome=Outcome.IGNORED.value,
        reason=ERASED,
        finished_at=bindparam("now", type_=_i.finished_at.type),
    ),
)
BLANK_INBOX: Final = Statement(
    "erase.blank_inbox",
    update(schema.inbox)
    .where(ROWS[schema.inbox])
    .values(
        entity_id=None, memory_id=None, run_id=None, turn_id=None, reply_id=None, message_id="", target={}
    ),
)
BLANK_STEPS: Final = Statement(
    "erase.blank_steps", update(schema.steps).where(ROWS[schema.steps]).values(BLANKED)
)
BLANK_OUTBOX: Final = Statement(
    "erase.blank_outbox",
    update(schema.outbox)
    .where(ROWS[schema.outbox])
    .values(
        state=case((outbox_open, OutboxState.FAILED.value), else_=_o.state),
        destination="",
        target={"source": ""},
        payload={},
        memory_id=None,
        run_id=None,
        message=bindparam("nobody", type_=_o.message.type),
        error=case((outbox_open, ERASED), else_=""),
        platform_message_id="",
    ),
)
BLANK_AUDIT: Final = Statement(
    "erase.blank_audit",
    update(schema.audit)
    .where(ROWS[schema.audit])
    .values(
        actor=case((_a.actor == bindparam("person_text", type_=_a.actor.type), ERASED), else_=_a.actor),
        subject=case((_a.subject == bindparam("person_text", type_=_a.actor.type), ERASED), else_=_a.subject),
    ),
)
RUNS: Final = Statement("erase.runs", select(_r.id, _r.model_calls).where(ROWS[schema.runs]))
BLANK_RUN: Final = Statement(
    "erase.blank_run",
    update(schema.runs)
    .where(_r.id == bindparam("run"))
    .values(steps=[], error="", model_calls=bindparam("calls", type_=_r.model_calls.type)),
)
FORGET_WORDS: Final = Statement(
    "erase.forget_words",
    insert(table("memory_words", column("memory_words", Text()))).values(memory_words="optimize"),
    postgresql=select(literal(1, Integer())),
)
"""FTS5 only notes that a row's words are gone: written anew, its index has them no more."""
_theirs = schema.pairings.c.entity_id == bindparam("person", type_=schema.entities.c.id.type)
DELETE_PAIRINGS: Final = Statement("erase.delete_pairings", delete(schema.pairings).where(_theirs))
BLANK_PAIRINGS: Final = Statement(
    "erase.blank_pairings",
    update(schema.pairings)
    .where(schema.pairings.c.decided_by == bindparam("person_text", type_=_a.actor.type))
    .values(decided_by=ERASED),
)
BLANK_SOURCES: Final = Statement(
    "erase.blank_sources",
    update(schema.knowledge_sources).where(ROWS[schema.knowledge_sources]).values(added_by=ERASED),
)
DELETES: Final = {
    going: Statement(f"erase.delete_{going.name}", delete(going).where(ROWS[going])) for going in _GOING
}
NAMED: Final = {
    of: Statement(f"erase.named_in_{of.name}", select(of.c[key], of.c[name]).where(names_the_id(of, name)))
    for of, key, name in MENTIONS
    if of is not schema.worlds
}
# Worlds are few, and may name the person by a platform's id: each is looked into.
NAMED[schema.worlds] = Statement(
    "erase.named_in_worlds",
    select(schema.worlds.c.id, schema.worlds.c.metadata).where(
        schema.worlds.c.agent_id == bindparam("of_agent")
    ),
)
PRUNE: Final = {
    of: Statement(
        f"erase.prune_{of.name}",
        update(of)
        .where(of.c[key] == bindparam("row"))
        .values({name: bindparam("pruned", type_=of.c[name].type)}),
    )
    for of, key, name in MENTIONS
}


def erase_entity(entity_id: UUID) -> Unit[dict[str, int]]:
    """See Records.erase_entity. Unknown: an empty receipt. Raises StateError for an agent's own."""
    person = yield from find_person(entity_id)
    if person is None:
        return {}
    values = person.values()
    receipt = {}
    for counted, statement in COUNTS.items():
        rows = yield statement(**values)
        receipt[counted.name] = rows[0][0]
    receipt.update((yield from plugin_people.erase(person)))
    now = utc_now()
    yield END_INBOX(**values, now=now)
    yield BLANK_STEPS(**values)
    yield BLANK_INBOX(**values)
    yield BLANK_OUTBOX(**values, nobody=_NOBODY)
    yield BLANK_AUDIT(**values)
    yield DELETE_PAIRINGS(person=entity_id)
    yield BLANK_PAIRINGS(person_text=person.entity.id)
    together = yield linking.PERSON(entity_id=entity_id)
    yield BLANK_SOURCES(person_text=person.entity.id)
    yield from _blank_runs(values)
    yield from spent.blank(values)
    for going in _GOING:
        yield DELETES[going](**values)
    if together:
        yield from linking.forget_alone(together[0][0])
    for name, count in (yield from _prune(person)).items():
        receipt[name] = receipt.get(name, 0) + count
    yield FORGET_WORDS()
    return {name: count for name, count in receipt.items() if count}


def _blank_runs(values: dict[str, Any]) -> Unit[None]:
    rows = yield RUNS(**values)
    for run_id, calls in rows:
        yield BLANK_RUN(run=run_id, calls=[_figures(call) for call in calls])


def _figures(call: dict[str, Any]) -> dict[str, Any]:
    """Of a model call: which model, and the numbers."""
    named = ("type", "provider", "model")
    return {key: value for key, value in call.items() if key in named or isinstance(value, int | float)}


def _prune(person: Person) -> Unit[dict[str, int]]:
    """Take the person's id out of what is not theirs; how many rows by table."""
    pruned = {}
    for of, statement in NAMED.items():
        rows = yield statement(**person.values())
        changed = [(key, prune_column(of, value, person), value) for key, value in rows]
        changed = [row for row in changed if row[1] != row[2]]
        for key, after, _ in changed:
            yield PRUNE[of](row=key, pruned=after)
        pruned[of.name] = len(changed)
    return pruned
