"""The column types: one meaning in Python, each database's best form on disk."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Self

from sqlalchemy import CHAR, BigInteger, Dialect, Integer, String, Text
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.elements import BindParameter, ColumnElement
from sqlalchemy.sql.operators import OperatorType
from sqlalchemy.types import Boolean, TypeDecorator, TypeEngine, UserDefinedType

from bot_host.kit.clean import clean_text
from bot_host.types.ids import UUID, is_uuid

POSTGRESQL: Final = "postgresql"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_encode: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode
_decode: Final = json.JSONDecoder().raw_decode


class Id(TypeDecorator[UUID]):
    """A UUID, as lower-case text in Python; native on PostgreSQL. Other text is refused on both."""

    impl = CHAR(36)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """See SQLAlchemy."""
        if dialect.name == POSTGRESQL:
            return dialect.type_descriptor(postgresql.UUID(as_uuid=False))
        return dialect.type_descriptor(CHAR(36))

    def process_bind_param(self, value: UUID | None, dialect: Dialect) -> UUID | None:
        """See SQLAlchemy."""
        if value is None:
            return None
        if not is_uuid(value):
            raise ValueError("an id is not a UUID")
        return value.lower()


class Moment(TypeDecorator[datetime]):
    """An aware time, UTC, exact to the microsecond; on SQLite the microseconds since 1970."""

    impl = BigInteger
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """See SQLAlchemy."""
        if dialect.name == POSTGRESQL:
            return dialect.type_descriptor(postgresql.TIMESTAMP(timezone=True))
        return dialect.type_descriptor(BigInteger())

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """See SQLAlchemy."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time has no time zone")
        if dialect.name == POSTGRESQL:
            return value.astimezone(UTC)
        return (value - _EPOCH) // _MICROSECOND

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """See SQLAlchemy."""
        if value is None:
            return None
        if isinstance(value, datetime):
            return value.astimezone(UTC)
        return _EPOCH + timedelta(microseconds=value)


class Json(TypeDecorator[Any]):
    """JSON values; None is NULL. JSONB on PostgreSQL, text on SQLite (its JSON columns have number affinity).

    Text is cleaned here once more: a lone surrogate in some field must not keep a message out.
    """

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """See SQLAlchemy."""
        if dialect.name == POSTGRESQL:
            return dialect.type_descriptor(postgresql.JSONB(none_as_null=True))
        return dialect.type_descriptor(Text())

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        """See SQLAlchemy."""
        if value is None or dialect.name == POSTGRESQL:
            return value
        return clean_text(_encode(value))

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        """See SQLAlchemy."""
        if value is None or dialect.name == POSTGRESQL:
            return value
        return _decode(value)[0]


class Words(TypeDecorator[str]):
    """Free text from outside (names, errors), cleaned of what no database takes."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """See SQLAlchemy."""
        return None if value is None else clean_text(value)


class Real(UserDefinedType[float]):
    """A number with 15 digits, as the drivers give it (SQLAlchemy's own asks asyncpg for a type code)."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        """See SQLAlchemy."""
        return "FLOAT"


class ListOf(TypeDecorator[Any]):
    """A list as one parameter, for `InList`: a JSON array on SQLite, an array on PostgreSQL."""

    impl = Text
    cache_ok = True

    def __init__(self, item: TypeEngine[Any]) -> None:
        super().__init__()
        self.item = item

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """See SQLAlchemy."""
        if dialect.name == POSTGRESQL:
            return dialect.type_descriptor(postgresql.ARRAY(self.item))
        return dialect.type_descriptor(Text())

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        """See SQLAlchemy."""
        items = list(value)
        if isinstance(self.item, Id):
            items = [self.item.process_bind_param(item, dialect) for item in items]
        return items if dialect.name == POSTGRESQL else _encode(items)


class InList(ColumnElement[bool]):
    """`column IN (…)` with one parameter for the whole list, so that the statement is compiled once."""

    inherit_cache = True
    type = Boolean()

    def __init__(self, column: ColumnElement[Any], name: str) -> None:
        self.column = column
        self.values: BindParameter[Any] = BindParameter(name, required=True, type_=ListOf(column.type))

    def self_group(self, against: OperatorType | None = None) -> Self:
        """As it is: SQLAlchemy would compare it with 1 on SQLite, and no index serves that."""
        return self


@compiles(InList, "sqlite")
def _in_list_sqlite(element: InList, compiler: Any, **kw: Any) -> str:
    column, values = compiler.process(element.column, **kw), compiler.process(element.values, **kw)
    return f"{column} IN (SELECT value FROM json_each({values}))"


@compiles(InList, POSTGRESQL)
def _in_list_postgresql(element: InList, compiler: Any, **kw: Any) -> str:
    column, values = compiler.process(element.column, **kw), compiler.process(element.values, **kw)
    return f"{column} = ANY ({values})"


class JsonText(ColumnElement[str]):
    """The text at a key of a JSON column's object; NULL where there is none."""

    inherit_cache = True
    type = Words()

    def __init__(self, column: ColumnElement[Any], key: str) -> None:
        assert key.isidentifier()
        self.column = column
        self.key = key


@compiles(JsonText, "sqlite")
def _json_text_sqlite(element: JsonText, compiler: Any, **kw: Any) -> str:
    return f"json_extract({compiler.process(element.column, **kw)}, '$.{element.key}')"


@compiles(JsonText, POSTGRESQL)
def _json_text_postgresql(element: JsonText, compiler: Any, **kw: Any) -> str:
    return f"({compiler.process(element.column, **kw)} ->> '{element.key}')"


Seq: Final = BigInteger().with_variant(Integer(), "sqlite")
"""A row number; on SQLite the row's own (only INTEGER may be that)."""
Key: Final = String()
"""Short text that we or the platforms made: states, keys, numbers in text."""
