"""Marks: how far each stream of an account was taken in."""

from typing import Final

from sqlalchemy import bindparam, select
from sqlalchemy.dialects.postgresql import insert

from bot_host.store.schema import marks
from bot_host.store.statement import Statement, Unit
from bot_host.types.inbound import Mark

# PostgreSQL's insert is compiled for both: SQLite took over its ON CONFLICT clause.
_insert = insert(marks).values(account=bindparam("account"), name=bindparam("name"), value=bindparam("value"))
RAISE: Final = Statement(
    "marks.raise",
    _insert.on_conflict_do_update(
        index_elements=[marks.c.account, marks.c.name],
        set_={"value": _insert.excluded.value},
        where=_insert.excluded.value > marks.c.value,
    ),
)
FIND: Final = Statement(
    "marks.find",
    select(marks.c.value).where(marks.c.account == bindparam("account"), marks.c.name == bindparam("name")),
)


def set_mark(account: str, mark: Mark | None) -> Unit[None]:
    """Move a mark up, where there is one."""
    if mark is not None:
        yield RAISE(account=account, name=mark.name, value=mark.value)


def find_mark(account: str, name: str) -> Unit[int | None]:
    """See Inbox.find_mark."""
    rows = yield FIND(account=account, name=name)
    return rows[0][0] if rows else None
