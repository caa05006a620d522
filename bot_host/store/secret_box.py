"""Secrets at rest: sealed with a key that is not in the database.

The key is BOT_HOST_SECRET_KEY, or `secret.key` in the data folder, which is made when the first secret is
kept. Both may hold several keys: the first one seals, all of them open. So a new key can be put in front
before any value is sealed with it, and nothing is lost when the process is killed in between.
"""

import json
import os
import stat
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from bot_host.types.errors import ConfigError
from bot_host.types.secrets import SECRET_KEY

if TYPE_CHECKING:
    from cryptography.fernet import MultiFernet

FILE: Final = "secret.key"
EXTRA: Final = "slack-oauth"
_ADVICE: Final = "make one with `python -m bot_host secrets new-key`"


class SecretsLocked(ConfigError):
    """What was kept cannot be opened: its key is missing, or it is another one."""


def _fernet() -> Any:
    try:
        from cryptography import fernet
    except ImportError:
        raise ConfigError(
            f'tokens are kept encrypted, and that needs a package more: pip install "bot-host[{EXTRA}]"'
        ) from None
    return fernet


def new_key() -> str:
    """A fresh key. Raises ConfigError where the package is missing."""
    return str(_fernet().Fernet.generate_key().decode())


class SecretBox:
    """Seals and opens text. Reads its key when it is first needed; safe to use from several threads."""

    def __init__(self, folder: Path, *, given: str = "") -> None:
        """`folder`: where `secret.key` lies. `given`: the value of BOT_HOST_SECRET_KEY; empty: not set."""
        self.path = folder / FILE
        self._given = given.replace(",", " ").split()
        self._fernets: MultiFernet | None = None
        self._lock = threading.Lock()

    @property
    def from_environment(self) -> bool:
        """Whether the environment gives the key that seals."""
        return bool(self._given)

    def keys(self) -> list[str]:
        """The keys there are, the one that seals first. Raises ConfigError."""
        return list(dict.fromkeys([*self._given, *self._in_file()]))

    def prepare(self) -> None:
        """Read the key, or make one. Raises ConfigError: the key is none, or others can read it."""
        self._opened(make=True)

    def seal(self, text: str, *, label: str) -> str:
        """`text` encrypted; it opens again only for the same `label`. Raises ConfigError."""
        sealed: bytes = self._opened(make=True).encrypt(json.dumps([label, text]).encode())
        return sealed.decode("ascii")

    def open(self, sealed: str, *, label: str) -> str:
        """What was sealed. Raises ConfigError, of it SecretsLocked where no key fits."""
        fernet = _fernet()
        try:
            found = json.loads(self._opened(make=False).decrypt(sealed.encode()))
        except (fernet.InvalidToken, ValueError):
            raise self._locked("it was encrypted with another key") from None
        if found[0] != label:
            raise SecretsLocked(
                f"what is kept for {label} belongs to {found[0]}: the database was tampered with"
            )
        return str(found[1])

    def _locked(self, why: str) -> SecretsLocked:
        place = SECRET_KEY if self.from_environment else str(self.path)
        return SecretsLocked(
            f"{why}; put the old key back into {place} (as a further one, if there is one already)"
        )

    def _opened(self, *, make: bool) -> "MultiFernet":
        with self._lock:
            if self._fernets is None:
                keys = self.keys()
                if not keys and not make:
                    raise self._locked("the key that it was encrypted with is gone")
                self._fernets = self._multi(keys or self._make())
            return self._fernets

    def _multi(self, keys: list[str]) -> "MultiFernet":
        fernet = _fernet()
        try:
            made: MultiFernet = fernet.MultiFernet([fernet.Fernet(key) for key in keys])
        except ValueError:
            place = SECRET_KEY if self.from_environment else str(self.path)
            raise ConfigError(f"{place} holds something that is no key; {_ADVICE}") from None
        return made

    def _in_file(self) -> list[str]:
        try:
            with self.path.open(encoding="ascii") as file:
                mode = os.fstat(file.fileno()).st_mode
                text = file.read(100_000)
        except FileNotFoundError:
            return []
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"{self.path} cannot be read: {getattr(error, 'strerror', error)}") from None
        if os.name == "posix" and stat.S_IMODE(mode) & 0o077:
            raise ConfigError(f"others can read {self.path}: chmod 600 {self.path}")
        keys = text.split()
        if not keys:
            raise ConfigError(f"{self.path} is empty; put the key back, or delete the file and install again")
        return keys

    def _make(self) -> list[str]:
        """A first key; of two processes that make one, both get the same."""
        self._write([new_key()], replace=False)
        return self._in_file()

    def add_key(self) -> None:
        """Put a new key in front of those in the file: it seals from now on. Raises ConfigError."""
        with self._lock:
            self._write([new_key(), *self._in_file()], replace=True)
            self._fernets = None

    def drop_old_keys(self) -> None:
        """Leave only the key that seals. Raises ConfigError."""
        with self._lock:
            if self.from_environment:
                self._given = self._given[:1]
                self.path.unlink(missing_ok=True)
            else:
                self._write(self._in_file()[:1], replace=True)
            self._fernets = None

    def _write(self, keys: list[str], *, replace: bool) -> None:
        beside = self.path.with_name(f".{FILE}.{os.getpid()}")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            beside.unlink(missing_ok=True)
            descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            try:
                os.write(descriptor, "".join(f"{key}\n" for key in keys).encode("ascii"))
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            try:
                if replace:
                    beside.replace(self.path)
                else:
                    # Unlike a rename it leaves alone what somebody else has made meanwhile.
                    os.link(beside, self.path)
            except FileExistsError:
                pass
            finally:
                beside.unlink(missing_ok=True)
            _sync_folder(self.path.parent)
        except OSError as error:
            raise ConfigError(f"the key cannot be written to {self.path}: {error.strerror}") from None


def _sync_folder(folder: Path) -> None:
    """The name as well as the bytes are on disk: else a power cut could leave values without their key."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
