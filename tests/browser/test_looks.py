"""Every page, large and on a phone, light and dark: nothing sticks out, nothing is nameless or too faint."""

from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.browser.homes import home
from tests.browser.tabs import DESKTOP, PHONE, Tabs, walk


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
async def test_every_page(tabs: Tabs, tmp_path: Path, size: tuple[int, int], dark: bool) -> None:
    async with home(tmp_path, "discord") as site, tabs.open(site.url, size=size, dark=dark) as tab:
        [seat] = site.party.seats
        await seat.say("group", "a message that nobody answers")
        await seat.say("group", "a question " + "of one very long word " + "x" * 200, mention=True)
        await seat.wait_reply("group")
        await tab.go("/chat")
        await tab.page.get_by_role("textbox", name="Message", exact=True).fill("**me** `code` " + "y" * 300)
        await tab.press("Enter")
        await expect(tab.page.locator(".message.agent:not(.draft)")).to_have_count(1)
        found: dict[str, list[str]] = {}
        async for path in walk(tab):
            found[path] = await tab.faults()
            chosen = tab.page.get_by_role("tab")
            for number in range(await chosen.count()):
                await chosen.nth(number).click()
                await tab.settle()
                found[f"{path} [{number}]"] = await tab.faults()
            if size == PHONE:
                links = tab.page.get_by_role("navigation", name="Console").get_by_role("link")
                await links.last.scroll_into_view_if_needed()
                await expect(links.last).to_be_in_viewport()
        assert {path: faults for path, faults in found.items() if faults} == {}
        assert {"/", "/chat"} <= set(found)
