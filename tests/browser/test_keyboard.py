"""The console by keys alone."""

from pathlib import Path

from playwright.async_api import expect

from tests.browser.homes import home
from tests.browser.tabs import Tabs


async def test_the_way_to_an_answer_needs_no_mouse(tabs: Tabs, tmp_path: Path) -> None:
    async with home(tmp_path) as site, tabs.open(site.url) as tab:
        await tab.go("/")
        names = []
        while not names or names[-1] != "a Chat":
            assert len(names) < 6, names
            await tab.press("Tab")
            names.append(await tab.focused())
        assert names[:2] == ["a To the page", "a Bot Host"]
        await tab.press("Enter")
        field = tab.page.get_by_role("textbox", name="Message", exact=True)
        await expect(field).to_be_focused()
        await tab.page.keyboard.type("one")
        await tab.press("Shift+Enter")
        await tab.page.keyboard.type("two")
        await tab.press("Enter")
        answers = tab.page.locator(".message.agent:not(.draft) .bubble")
        await expect(answers).to_have_count(1)
        await expect(answers).to_contain_text("echo: one")
        await expect(field).to_be_focused()
        # Up in an empty field takes the last message to be changed.
        await tab.press("ArrowUp")
        await expect(tab.page.get_by_role("textbox", name="The message")).to_be_focused()
        await tab.press("ControlOrMeta+A")
        await tab.page.keyboard.type("three")
        await tab.press("Tab", "Enter")
        await expect(answers).to_have_text(["echo: three"])
        await expect(tab.page.locator(".message.you .message-foot")).to_contain_text("edited")


async def test_escape_stops_an_answer(tabs: Tabs, tmp_path: Path) -> None:
    async with home(tmp_path) as site, tabs.open(site.url) as tab:
        await tab.go("/chat")
        with site.party.model.hold() as held:
            await tab.page.keyboard.type("a long story, please")
            await tab.press("Enter")
            await held.wait_for_request()
            await expect(tab.button("Stop")).to_be_visible()
            await tab.press("Escape")
            await expect(tab.button("Stop")).to_be_hidden()
            await expect(tab.page.locator(".message.you .message-foot")).to_contain_text("stopped")
        await expect(tab.page.locator(".message.agent")).to_have_count(0)


async def test_the_first_key_leads_past_the_navigation(tabs: Tabs, tmp_path: Path) -> None:
    async with home(tmp_path) as site, tabs.open(site.url) as tab:
        await tab.go("/")
        await tab.press("Tab")
        assert await tab.focused() == "a To the page"
        await tab.press("Enter")
        await tab.press("Tab")
        inside = await tab.page.evaluate("() => document.activeElement.closest('main') !== null")
        assert inside
