"""`check --live`: what is configured beside what was really received."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

from bot_host.app.folders import process_lock
from bot_host.app.reports import when
from bot_host.config.schema import ConnectorEntry, Loaded
from bot_host.contracts.connector import CheckLine, Connector, LiveChecking
from bot_host.contracts.ledger import Ledger
from bot_host.store import make_store
from bot_host.types.ledger import AccountNote, Figures, Heard, Seen

REFUSALS: Final = (
    "denied",
    "not allowed",
    "not on the allow list",
    "not on the allowlist",
    "direct messages are off",
    "roles not known",
)
"""Reasons by which people are turned away."""
PREFIXES: Final = ("direct message not allowed", "pairing")


class Live:
    """What the database knows of the accounts."""

    def __init__(self, ledger: Ledger, figures: Figures) -> None:
        self._ledger = ledger
        self._accounts = figures.accounts

    async def look(self, entry: ConnectorEntry, connector: Connector, account: str) -> Sequence[CheckLine]:
        """What is found about an account by what came in. `account` is its key."""
        heard = await self._ledger.heard(account)
        name = entry.platform
        lines = [*self._other_account(entry, account), _summary(name, heard), *_refused(name, heard)]
        if heard.since is not None and isinstance(connector, LiveChecking):
            lines.extend(await connector.compare(heard))
        return lines

    def _other_account(self, entry: ConnectorEntry, account: str) -> Iterator[CheckLine]:
        """The token is of another bot than the one that the host ran as."""
        table = entry.table.removeprefix("connectors.")
        mine = [note for note in self._accounts if note.name == table and ":" in note.account]
        last: AccountNote | None = max(mine, key=lambda note: note.since, default=None)
        if last is not None and last.account != account:
            yield CheckLine(
                name=f"{entry.platform} live account",
                ok=True,
                detail=f"the token is of {account}, and the host ran last as {last.label} ({last.account})",
                advice="start the host again if the token was changed",
            )


@asynccontextmanager
async def open_live(loaded: Loaded) -> AsyncIterator[Live]:
    """The database as it is, beside a running host. Raises StoreError."""
    async with make_store(loaded.config.database.url, base=loaded.folder, read_only=True) as store:
        yield Live(store, await store.figures())


def host_line(loaded: Loaded) -> CheckLine:
    """Whether a host is there to receive anything."""
    running = process_lock(loaded).is_taken
    return CheckLine(
        name="host live",
        ok=True,
        detail="a host is running" if running else "no host is running: nothing comes in now",
        advice="" if running else "start it, write to the bot, and run this again",
    )


def nothing_yet(name: str) -> CheckLine:
    """Of a platform's account, or of a database, that is new."""
    return CheckLine(
        name=f"{name} live",
        ok=True,
        detail="nothing was received from this account yet",
        advice="start the host, write to the bot, and run this again",
    )


def _summary(name: str, heard: Heard) -> CheckLine:
    if heard.since is None:
        return nothing_yet(name)
    told = (
        ("direct", heard.direct),
        ("in shared rooms", heard.shared),
        ("of these not addressed to the agent", heard.unaddressed),
    )
    parts = ", ".join(f"{what} {_seen(seen)}" for what, seen in told)
    return CheckLine(name=f"{name} live", ok=True, detail=f"messages since {when(heard.since)}: {parts}")


def _refused(name: str, heard: Heard) -> Iterator[CheckLine]:
    for reason, seen in sorted(heard.skipped.items()):
        if reason in REFUSALS or reason.startswith(PREFIXES):
            yield CheckLine(
                name=f"{name} live refused",
                ok=True,
                detail=f"{reason}: {_seen(seen)}",
                advice="`why` with a message's link tells which setting turned it away",
            )


def _seen(seen: Seen) -> str:
    return f"{seen.count} (last {when(seen.last_at)})" if seen.last_at is not None else str(seen.count)
