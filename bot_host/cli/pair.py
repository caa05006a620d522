"""`pair`: strangers who asked to be let in."""

import asyncio
import json
from pathlib import Path

import click

from bot_host.app.folders import with_hint
from bot_host.cli.common import CONFIG, JSON, give_up, load_or_exit, quiet
from bot_host.config.schema import Loaded
from bot_host.runtime.pairing import PairAnswer, to_dict
from bot_host.runtime.pairing import pair as do
from bot_host.store import make_store
from bot_host.types.errors import BotHostError

BY = "command line"
"""On the record, as who decided."""


@click.group()
def pair() -> None:
    """Let strangers in, where dm_policy is "pairing".

    Works beside a running host, which heeds it at the person's next message, and when it is down.

    \b
    Exit codes:
      0  done
      1  no such code or person, or the database cannot be read
      2  the configuration has to be mended
    """


@pair.command("list")
@CONFIG
@JSON
@click.pass_context
def list_(context: click.Context, config: Path | None, as_json: bool) -> None:
    """Open requests with their codes, who was let in, and who was turned down."""
    _run(context, ["list"], config, as_json=as_json)


@pair.command()
@click.argument("code")
@CONFIG
@JSON
@click.pass_context
def approve(context: click.Context, code: str, config: Path | None, as_json: bool) -> None:
    """Let in whoever was given CODE. They are told by the host."""
    _run(context, ["approve", code], config, as_json=as_json)


@pair.command()
@click.argument("code")
@CONFIG
@JSON
@click.pass_context
def deny(context: click.Context, code: str, config: Path | None, as_json: bool) -> None:
    """Turn down whoever was given CODE: they get no other one, until `pair revoke`."""
    _run(context, ["deny", code], config, as_json=as_json)


@pair.command()
@click.argument("who")
@CONFIG
@JSON
@click.pass_context
def revoke(context: click.Context, who: str, config: Path | None, as_json: bool) -> None:
    """Make a stranger of WHO again: the platform's id, or PLATFORM:ID; `pair list` has them."""
    _run(context, ["revoke", who], config, as_json=as_json)


def _run(context: click.Context, words: list[str], config: Path | None, *, as_json: bool) -> None:
    loaded = load_or_exit(context, config, as_json=as_json)
    mask = quiet(loaded)
    try:
        answer = asyncio.run(_do(loaded, words))
    except BotHostError as error:
        give_up(mask.hide(with_hint(error, loaded)), as_json=as_json)
    if not answer.ok:
        give_up(mask.hide(answer.text), as_json=as_json)
    if as_json:
        told = {"text": answer.text, "pairings": [to_dict(each) for each in answer.pairings]}
        click.echo(mask.hide(json.dumps(told, ensure_ascii=False, indent=2)))
        return
    click.echo(mask.hide(answer.text))


async def _do(loaded: Loaded, words: list[str]) -> PairAnswer:
    url = loaded.config.database.url
    # A look first: a command neither makes a database nor upgrades one under a running host.
    async with make_store(url, base=loaded.folder, read_only=True) as store:
        if words[0] == "list":
            return await do(store, words, by=BY)
    async with make_store(url, base=loaded.folder) as store:
        return await do(store, words, by=BY)
