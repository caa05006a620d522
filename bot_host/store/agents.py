"""Agents: who lives in this database."""

import hashlib
import json
from collections.abc import Collection
from typing import Any, Final

from sqlalchemy import bindparam, delete, select, update
from sqlalchemy.dialects.postgresql import insert

from bot_host.kit.clock import utc_now
from bot_host.store import characters
from bot_host.store.places import ensure_entity
from bot_host.store.schema import agents
from bot_host.store.statement import Row, Statement, Unit
from bot_host.types.agents import AgentRecord, CharacterEdits
from bot_host.types.character import Character
from bot_host.types.ids import UUID
from bot_host.types.places import Entity

_c = agents.c
_RECORD: Final = (_c.id, _c.character, _c.created_at, _c.updated_at)
_insert = insert(agents).values({column.name: bindparam(column.name) for column in _c})
PUT: Final = Statement(
    "agents.put",
    _insert.on_conflict_do_update(
        index_elements=[_c.id],
        set_={name: _insert.excluded[name] for name in ("name", "character", "given", "edits", "updated_at")},
    ),
)
EDIT: Final = Statement(
    "agents.edit",
    update(agents)
    .where(_c.id == bindparam("agent"))
    .values(
        {
            name: bindparam(f"new_{name}", type_=_c[name].type)
            for name in ("name", "character", "edits", "updated_at")
        }
    ),
)
EDITS: Final = Statement("agents.edits", select(_c.given, _c.edits).where(_c.id == bindparam("agent")))
FIND: Final = Statement("agents.find", select(*_RECORD).where(_c.id == bindparam("agent")))
ALL: Final = Statement("agents.all", select(*_RECORD).order_by(_c.created_at, _c.id))
DELETE: Final = Statement("agents.delete", delete(agents).where(_c.id == bindparam("agent")).returning(_c.id))


def _without_secrets(character: Character) -> dict[str, Any]:
    values = character.model_dump(mode="json", exclude_none=True, exclude={"secrets"})
    values["settings"].pop("secrets", None)
    return values


def _fingerprint(values: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:32]


def ensure_agent(
    agent_id: UUID, character: Character, by: str, note: str, afresh: bool
) -> Unit[CharacterEdits]:
    """See AgentRows.ensure_agent."""
    now = utc_now()
    values = _without_secrets(character)
    given = _fingerprint(values)
    rows = yield EDITS(agent=agent_id)
    before, known = rows[0] if rows else ("", {})
    same = before == given and not afresh
    edits = CharacterEdits(kept=known) if same else CharacterEdits(dropped=tuple(sorted(known)))
    now_is = {**values, **edits.kept}
    yield PUT(
        id=agent_id,
        name=edits.kept.get("name", character.name),
        character=now_is,
        given=given,
        edits=edits.kept,
        created_at=now,
        updated_at=now,
    )
    yield from ensure_entity(Entity(id=agent_id, agent_id=agent_id, names=(character.name,)))
    yield from characters.note_version(agent_id, now_is, by=by, note=note)
    return edits


def edit_agent(
    agent_id: UUID, character: Character, keys: Collection[str], by: str, note: str, expected: int | None
) -> Unit[bool]:
    """See AgentRows.edit_agent."""
    rows = yield EDITS(agent=agent_id)
    if not rows:
        return False
    values = _without_secrets(character)
    yield from characters.note_version(agent_id, values, by=by, note=note, expected=expected)
    yield EDIT(
        agent=agent_id,
        new_name=character.name,
        new_character=values,
        new_edits={**rows[0][1], **{key: values.get(key) for key in keys if key != "secrets"}},
        new_updated_at=utc_now(),
    )
    return True


def _to_record(row: Row) -> AgentRecord:
    id_, character, created_at, updated_at = row
    return AgentRecord(
        id=id_,
        character=Character.model_validate(character),
        created_at=created_at,
        updated_at=updated_at,
    )


def find_agent(agent_id: UUID) -> Unit[AgentRecord | None]:
    """See AgentRows.find_agent."""
    rows = yield FIND(agent=agent_id)
    return _to_record(rows[0]) if rows else None


def get_agents() -> Unit[list[AgentRecord]]:
    """See AgentRows.get_agents."""
    rows = yield ALL()
    return [_to_record(row) for row in rows]


def delete_agent(agent_id: UUID) -> Unit[bool]:
    """See AgentRows.delete_agent."""
    return bool((yield DELETE(agent=agent_id)))
