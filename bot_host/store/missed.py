"""What a catch-up asks: which messages are here already, and where people spoke lately."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import bindparam, func, select

from bot_host.store.columns import InList
from bot_host.store.schema import inbox, pieces, rooms, worlds
from bot_host.store.statement import Statement, Unit
from bot_host.types.content import ChannelType
from bot_host.types.inbound import RecentRoom

LOOK_BACK: Final = 20_000
"""Inbound messages of the whole host among which an account's rooms are looked for."""

_i, _r = inbox.c, rooms.c

KNOWN: Final = Statement(
    "inbox.known",
    select(_i.event_key).where(_i.account == bindparam("account"), InList(_i.event_key, "event_keys")),
)
KNOWN_PIECES: Final = Statement(
    "pieces.known",
    select(pieces.c.event_key).where(
        pieces.c.account == bindparam("account"), InList(pieces.c.event_key, "event_keys")
    ),
)
NEWEST: Final = Statement("inbox.newest", select(func.max(_i.seq)))
# An expression instead of the column: SQLite would go through all of the account's rows by its index.
_its_account = _i.account.concat("")
RECENT: Final = Statement(
    "inbox.recent_rooms",
    select(_i.room_id, func.max(_i.received_at))
    .where(_i.seq > bindparam("after"), _its_account == bindparam("account"), _i.room_id.is_not(None))
    .group_by(_i.room_id)
    .order_by(func.max(_i.received_at).desc())
    .limit(bindparam("count")),
)
PLACES: Final = Statement(
    "rooms.places",
    select(_r.id, worlds.c.platform_id, _r.channel_id, _r.thread_id, _r.type)
    .select_from(rooms.outerjoin(worlds, worlds.c.id == _r.world_id))
    .where(InList(_r.id, "ids")),
)


def known_events(account: str, event_keys: Sequence[str]) -> Unit[set[str]]:
    """See Inbox.known_events."""
    rows = yield KNOWN(account=account, event_keys=event_keys)
    rows = rows + (yield KNOWN_PIECES(account=account, event_keys=event_keys))
    return {key for (key,) in rows}


def recent_rooms(account: str, limit: int) -> Unit[list[RecentRoom]]:
    """See Inbox.recent_rooms."""
    newest = yield NEWEST()
    if newest[0][0] is None:
        return []
    found = yield RECENT(account=account, after=newest[0][0] - LOOK_BACK, count=limit)
    places = yield PLACES(ids=[room_id for room_id, _ in found])
    by_id = {room_id: place for room_id, *place in places}
    recent = []
    for room_id, last_at in found:
        server_id, channel_id, thread_id, kind = by_id[room_id]
        recent.append(
            RecentRoom(
                server_id=server_id or "",
                channel_id=channel_id,
                thread_id=thread_id,
                type=ChannelType(kind),
                last_at=last_at,
            )
        )
    return recent
