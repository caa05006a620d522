"""The tables of the ledger: how much came in and how it ended, what was not let in, how accounts are.

Messages and failed parts are counted by triggers, so that no statement that ends a row can forget it;
measured, it costs 3 to 5 µs of CPU a message. The triggers are SQLite's: PostgreSQL, where writers are many,
needs a form in which they do not wait for each other's counters. A change needs a migration, as in `schema`.
"""

from typing import Final

from sqlalchemy import BigInteger, Column, ForeignKey, Index, PrimaryKeyConstraint, Table, UniqueConstraint

from bot_host.store.columns import Id, Key, Moment, Seq, Words
from bot_host.store.schema import metadata

tallies: Final = Table(
    "tallies",
    metadata,
    Column("account", Key, nullable=False),
    Column("kind", Key, nullable=False),
    Column("ending", Key, nullable=False),
    Column("reason", Words, nullable=False),
    Column("count", BigInteger, nullable=False),
    Column("first_at", Moment, nullable=False),
    Column("last_at", Moment, nullable=False),
    Column("last_seq", BigInteger),
    PrimaryKeyConstraint("account", "kind", "ending", "reason"),
)

# The newest only, so that it does not grow; see `ledger.SKIPPED_KEPT`.
skipped: Final = Table(
    "skipped",
    metadata,
    Column("seq", Seq, primary_key=True, autoincrement=True),
    Column("account", Key, nullable=False),
    Column("event_key", Key, nullable=False),
    Column("reason", Words, nullable=False),
    Column("at", Moment, nullable=False),
    UniqueConstraint("account", "event_key"),
    sqlite_autoincrement=True,
)

accounts: Final = Table(
    "accounts",
    metadata,
    Column("account", Key, primary_key=True),
    Column("name", Key, nullable=False),
    Column("agent_id", Id, ForeignKey("agents.id", ondelete="CASCADE"), nullable=False),
    Column("label", Words, nullable=False),
    Column("state", Key, nullable=False),
    Column("since", Moment, nullable=False),
    Column("error", Words, nullable=False),
    Column("error_at", Moment),
    Index(None, "agent_id"),
)


def _count(*, kind: str, ending: str, reason: str, at: str) -> str:
    return (
        f"INSERT INTO tallies VALUES (new.account, '{kind}', {ending}, {reason}, 1, {at}, {at}, new.seq) "
        "ON CONFLICT (account, kind, ending, reason) DO UPDATE SET count = count + 1, "
        "last_at = excluded.last_at, last_seq = excluded.last_seq;"
    )


_RECEIVED: Final = _count(kind="message", ending="'received'", reason="''", at="new.received_at")
_ENDED: Final = _count(
    kind="message",
    ending="coalesce(new.outcome, 'none')",
    # Reasons of what was ignored are few and fixed; those of failures are errors, each another one.
    reason="CASE new.outcome WHEN 'ignored' THEN new.reason ELSE '' END",
    at="coalesce(new.finished_at, new.received_at)",
)
_REOPENED: Final = (
    "UPDATE tallies SET count = count - 1 WHERE account = old.account AND kind = 'message' "
    "AND ending = coalesce(old.outcome, 'none') "
    "AND reason = CASE old.outcome WHEN 'ignored' THEN old.reason ELSE '' END;"
)
_UNSENT: Final = _count(kind="part", ending="'failed'", reason="''", at="new.created_at")
TRIGGERS: Final = (
    f"CREATE TRIGGER tallies_received AFTER INSERT ON inbox BEGIN {_RECEIVED} END",
    "CREATE TRIGGER tallies_ended AFTER UPDATE OF state ON inbox "
    f"WHEN new.state = 'done' AND old.state <> 'done' BEGIN {_ENDED} END",
    "CREATE TRIGGER tallies_reopened AFTER UPDATE OF state ON inbox "
    f"WHEN new.state <> 'done' AND old.state = 'done' BEGIN {_REOPENED} END",
    "CREATE TRIGGER tallies_unsent AFTER UPDATE OF state ON outbox "
    "WHEN new.state = 'failed' AND old.state <> 'failed' AND new.error <> 'erased' "
    f"BEGIN {_UNSENT} END",
)
