"""How statements are written and values turned for asyncpg.

SQLAlchemy's dialect expects codecs on each connection, which cost a look into the catalogue each; here JSON
goes in and comes out as text.
"""

import json
from decimal import Decimal
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


class _Numeric(types.Numeric[Any]):
    """SQLAlchemy's own asks for the type code of each result; asyncpg gives a Decimal in any case."""

    render_bind_cast = True

    def bind_processor(self, dialect: Dialect) -> Any:
        return None

    def result_processor(self, dialect: Dialect, coltype: object) -> Any:
        return None if self.asdecimal else _float


class _Float(types.Float[Any]):
    """The same for what asyncpg gives as a float."""

    __visit_name__ = "float"
    render_bind_cast = True

    def bind_processor(self, dialect: Dialect) -> Any:
        return None

    def result_processor(self, dialect: Dialect, coltype: object) -> Any:
        return _decimal if self.asdecimal else None


def _float(value: Any) -> float | None:
    return None if value is None else float(value)


def _decimal(value: Any) -> Decimal | None:
    return None if value is None else Decimal(str(value))


class _Dialect(asyncpg.dialect):
    supports_statement_cache = True
    colspecs = update_copy(
        asyncpg.dialect.colspecs,
        {
            types.JSON: _Json,
            postgresql.JSON: _Json,
            postgresql.JSONB: _Jsonb,
            types.Numeric: _Numeric,
            types.Float: _Float,
        },
    )


DIALECT: Final = _Dialect(json_serializer=encode_json)  # type: ignore[no-untyped-call]
