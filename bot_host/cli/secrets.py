"""`secrets`: the key of what is kept encrypted."""

import asyncio
from pathlib import Path

import click

from bot_host.app.folders import with_hint
from bot_host.app.secrets import rotate as do
from bot_host.cli.common import CONFIG, give_up, load_or_exit, quiet
from bot_host.store.secret_box import new_key as make
from bot_host.types.errors import BotHostError


@click.group()
def secrets() -> None:
    """The key of tokens that are kept encrypted in the database.

    It is BOT_HOST_SECRET_KEY, or secret.key in the data folder.
    """


@secrets.command()
@CONFIG
@click.pass_context
def rotate(context: click.Context, config: Path | None) -> None:
    """Encrypt everything with a new key, and forget the old one. The host must not run.

    May be killed at any moment, and run again.

    \b
    Exit codes:
      0  done
      1  not done; the line says why
      2  the configuration has to be mended
    """
    loaded = load_or_exit(context, config)
    mask = quiet(loaded)
    try:
        done = asyncio.run(do(loaded))
    except (BotHostError, OSError) as error:
        give_up(mask.hide(with_hint(error, loaded)), as_json=False)
    click.echo(f"{done.resealed} kept secrets are encrypted with the new key; the old one is gone")
    for label in done.locked:
        click.echo(f"left as it is, for none of the keys opens it: {label}; install the app there again")


@secrets.command("new-key")
def new_key() -> None:
    """Print a fresh key, for BOT_HOST_SECRET_KEY. It is kept nowhere."""
    try:
        click.echo(make())
    except BotHostError as error:
        give_up(str(error), as_json=False)
