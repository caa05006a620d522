"""Stores to test against: each database that there is."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot_host.store import Database, make_store
from tests import postgres
from tests.store.samples import AGENT, CHARACTER

DATABASES = ("sqlite", "postgresql")


@pytest.fixture(params=DATABASES)
async def url(request: pytest.FixtureRequest) -> AsyncIterator[str]:
    """A fresh database's URL."""
    if request.param == "sqlite":
        yield "sqlite:///data/bot_host.db"
        return
    async with postgres.lent_database() as made:
        yield made


@pytest.fixture
async def store(url: str, tmp_path: Path) -> AsyncIterator[Database]:
    """An open store with one agent in it."""
    async with make_store(url, base=tmp_path) as store:
        await store.ensure_agent(AGENT, CHARACTER)
        yield store
