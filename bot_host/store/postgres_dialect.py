"""How statements are written and values turned for asyncpg.

SQLAlchemy's dialect expects codecs on each connection, which cost a look into the catalogue each; here JSON
goes in and comes out as text.
"""

import json
from typing import Any, Final

from sqlalchemy import Dialect, types
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import asyncpg
from sqlalchemy.util import update_copy

from bot_host.types.columns import encode_json


def _decode(text: str | None) -> Any:
    return None if text is None else json.loads(text)


class _Json(postgresql.JSON):
    render_bind_cast = True

    def result_processor(self, dialect: Dialect, coltype: object) -> Any:
        return _decode


class _Jsonb(postgresql.JSONB):
    render_bind_cast = True

    def result_processor(self, dialect: Dialect, coltype: object) -> Any:
        return _decode


class _Dialect(asyncpg.dialect):
    supports_statement_cache = True
    colspecs = update_copy(
        asyncpg.dialect.colspecs, {types.JSON: _Json, postgresql.JSON: _Json, postgresql.JSONB: _Jsonb}
    )


DIALECT: Final = _Dialect(json_serializer=encode_json)  # type: ignore[no-untyped-call]
