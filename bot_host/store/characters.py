"""Characters as they were: each change makes a version, by whom and of what."""

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import bindparam, delete, insert, select

from bot_host.kit.clock import utc_now
from bot_host.kit.names import blotted
from bot_host.store.character_tables import character_versions
from bot_host.store.statement import Row, Statement, Unit
from bot_host.types.agents import CharacterVersion
from bot_host.types.errors import StateError
from bot_host.types.ids import UUID

KEPT: Final = 50
"""Versions of one agent; with one more the oldest goes."""

_c = character_versions.c
_mine = _c.agent_id == bindparam("agent")
_TOLD: Final = (_c.number, _c.changed, _c.author, _c.note, _c.made_at)
NEWEST: Final = Statement(
    "characters.newest",
    select(_c.number, _c.character).where(_mine).order_by(_c.number.desc()).limit(1),
)
PUT: Final = Statement(
    "characters.put",
    insert(character_versions).values({column.name: bindparam(column.name) for column in _c}),
)
TRIM: Final = Statement(
    "characters.trim",
    delete(character_versions).where(_mine, _c.number <= bindparam("oldest")),
)
LIST: Final = Statement(
    "characters.list",
    select(*_TOLD)
    .where(_mine, _c.number < bindparam("before"))
    .order_by(_c.number.desc())
    .limit(bindparam("count")),
)
FIND: Final = Statement(
    "characters.find",
    select(*_TOLD, _c.character).where(_mine, _c.number == bindparam("number_wanted")),
)


def note_version(
    agent_id: UUID, values: Mapping[str, Any], *, by: str, note: str = "", expected: int | None = None
) -> Unit[int]:
    """Note a character as it is from now on; its number. Nothing is noted where nothing differs.

    Raises StateError where the newest version is another one than `expected`.
    """
    rows = yield NEWEST(agent=agent_id)
    number, before = rows[0] if rows else (0, {})
    if expected is not None and expected != number:
        raise StateError(
            f"the character was changed meanwhile: this is version {number}, the change was made to "
            f"version {expected}. Load it again, then make the change once more"
        )
    now = {**values, "settings": blotted(values.get("settings") or {})}
    # It is the agent's own, and some characters say it and others do not.
    now.pop("id", None)
    keys = sorted(key for key in before.keys() | now.keys() if before.get(key) != now.get(key))
    if not keys:
        return int(number)
    yield PUT(
        agent_id=agent_id,
        number=number + 1,
        character=now,
        changed=keys if rows else [],
        author=by,
        note=note,
        made_at=utc_now(),
    )
    yield TRIM(agent=agent_id, oldest=number + 1 - KEPT)
    return int(number) + 1


def _version(row: Row, character: dict[str, Any] | None = None) -> CharacterVersion:
    number, keys, author, note, made_at = row
    return CharacterVersion(
        number=number, keys=tuple(keys), by=author, note=note, made_at=made_at, character=character or {}
    )


def versions(agent_id: UUID, before: int | None, count: int) -> Unit[list[CharacterVersion]]:
    """See Views.character_versions."""
    rows = yield LIST(agent=agent_id, before=2**31 - 1 if before is None else before, count=count)
    return [_version(row) for row in rows]


def version(agent_id: UUID, number: int) -> Unit[CharacterVersion | None]:
    """See Views.character_version."""
    rows = yield FIND(agent=agent_id, number_wanted=number)
    return _version(rows[0][:-1], rows[0][-1]) if rows else None
