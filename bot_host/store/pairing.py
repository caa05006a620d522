"""Strangers who ask to be let in."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import bindparam, delete, select, update
from sqlalchemy.dialects.postgresql import insert

from bot_host.store import outbox, places
from bot_host.store.records import add_audit
from bot_host.store.schema import pairing_open, pairing_untold, pairings
from bot_host.store.statement import Family, Row, Statement, Unit
from bot_host.types.access import PAIRING, PAIRING_DENIED, PAIRING_FULL, PAIRING_SILENT
from bot_host.types.ids import UUID
from bot_host.types.knowledge import AuditEntry
from bot_host.types.outbound import Target
from bot_host.types.pairing import OPEN_AT_MOST, Knocked, Pairing, PairingState
from bot_host.types.places import Entity
from bot_host.types.turn import NewOutbox, Queued

_c = pairings.c
_NAMES: Final = tuple(column.name for column in _c)
_one = (_c.account == bindparam("account"), _c.user_id == bindparam("user_id"))
_of = (
    _c.account == bindparam("of_account", type_=_c.account.type),
    _c.user_id == bindparam("of_user", type_=_c.user_id.type),
)

FIND: Final = Statement("pairings.find", select(*_c).where(*_one))
PUT: Final = Statement("pairings.put", insert(pairings).values({name: bindparam(name) for name in _NAMES}))
DROP: Final = Statement("pairings.drop", delete(pairings).where(*_one).returning(_c.user_id))
OPEN: Final = Statement(
    "pairings.open", select(_c.user_id, _c.expires_at).where(_c.account == bindparam("account"), pairing_open)
)
DROP_OLD: Final = Statement(
    "pairings.drop_old",
    delete(pairings).where(
        _c.account == bindparam("account"), pairing_open, _c.expires_at <= bindparam("now")
    ),
)
BY_CODE: Final = Statement(
    "pairings.by_code", select(*_c).where(_c.code == bindparam("code")).order_by(_c.asked_at)
)
DECIDE: Final = Statement(
    "pairings.decide",
    update(pairings)
    .where(*_of, pairing_open)
    .values(
        state=bindparam("new_state", type_=_c.state.type),
        decided_at=bindparam("now", type_=_c.decided_at.type),
        decided_by=bindparam("by", type_=_c.decided_by.type),
    ),
)
UNTOLD: Final = Statement(
    "pairings.untold", select(*_c).where(_c.account == bindparam("account"), pairing_untold)
)
TOLD: Final = Statement(
    "pairings.told",
    update(pairings)
    .where(*_of, pairing_untold)
    .values(told_at=bindparam("now", type_=_c.told_at.type))
    .returning(_c.user_id),
)


def _all(name: str, given: frozenset[str]) -> Statement:
    conditions = [_c.agent_id == bindparam("agent_id")] if "agent_id" in given else []
    return Statement(name, select(*_c).where(*conditions).order_by(_c.asked_at, _c.account, _c.user_id))


ALL: Final = Family("pairings.all", ("agent_id",), _all)


def to_pairing(row: Row) -> Pairing:
    """A row of `pairings`, all of its columns."""
    values: dict[str, Any] = dict(zip(_NAMES, row, strict=True))
    return Pairing(
        **{**values, "target": Target.from_dict(values["target"]), "state": PairingState(values["state"])}
    )


def find_pairing(account: str, user_id: str) -> Unit[Pairing | None]:
    """See Pairings.find_pairing."""
    rows = yield FIND(account=account, user_id=user_id)
    return to_pairing(rows[0]) if rows else None


def knock(request: Pairing, line: Sequence[NewOutbox], send_now: Collection[str]) -> Unit[Knocked]:
    """See Pairings.knock."""
    now = request.asked_at
    known = yield from find_pairing(request.account, request.user_id)
    if known is not None and known.state is PairingState.APPROVED:
        return Knocked(reason="")
    if known is not None and known.state is PairingState.DENIED:
        return Knocked(reason=PAIRING_DENIED)
    if known is not None and known.is_open(now):
        return Knocked(reason=PAIRING_SILENT)
    yield DROP_OLD(account=request.account, now=now)
    waiting = yield OPEN(account=request.account)
    if len(waiting) >= OPEN_AT_MOST:
        return Knocked(reason=PAIRING_FULL)
    yield PUT(
        **{name: getattr(request, name) for name in _NAMES}
        | {"target": request.target.to_dict(), "state": request.state.value}
    )
    return Knocked(reason=PAIRING, queued=(yield from outbox.add(line, send_now)))


def all_pairings(agent_id: UUID | None) -> Unit[list[Pairing]]:
    """See Pairings.pairings."""
    rows = yield ALL(agent_id=agent_id)
    return [to_pairing(row) for row in rows]


def decide(code: str, approve: bool, by: str, now: datetime, agent_id: UUID | None) -> Unit[Pairing | None]:
    """See Pairings.decide_pairing."""
    found = [
        each
        for each in map(to_pairing, (yield BY_CODE(code=code)))
        if agent_id is None or each.agent_id == agent_id.lower()
    ]
    if not found or (found[0].state is PairingState.OPEN and not found[0].is_open(now)):
        return None
    pairing = found[0]
    if pairing.state is not PairingState.OPEN:
        return pairing
    state = PairingState.APPROVED if approve else PairingState.DENIED
    yield DECIDE(of_account=pairing.account, of_user=pairing.user_id, new_state=state.value, now=now, by=by)
    if approve:
        yield from places.ensure_entity(_entity(pairing))
    yield from _audit(pairing, f"pairing {state.value}", by, now)
    return (yield from find_pairing(pairing.account, pairing.user_id))


def _entity(pairing: Pairing) -> Entity:
    platform = pairing.account.partition(":")[0]
    about = {"id": pairing.user_id, **({"name": pairing.name} if pairing.name else {})}
    return Entity(
        id=pairing.entity_id,
        agent_id=pairing.agent_id,
        names=(pairing.name,) if pairing.name else (),
        metadata={platform: about},
    )


def _audit(pairing: Pairing, action: str, by: str, now: datetime) -> Unit[None]:
    # Without platform ids or names: the entry outlives its person's erasure.
    yield from add_audit(
        AuditEntry(
            agent_id=pairing.agent_id,
            actor=by,
            action=action,
            subject=pairing.entity_id,
            details={"account": pairing.account},
            at=now,
        )
    )


def forget(account: str, user_id: str, by: str, now: datetime) -> Unit[bool]:
    """See Pairings.forget_pairing."""
    known = yield from find_pairing(account, user_id)
    if known is None:
        return False
    yield DROP(account=account, user_id=user_id)
    yield from _audit(known, "pairing revoked", by, now)
    return True


def untold(account: str) -> Unit[list[Pairing]]:
    """See Pairings.untold_pairings."""
    rows = yield UNTOLD(account=account)
    return [to_pairing(row) for row in rows]


def tell(
    pairing: Pairing, line: Sequence[NewOutbox], send_now: Collection[str], now: datetime
) -> Unit[Queued]:
    """See Pairings.tell_pairing."""
    if not (yield TOLD(of_account=pairing.account, of_user=pairing.user_id, now=now)):
        return Queued(seqs=())
    return (yield from outbox.add(line, send_now))
