"""`slack-install`: a link by which somebody installs the app in their workspace."""

from pathlib import Path

import click

from bot_host.app.build import connector_specs
from bot_host.app.listen import reached_at
from bot_host.cli.common import BAD_CONFIG, CONFIG, give_up, load_or_exit
from bot_host.config.schema import is_loopback


@click.command("slack-install")
@CONFIG
@click.option("--table", default="", help="Of several Slack tables: slack[2] for the second.")
@click.pass_context
def slack_install(context: click.Context, config: Path | None, table: str) -> None:
    """Print a link for installing the Slack app in one more workspace.

    It is good for one installation, within a day, for whoever has it: they need not have access to this
    machine. The host has to run when it is opened.

    \b
    Exit codes:
      0  printed
      2  the configuration has to be mended
    """
    loaded = load_or_exit(context, config)
    spec = connector_specs()["slack"]
    base = reached_at(loaded.config.web)
    links = {
        entry.table.removeprefix("connectors."): link
        for entry in loaded.config.connectors
        if entry.platform == "slack" and (link := spec.invite(entry.config, base))
    }
    if table and table not in links:
        give_up(f"{table} is no Slack app that is installed by a link", as_json=False, code=BAD_CONFIG)
    if not links:
        give_up(
            "No Slack app is set up to be installed in several workspaces: set client_id and client_secret "
            'in [connectors.slack], and leave install at "link"',
            as_json=False,
            code=BAD_CONFIG,
        )
    if not loaded.config.web.enabled:
        give_up("web.enabled = false: nobody would answer at the link", as_json=False, code=BAD_CONFIG)
    if not loaded.config.web.public_url and not loaded.config.web.port:
        give_up(
            "web.port = 0 is another one at each start: set it, or web.public_url",
            as_json=False,
            code=BAD_CONFIG,
        )
    if len(links) > 1 and not table:
        give_up("There are several Slack apps; name one", found=[f"--table {name}" for name in links],
                as_json=False, code=BAD_CONFIG)  # fmt: skip
    click.echo(links[table or next(iter(links))])
    if not loaded.config.web.public_url and is_loopback(loaded.config.web.host):
        click.echo(
            "It leads to this machine only; for others set web.public_url to where they reach it, with https",
            err=True,
        )
