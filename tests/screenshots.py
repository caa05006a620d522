"""The pictures of docs/console.md, taken of a real host with made-up people.

    python -m tests.screenshots [FOLDER]

Into docs/images/ unless told otherwise. Needs Chromium, and the `test` extra.
"""

import asyncio
import sys
import tempfile
from pathlib import Path
from typing import Final

from playwright.async_api import async_playwright, expect

from tests.browser.conftest import ARGUMENTS, find_browser
from tests.browser.demo import CONFIG, price, talk, write
from tests.browser.homes import ready, url_of
from tests.browser.tabs import PHONE, Tab, Tabs
from tests.journeys.party import party

FOLDER: Final = Path(__file__).parent.parent / "docs" / "images"
LARGEST: Final = 150_000
"""Bytes of a picture."""
PAGES: Final = ("overview", "chat", "runs", "rooms", "agents", "memory", "costs", "logs", "settings")


async def chat(tab: Tab) -> None:
    """A conversation in the console."""
    await tab.go("/chat")
    await tab.page.locator("select").select_option(label="Eliza")
    for number, text in enumerate(("hello", "Should I prune my roses now?"), 1):
        field = tab.page.get_by_role("textbox", name="Message", exact=True)
        await field.fill(text)
        await field.press("Enter")
        await expect(tab.page.locator(".message.agent:not(.draft)")).to_have_count(number)


async def shoot(tab: Tab, folder: Path, name: str) -> None:
    """One picture."""
    path = folder / f"console-{name}.png"
    await tab.page.evaluate("() => document.activeElement?.blur()")
    await tab.page.screenshot(path=path)
    if path.stat().st_size > LARGEST:
        raise SystemExit(f"{path} has {path.stat().st_size} bytes; {LARGEST} are enough")
    print(path)


async def run_of(tab: Tab, word: str) -> str:
    """The page of the newest message with this outcome."""
    await tab.go(f"/runs?outcome={word}")
    links = [way for way in await tab.ways() if way.startswith("/runs/")]
    return links[0] if links else ""


async def take(tabs: Tabs, url: str, folder: Path) -> None:
    """All pictures."""
    async with tabs.open(url) as tab:
        await chat(tab)
        conversation = tab.page.url.removeprefix(url)
        await tab.go("/")
        there = {name for name in PAGES if await tab.page.locator(f"a.nav[data-nav={name}]").count()}
        addresses = {name: f"/{name}" for name in PAGES if name in there} | {"overview": "/"}
        addresses["chat"] = conversation
        if "runs" in there:
            addresses["run"] = await run_of(tab, "ignored")
        for name, address in addresses.items():
            await tab.go(address)
            await tab.page.wait_for_load_state("networkidle") if name not in ("chat", "logs") else None
            await shoot(tab, folder, name)
    async with tabs.open(url, dark=True) as tab:
        await tab.go(conversation)
        await shoot(tab, folder, "chat-dark")
    async with tabs.open(url, size=PHONE) as tab:
        await tab.go("/")
        await shoot(tab, folder, "overview-phone")
    if "run" in addresses:
        async with tabs.open(url, size=PHONE, dark=True) as tab:
            await tab.go(addresses["run"])
            await shoot(tab, folder, "run-phone-dark")


async def main(folder: Path) -> None:
    """See the module."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as place:
        home = Path(place)
        write(home)
        async with party(home, "discord", "telegram", "slack", extra=CONFIG, patience_s=300) as one:
            price(home)
            async with one.host() as process:
                url = await url_of(process)
                await ready(url)
                await talk(one)
                async with async_playwright() as playwright:
                    browser = await playwright.chromium.launch(
                        executable_path=find_browser(), args=[*ARGUMENTS, "--no-sandbox"]
                    )
                    await take(Tabs(browser), url, folder)
                    await browser.close()
                await process.stop()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER))
