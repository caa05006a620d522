"""`db`: the database as a whole."""

import asyncio
import json
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import click

from bot_host.app import database
from bot_host.app.folders import with_hint
from bot_host.cli.common import BAD, BAD_CONFIG, CONFIG, JSON, give_up, load_or_exit, quiet
from bot_host.config.schema import Loaded
from bot_host.kit.logs import SecretMask
from bot_host.store.condition import State
from bot_host.types.errors import BotHostError, ConfigError, StoreUnfit

T = TypeVar("T")


@click.group()
def db() -> None:
    """The database as a whole: its condition, upgrades, backups, another place for it.

    \b
    Exit codes:
      0  done, or all is well
      1  not done, or something is wrong; the line says what
      2  the configuration has to be mended, or it names a database that this version cannot use
    """


@db.command()
@CONFIG
@JSON
@click.pass_context
def status(context: click.Context, config: Path | None, as_json: bool) -> None:
    """Which database it is, of which version, how big, and whether it is damaged.

    It only reads, beside a running host or without one, and takes a while with a big one.
    """
    loaded, mask = begin(context, config, as_json=as_json)
    looked = do(database.look(loaded), loaded, mask, as_json=as_json)
    if as_json:
        click.echo(mask.hide(json.dumps(looked.to_dict(), ensure_ascii=False, indent=2)))
    else:
        for about, line in database.as_lines(looked):
            click.echo(mask.hide(f"{about:<11} {line}"))
        for problem in looked.problems:
            click.echo(mask.hide(f"BAD {problem}"))
    if looked.problems:
        sys.exit(BAD_CONFIG if looked.condition.state is State.UNFIT else BAD)


@db.command()
@CONFIG
@click.pass_context
def upgrade(context: click.Context, config: Path | None) -> None:
    """Bring the database of an older version to this one, as the next start would. The host must not run."""
    loaded, mask = begin(context, config)
    before = do(database.upgrade(loaded), loaded, mask)
    if before.state is State.READY:
        click.echo(mask.hide(f"nothing to do: {before.where} is of schema {before.revision}, the newest"))
    else:
        was = before.revision or "the first version"
        click.echo(mask.hide(f"upgraded {before.where} from schema {was} to {before.newest}"))


def begin(context: click.Context, config: Path | None, *, as_json: bool = False) -> tuple[Loaded, SecretMask]:
    """The configuration, and what blots out its secrets."""
    loaded = load_or_exit(context, config, as_json=as_json)
    return loaded, quiet(loaded)


def do(work: Coroutine[Any, Any, T], loaded: Loaded, mask: SecretMask, *, as_json: bool = False) -> T:
    """What `work` comes to; its errors end the process."""
    try:
        return asyncio.run(work)
    except (BotHostError, OSError) as error:
        _fail(error, loaded, mask, as_json=as_json)


def _fail(error: Exception, loaded: Loaded, mask: SecretMask, *, as_json: bool) -> NoReturn:
    unfit = isinstance(error, ConfigError | StoreUnfit)
    give_up(mask.hide(with_hint(error, loaded)), as_json=as_json, code=BAD_CONFIG if unfit else BAD)
