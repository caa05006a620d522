"""What a search is narrowed to, before anything is ranked."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import bindparam
from sqlalchemy.sql.elements import ColumnElement

from bot_host.store import hearing as rule
from bot_host.store.columns import InList
from bot_host.store.schema import memories, memories_learned
from bot_host.types.hearing import Hearing
from bot_host.types.ids import UUID
from bot_host.types.memory import MemoryType

FILTERS: Final = ("types", "learned_types", "room_id", "world_id", "entity_ids", "period", "hearing")
"""Those that a search may have. `learned_types` are any but messages: they have an index of their own."""
NARROW: Final = ("learned_types", "room_id", "entity_ids")
"""Those that an index serves."""
_ALWAYS: Final = (datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))

_c = memories.c


def conditions(given: frozenset[str]) -> list[ColumnElement[bool]]:
    """The conditions of `FILTERS`, and that it is the agent's own: no agent sees another's memories."""
    found: list[ColumnElement[bool]] = [_c.agent_id == bindparam("agent_id")]
    if "types" in given:
        found.append(InList(_c.type, "types"))
    if "learned_types" in given:
        found += [InList(_c.type, "learned_types"), memories_learned]
    found += [_c[name] == bindparam(name) for name in ("room_id", "world_id") if name in given]
    if "entity_ids" in given:
        found.append(InList(_c.entity_id, "entity_ids"))
    if "period" in given:
        found += [_c.created_at >= bindparam("start"), _c.created_at <= bindparam("end")]
    if "hearing" in given:
        found.append(rule.HEARD)
    return found


def values(
    agent_id: UUID,
    *,
    types: Sequence[MemoryType] = (),
    room_id: UUID | None = None,
    world_id: UUID | None = None,
    entity_ids: Sequence[UUID] = (),
    start: datetime | None = None,
    end: datetime | None = None,
    hearing: Hearing | None = None,
) -> dict[str, Any]:
    """What goes with `conditions`; None or empty: not narrowed by that."""
    kinds = [each.value for each in types] or None
    # Within a room, the room's own index is the better one.
    learned = kinds is not None and MemoryType.MESSAGE not in types and room_id is None
    return {
        "agent_id": agent_id,
        "types": None if learned else kinds,
        "learned_types": kinds if learned else None,
        "room_id": room_id,
        "world_id": world_id,
        "entity_ids": list(entity_ids) or None,
        "period": True if start or end else None,
        "start": start or _ALWAYS[0],
        "end": end or _ALWAYS[1],
        "hearing": True if hearing else None,
        **(rule.values(hearing) if hearing else {}),
    }


def is_narrow(scope: Mapping[str, Any]) -> bool:
    """Whether an index leads to what is left, so that nothing else need be looked at."""
    return any(scope[name] is not None for name in NARROW)
