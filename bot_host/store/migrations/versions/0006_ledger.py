"""The ledger: counts of what came in and how it ended, what was not let in, how accounts are."""

import sqlalchemy as sa
from alembic import op

from bot_host.store.columns import Id, Key, Moment, Seq, Words

revision = "0006"
down_revision = "0005"

_COUNT = (
    "ON CONFLICT (account, kind, ending, reason) DO UPDATE SET count = count + 1, "
    "last_at = excluded.last_at, last_seq = excluded.last_seq;"
)
_REASON = "CASE new.outcome WHEN 'ignored' THEN new.reason ELSE '' END"
_AT = "coalesce(new.finished_at, new.received_at)"
_TRIGGERS = (
    "CREATE TRIGGER tallies_received AFTER INSERT ON inbox BEGIN INSERT INTO tallies VALUES "
    f"(new.account, 'message', 'received', '', 1, new.received_at, new.received_at, new.seq) {_COUNT} END",
    "CREATE TRIGGER tallies_ended AFTER UPDATE OF state ON inbox "
    "WHEN new.state = 'done' AND old.state <> 'done' BEGIN INSERT INTO tallies VALUES "
    f"(new.account, 'message', coalesce(new.outcome, 'none'), {_REASON}, 1, {_AT}, {_AT}, new.seq) "
    f"{_COUNT} END",
    "CREATE TRIGGER tallies_unsent AFTER UPDATE OF state ON outbox "
    "WHEN new.state = 'failed' AND old.state <> 'failed' AND new.error <> 'erased' BEGIN "
    "INSERT INTO tallies VALUES "
    f"(new.account, 'part', 'failed', '', 1, new.created_at, new.created_at, new.seq) {_COUNT} END",
)
_OLD_ROWS = (
    "INSERT INTO tallies SELECT account, 'message', 'received', '', count(*), min(received_at), "
    "max(received_at), max(seq) FROM inbox GROUP BY account",
    "INSERT INTO tallies SELECT account, 'message', coalesce(outcome, 'none'), "
    "CASE outcome WHEN 'ignored' THEN reason ELSE '' END, count(*), "
    "min(coalesce(finished_at, received_at)), max(coalesce(finished_at, received_at)), max(seq) "
    "FROM inbox WHERE state = 'done' "
    "GROUP BY account, coalesce(outcome, 'none'), CASE outcome WHEN 'ignored' THEN reason ELSE '' END",
    "INSERT INTO tallies SELECT account, 'part', 'failed', '', count(*), min(created_at), max(created_at), "
    "max(seq) FROM outbox WHERE state = 'failed' AND error <> 'erased' GROUP BY account",
)


def upgrade() -> None:
    """Make the tables, count what is there, and go on counting."""
    op.create_table(
        "tallies",
        sa.Column("account", Key, nullable=False),
        sa.Column("kind", Key, nullable=False),
        sa.Column("ending", Key, nullable=False),
        sa.Column("reason", Words, nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("first_at", Moment, nullable=False),
        sa.Column("last_at", Moment, nullable=False),
        sa.Column("last_seq", sa.BigInteger()),
        sa.PrimaryKeyConstraint("account", "kind", "ending", "reason", name="pk_tallies"),
    )
    op.create_table(
        "skipped",
        sa.Column("seq", Seq, autoincrement=True, nullable=False),
        sa.Column("account", Key, nullable=False),
        sa.Column("event_key", Key, nullable=False),
        sa.Column("reason", Words, nullable=False),
        sa.Column("at", Moment, nullable=False),
        sa.UniqueConstraint("account", "event_key", name="uq_skipped_account_event_key"),
        sa.PrimaryKeyConstraint("seq", name="pk_skipped"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "accounts",
        sa.Column("account", Key, nullable=False),
        sa.Column("name", Key, nullable=False),
        sa.Column("agent_id", Id, nullable=False),
        sa.Column("label", Words, nullable=False),
        sa.Column("state", Key, nullable=False),
        sa.Column("since", Moment, nullable=False),
        sa.Column("error", Words, nullable=False),
        sa.Column("error_at", Moment),
        sa.ForeignKeyConstraint(["agent_id"], ["agents.id"], name="fk_accounts_agent_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("account", name="pk_accounts"),
    )
    op.create_index("ix_accounts_agent_id", "accounts", ["agent_id"])
    for statement in _OLD_ROWS:
        op.execute(statement)
    if op.get_bind().dialect.name == "sqlite":
        for statement in _TRIGGERS:
            op.execute(statement)
