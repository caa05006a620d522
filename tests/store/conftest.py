"""Stores to test against. A second database joins by a second parameter of `url`."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot_host.store import Database, make_store
from tests.store.samples import AGENT, CHARACTER


@pytest.fixture(params=["sqlite"])
def url(request: pytest.FixtureRequest) -> str:
    """A fresh database's URL."""
    return {"sqlite": "sqlite:///data/bot_host.db"}[request.param]


@pytest.fixture
async def store(url: str, tmp_path: Path) -> AsyncIterator[Database]:
    """An open store with one agent in it."""
    async with make_store(url, base=tmp_path) as store:
        await store.ensure_agent(AGENT, CHARACTER)
        yield store
