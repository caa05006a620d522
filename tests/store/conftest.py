"""Stores to test against: each database that there is."""

import os
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from bot_host.store import Database, make_store
from tests import postgres
from tests.store.samples import AGENT, CHARACTER

DATABASES = ("sqlite", "postgresql")
_template: dict[int, str] = {}


async def _made() -> str:
    """A database with all tables, to be copied: quicker than making them for each test."""
    if os.getpid() not in _template:
        url = await postgres.make_database()
        async with make_store(url, base=Path()):
            pass
        _template[os.getpid()] = urlsplit(url).path.strip("/")
    return _template[os.getpid()]


@pytest.fixture(params=DATABASES)
async def url(request: pytest.FixtureRequest) -> AsyncIterator[str]:
    """A fresh database's URL."""
    if request.param == "sqlite":
        yield "sqlite:///data/bot_host.db"
        return
    made = await postgres.make_database(template=await _made())
    yield made
    await postgres.drop_database(made)


@pytest.fixture
async def store(url: str, tmp_path: Path) -> AsyncIterator[Database]:
    """An open store with one agent in it."""
    async with make_store(url, base=tmp_path) as store:
        await store.ensure_agent(AGENT, CHARACTER)
        yield store
