"""Where values come from: the TOML file, `.env`, the environment; and what is wrong with them."""

import json
import re
import stat
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from pydantic import SecretStr

from bot_host.kit.clean import one_line
from bot_host.types.errors import ConfigError

SECRET_KEY: Final = re.compile(r"(?:^|_)(?:token|secret|password|key)$")
MASK: Final = "***"

_NAME: Final = r"[A-Za-z_][A-Za-z0-9_]*"
_VARIABLE: Final = re.compile(r"\$\$\{|\$\{(" + _NAME + r")\}|\$\{")
_ENV_LINE: Final = re.compile(r"(?:export\s+)?(" + _NAME + r")\s*=\s*(.*)$", re.S)
_QUOTED: Final = re.compile(r"""(?:'([^']*)'|"((?:[^"\\]|\\.)*)")\s*(?:\#.*)?$""", re.S)
_ESCAPES: Final = {"n": "\n", "t": "\t", "r": "\r"}
_URL_PASSWORD: Final = re.compile(r"(://[^:/@\s]*:)[^@/\s]*(?=@)")


def is_secret(key: str) -> bool:
    """Whether a dotted key holds a secret, by its last word."""
    return bool(SECRET_KEY.search(key.rsplit(".", 1)[-1].lower()))


def shown(key: str, value: Any) -> str:
    """`value` as it may be printed: secrets as `***`."""
    if is_secret(key) and isinstance(value, str):
        return MASK if value else "not set"
    if isinstance(value, (dict, list)) and any(is_secret(str(part)) for part in _keys(value)):
        return MASK
    text = json.dumps(value, ensure_ascii=False, default=str)
    return one_line(_URL_PASSWORD.sub(rf"\1{MASK}", text), 200)


def _keys(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        for key, part in value.items():
            yield key
            yield from _keys(part)
    elif isinstance(value, list):
        for part in value:
            yield from _keys(part)


def secrets_in(values: Mapping[str, Any]) -> set[str]:
    """The secret values among dotted keys: secrets by name, and passwords inside addresses."""
    found: set[str] = set()
    for key, said in values.items():
        hidden = isinstance(said, SecretStr)
        value = said.get_secret_value() if hidden else said
        if isinstance(value, str) and value:
            if hidden or is_secret(key):
                found.add(value)
            found.update(_password(value))
    return found


def _password(value: str) -> list[str]:
    if "://" not in value or "@" not in value:
        return []
    try:
        password = urlsplit(value).password
    except ValueError:
        return []
    return [password] if password else []


class Problems:
    """All that is wrong, one line each, so that it can be mended in one go."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def add(self, line: str) -> None:
        """Note one problem; the same one only once."""
        if line not in self.lines:
            self.lines.append(line)

    def stop(self) -> None:
        """Raise ConfigError when there are any."""
        if self.lines:
            raise ConfigError("\n".join(self.lines))


def read_text(path: Path) -> str:
    """A UTF-8 file's text, without a byte order mark. Raises ConfigError with the place of a bad byte."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise ConfigError(
            f"{path}: there is no such file; `python -m bot_host init` writes one into an empty folder"
        ) from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{path}:{line}: not UTF-8 text (byte {data[error.start]:#04x})") from None


def read_toml(path: Path) -> dict[str, Any]:
    """A TOML file's tables. Raises ConfigError with line and column."""
    text = read_text(path)
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        place = re.search(r"^(.*) \(at (?:line (\d+), column (\d+)|end of document)\)$", str(error), re.S)
        if place is None:
            raise ConfigError(f"{path}: not TOML: {error}") from None
        line = place[2] or str(text.count("\n") + 1)
        column = place[3] or str(len(text) - text.rfind("\n"))
        raise ConfigError(f"{path}:{line}:{column}: not TOML: {one_line(place[1], 200)}") from None


def read_env_file(path: Path) -> tuple[dict[str, str], list[str]]:
    """The variables of an `.env` file, and notes on it; nothing when there is none.

    Lines: `KEY=value`, `export KEY=value`, `# comment`. 'Single' quotes keep the text as it is, "double"
    ones know \\n, \\t, \\r, \\" and \\\\; without quotes a ` #` begins a comment. Raises ConfigError with the
    line's number, and never with its text.
    """
    if not path.exists():
        return {}, []
    problems = Problems()
    values: dict[str, str] = {}
    for number, line in enumerate(read_text(path).splitlines(), 1):
        bare = line.strip()
        if not bare or bare.startswith("#"):
            continue
        found = _ENV_LINE.fullmatch(bare)
        value = _env_value(found[2]) if found else None
        if found is None or value is None:
            what = "expected KEY=value" if found is None else f"the quotes of {found[1]} do not match"
            problems.add(f"{path}:{number}: {what}")
            continue
        values[found[1]] = value
    problems.stop()
    notes = []
    if path.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH):
        notes.append(f"{path} can be read by other users of this machine; run: chmod 600 {path}")
    return values, notes


def _env_value(text: str) -> str | None:
    if not text.startswith(("'", '"')):
        return re.split(r"(?:^|\s)#", text, maxsplit=1)[0].strip()
    quoted = _QUOTED.fullmatch(text)
    if quoted is None:
        return None
    if quoted[1] is not None:
        return quoted[1]
    return re.sub(r"\\(.)", lambda escape: _ESCAPES.get(escape[1], escape[1]), quoted[2], flags=re.S)


class Variables:
    """The environment, then `.env`. An empty variable counts as one that is not set."""

    def __init__(self, environ: Mapping[str, str], env_file: Mapping[str, str]) -> None:
        self._environ = environ
        self._env_file = env_file

    def find(self, name: str) -> tuple[str, str] | None:
        """Value and source of a variable; None when it is not set."""
        if self._environ.get(name):
            return self._environ[name], f"environment {name}"
        if self._env_file.get(name):
            return self._env_file[name], ".env"
        return None

    def expand(self, text: str) -> tuple[str, str | None]:
        """`text` with each `${NAME}` replaced, and the source when all of it is one variable.

        `$${` stands for `${`. Raises ValueError for a `${` that is not a variable.
        """
        whole = re.fullmatch(r"\$\{(" + _NAME + r")\}", text)
        if whole:
            return self.find(whole[1]) or ("", None)

        def replace(found: re.Match[str]) -> str:
            if found.group() == "$${":
                return "${"
            if found[1] is None:
                raise ValueError("expected ${NAME}; write $${ for a plain ${")
            value = self.find(found[1])
            return value[0] if value else ""

        return _VARIABLE.sub(replace, text), None
