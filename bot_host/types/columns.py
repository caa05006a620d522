"""Column types of our tables and of plugins': one meaning in Python, each database's best form on disk."""

import json
import re
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import CHAR, BigInteger, Dialect, Text
from sqlalchemy.dialects import postgresql
from sqlalchemy.types import TypeDecorator, TypeEngine

from bot_host.kit.clean import clean_text
from bot_host.types.ids import UUID, is_uuid

POSTGRESQL: Final = "postgresql"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_encode: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode
_NUL: Final = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")
_decode: Final = json.JSONDecoder().raw_decode


def encode_json(value: Any) -> str:
    """JSON as text, cleaned of what some database does not take: U+0000 and lone surrogates."""
    text = clean_text(_encode(value))
    return _NUL.sub(r"\1\\ufffd", text) if "\\u0000" in text else text


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


class OnErase(StrEnum):
    """What becomes of a plugin's row when a person whom it concerns is erased."""

    DELETE = "delete"
    """The row goes."""
    CLEAR = "clear"
    """The row stays, and the column becomes NULL."""


class _Reference(Id):
    """An id of something of ours, so that a person's data are found in a plugin's tables.

    No foreign key: the row stays when what it names is deleted in another way than by erasing the person.
    """

    cache_ok = True

    def __init__(self, on_erase: OnErase = OnErase.DELETE) -> None:
        super().__init__()
        self.on_erase = OnErase(on_erase)


class EntityId(_Reference):
    """The person whom a row is about, or who made it."""

    cache_ok = True


class RoomId(_Reference):
    """The room that a row belongs to; a private room goes with its person."""

    cache_ok = True


class MemoryId(_Reference):
    """The message, fact or other memory that a row was derived from."""

    cache_ok = True


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
        value = value.astimezone(UTC)
        if dialect.name == POSTGRESQL:
            return value
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
        return encode_json(value)

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
