"""A database of elizaOS, and a folder of ours with each kind of database."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bot_host.app.build import load
from bot_host.app.elizaos.report import Report
from bot_host.app.elizaos.run import import_elizaos
from bot_host.config.schema import Loaded
from bot_host.store import Database, make_store
from tests import postgres
from tests.elizaos import NEW, VERSIONS, Eliza, elizaos


class Here:
    """The configuration that is moved to."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "config.toml").touch()

    @property
    def loaded(self) -> Loaded:
        return load(self.folder / "config.toml", {}, {})

    def configure(self, text: str) -> None:
        (self.folder / "config.toml").write_text(text, encoding="utf-8")

    async def take(self, eliza: Eliza, **options: Any) -> Report:
        """Import it; no row may be skipped unless the test looks."""
        return await import_elizaos(self.loaded, eliza.url, **options)

    @asynccontextmanager
    async def store(self) -> AsyncIterator[Database]:
        loaded = self.loaded
        async with make_store(loaded.config.database.url, base=loaded.folder) as store:
            yield store


@pytest.fixture
def here(tmp_path: Path) -> Here:
    """With a SQLite database."""
    return Here(tmp_path)


@pytest.fixture(params=("sqlite", "postgresql"))
async def either(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Here]:
    """With each kind of database."""
    made = Here(tmp_path)
    if request.param == "sqlite":
        yield made
        return
    async with postgres.lent_database() as url:
        made.configure(f"[database]\nurl = '{url}'\n")
        yield made


@pytest.fixture
async def eliza() -> AsyncIterator[Eliza]:
    """One agent's database, of the newer generation."""
    async with elizaos(NEW) as made:
        yield made


@pytest.fixture(params=VERSIONS)
async def any_eliza(request: pytest.FixtureRequest) -> AsyncIterator[Eliza]:
    """One agent's database, of each generation."""
    async with elizaos(request.param) as made:
        yield made
