"""Accounts of one person: joined by a code, parted again, and who belongs together.

The code stands in the database as a hash only. It is looked up by that, so that what an attacker may learn
from the time that it takes is about hashes they cannot choose; and it is compared in constant time besides.
"""

import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import bindparam, delete, select, update
from sqlalchemy.dialects.postgresql import insert

from bot_host.kit.clock import utc_now
from bot_host.store import places
from bot_host.store.columns import InList
from bot_host.store.link_tables import link_codes, person_links
from bot_host.store.records import add_audit
from bot_host.store.schema import constant, participants, rooms
from bot_host.store.statement import Family, Row, Statement, Unit
from bot_host.types.content import ChannelType
from bot_host.types.ids import UUID, new_id
from bot_host.types.knowledge import AuditEntry
from bot_host.types.links import (
    LINK_CODE_LASTS,
    LINK_CODES_AT_MOST,
    LINK_TRIES_AT_MOST,
    LINK_WINDOW,
    LINKED_AT_MOST,
    LinkedAccount,
    LinkedPerson,
    LinkEnd,
    LinkUse,
)
from bot_host.types.pairing import clean_code

_l, _c, _p, _r = person_links.c, link_codes.c, participants.c, rooms.c
_CODE: Final = tuple(column.name for column in _c)
_PRIVATE: Final = (ChannelType.DM, ChannelType.VOICE_DM, ChannelType.SELF, ChannelType.API)
_put = insert(link_codes).values({name: bindparam(name) for name in _CODE})
_join = insert(person_links).values({column.name: bindparam(column.name) for column in _l})

FIND: Final = Statement("link_codes.find", select(*_c).where(_c.entity_id == bindparam("entity_id")))
BY_CODE: Final = Statement(
    "link_codes.by_code",
    select(*_c).where(_c.agent_id == bindparam("agent_id"), _c.code == bindparam("code")),
)
PUT: Final = Statement(
    "link_codes.put",
    _put.on_conflict_do_update(
        index_elements=[_c.entity_id],
        set_={name: _put.excluded[name] for name in _CODE if name not in ("entity_id", "agent_id")},
    ),
)
OVER: Final = Statement(
    "link_codes.over", update(link_codes).where(InList(_c.entity_id, "entity_ids")).values(code="")
)
PERSON: Final = Statement(
    "person_links.find", select(_l.person_id).where(_l.entity_id == bindparam("entity_id"))
)
OF_PERSON: Final = Statement(
    "person_links.of_person",
    select(_l.entity_id).where(_l.person_id == bindparam("person_id")).order_by(_l.linked_at, _l.entity_id),
)
_same = person_links.alias("same")
WITH: Final = Statement(
    "person_links.with_entity",
    select(_l.entity_id)
    .join_from(_same, person_links, _l.person_id == _same.c.person_id)
    .where(_same.c.entity_id == bindparam("entity_id"))
    .order_by(_l.linked_at, _l.entity_id),
)
JOIN: Final = Statement(
    "person_links.join",
    _join.on_conflict_do_update(index_elements=[_l.entity_id], set_={"person_id": _join.excluded.person_id}),
)
PART: Final = Statement("person_links.part", delete(person_links).where(InList(_l.entity_id, "entity_ids")))
_others = participants.alias("others")
PRIVATE_ROOMS: Final = Statement(
    "person_links.private_rooms",
    select(_r.id)
    .join_from(participants, rooms, _r.id == _p.room_id)
    .where(
        InList(_p.entity_id, "entity_ids"),
        _r.type.in_([constant(kind.value) for kind in _PRIVATE]),
        ~select(_others.c.entity_id)
        .where(
            _others.c.room_id == _r.id,
            _others.c.entity_id != _p.entity_id,
            _others.c.entity_id != _r.agent_id,
        )
        .correlate(rooms, participants)
        .exists(),
    ),
)


def _all(name: str, given: frozenset[str]) -> Statement:
    conditions = [_l.agent_id == bindparam("agent_id")] if given else []
    return Statement(name, select(*_l).where(*conditions).order_by(_l.person_id, _l.linked_at, _l.entity_id))


ALL: Final = Family("person_links.all", ("agent_id",), _all)


def hash_of(agent_id: UUID, code: str) -> str:
    """A code as it is kept. It holds for one agent alone."""
    return hashlib.sha256(f"{agent_id.lower()}:{clean_code(code)}".encode()).hexdigest()


def put_code(entity_id: UUID, room_id: UUID, code: str, now: datetime) -> Unit[bool]:
    """See Links.put_link_code."""
    entity = yield from places.find_entity(entity_id)
    if entity is None or entity.id == entity.agent_id:
        return False
    row = yield from _own_row(entity.id, entity.agent_id, now)
    if row["made"] >= LINK_CODES_AT_MOST:
        return False
    yield PUT(
        **row
        | {
            "room_id": room_id,
            "code": hash_of(entity.agent_id, code),
            "expires_at": now + LINK_CODE_LASTS,
            "used_by_memory_id": None,
            "made": row["made"] + 1,
        }
    )
    return True


def _own_row(entity_id: UUID, agent_id: UUID, now: datetime) -> Unit[dict[str, Any]]:
    """What is kept of an entity; its counts begin anew where their time is over."""
    rows = yield FIND(entity_id=entity_id)
    row: dict[str, Any] = dict.fromkeys(_CODE) | {
        "entity_id": entity_id,
        "agent_id": agent_id,
        "code": "",
        "since": now,
        "made": 0,
        "tries": 0,
    }
    if rows:
        row = dict(zip(_CODE, rows[0], strict=True))
    # A clock that was set back would lock somebody out until it has caught up.
    if not now - LINK_WINDOW < row["since"] <= now:
        row |= {"since": now, "made": 0, "tries": 0}
    return row


