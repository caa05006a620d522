"""The cache: JSON values of one agent by key (elizaos.md 2.15-04)."""

import hashlib
from typing import Any, Final

from sqlalchemy import bindparam, delete, select
from sqlalchemy.dialects.postgresql import insert

from bot_host.kit.clock import utc_now
from bot_host.store.schema import cache
from bot_host.store.statement import Statement, Unit
from bot_host.types.ids import UUID

KEY_LIMIT: Final = 500
"""Characters. A longer key is kept as its beginning and a hash: an index of PostgreSQL takes 2,704 bytes."""

_c = cache.c
_here = (_c.agent_id == bindparam("agent_id"), _c.key == bindparam("key"))
_insert = insert(cache).values({column.name: bindparam(column.name) for column in _c})

GET: Final = Statement("cache.get", select(_c.value).where(*_here))
PUT: Final = Statement(
    "cache.put",
    _insert.on_conflict_do_update(
        index_elements=[_c.agent_id, _c.key],
        set_={name: _insert.excluded[name] for name in ("value", "updated_at")},
    ),
)
DELETE: Final = Statement("cache.delete", delete(cache).where(*_here))


def _kept(key: str) -> str:
    if len(key) <= KEY_LIMIT:
        return key
    hashed = hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{key[: KEY_LIMIT - len(hashed) - 1]}#{hashed}"


def get_cache(agent_id: UUID, key: str) -> Unit[Any | None]:
    """See Store.get_cache."""
    rows = yield GET(agent_id=agent_id, key=_kept(key))
    return rows[0][0] if rows else None


def set_cache(agent_id: UUID, key: str, value: Any) -> Unit[None]:
    """See Store.set_cache."""
    yield PUT(agent_id=agent_id, key=_kept(key), value=value, updated_at=utc_now())


def delete_cache(agent_id: UUID, key: str) -> Unit[None]:
    """See Store.delete_cache."""
    yield DELETE(agent_id=agent_id, key=_kept(key))
