"""`import-elizaos`: moving from elizaOS."""

import asyncio
import json
import sys
from pathlib import Path

import click

from bot_host.app.elizaos.run import import_elizaos as do
from bot_host.app.folders import with_hint
from bot_host.cli.common import BAD, CONFIG, JSON, give_up, load_or_exit, quiet
from bot_host.types.errors import BotHostError


@click.command("import-elizaos")
@click.argument("url")
@click.option(
    "--agent", "agents", multiple=True, help="Only this one, by name or id. May be given several times."
)
@click.option("--dry-run", is_flag=True, help="Only say what would be taken over.")
@CONFIG
@JSON
@click.pass_context
def import_elizaos(
    context: click.Context,
    url: str,
    agents: tuple[str, ...],
    dry_run: bool,
    config: Path | None,
    as_json: bool,
) -> None:
    """Take over what an elizaOS 1.x database holds: characters, rooms, people, memories, relationships.

    URL: of elizaOS's PostgreSQL (its POSTGRES_URL), in which nothing is changed; elizaOS may run meanwhile.
    Ids stay, so that the next message finds its room, its person and what was said. The host must not run.
    May be killed at any moment, and run again: nothing is doubled, and what is known stays as it is.

    \b
    Exit codes:
      0  done
      1  not done, or some rows could not be taken over; the lines say why
      2  the configuration has to be mended
    """
    loaded = load_or_exit(context, config, as_json=as_json)
    mask = quiet(loaded)
    try:
        report = asyncio.run(
            do(loaded, url, wanted=agents, dry_run=dry_run, tell=lambda line: click.echo(line, err=True))
        )
    except (BotHostError, OSError) as error:
        give_up(mask.hide(with_hint(error, loaded)), as_json=as_json)
    if as_json:
        click.echo(mask.hide(json.dumps(report.to_dict(), ensure_ascii=False, indent=2)))
    else:
        for line in report.as_lines():
            click.echo(mask.hide(line))
    sys.exit(BAD if report.all_skipped else 0)
