"""A page that is left open while the host goes away and comes back."""

import socket
from pathlib import Path

from playwright.async_api import expect

from tests.browser.homes import PIPE, ready, url_of
from tests.browser.tabs import Tabs
from tests.journeys.party import party


def free_port() -> str:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return str(found.getsockname()[1])


async def test_a_chat_goes_on_after_a_restart(tabs: Tabs, tmp_path: Path) -> None:
    async with party(tmp_path, extra=PIPE) as one:
        one.env["API_PORT"] = free_port()
        async with one.host() as process:
            url = await url_of(process)
            await ready(url)
            async with tabs.open(url) as tab, tabs.open(url) as overview:
                for each in (tab, overview):
                    each.expect_complaint(
                        "ERR_CONNECTION_REFUSED|ERR_INCOMPLETE_CHUNKED|ERR_CONNECTION_RESET"
                    )
                    each.expect_complaint("ERR_EMPTY_RESPONSE|status of 503")
                await overview.go("/")
                await tab.go("/chat")
                await tab.page.keyboard.type("before")
                await tab.press("Enter")
                answers = tab.page.locator(".message.agent:not(.draft) .bubble")
                await expect(answers).to_have_text(["echo: before"])
                assert await process.stop() == 0
                await expect(tab.page.get_by_text("Connection lost")).to_be_visible()
                await expect(overview.page.get_by_role("alert")).to_contain_text("The host does not answer")
                # What is written meanwhile is not lost: it stays in the field.
                field = tab.page.get_by_role("textbox", name="Message", exact=True)
                await field.fill("meanwhile")
                await tab.press("Enter")
                await expect(tab.page.locator(".toast")).to_contain_text("The host does not answer")
                await expect(field).to_have_value("meanwhile")
                async with one.host() as again:
                    await ready(await url_of(again))
                    await expect(tab.page.get_by_text("Connection lost")).to_have_count(0)
                    await expect(overview.page.get_by_role("alert")).to_have_count(0)
                    await expect(overview.page.get_by_text("Rooms at work")).to_be_visible()
                    await tab.press("Enter")
                    await expect(answers).to_have_text(["echo: before", "echo: meanwhile"])
                    assert await again.stop() == 0
