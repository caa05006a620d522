"""`slack-manifest`: the app that a platform wants to be told of."""

import json
from pathlib import Path

import click

from bot_host.app.manifest import manifest_of
from bot_host.cli.common import BAD_CONFIG, CONFIG, JSON, give_up, load_or_exit, quiet
from bot_host.kit.yaml import to_yaml
from bot_host.types.errors import BotHostError


@click.command("slack-manifest")
@click.argument("table", default="", required=False)
@CONFIG
@JSON
@click.pass_context
def slack_manifest(context: click.Context, table: str, config: Path | None, as_json: bool) -> None:
    """Print the manifest of the Slack app, for just what the configuration leaves on.

    TABLE: which one, of several [[connectors.slack]]: slack[1], slack[2] … No token is needed for it, and
    nothing is asked of Slack.

    \b
    Exit codes:
      0  printed
      2  the configuration has to be mended, or there are several tables
    """
    loaded = load_or_exit(context, config, as_json=as_json)
    mask = quiet(loaded)
    try:
        made = manifest_of(loaded, "slack", table)
    except BotHostError as error:
        give_up(mask.hide(str(error)), as_json=as_json, code=BAD_CONFIG)
    if as_json:
        click.echo(json.dumps(made.values, ensure_ascii=False, indent=2))
        return
    for note in made.notes:
        click.echo(f"# {note}")
    click.echo(to_yaml(made.values), nl=False)
