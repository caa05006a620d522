"""Why a message was ignored, and what can be done about it, by clicks alone."""

from pathlib import Path

from playwright.async_api import expect

from tests.browser.homes import home
from tests.browser.tabs import Tabs
from tests.journeys.seats import GROUP


async def test_a_message_that_nobody_answered_tells_why(tabs: Tabs, tmp_path: Path) -> None:
    async with home(tmp_path, "discord") as site, tabs.open(site.url) as tab:
        [seat] = site.party.seats
        await seat.say(GROUP, "does anybody know the time?")
        await seat.say(GROUP, "good morning", mention=True)
        await seat.wait_reply(GROUP)
        await tab.go("/")
        await tab.page.get_by_role("navigation", name="Console").get_by_role("link", name="Runs").click()
        await tab.page.get_by_label("Outcome").select_option(label="Ignored")
        await expect(tab.page.get_by_text("good morning")).to_have_count(0)
        await tab.page.get_by_text("does anybody know the time?").first.click()
        outcome = tab.page.get_by_role("region", name="Outcome")
        await expect(outcome).to_contain_text("ignored")
        await expect(outcome).to_contain_text("not addressed")
        await expect(outcome).to_contain_text("What to do: mention the agent")
        address = tab.page.url
        async with tabs.open(site.url) as other:
            # The link can be pasted.
            await other.go(address.removeprefix(site.url))
            await expect(other.page.get_by_role("region", name="Outcome")).to_contain_text("not addressed")
