"""Secrets of accounts, sealed."""

from collections.abc import Callable
from typing import Final

from sqlalchemy import bindparam, select, update
from sqlalchemy.dialects.postgresql import insert

from bot_host.store.schema import connector_secrets
from bot_host.store.statement import Statement, Unit
from bot_host.types.secrets import SealedSecret

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


def put_secret(secret: SealedSecret) -> Unit[None]:
    """See Secrets.put_secret."""
    yield PUT(**{name: getattr(secret, name) for name in _NAMES})


def get_secrets(platform: str, app: str) -> Unit[list[SealedSecret]]:
    """See Secrets.get_secrets."""
    rows = yield GET(of_platform=platform, of_app=app)
    return [SealedSecret(**dict(zip(_NAMES, row, strict=True))) for row in rows]


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
