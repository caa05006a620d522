"""`knowledge`: what an agent is to know."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from bot_host.app.folders import with_hint
from bot_host.app.knowledge import Knower, NotKnown, add, knower, remove
from bot_host.cli.common import BAD, CONFIG, JSON, give_up, load_or_exit, quiet
from bot_host.contracts.store import Store
from bot_host.kit.clean import one_line
from bot_host.store import make_store
from bot_host.types.errors import BotHostError
from bot_host.types.sources import KnowledgeSource, SourceKind, SourceState

T = TypeVar("T")
AGENT = click.option("--agent", "agent", default="", help="The agent's name. Default: the first one.")
_HIDDEN: Final = frozenset({"text", "draft_id", "claimed_until", "embedded", "document_id"})


@click.group()
def knowledge() -> None:
    """Files, folders and addresses that an agent knows, and cites in its answers.

    Works beside a running host and when it is down. The host looks at them from time to time, and reads what
    has changed; [agents.knowledge] of the config file says how often.

    \b
    Exit codes:
      0  done
      1  something could not be read, is not there, or the database cannot be read
      2  the configuration has to be mended
    """


@knowledge.command("add")
@click.argument("places", nargs=-1, required=True)
@CONFIG
@AGENT
@click.option("--world", default="", help="Only for the people of this world: its id, or its name.")
@click.option(
    "--title", default="", help="As it is cited. Default: the document's own, else the file's name."
)
@JSON
@click.pass_context
def add_(
    context: click.Context,
    places: tuple[str, ...],
    config: Path | None,
    agent: str,
    world: str,
    title: str,
    as_json: bool,
) -> None:
    """Read PLACES (files, folders, http and https addresses), and know them from now on."""

    async def work(store: Store, who: Knower) -> list[KnowledgeSource]:
        found = []
        async for source in add(store, who, places, world=world, title=title):
            found.append(source)
            if not as_json:
                click.echo(_line(source), err=source.state is SourceState.FAILED)
        return found

    found = _run(context, config, agent, work, as_json=as_json)
    if as_json:
        click.echo(json.dumps({"sources": list(map(_told, found))}, ensure_ascii=False, indent=2))
    if any(each.state is SourceState.FAILED for each in found):
        context.exit(BAD)


@knowledge.command("list")
@CONFIG
@AGENT
@JSON
@click.pass_context
def list_(context: click.Context, config: Path | None, agent: str, as_json: bool) -> None:
    """What the agent knows, and what could not be read."""

    async def work(store: Store, who: Knower) -> tuple[list[KnowledgeSource], dict[str, str]]:
        worlds = {each.id: each.name or each.platform_id for each in await store.get_worlds(who.agent_id)}
        return await store.get_sources(who.agent_id), worlds

    found, worlds = _run(context, config, agent, work, as_json=as_json)
    if as_json:
        click.echo(json.dumps({"sources": list(map(_told, found))}, ensure_ascii=False, indent=2))
        return
    for source in found:
        where = f", for {one_line(worlds.get(source.world_id, ''), 60)} only" if source.world_id else ""
        click.echo(f"{source.id[:8]}  {_line(source)}{where}")
    if not found:
        click.echo("nothing yet; `python -m bot_host knowledge add PATH` adds something")


@knowledge.command("remove")
@click.argument("source")
@CONFIG
@AGENT
@JSON
@click.pass_context
def remove_(context: click.Context, source: str, config: Path | None, agent: str, as_json: bool) -> None:
    """Forget SOURCE (its id, or its beginning, path or address) with all that was read of it."""
    gone, count = _run(context, config, agent, lambda store, who: remove(store, who, source), as_json=as_json)
    if as_json:
        click.echo(json.dumps({"removed": _told(gone), "count": count}, ensure_ascii=False, indent=2))
        return
    inner = f", with {count - 1} files in it" if gone.kind is SourceKind.FOLDER else ""
    click.echo(f"forgotten: {one_line(gone.location, 300)}{inner}")


def _run(
    context: click.Context,
    config: Path | None,
    agent: str,
    work: Callable[[Store, Knower], Awaitable[T]],
    *,
    as_json: bool,
) -> T:
    loaded = load_or_exit(context, config, as_json=as_json)
    mask = quiet(loaded)

    async def done() -> T:
        who = knower(loaded, agent)
        make = partial(make_store, loaded.config.database.url, base=loaded.folder)
        # A look first: a command neither makes a database nor upgrades one under a running host.
        async with make(read_only=True):
            pass
        async with make() as store:
            return await work(store, who)

    try:
        return asyncio.run(done())
    except (BotHostError, NotKnown) as error:
        give_up(mask.hide(with_hint(error, loaded)), as_json=as_json)


def _line(source: KnowledgeSource) -> str:
    parts = f"{source.fragments} part{'s' if source.fragments != 1 else ''}"
    if source.kind is SourceKind.FOLDER:
        said = "folder"
    elif source.state is SourceState.NEW:
        said = "not read yet"
    elif source.state is SourceState.FAILED:
        said = "FAILED"
    else:
        said = f"{one_line(source.title, 60)}, {parts}" if source.title else parts
    remark = f": {one_line(source.remark, 300)}" if source.remark else ""
    return f"{one_line(source.location, 300)}  ({said}){remark}"


def _told(source: KnowledgeSource) -> dict[str, Any]:
    values = {key: value for key, value in asdict(source).items() if key not in _HIDDEN}
    return {key: each.isoformat() if isinstance(each, datetime) else each for key, each in values.items()}
