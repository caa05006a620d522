"""What an account has really received: for `check --live`."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import bindparam, func, select

from bot_host.store.ledger_tables import tallies
from bot_host.store.schema import inbox, rooms
from bot_host.store.statement import Statement, Unit
from bot_host.types.content import ChannelType
from bot_host.types.ledger import RECEIVED, EventKind, Heard, Seen

NEWEST: Final = 10_000
"""Messages that are looked at."""
PRIVATE: Final = frozenset({ChannelType.DM, ChannelType.VOICE_DM, ChannelType.SELF, ChannelType.API})
UNADDRESSED: Final = frozenset(
    {
        "not addressed",
        "muted",
        "asked to be quiet",
        "the model chose to answer",
        "the model's decision was unclear",
        "the model that decides failed",
    }
)
"""Reasons that the gate gives to none but messages that do not turn to the agent."""

_i, _t = inbox.c, tallies.c
_newest = (
    select(_i.room_id, _i.reason, _i.received_at)
    .where(_i.account == bindparam("account"))
    .order_by(_i.seq.desc())
    .limit(NEWEST)
    .subquery()
)
BY_ROOM: Final = Statement(
    "heard.by_room",
    select(
        rooms.c.type,
        _newest.c.reason,
        func.count(),
        func.min(_newest.c.received_at),
        func.max(_newest.c.received_at),
    )
    .join_from(_newest, rooms, rooms.c.id == _newest.c.room_id)
    .group_by(rooms.c.type, _newest.c.reason),
)
SKIPPED: Final = Statement(
    "heard.skipped",
    select(_t.reason, func.sum(_t["count"]), func.max(_t.last_at))
    .where(
        _t.account == bindparam("account"),
        _t.kind == EventKind.SKIP.value,
        _t.ending != RECEIVED,
    )
    .group_by(_t.reason),
)


def heard(account: str) -> Unit[Heard]:
    """See Ledger.heard."""
    rows = yield BY_ROOM(account=account)
    skipped = yield SKIPPED(account=account)
    private = [(reason, n, last) for kind, reason, n, _, last in rows if kind in PRIVATE]
    shared = [(reason, n, last) for kind, reason, n, _, last in rows if kind not in PRIVATE]
    return Heard(
        since=min((first for _, _, _, first, _ in rows), default=None),
        direct=_seen(private),
        shared=_seen(shared),
        unaddressed=_seen([each for each in shared if each[0] in UNADDRESSED]),
        skipped={reason: Seen(count=int(count), last_at=last) for reason, count, last in skipped},
    )


def _seen(found: Sequence[tuple[str, int, datetime]]) -> Seen:
    times: Iterable[datetime] = (last for _, _, last in found)
    return Seen(count=sum(count for _, count, _ in found), last_at=max(times, default=None))
