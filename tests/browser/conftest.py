"""A browser for each worker, and tabs in it.

The browser is the one that `BOT_HOST_BROWSER` names, else Chromium or Chrome from the PATH. Where there is
none the tests are skipped and say so; with `CI` or `BOT_HOST_BROWSER` set that is an error. All tests here
share one event loop, since the browser belongs to it.
"""

import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright

from tests.browser.tabs import Tabs

NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ARGUMENTS: Final = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
)
HERE: Final = Path(__file__).parent


def find_browser() -> str:
    """The program; empty: there is none."""
    named = os.environ.get("BOT_HOST_BROWSER", "")
    if named:
        return shutil.which(named) or ""
    return next((found for name in NAMES if (found := shutil.which(name))), "")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One loop for all tests of this folder."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """The worker's browser."""
    program = find_browser()
    if not program:
        words = "no browser: install chromium (apt-get install chromium), or name one in BOT_HOST_BROWSER"
        if os.environ.get("CI") or os.environ.get("BOT_HOST_BROWSER"):
            pytest.fail(words)
        pytest.skip(words)
    # Chromium's own walls need rights that root in a container mostly does not have.
    walls = ["--no-sandbox"] if os.geteuid() == 0 else []
    async with async_playwright() as playwright:
        found = await playwright.chromium.launch(executable_path=program, args=[*ARGUMENTS, *walls])
        yield found
        await found.close()


@pytest.fixture
def tabs(browser: Browser) -> Tabs:
    """Opens tabs."""
    return Tabs(browser)
