"""`links`: which accounts people have linked."""

import asyncio
import json
from pathlib import Path

import click

from bot_host.app.folders import with_hint
from bot_host.app.persons import linked_persons, part
from bot_host.cli.common import CONFIG, JSON, give_up, load_or_exit, quiet
from bot_host.types.errors import BotHostError


@click.group()
def links() -> None:
    """See which accounts people have linked (/link), and part them.

    \b
    Exit codes:
      0  done
      1  no such account, or the database cannot be read
      2  the configuration has to be mended
    """


@links.command("list")
@CONFIG
@JSON
@click.pass_context
def list_(context: click.Context, config: Path | None, as_json: bool) -> None:
    """The people with several accounts: a line for each account, with its entity's id."""
    loaded = load_or_exit(context, config, as_json=as_json)
    mask = quiet(loaded)
    try:
        persons = asyncio.run(linked_persons(loaded))
    except BotHostError as error:
        give_up(mask.hide(with_hint(error, loaded)), as_json=as_json)
    if as_json:
        told = [[{"entity_id": each.entity.id, "name": each.line} for each in one] for one in persons]
        click.echo(mask.hide(json.dumps({"persons": told}, ensure_ascii=False, indent=2)))
        return
    for one in persons:
        click.echo(mask.hide("\n= ".join(each.line for each in one)))
    if not persons:
        click.echo("Nobody has linked accounts.")


@links.command()
@click.argument("entity_id")
@CONFIG
@JSON
@click.pass_context
def remove(context: click.Context, entity_id: str, config: Path | None, as_json: bool) -> None:
    """Part the account ENTITY_ID from those that it is linked with."""
    loaded = load_or_exit(context, config, as_json=as_json)
    mask = quiet(loaded)
    try:
        others = asyncio.run(part(loaded, entity_id))
    except BotHostError as error:
        give_up(mask.hide(with_hint(error, loaded)), as_json=as_json)
    if not others:
        give_up(f"{entity_id} is linked with no other account: see `links list`", as_json=as_json)
    if as_json:
        click.echo(json.dumps({"parted_from": others}, indent=2))
        return
    click.echo(f"{entity_id} is parted from {', '.join(others)}.")
