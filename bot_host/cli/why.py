"""`why`: what became of one message."""

import asyncio
import json
from pathlib import Path

import click

from bot_host.app.folders import with_hint
from bot_host.app.reports import Report, as_lines
from bot_host.app.why import Ambiguous, Why
from bot_host.cli.common import CONFIG, JSON, give_up, load_or_exit, quiet
from bot_host.config.schema import Loaded
from bot_host.store import make_store
from bot_host.types.errors import BotHostError, StateError


# Some ids begin with a minus sign.
@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("message", default=None, required=False)
@CONFIG
@JSON
@click.pass_context
def why(context: click.Context, message: str | None, config: Path | None, as_json: bool) -> None:
    """What became of MESSAGE, and why: outcome, rule, settings, times, models, cost, deliveries.

    MESSAGE is a platform's link to the message or its id, the id of a memory or run, row:N or outbox:N. Of an
    answer of the agent it tells about the message that was answered. Without MESSAGE: the last one that came
    in. Works while the host runs, and when it is down.

    \b
    Exit codes:
      0  told
      1  not known, several messages have this id, or the database cannot be read
      2  the configuration has to be mended
    """
    loaded = load_or_exit(context, config, as_json=as_json)
    mask = quiet(loaded)
    try:
        report = asyncio.run(_tell(loaded, message))
    except Ambiguous as error:
        give_up(mask.hide(str(error)), as_json=as_json, found=list(map(mask.hide, error.found)))
    except BotHostError as error:
        give_up(mask.hide(with_hint(error, loaded)), as_json=as_json)
    if as_json:
        click.echo(mask.hide(json.dumps(report, ensure_ascii=False, indent=2)))
        return
    for about, line in as_lines(report):
        click.echo(mask.hide(f"{about:<10}{line}"))


async def _tell(loaded: Loaded, message: str | None) -> Report:
    if message is not None and not message.strip():
        raise StateError("the message is empty; leave it out to hear about the last one that came in")
    async with make_store(loaded.config.database.url, base=loaded.folder, read_only=True) as store:
        return await Why(loaded, store).tell(message or "")
