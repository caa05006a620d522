"""What `init` writes into an empty folder. The files beside this one are the originals."""

import os
from pathlib import Path
from typing import Final

from bot_host.types.errors import ConfigError

_HERE: Final = Path(__file__).resolve().parent
CHARACTER: Final = _HERE / "eliza.toml"
"""The character of an agent that names none."""

FILES: Final = {
    "config.toml": _HERE / "config.toml",
    ".env": _HERE / "env.txt",
    ".gitignore": _HERE / "gitignore.txt",
    "characters/eliza.toml": CHARACTER,
}


_KEPT: Final = (".env", ".gitignore")
"""Files that a project may have already and that need none of our lines to start."""


def write_starter(folder: Path) -> tuple[list[Path], list[Path]]:
    """Write config.toml, .env (mode 0600), .gitignore and a first character into `folder`, made if missing.

    Returns the new files, and those that were there and stay. Raises ConfigError that names the files in the
    way, or what the system refused; no existing file is ever changed.
    """
    present = [name for name in FILES if os.path.lexists(folder / name)]
    in_the_way = [name for name in present if name not in _KEPT]
    if in_the_way:
        raise ConfigError(
            f"{folder}: already there: {', '.join(in_the_way)}; nothing was written; move "
            f"{'it' if len(in_the_way) == 1 else 'them'} away or name another folder"
        )
    written: list[Path] = []
    try:
        for name, original in FILES.items():
            if name in present:
                continue
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            mode = 0o600 if name == ".env" else 0o644
            # Made with its mode and only if new: no moment in which others could read the secrets' file.
            descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
            with os.fdopen(descriptor, "wb") as file:
                file.write(original.read_bytes())
            written.append(target)
    except OSError as error:
        raise ConfigError(f"{error.filename or folder}: cannot be written: {error.strerror}") from None
    return written, [folder / name for name in present]
