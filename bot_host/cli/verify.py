"""`verify`: whether every message is accounted for."""

import asyncio
import json
import sys
from pathlib import Path

import click

from bot_host.app.folders import with_hint
from bot_host.app.verify import as_json as to_json
from bot_host.app.verify import as_lines, audit
from bot_host.cli.common import BAD, CONFIG, JSON, give_up, load_or_exit, quiet
from bot_host.types.errors import BotHostError


@click.command()
@CONFIG
@JSON
@click.pass_context
def verify(context: click.Context, config: Path | None, as_json: bool) -> None:
    """Walk through the whole database: is every message accounted for, in order, and sent once?

    Messages received = answered + ignored + superseded + failed + pending; every other event ended; rooms in
    order; no part twice; nothing without what it belongs to. It only reads, and works while the host runs.

    \b
    Exit codes:
      0  all is as it should be
      1  something is not; each finding names rows and what to do
      2  the configuration has to be mended
    """
    loaded = load_or_exit(context, config, as_json=as_json)
    mask = quiet(loaded)
    try:
        found, running = asyncio.run(audit(loaded))
    except (BotHostError, OSError) as error:
        give_up(mask.hide(with_hint(error, loaded)), as_json=as_json)
    if as_json:
        click.echo(mask.hide(json.dumps(to_json(found, running=running), ensure_ascii=False, indent=2)))
    else:
        for line in as_lines(found):
            click.echo(mask.hide(line))
    sys.exit(BAD if found.violations else 0)
