"""The outbox's parts of which nobody knows whether the platform took them."""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import bindparam, select, update

from bot_host.store.schema import constant, outbox, outbox_open
from bot_host.store.statement import Statement, Unit

LOOK_BACK: Final = 2_000
"""Parts of the whole outbox among which those of one destination are looked for, at a time."""
MOST_LOOKS: Final = 50
LATELY: Final = timedelta(minutes=10)
"""Before a part was made: as far as connectors look back for it, for fear of clocks that differ, and more."""

_c = outbox.c

UNKNOWN: Final = Statement(
    "outbox.unknown",
    update(outbox)
    .where(_c.seq == bindparam("row"), outbox_open)
    .values(
        state="sending",
        not_before=bindparam("due", type_=_c.not_before.type),
        error=bindparam("why", type_=_c.error.type),
    ),
)
GIVE_UP: Final = Statement(
    "outbox.give_up",
    update(outbox)
    .where(_c.seq == bindparam("row"), outbox_open)
    .values(state="failed", error=bindparam("why", type_=_c.error.type)),
)
SENT_IDS: Final = Statement(
    "outbox.sent_ids",
    select(_c.platform_message_id).where(
        _c.seq < bindparam("before"),
        _c.seq >= bindparam("first"),
        _c.destination == bindparam("destination"),
        _c.state == constant("sent"),
    ),
)
MADE_FROM: Final = Statement(
    "outbox.made_from",
    select(_c.created_at).where(_c.seq >= bindparam("seq")).order_by(_c.seq).limit(1),
)


def mark_unknown(seq: int, not_before: datetime, error: str) -> Unit[None]:
    """See Outbox.mark_unknown. A part that is done stays so."""
    yield UNKNOWN(row=seq, due=not_before, why=error)


def mark_given_up(seq: int, error: str) -> Unit[None]:
    """See Outbox.mark_given_up. A part that is done stays so."""
    yield GIVE_UP(row=seq, why=error)


def sent_ids(destination: str, before: int) -> Unit[set[str]]:
    """See Outbox.sent_ids."""
    found: set[str] = set()
    made = yield MADE_FROM(seq=before)
    for _ in range(MOST_LOOKS):
        first = before - LOOK_BACK
        rows = yield SENT_IDS(destination=destination, before=before, first=first)
        found |= {platform_id for (platform_id,) in rows if platform_id}
        oldest = yield MADE_FROM(seq=first)
        # A busy host makes thousands of parts within minutes.
        if first <= 1 or not made or not oldest or oldest[0][0] < made[0][0] - LATELY:
            break
        before = first
    return found
