"""`db status` and `db upgrade`: how the database is, and bringing an older one to the present schema."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

from bot_host.app.folders import process_lock
from bot_host.config.schema import Loaded
from bot_host.store import make_store
from bot_host.store.condition import Condition, State
from bot_host.store.condition import look as look_at
from bot_host.store.urls import Place, parse
from bot_host.types.errors import NotReady, StateError, StoreError, StoreUnfit


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """A database's condition, and who works on it."""

    condition: Condition
    host: str = ""
    """The process id of the host that runs with this configuration, or which one elsewhere; empty: none."""

    @property
    def problems(self) -> list[str]:
        """What is wrong, one sentence each."""
        return list(self.condition.faults)

    def to_dict(self) -> dict[str, Any]:
        """What `db status --json` prints."""
        return {"healthy": not self.problems, "host": self.host, **asdict(self.condition)}


def place_of(loaded: Loaded) -> Place:
    """The configured database. Raises ConfigError."""
    return parse(loaded.config.database.url, base=loaded.folder)


async def look(loaded: Loaded) -> Looked:
    """Look at the configured database. Raises StoreError, ConfigError, OSError."""
    lock = process_lock(loaded)
    condition = await look_at(place_of(loaded))
    return Looked(condition=condition, host=f"process {lock.holder}" if lock.is_taken else condition.worker)


@contextmanager
def without_host(loaded: Loaded) -> Iterator[None]:
    """Keep hosts from starting meanwhile. Raises StateError while one runs, OSError.

    On PostgreSQL hosts on other machines are kept away by the database's own lock, not by this one.
    """
    lock = process_lock(loaded)
    if not lock.try_take():
        raise StateError(f"a host is running (process {lock.holder}): stop it, run this, and start it again")
    try:
        yield
    finally:
        lock.release()


async def upgrade(loaded: Loaded) -> Condition:
    """Bring the configured database to the present schema; its condition before.

    Raises NotReady where there is none, StateError while a host runs, StoreUnfit for one that is not to be
    upgraded, StoreError: nothing was changed.
    """
    before = await look_at(place_of(loaded))
    if before.state in (State.MISSING, State.EMPTY):
        # A command makes no database.
        raise NotReady(f"there is no database {before.where} yet: the host makes it at its first start")
    if before.state is State.UNFIT:
        raise StoreUnfit(f"{before.where}: {before.faults[0]}")
    if before.state is State.READY:
        return before
    damage = [fault for fault in before.faults if fault.startswith("damaged")]
    if damage:
        raise StoreError(
            f"the database {before.where} is {damage[0]}; it was left as it is: restore a backup of it "
            "(`db restore`)"
        )
    with without_host(loaded):
        async with make_store(loaded.config.database.url, base=loaded.folder):
            pass
    return before


def as_lines(looked: Looked) -> Iterator[tuple[str, str]]:
    """For people: what each line is about, and the line."""
    found = looked.condition
    yield "database", f"{found.where} ({found.version or found.kind})"
    yield "host", f"runs ({looked.host})" if looked.host else "does not run"
    yield "schema", _schema(found)
    if found.bytes is not None:
        yield "size", megabytes(found.bytes)
    if found.checked:
        yield "checked", f"{found.checked}: {'see below' if found.faults else 'nothing is wrong'}"
    for each in found.tables:
        size = f", {megabytes(each.bytes)}" if each.bytes is not None else ""
        yield "", f"{each.table}: {each.rows} rows{size}"


def _schema(found: Condition) -> str:
    if found.state is State.MISSING:
        return "there is no such file yet: the host makes it at its first start"
    if found.state is State.EMPTY:
        return "no tables yet: the host makes them at its next start"
    if found.state is State.UNFIT:
        return f"{found.revision or 'not of Bot Host'}; this version of Bot Host needs {found.newest}"
    if found.state is State.OLDER:
        return (
            f"{found.revision or 'of the first version'}, older than {found.newest}: `db upgrade`, or the "
            "next start of the host, upgrades it"
        )
    return f"{found.revision}, the newest"


def megabytes(size: int) -> str:
    """A size for people: millions of bytes."""
    return f"{size / 1_000_000:.1f} MB"
