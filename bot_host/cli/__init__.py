"""Floor 9: commands. `python -m bot_host` hosts; the others look at what it does, or prepare it."""

import asyncio
import shlex
import sys
from pathlib import Path

import click

from bot_host.app.check import Finding, code_of
from bot_host.app.check import check as look
from bot_host.app.run import run
from bot_host.cli.common import BAD_CONFIG, CONFIG, LOG_LEVEL, load_or_exit, quiet
from bot_host.cli.db_transfer import db
from bot_host.cli.import_elizaos import import_elizaos
from bot_host.cli.knowledge import knowledge
from bot_host.cli.links import links
from bot_host.cli.manifest import slack_manifest
from bot_host.cli.pair import pair
from bot_host.cli.person import person
from bot_host.cli.secrets import secrets
from bot_host.cli.slack_install import slack_install
from bot_host.cli.status import status
from bot_host.cli.verify import verify
from bot_host.cli.why import why
from bot_host.config.describe import describe
from bot_host.config.schema import Loaded
from bot_host.config.starter import write_starter
from bot_host.kit.logs import SecretMask
from bot_host.types.errors import BotHostError
from bot_host.web import make_web


@click.group(invoke_without_command=True)
@CONFIG
@LOG_LEVEL
@click.version_option(package_name="bot-host", prog_name="Bot Host")
@click.pass_context
def main(context: click.Context, config: Path | None, log_level: str | None) -> None:
    """Host AI agents on Discord, Telegram, Slack, over HTTP and in the terminal.

    Without a command: start, until Ctrl-C or SIGTERM.

    \b
    Exit codes:
      0  ended as asked
      1  nothing could stay on
      2  the configuration has to be mended
    """
    context.obj = {"config": config, "log_level": log_level}
    if context.invoked_subcommand is None:
        sys.exit(asyncio.run(run(load_or_exit(context, None), make_web)))


main.add_command(db)
main.add_command(import_elizaos)
main.add_command(links)
main.add_command(knowledge)
main.add_command(pair)
main.add_command(person)
main.add_command(secrets)
main.add_command(slack_manifest)
main.add_command(slack_install)
main.add_command(status)
main.add_command(verify)
main.add_command(why)


@main.command()
@CONFIG
@LOG_LEVEL
@click.option("--all", "show_all", is_flag=True, help="Show the values that are defaults, too.")
@click.option("--live", is_flag=True, help="Compare with what each account has really received.")
@click.pass_context
def check(
    context: click.Context, config: Path | None, log_level: str | None, show_all: bool, live: bool
) -> None:
    """Try all that is switched on, without starting, and say what to do.

    \b
    Exit codes:
      0  all of it works
      1  something does not answer as it should: a token, a model, a platform
      2  the configuration has to be mended; the host would not start with it
    """
    loaded = load_or_exit(context, config, log_level)
    mask = quiet(loaded)
    sys.exit(asyncio.run(_check(loaded, mask, show_all=show_all, live=live)))


async def _check(loaded: Loaded, mask: SecretMask, *, show_all: bool, live: bool) -> int:
    lines = describe(loaded, defaults=show_all)
    for line in lines:
        click.echo(mask.hide(line))
    if not show_all:
        click.echo(f"{len(describe(loaded)) - len(lines)} further values are defaults; --all shows them")
    for note in loaded.notes:
        click.echo(mask.hide(f"note: {note}"))
    click.echo()
    findings: list[Finding] = []
    async for finding in look(loaded, live=live):
        findings.append(finding)
        found = finding.line
        off = found.ok and found.detail.startswith("off: ")
        label = "off" if off else "ok" if found.ok else "BAD"
        click.echo(mask.hide(f"{label:<4}{found.name}: {found.detail.removeprefix('off: ')}"))
        if found.advice:
            click.echo(mask.hide(f"      {'hint' if found.ok else 'do this'}: {found.advice}"))
    click.echo()
    troubles = sum(not finding.line.ok for finding in findings)
    click.echo("All that is switched on works." if not troubles else f"{troubles} to be mended.")
    return code_of(findings)


@main.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), default=Path())
def init(folder: Path) -> None:
    """Write config.toml, .env, .gitignore and a first character into FOLDER (default: here).

    No file that is there is changed: .env and .gitignore are kept, the others have to be moved away.
    """
    try:
        written, kept = write_starter(folder)
    except BotHostError as error:
        click.echo(str(error), err=True)
        sys.exit(BAD_CONFIG)
    for path in written:
        click.echo(f"wrote {path}")
    for path in kept:
        click.echo(f"kept {path}, which was there already")
    if folder / ".gitignore" in kept:
        click.echo("      see that it lists .env and data/, so that neither gets into git")
    command = [sys.executable or "python", "-m", "bot_host", "--config", str(folder / "config.toml")]
    click.echo(f"\nNow: {shlex.join(command)}")
