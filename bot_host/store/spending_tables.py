"""The tables of what the models cost: by day for those who pay, by minute for those who watch.

Both are sums that are kept in the transaction that writes the run: adding up the runs themselves would mean
reading the JSON of each. A change needs a migration, as in `schema`.
"""

from typing import Final

from sqlalchemy import BigInteger, Column, ForeignKey, Integer, PrimaryKeyConstraint, Table

from bot_host.store.columns import Id, Key, Real
from bot_host.store.schema import metadata

# By UTC day. Rooms and people are no references: what they have cost outlives them. Where there is none, or
# it was erased, the id is `spending.NOBODY`: a key may not be NULL.
spending: Final = Table(
    "spending",
    metadata,
    Column("day", Key, nullable=False),
    Column("agent_id", Id, ForeignKey("agents.id", ondelete="CASCADE"), nullable=False),
    Column("room_id", Id, nullable=False),
    Column("entity_id", Id, nullable=False),
    Column("provider", Key, nullable=False),
    Column("model", Key, nullable=False),
    Column("calls", Integer, nullable=False),
    Column("failed", Integer, nullable=False),
    # With tokens, and without a price.
    Column("unpriced", Integer, nullable=False),
    Column("prompt_tokens", BigInteger, nullable=False),
    Column("completion_tokens", BigInteger, nullable=False),
    Column("cost", Real, nullable=False),
    PrimaryKeyConstraint("day", "agent_id", "room_id", "entity_id", "provider", "model"),
)

# The last days only; see `spending.PULSE_KEPT`. A minute is counted from 1970.
pulse: Final = Table(
    "pulse",
    metadata,
    Column("minute", Integer, nullable=False),
    Column("agent_id", Id, ForeignKey("agents.id", ondelete="CASCADE"), nullable=False),
    Column("answered", Integer, nullable=False),
    Column("ignored", Integer, nullable=False),
    Column("superseded", Integer, nullable=False),
    Column("failed", Integer, nullable=False),
    Column("calls", Integer, nullable=False),
    Column("failed_calls", Integer, nullable=False),
    Column("unpriced", Integer, nullable=False),
    Column("tokens", BigInteger, nullable=False),
    Column("cost", Real, nullable=False),
    PrimaryKeyConstraint("minute", "agent_id"),
)
