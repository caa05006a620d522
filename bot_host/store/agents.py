"""Agents: who lives in this database."""

from typing import Any, Final

from sqlalchemy import bindparam
from sqlalchemy.dialects.postgresql import insert

from bot_host.kit.clock import utc_now
from bot_host.store.places import ensure_entity
from bot_host.store.schema import agents
from bot_host.store.statement import Statement, Unit
from bot_host.types.character import Character
from bot_host.types.ids import UUID
from bot_host.types.places import Entity

_insert = insert(agents).values({column.name: bindparam(column.name) for column in agents.c})
PUT: Final = Statement(
    "agents.put",
    _insert.on_conflict_do_update(
        index_elements=[agents.c.id],
        set_={name: _insert.excluded[name] for name in ("name", "character", "updated_at")},
    ),
)


def _without_secrets(character: Character) -> dict[str, Any]:
    values = character.model_dump(mode="json", exclude_none=True, exclude={"secrets"})
    values["settings"].pop("secrets", None)
    return values


def ensure_agent(agent_id: UUID, character: Character) -> Unit[None]:
    """See Store.ensure_agent."""
    now = utc_now()
    yield PUT(
        id=agent_id,
        name=character.name,
        character=_without_secrets(character),
        created_at=now,
        updated_at=now,
    )
    yield from ensure_entity(Entity(id=agent_id, agent_id=agent_id, names=(character.name,)))
