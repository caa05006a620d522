"""What the commands share: options, reading the configuration, exit codes."""

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NoReturn

import click

from bot_host.app.build import load
from bot_host.config.schema import Loaded
from bot_host.kit.logs import SecretMask, make_handler, set_up_logging
from bot_host.types.errors import BotHostError

BAD: Final = 1
BAD_CONFIG: Final = 2

CONFIG = click.option(
    "--config",
    "config",
    type=click.Path(path_type=Path, dir_okay=False),
    default=None,
    help="The configuration file. Default: config.toml in this folder, if there is one.",
)
LOG_LEVEL = click.option(
    "--log-level", default=None, help="debug, info, warning or error; goes before LOG_LEVEL and the file."
)
JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")


def load_or_exit(
    context: click.Context, config: Path | None, log_level: str | None = None, *, as_json: bool = False
) -> Loaded:
    """The configuration of a command; ends the process with 2 when it has to be mended."""
    path = config or context.obj["config"]
    if path is None and Path("config.toml").is_file():
        path = Path("config.toml")
    level = log_level or context.obj["log_level"]
    overrides: dict[str, Any] = {"host.log_level": level} if level else {}
    try:
        return load(path, overrides, os.environ)
    except BotHostError as error:
        give_up(f"The configuration has to be mended:\n{error}", as_json=as_json, code=BAD_CONFIG)


def give_up(error: str, *, as_json: bool, found: Sequence[str] = (), code: int = BAD) -> NoReturn:
    """End the process: on standard error for people, as one object on standard output with `--json`.

    `found`: one line each for what could have been meant.
    """
    if as_json:
        told = {"error": error, **({"found": list(found)} if found else {})}
        click.echo(json.dumps(told, ensure_ascii=False, indent=2))
    else:
        click.echo(f"{error}:\n" + "\n".join(f"  {line}" for line in found) if found else error, err=True)
    sys.exit(code)


def quiet(loaded: Loaded) -> SecretMask:
    """A command's own log: warnings on standard error; and what blots out this configuration's secrets."""
    mask = SecretMask()
    mask.add(*loaded.secrets)
    set_up_logging([make_handler(mask, tracebacks=False)], "warning")
    return mask
