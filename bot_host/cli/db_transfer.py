"""`db backup`, `db restore` and `db copy`."""

import sys
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from bot_host.app import transfer
from bot_host.cli.common import CONFIG
from bot_host.cli.db import begin, do
from bot_host.cli.db import db as db
from bot_host.store.backup import Carried

T = TypeVar("T")
_FILE = click.Path(path_type=Path)
_SECONDS: Final = 0.1
"""Between two lines about how far it is."""


class _Progress:
    """Tells on a terminal how far it is, in one line."""

    def __init__(self) -> None:
        self._shown = sys.stderr.isatty()
        self._next = 0.0

    def __call__(self, what: str, done: int) -> None:
        if self._shown and time.monotonic() >= self._next:
            self._next = time.monotonic() + _SECONDS
            # To the line's end everything is cleared.
            click.echo(f"\r{what}: {done}\x1b[K", nl=False, err=True)

    async def until(self, work: Coroutine[Any, Any, T]) -> T:
        """Wait for what tells of itself, and take the line away."""
        try:
            return await work
        finally:
            if self._shown:
                click.echo("\r\x1b[K", nl=False, err=True)


@db.command()
@click.argument("file", type=_FILE)
@CONFIG
@click.option("--force", is_flag=True, help="Overwrite FILE.")
@click.pass_context
def backup(context: click.Context, file: Path, config: Path | None, force: bool) -> None:
    """Write all that the database holds into FILE, as it is now. The host may run.

    FILE is a SQLite database, of PostgreSQL as well; `db restore` puts it back into either.
    """
    loaded, mask = begin(context, config)
    progress = _Progress()
    work = transfer.back_up(loaded, file, force=force, tell=progress)
    done = do(progress.until(work), loaded, mask)
    click.echo(f"wrote {file}: {_sum(done)}, compared with the database")
    click.echo(mask.hide(transfer.not_in_it(loaded)))


@db.command()
@click.argument("file", type=_FILE)
@CONFIG
@click.option("--force", is_flag=True, help="Put aside what the database holds.")
@click.pass_context
def restore(context: click.Context, file: Path, config: Path | None, force: bool) -> None:
    """Put the backup FILE in the place of the configured database. The host must not run.

    An older backup is upgraded on the way; FILE stays as it is. Nothing that the database held is deleted:
    with --force it is renamed, else it has to be empty.
    """
    loaded, mask = begin(context, config)
    progress = _Progress()
    work = transfer.restore(loaded, file, force=force, tell=progress)
    done = do(progress.until(work), loaded, mask)
    click.echo(f"restored {file}: {_sum(done)}, compared with the backup")
    if done.upgraded_from:
        click.echo(f"it was of schema {done.upgraded_from}, and was upgraded")
    if done.aside:
        click.echo(mask.hide(f"what was there before is now {done.aside}; delete it when nobody misses it"))


@db.command()
@click.option("--to", "url", required=True, metavar="URL", help="As in database.url; it must be empty.")
@CONFIG
@click.pass_context
def copy(context: click.Context, url: str, config: Path | None) -> None:
    """Carry all that the database holds over into the empty one at URL, of either kind.

    The host must not run, on neither of them. The old database stays as it is.
    """
    loaded, mask = begin(context, config)
    progress = _Progress()

    async def work() -> tuple[Carried, transfer.Target]:
        target = transfer.target_of(loaded, url)
        mask.add(*(secret for secret in (target.password,) if secret))
        return await transfer.copy(loaded, target, tell=progress), target

    done, target = do(progress.until(work()), loaded, mask)
    for each in done.tables:
        click.echo(f"{each.table:<24} {each.rows:>10} rows  {each.digest[:16]}")
    click.echo(mask.hide(f"copied to {target.place.shown}: {_sum(done)}, each table the same on both sides"))
    click.echo("\nNow change the configuration (or DATABASE_URL, where that names the database):\n")
    click.echo(mask.hide(f"[database]\n{target.line}"))


def _sum(done: Carried) -> str:
    tables = [each for each in done.tables if each.table != "alembic_version"]
    return f"{sum(each.rows for each in tables)} rows in {len(tables)} tables"
