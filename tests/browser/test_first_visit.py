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


async def test_a_question_is_asked_again(tabs: Tabs, tmp_path: Path) -> None:
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


GIVEN = """([event, name]) => {
  const data = new DataTransfer();
  data.items.add(new File(["Roses need water."], name, { type: "text/plain" }));
  const more = { bubbles: true, cancelable: true };
  document.querySelector(".chat-input textarea").dispatchEvent(event === "paste"
    ? new ClipboardEvent("paste", { ...more, clipboardData: data })
    : new DragEvent("drop", { ...more, dataTransfer: data }));
}"""


async def test_files_go_along(tabs: Tabs, tmp_path: Path) -> None:
    async with home(tmp_path) as site, tabs.open(site.url) as tab:
        await tab.go("/chat")
        await tab.page.locator("input[type=file]").set_input_files(
            [{"name": "chosen.txt", "mimeType": "text/plain", "buffer": b"Roses need sun."}]
        )
        await tab.page.evaluate(GIVEN, ["paste", "pasted.txt"])
        await tab.page.evaluate(GIVEN, ["drop", "dropped.txt"])
        names = ("chosen.txt", "pasted.txt", "dropped.txt")
        for name in names:
            await expect(tab.button(f"Remove {name}")).to_be_visible()
        await tab.button("Remove dropped.txt").click()
        await say(tab, "read this")
        for name in names[:2]:
            await expect(tab.page.locator(".message.you .attached", has_text=name)).to_have_count(1)
        await expect(tab.page.locator(".message.agent:not(.draft)")).to_have_count(1)
        [asked] = [str(each.body) for each in site.party.model.chats if "read this" in str(each.body)]
        assert "Roses need sun." in asked
        assert "Roses need water." in asked
        assert "dropped.txt" not in asked