def use_code(entity_id: UUID, code: str, by: UUID, now: datetime) -> Unit[LinkUse]:
    """See Links.use_link_code."""
    entity = yield from places.find_entity(entity_id)
    if entity is None or entity.id == entity.agent_id:
        return LinkUse(end=LinkEnd.UNKNOWN)
    mine = yield from _own_row(entity.id, entity.agent_id, now)
    theirs = yield from _find(entity.agent_id, code)
    if theirs is not None and theirs["used_by_memory_id"] == by.lower():
        return LinkUse(end=LinkEnd.LINKED, other=theirs["entity_id"], room_id=theirs["room_id"])
    if mine["tries"] >= LINK_TRIES_AT_MOST:
        return LinkUse(end=LinkEnd.WAIT)
    if theirs is None or theirs["used_by_memory_id"] is not None or now >= theirs["expires_at"]:
        yield PUT(**mine | {"tries": mine["tries"] + 1})
        return LinkUse(end=LinkEnd.UNKNOWN)
    if theirs["entity_id"] == entity.id:
        return LinkUse(end=LinkEnd.OWN)
    one, other = (yield from _of(entity.id)), (yield from _of(theirs["entity_id"]))
    if other[0] in one:
        yield PUT(**theirs | {"used_by_memory_id": by})
        return LinkUse(end=LinkEnd.ALREADY, other=theirs["entity_id"])
    if len(one) + len(other) > LINKED_AT_MOST:
        return LinkUse(end=LinkEnd.TOO_MANY)
    yield PUT(**theirs | {"used_by_memory_id": by})
    yield from _join_all([*other, *one], entity.agent_id, now)
    details = {"accounts": len(one) + len(other)}
    yield from _audit(entity.agent_id, "accounts linked", entity.id, theirs["entity_id"], details, now)
    return LinkUse(end=LinkEnd.LINKED, other=theirs["entity_id"], room_id=theirs["room_id"])


def _find(agent_id: UUID, code: str) -> Unit[dict[str, Any] | None]:
    wanted = hash_of(agent_id, code)
    rows = yield BY_CODE(agent_id=agent_id, code=wanted)
    for row in rows:
        found = dict(zip(_CODE, row, strict=True))
        if hmac.compare_digest(found["code"], wanted):
            return found
    return None


def _join_all(entity_ids: Sequence[UUID], agent_id: UUID, now: datetime) -> Unit[None]:
    person = yield PERSON(entity_id=entity_ids[0])
    person_id = person[0][0] if person else new_id()
    for entity_id in entity_ids:
        yield JOIN(entity_id=entity_id, agent_id=agent_id, person_id=person_id, linked_at=now)


def _audit(
    agent_id: UUID, action: str, actor: str, subject: str, details: dict[str, Any], now: datetime
) -> Unit[None]:
    # Without platform ids or names: the entry outlives its person's erasure.
    yield from add_audit(
        AuditEntry(agent_id=agent_id, actor=actor, action=action, subject=subject, details=details, at=now)
    )


def burn_code(entity_id: UUID, code: str) -> Unit[bool]:
    """See Links.burn_link_code."""
    entity = yield from places.find_entity(entity_id)
    found = (yield from _find(entity.agent_id, code)) if entity is not None else None
    if found is None or found["used_by_memory_id"] is not None:
        return False
    yield OVER(entity_ids=[found["entity_id"]])
    return True


def unlink(entity_id: UUID, everything: bool, by: str) -> Unit[list[UUID]]:
    """See Links.unlink."""
    entity = yield from places.find_entity(entity_id)
    together = yield from _of(entity_id)
    if entity is None or len(together) < 2:
        return []
    others = [each for each in together if each != entity.id]
    # Nobody is alone with themselves.
    parted = together if everything or len(together) == 2 else [entity.id]
    yield PART(entity_ids=parted)
    yield OVER(entity_ids=parted)
    details = {"accounts": len(parted)}
    yield from _audit(entity.agent_id, "accounts parted", by, entity.id, details, utc_now())
    return others


def _of(entity_id: UUID) -> Unit[list[UUID]]:
    rows = yield WITH(entity_id=entity_id)
    own = entity_id.lower()
    return [own, *(row[0] for row in rows if row[0] != own)]


def linked_entities(entity_id: UUID) -> Unit[list[UUID]]:
    """See Links.linked_entities."""
    return (yield from _of(entity_id))


def linked_person(entity_id: UUID) -> Unit[LinkedPerson]:
    """See Links.linked_person."""
    entity_ids = yield from _of(entity_id)
    found = yield PRIVATE_ROOMS(entity_ids=entity_ids)
    return LinkedPerson(entity_ids=tuple(entity_ids), room_ids=tuple(dict.fromkeys(row[0] for row in found)))


def _to_account(row: Row) -> LinkedAccount:
    return LinkedAccount(**dict(zip(_l.keys(), row, strict=True)))


def linked_accounts(agent_id: UUID | None) -> Unit[list[LinkedAccount]]:
    """See Links.linked_accounts."""
    rows = yield ALL(agent_id=agent_id)
    return [_to_account(row) for row in rows]


def forget_alone(person_id: UUID) -> Unit[None]:
    """Who is left alone of a person is no person of several accounts any more."""
    left = yield OF_PERSON(person_id=person_id)
    if len(left) == 1:
        yield PART(entity_ids=[left[0][0]])
