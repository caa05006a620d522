"""A browser that signs in, one that has the wrong token, and one that signs out."""

from pathlib import Path

from playwright.async_api import expect

from tests.browser.homes import home
from tests.browser.tabs import PHONE, Tabs

TOKEN = "our-own-web-token"
WEB = f'[web]\ntoken = "{TOKEN}"\n'


async def test_with_the_right_token_and_out_again(tabs: Tabs, tmp_path: Path) -> None:
    async with home(tmp_path, extra=WEB) as site, tabs.open(site.url) as tab:
        tab.expect_complaint("status of 401")
        await tab.go("/chat")
        field = tab.page.get_by_label("Token")
        await expect(field).to_be_focused()
        assert await tab.faults() == []
        await field.fill("a wrong one")
        await tab.press("Enter")
        await expect(tab.page.get_by_role("alert")).to_contain_text("token")
        await expect(tab.page.get_by_role("alert")).not_to_contain_text("a wrong one")
        await field.fill(TOKEN)
        await tab.press("Enter")
        # The page that was asked for, not another.
        await expect(tab.page.get_by_text("Talk with Eliza")).to_be_visible()
        kept = await tab.page.evaluate(
            "() => JSON.stringify([document.cookie, {...localStorage}, location.href])"
        )
        assert TOKEN not in kept
        assert "bot_host_session" not in kept
        await tab.page.reload()
        await expect(tab.page.get_by_text("Talk with Eliza")).to_be_visible()
        await tab.button("Sign out").click()
        await expect(field).to_be_visible()
        await tab.page.go_back()
        await tab.go("/")
        await expect(field).to_be_visible()
        await expect(tab.page.get_by_role("navigation")).to_have_count(0)


async def test_who_signs_out_in_one_tab_is_out_in_the_other(tabs: Tabs, tmp_path: Path) -> None:
    async with home(tmp_path, extra=WEB) as site, tabs.open(site.url, size=PHONE, dark=True) as tab:
        tab.expect_complaint("status of 401")
        await tab.go("/")
        assert await tab.faults() == []
        await tab.page.get_by_label("Token").fill(TOKEN)
        await tab.button("Sign in").click()
        await expect(tab.page).to_have_title("Overview · Bot Host")
        other = await tab.page.context.new_page()
        await other.goto(site.url)
        await other.get_by_role("button", name="Sign out").click()
        await expect(other.get_by_label("Token")).to_be_visible()
        # The overview asks again by itself.
        await expect(tab.page.get_by_label("Token")).to_be_visible()
