"""`person`: what is held about somebody, handed over or erased, by an admin."""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path

import click

from bot_host.app.folders import with_hint
from bot_host.app.persons import Erased, Named, erase, export, find
from bot_host.cli.common import CONFIG, JSON, give_up, load_or_exit, quiet
from bot_host.config.schema import Loaded
from bot_host.kit.logs import SecretMask
from bot_host.types.errors import BotHostError


@click.group()
def person() -> None:
    """Hand over, or erase, what is held about somebody.

    WHO is an entity's id, a name, or PLATFORM:ID. With several agents, each one knows them apart: all that
    fit are listed, and nothing is done until one is named by its entity's id. Works beside a running host,
    and when it is down.

    \b
    Exit codes:
      0  done
      1  nobody, or several people, of this name; or the database cannot be read
      2  the configuration has to be mended
    """


LINKED = click.option(
    "--linked", is_flag=True, help="Also the accounts that they have linked with this one (/link)."
)


@person.command("export")
@click.argument("who")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    default=None,
    help="The zip file to write. Default: mydata-ID.zip here. One that is there is not overwritten.",
)
@LINKED
@CONFIG
@JSON
@click.pass_context
def export_(
    context: click.Context, who: str, out: Path | None, linked: bool, config: Path | None, as_json: bool
) -> None:
    """Write a zip file of all that is held about WHO, as /mydata does, whatever its size."""
    loaded = load_or_exit(context, config, as_json=as_json)
    mask = quiet(loaded)
    try:
        one = _the_one(loaded, mask, who, as_json=as_json)
        file = out or Path(f"mydata-{one.entity.id}.zip")
        counts = asyncio.run(export(loaded, one, file, linked=linked, mask=mask.hide))
    except FileExistsError as error:
        give_up(f"{error.filename} is there already: name another file with --out", as_json=as_json)
    except OSError as error:
        give_up(f"{error.filename} cannot be written: {error.strerror}", as_json=as_json)
    except BotHostError as error:
        give_up(mask.hide(with_hint(error, loaded)), as_json=as_json)
    if as_json:
        click.echo(json.dumps({"file": str(file), "rows": counts}, indent=2))
        return
    click.echo(f"{file}: {_counted(counts)}")


@person.command("erase")
@click.argument("who")
@click.option("--yes", is_flag=True, help="Do not ask.")
@LINKED
@CONFIG
@JSON
@click.pass_context
def erase_(
    context: click.Context, who: str, yes: bool, linked: bool, config: Path | None, as_json: bool
) -> None:
    """Erase all that is held about WHO, as /forgetme does, and print the receipt."""
    loaded = load_or_exit(context, config, as_json=as_json)
    mask = quiet(loaded)
    try:
        one = _the_one(loaded, mask, who, as_json=as_json)
        if not yes:
            also = " and the accounts linked with it" if linked else ""
            click.confirm(mask.hide(f"Erase {one.line}{also}, for good?"), abort=True, err=True)
        erased = asyncio.run(erase(loaded, one, linked=linked))
    except BotHostError as error:
        give_up(mask.hide(with_hint(error, loaded)), as_json=as_json)
    if as_json:
        click.echo(json.dumps({"erased": [_as_dict(each) for each in erased]}, indent=2))
        return
    for each in erased:
        click.echo(f"{each.entity_id} erased: {_counted(each.receipt)}")
    click.echo("Backups of the database and log files are not covered.")


def _the_one(loaded: Loaded, mask: SecretMask, who: str, *, as_json: bool) -> Named:
    found: Sequence[Named] = asyncio.run(find(loaded, who))
    if not found:
        give_up(mask.hide(f"nobody is known as {who!r}"), as_json=as_json)
    if len(found) > 1:
        give_up(
            f"{len(found)} people fit: name one by the id in front",
            as_json=as_json,
            found=[mask.hide(each.line) for each in found],
        )
    return found[0]


def _as_dict(erased: Erased) -> dict[str, object]:
    return {"entity_id": erased.entity_id, "rows": erased.receipt}


def _counted(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items()) or "nothing"
