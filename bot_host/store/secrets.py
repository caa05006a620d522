"""Secrets of accounts, sealed."""

from collections.abc import Callable
from typing import Final

from sqlalchemy import bindparam, select, update
from sqlalchemy.dialects.postgresql import insert

from bot_host.kit.clock import utc_now
from bot_host.store.schema import connector_secrets, inbox, inbox_open, outbox, outbox_open
from bot_host.store.statement import Statement, Unit
from bot_host.types.secrets import EndedAccount, SealedSecret
from bot_host.types.turn import InboxState, OutboxState, Outcome

_c = connector_secrets.c
_NAMES: Final = tuple(column.name for column in _c)
_KEY: Final = (_c.platform, _c.app, _c.account)
_insert = insert(connector_secrets).values({name: bindparam(name) for name in _NAMES})

PUT: Final = Statement(
    "connector_secrets.put",
    _insert.on_conflict_do_update(
        index_elements=[*_KEY],
        set_={name: _insert.excluded[name] for name in ("value", "about", "updated_at")},
    ),
)
GET: Final = Statement(
    "connector_secrets.get",
    select(*_c)
    .where(_c.platform == bindparam("of_platform"), _c.app == bindparam("of_app"))
    .order_by(_c.account),
)
ALL: Final = Statement("connector_secrets.all", select(*_c).order_by(*_KEY))
RESEAL: Final = Statement(
    "connector_secrets.reseal",
    update(connector_secrets)
    .where(
        _c.platform == bindparam("of_platform"),
        _c.app == bindparam("of_app"),
        _c.account == bindparam("of_account"),
    )
    .values(value=bindparam("value", type_=_c.value.type)),
)
END_INBOX: Final = Statement(
    "inbox.end_account",
    update(inbox)
    # As an expression: by its own index SQLite would go through all that the account ever received.
    .where(inbox.c.account.concat("") == bindparam("of_account"), inbox_open)
    .values(
        state=InboxState.DONE.value,
        outcome=Outcome.IGNORED.value,
        reason=bindparam("why", type_=inbox.c.reason.type),
        finished_at=bindparam("now", type_=inbox.c.finished_at.type),
    )
    .returning(inbox.c.agent_id, inbox.c.room_id),
)
END_OUTBOX: Final = Statement(
    "outbox.end_account",
    update(outbox)
    .where(outbox.c.account == bindparam("of_account"), outbox_open)
    .values(state=OutboxState.FAILED.value, error=bindparam("why", type_=outbox.c.error.type))
    .returning(outbox.c.seq),
)


def put_secret(secret: SealedSecret) -> Unit[None]:
    """See Secrets.put_secret."""
    yield PUT(**{name: getattr(secret, name) for name in _NAMES})


def get_secrets(platform: str, app: str) -> Unit[list[SealedSecret]]:
    """See Secrets.get_secrets."""
    rows = yield GET(of_platform=platform, of_app=app)
    return [SealedSecret(**dict(zip(_NAMES, row, strict=True))) for row in rows]


def end_account(account: str, reason: str, secret: SealedSecret) -> Unit[EndedAccount]:
    """See Secrets.end_account."""
    yield from put_secret(secret)
    rooms = yield END_INBOX(of_account=account, why=reason, now=utc_now())
    parts = yield END_OUTBOX(of_account=account, why=reason)
    return EndedAccount(
        parts=tuple(sorted(seq for (seq,) in parts)),
        rooms=tuple(dict.fromkeys((agent, room) for agent, room in rooms)),
    )


def reseal_secrets(turn: Callable[[SealedSecret], str | None]) -> Unit[int]:
    """See Secrets.reseal_secrets."""
    count = 0
    for row in (yield ALL()):
        secret = SealedSecret(**dict(zip(_NAMES, row, strict=True)))
        value = turn(secret)
        if value is not None:
            yield RESEAL(
                of_platform=secret.platform, of_app=secret.app, of_account=secret.account, value=value
            )
            count += 1
    return count
