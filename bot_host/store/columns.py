"""The column types that only our own tables have, and conditions that each database writes in its way."""

import sys
from array import array
from collections.abc import Callable, Sequence
from typing import Any, Final, Self

from sqlalchemy import BigInteger, Dialect, Integer, LargeBinary, String, Text
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.elements import BindParameter, ColumnElement
from sqlalchemy.sql.operators import OperatorType
from sqlalchemy.types import Boolean, TypeDecorator, TypeEngine, UserDefinedType

from bot_host.types.columns import POSTGRESQL as POSTGRESQL
from bot_host.types.columns import Id as Id
from bot_host.types.columns import Json as Json
from bot_host.types.columns import Moment as Moment
from bot_host.types.columns import Words as Words
from bot_host.types.columns import encode_json


def _number(value: float | None) -> float | None:
    return None if value is None or value != value else value


class Real(UserDefinedType[float]):
    """A number with 15 digits, as the drivers give it (SQLAlchemy's own asks asyncpg for a type code)."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        """See SQLAlchemy."""
        return "FLOAT"

    def bind_processor(self, dialect: Dialect) -> Callable[[float | None], float | None]:
        """See SQLAlchemy. What is not a number is NULL, as SQLite makes it by itself."""
        return _number


def pack(vector: "array[float]") -> bytes:
    """As little-endian 32-bit floats."""
    if sys.byteorder == "big":
        vector = array("f", vector)
        vector.byteswap()
    return vector.tobytes()


def unpack(packed: bytes) -> "array[float]":
    """The inverse of `pack`."""
    vector = array("f")
    vector.frombytes(packed)
    if sys.byteorder == "big":
        vector.byteswap()
    return vector


class _Reals(UserDefinedType[Any]):
    """PostgreSQL's `real[]`, as asyncpg gives and takes it."""

    cache_ok = True
    render_bind_cast = True

    def get_col_spec(self, **_: Any) -> str:
        """See SQLAlchemy."""
        return "REAL[]"


class Vector(TypeDecorator[bytes]):
    """32-bit floats, in Python and on SQLite as `pack` makes them; on PostgreSQL an array, which pgvector can
    index where it is installed.
    """

    impl = LargeBinary
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """See SQLAlchemy."""
        if dialect.name == POSTGRESQL:
            return dialect.type_descriptor(_Reals())
        return dialect.type_descriptor(LargeBinary())

    def process_bind_param(self, value: bytes | None, dialect: Dialect) -> Any:
        """See SQLAlchemy."""
        return value if value is None or dialect.name != POSTGRESQL else unpack(value).tolist()

    def process_result_value(self, value: Any, dialect: Dialect) -> bytes | None:
        """See SQLAlchemy."""
        return value if value is None or dialect.name != POSTGRESQL else pack(array("f", value))


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
        return items if dialect.name == POSTGRESQL else encode_json(items)


class InList(ColumnElement[bool]):
    """`column IN (…)` with one parameter for the whole list, so that the statement is compiled once."""

    inherit_cache = True
    type = Boolean()

    def __init__(self, column: ColumnElement[Any], name: str, values: Sequence[Any] | None = None) -> None:
        """With `values`, it is for this one statement."""
        self.column = column
        self.values: BindParameter[Any] = (
            BindParameter(name, required=True, type_=ListOf(column.type))
            if values is None
            else BindParameter(None, list(values), type_=ListOf(column.type), unique=True)
        )

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


class JsonId(JsonText):
    """An id at a key of a JSON column's object, to be compared with ids."""

    inherit_cache = True
    type = Id()  # type: ignore[assignment]


@compiles(JsonText, "sqlite")
def _json_text_sqlite(element: JsonText, compiler: Any, **kw: Any) -> str:
    return f"json_extract({compiler.process(element.column, **kw)}, '$.{element.key}')"


@compiles(JsonText, POSTGRESQL)
def _json_text_postgresql(element: JsonText, compiler: Any, **kw: Any) -> str:
    return f"({compiler.process(element.column, **kw)} ->> '{element.key}')"


compiles(JsonId, "sqlite")(_json_text_sqlite)


@compiles(JsonId, POSTGRESQL)
def _json_id_postgresql(element: JsonId, compiler: Any, **kw: Any) -> str:
    return f"CAST({_json_text_postgresql(element, compiler, **kw)} AS uuid)"


Seq: Final = BigInteger().with_variant(Integer(), "sqlite")
"""A row number; on SQLite the row's own (only INTEGER may be that)."""
Key: Final = String()
"""Short text that we or the platforms made: states, keys, numbers in text."""
