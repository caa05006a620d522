"""A page in a real browser, and what a careful person sees on it.

Whatever the page says to its console, whatever the content security policy refuses, whatever it asks of
another address and whatever dialog opens is kept in `Tab.complaints`: a test whose tabs have any has failed,
unless it said that it expects them.
"""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from playwright.async_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Dialog,
    Locator,
    Page,
    Request,
    Response,
    expect,
)

DESKTOP: Final = (1280, 800)
PHONE: Final = (390, 844)
PATIENCE_MS: Final = 30_000
"""A busy machine may take long; a browser that waits longer than this waits for what never comes."""

_LOOKS: Final = Path(__file__).with_name("looks.js").read_text(encoding="utf-8")
_FOCUSED: Final = """() => {
  const at = document.activeElement;
  const name = at.getAttribute("aria-label") ?? at.labels?.[0]?.firstChild?.textContent ?? at.textContent;
  return `${at.tagName.toLowerCase()} ${name}`.trim();
}"""
_WAYS: Final = """() => [...document.querySelectorAll("a[href^='/']")]
  .filter((each) => !each.target && !each.hasAttribute("download"))
  .map((each) => each.getAttribute("href"))
"""

expect.set_options(timeout=PATIENCE_MS)


class Tab:
    """A page of the console."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url
        self.complaints: list[str] = []
        self.asked: list[str] = []
        """Addresses below /api whose JSON the page read, in order."""
        self._expected: list[str] = []
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.complaints.append(f"uncaught: {error}"))
        page.on("dialog", self._dialog)
        page.on("request", self._request)
        page.on("response", self._response)

    def expect_complaint(self, pattern: str) -> None:
        """What the console may say in this test."""
        self._expected.append(pattern)

    def check(self) -> None:
        """Raises AssertionError for what nobody expected."""
        left = [each for each in self.complaints if not any(re.search(one, each) for one in self._expected)]
        assert left == []

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(f"{message.type}: {message.text} ({message.location.get('url', '')})")

    async def _dialog(self, dialog: Dialog) -> None:
        self.complaints.append(f"dialog: {dialog.message}")
        await dialog.dismiss()

    def _request(self, request: Request) -> None:
        place = urlsplit(request.url)
        if place.scheme in ("data", "blob"):
            return
        if f"{place.scheme}://{place.netloc}" != self.url:
            self.complaints.append(f"asked elsewhere: {request.url}")

    def _response(self, response: Response) -> None:
        path = response.url.removeprefix(self.url)
        kind = response.headers.get("content-type", "")
        if path.startswith("/api/") and response.request.method == "GET" and kind == "application/json":
            self.asked.append(path)

    async def go(self, path: str) -> None:
        """Open an address, and wait until it shows what it has to show."""
        await self.page.goto(self.url + path)
        await self.settle()

    async def settle(self) -> None:
        """Wait until the page is there: its name is in the title, and nothing says that it is loading."""
        await expect(self.page).to_have_title(re.compile(r".+ · Bot Host"))
        await expect(self.page.locator(".busy")).to_have_count(0)

    async def press(self, *keys: str) -> None:
        """Keys, one after the other."""
        for key in keys:
            await self.page.keyboard.press(key)

    def button(self, name: str | re.Pattern[str]) -> Locator:
        """A button by what it says."""
        return self.page.get_by_role("button", name=name)

    def link(self, name: str | re.Pattern[str], *, exact: bool = False) -> Locator:
        """A link by what it says."""
        return self.page.get_by_role("link", name=name, exact=exact)

    async def focused(self) -> str:
        """What the focus is on: its role or tag, and its name."""
        told: str = await self.page.evaluate(_FOCUSED)
        return told

    async def faults(self) -> list[str]:
        """What is wrong with how the page looks: see `looks.js`."""
        found: list[str] = await self.page.evaluate(_LOOKS)
        return found

    async def ways(self) -> list[str]:
        """The console's own pages that this one links to, in order, each once."""
        found: list[str] = await self.page.evaluate(_WAYS)
        return list(dict.fromkeys(found))


class Tabs:
    """Opens tabs in one browser, each with cookies of its own."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser

    @asynccontextmanager
    async def open(
        self, url: str, *, size: tuple[int, int] = DESKTOP, dark: bool = False, **more: Any
    ) -> AsyncIterator[Tab]:
        """A tab, closed at the end and checked for complaints."""
        context: BrowserContext = await self._browser.new_context(
            viewport={"width": size[0], "height": size[1]},
            color_scheme="dark" if dark else "light",
            has_touch=size == PHONE,
            locale="en-GB",
            timezone_id="Europe/Berlin",
            reduced_motion="reduce",
            **more,
        )
        context.set_default_timeout(PATIENCE_MS)
        try:
            tab = Tab(await context.new_page(), url)
            yield tab
            tab.check()
        finally:
            await context.close()


_NUMBERS: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|\d+")


def shape(path: str) -> str:
    """An address without its ids and numbers: pages of one shape are drawn by the same code."""
    place = urlsplit(path)
    return _NUMBERS.sub("*", place.path)


async def walk(tab: Tab, *, start: str = "/", each: int = 2) -> AsyncIterator[str]:
    """Open every page that can be come to by links, at most `each` of one shape; yields its address when it
    stands there."""
    seen: dict[str, int] = {}
    known = {start}
    waiting = [start]
    while waiting:
        path = waiting.pop(0)
        if seen.get(shape(path), 0) >= each:
            continue
        seen[shape(path)] = seen.get(shape(path), 0) + 1
        await tab.go(path)
        for way in await tab.ways():
            if way not in known:
                known.add(way)
                waiting.append(way)
        yield path
