"""For all tests."""

import logging
import sys
from collections.abc import Iterator

import pytest


def _logging() -> dict[str, tuple[int, bool, bool]]:
    names = ("", "bot_host", "connectors")
    loggers = [logging.getLogger(name) for name in names]
    return {logger.name: (logger.level, logger.disabled, logger.propagate) for logger in loggers} | {
        "manager": (logging.root.manager.disable, False, False)
    }


@pytest.fixture(autouse=True)
def _logging_is_left_as_it_was() -> Iterator[None]:
    """A test that changes the process's logging would blind the tests after it."""
    before = _logging()
    yield
    assert _logging() == before


@pytest.fixture(autouse=True)
def _no_discord_connector_is_left_open() -> Iterator[None]:
    """discord.py has its addresses once for the process: one that stays open keeps them from later tests."""
    yield
    bases = sys.modules.get("connectors.discord.bases")
    left = [] if bases is None else [holder.config.api_base for holder in bases._holders]
    assert left == [], "a test did not close its DiscordConnector"
