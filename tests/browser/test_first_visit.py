"""From the first visit to the first answer, and what a conversation can do."""

import re
from pathlib import Path

from playwright.async_api import expect

from tests.browser.homes import home
from tests.browser.tabs import Tab, Tabs


async def say(tab: Tab, text: str) -> None:
    await tab.page.get_by_role("textbox", name="Message", exact=True).fill(text)
    await tab.press("Enter")


async def test_from_the_first_visit_to_the_first_answer(tabs: Tabs, tmp_path: Path) -> None:
    async with home(tmp_path) as site, tabs.open(site.url) as tab:
        site.party.model.answer("**Hello**, I am Eliza.\n\n- one\n- two")
        await tab.go("/")
        await expect(tab.page).to_have_title("Overview · Bot Host")
        await tab.page.get_by_role("navigation", name="Console").get_by_role("link", name="Chat").click()
        await expect(tab.page.get_by_text("Talk with Eliza")).to_be_visible()
        await say(tab, "Hello, who are you?")
        answer = tab.page.locator(".message.agent:not(.draft)")
        await expect(answer).to_have_count(1)
        await expect(answer.locator("strong")).to_have_text("Hello")
        await expect(answer.locator("li")).to_have_text(["one", "two"])
        await expect(tab.page.locator(".message.you .bubble")).to_have_text("Hello, who are you?")
        await expect(tab.page).to_have_url(re.compile(r"/chat/[0-9a-f-]{36}/[0-9a-f-]{36}$"))
        await tab.page.reload()
        await expect(answer.locator("strong")).to_have_text("Hello")
        await expect(tab.page.locator(".talk-name")).to_have_text(["Hello, who are you?"])
        assert await tab.faults() == []


async def test_a_failing_model_is_told_and_the_message_can_be_said_again(tabs: Tabs, tmp_path: Path) -> None:
    async with home(tmp_path) as site, tabs.open(site.url) as tab:
        await tab.go("/chat")
        await say(tab, "first")
        await expect(tab.page.locator(".message.agent .bubble")).to_have_text("echo: first")
        site.party.model.answer("another answer")
        await tab.button("Ask this again").click()
        await expect(tab.page.locator(".message.agent:not(.draft) .bubble")).to_have_text("another answer")
        await expect(tab.page.locator(".message.you .bubble")).to_have_text(["first"])


async def test_a_message_is_deleted_after_a_question(tabs: Tabs, tmp_path: Path) -> None:
    async with home(tmp_path) as site, tabs.open(site.url) as tab:
        await tab.go("/chat")
        await say(tab, "take this back")
        await expect(tab.page.locator(".message.agent .bubble")).to_have_text("echo: take this back")
        await tab.button("Delete this message and its answer").click()
        dialog = tab.page.get_by_role("dialog", name="Delete this message?")
        await expect(dialog.get_by_role("button", name="Cancel")).to_be_focused()
        await tab.press("Escape")
        await expect(dialog).to_have_count(0)
        await expect(tab.page.locator(".message")).to_have_count(2)
        await tab.button("Delete this message and its answer").click()
        await dialog.get_by_role("button", name="Delete").click()
        await expect(tab.page.locator(".message")).to_have_count(0)


async def test_a_conversation_is_renamed_and_deleted(tabs: Tabs, tmp_path: Path) -> None:
    async with home(tmp_path) as site, tabs.open(site.url) as tab:
        await tab.go("/chat")
        await say(tab, "about roses")
        await expect(tab.page.locator(".message.agent .bubble")).to_have_text("echo: about roses")
        await tab.button("Rename about roses").click()
        await tab.page.get_by_role("dialog").get_by_role("textbox", name="Name").fill("Garden")
        await tab.page.get_by_role("dialog").get_by_role("button", name="Rename").click()
        await expect(tab.page.locator(".talk-name")).to_have_text(["Garden"])
        await tab.button("Delete Garden").click()
        await tab.page.get_by_role("dialog").get_by_role("button", name="Delete").click()
        await expect(tab.page.get_by_text("No conversations yet.")).to_be_visible()
        await expect(tab.page.get_by_text("Talk with Eliza")).to_be_visible()


async def test_a_file_goes_along(tabs: Tabs, tmp_path: Path) -> None:
    async with home(tmp_path) as site, tabs.open(site.url) as tab:
        await tab.go("/chat")
        await tab.page.locator("input[type=file]").set_input_files(
            [{"name": "notes.txt", "mimeType": "text/plain", "buffer": b"Roses need water."}]
        )
        await expect(tab.button("Remove notes.txt")).to_be_visible()
        await say(tab, "read this")
        await expect(tab.page.locator(".message.you .attached")).to_contain_text("notes.txt")
        await expect(tab.page.locator(".message.agent:not(.draft)")).to_have_count(1)
        assert any("Roses need water." in str(each.body) for each in site.party.model.chats)
