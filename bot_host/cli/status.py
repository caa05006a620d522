"""`status`: how the host is."""

import asyncio
import json
import sys
from pathlib import Path

import click

from bot_host.app.status import as_lines, look
from bot_host.cli.common import BAD, CONFIG, JSON, give_up, load_or_exit, quiet


@click.command()
@CONFIG
@JSON
@click.pass_context
def status(context: click.Context, config: Path | None, as_json: bool) -> None:
    """How the host is: connectors, lanes, inbox and outbox, and the last error of each.

    While the host runs, connectors and lanes are as it wrote them some seconds ago; when it is down, as they
    were last.

    \b
    Exit codes:
      0  healthy
      1  something is wrong, each named in a line; a host that does not run is
      2  the configuration has to be mended
    """
    loaded = load_or_exit(context, config, as_json=as_json)
    mask = quiet(loaded)
    try:
        looked = asyncio.run(look(loaded))
    except OSError as error:
        give_up(mask.hide(str(error)), as_json=as_json)
    if as_json:
        click.echo(mask.hide(json.dumps(looked.to_dict(), ensure_ascii=False, indent=2)))
    else:
        for about, line in as_lines(looked):
            click.echo(mask.hide(f"{about:<11} {line}"))
        click.echo()
        for problem in looked.problems:
            click.echo(mask.hide(f"BAD {problem}"))
        if not looked.problems:
            click.echo("All is well.")
    sys.exit(BAD if looked.problems else 0)
