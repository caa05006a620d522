"""A character is changed in the console, and the next answer is by the new one."""

import re
from pathlib import Path

from playwright.async_api import expect

from tests.browser.homes import home
from tests.browser.tabs import Tabs
from tests.browser.test_first_visit import say

AGENT = '\n[[agents]]\ncharacter = "ada.toml"\n'
CHARACTER = 'name = "Ada"\nsystem = "You speak like a gardener."\nbio = ["Helps."]\n'


async def test_the_next_answer_is_by_the_new_character(tabs: Tabs, tmp_path: Path) -> None:
    (tmp_path / "ada.toml").write_text(CHARACTER, encoding="utf-8")
    async with home(tmp_path, extra=AGENT) as site, tabs.open(site.url) as tab:
        await tab.go("/chat")
        await say(tab, "before")
        await expect(tab.page.locator(".message.agent .bubble")).to_have_text("echo: before")
        assert "like a gardener" in str(site.party.model.chats[-1].body)
        await tab.page.get_by_role("navigation", name="Console").get_by_role("link", name="Agents").click()
        await tab.page.get_by_role("main").get_by_role("link", name=re.compile("^Ada")).first.click()
        field = tab.page.get_by_label("System prompt").first
        await field.fill("You speak like a sailor.")
        await tab.page.get_by_label("Write it into ada.toml, too").check()
        await tab.button("Save").first.click()
        await expect(tab.page.locator(".toast")).to_be_visible()
        await tab.page.get_by_role("tab", name="Versions").click()
        await expect(tab.page.locator("summary")).to_have_count(2)
        await tab.page.get_by_role("main").get_by_role("link", name="Chat").click()
        await say(tab, "after")
        await expect(tab.page.locator(".message.agent .bubble")).to_have_text("echo: after")
        asked = str(site.party.model.chats[-1].body)
        assert "like a sailor" in asked
        assert "like a gardener" not in asked
    assert "like a sailor" in (tmp_path / "ada.toml").read_text(encoding="utf-8")
