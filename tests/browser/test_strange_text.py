"""Scripts and markup in everything that platforms, people, models and files say: all of it stays text."""

import json
import re
from pathlib import Path
from typing import Final

from playwright.async_api import expect

from tests.browser.bites import NAME, TEXT, poison
from tests.browser.homes import PIPE, ready, url_of
from tests.browser.tabs import Tab, Tabs, shape, walk
from tests.fakes.openai import ApiError
from tests.journeys.party import Party, party
from tests.journeys.seats import GROUP

BITTEN: Final = Path(__file__).with_name("bitten.js").read_text(encoding="utf-8")
AGENT: Final = """
[[agents]]
character = "strange.json"
"""


async def fill(one: Party, folder: Path) -> None:
    """People, places, files and failures with such names, on a real platform's way."""
    (folder / "strange.json").write_text(
        json.dumps(
            {"name": NAME, "bio": [TEXT], "system": TEXT, "topics": [NAME], "knowledge": [TEXT[:3000]]}
        ),
        encoding="utf-8",
    )
    [seat] = one.seats
    fake = seat.fake
    mallory = fake.add_user(NAME[:32], global_name=NAME)
    guild = fake.add_guild(NAME, members=[mallory, seat.ada])
    channel = fake.add_channel(guild, NAME)
    async with one.host() as process:
        await ready(await url_of(process))
        fake.say(channel, mallory, TEXT[:1900])
        fake.say(channel, mallory, f"{seat.mention} {TEXT[:1900]}", files={f"{NAME}.txt": TEXT.encode()})
        await fake.wait_for_message(channel, count=1)
        one.model.answer(TEXT)
        fake.say(channel, mallory, f"{seat.mention} again")
        await fake.wait_for_message(channel, count=2)
        one.model.answer(*[ApiError(400, f"no: {NAME}")] * 4)
        fake.say(channel, mallory, f"{seat.mention} and fail")
        await fake.wait_for_message(channel, count=3)
        one.model.forget()
        await seat.say(GROUP, "not addressed")
        assert await process.stop() == 0


async def talk(tab: Tab) -> None:
    """The same in the chat: a message, a file and a conversation's name."""
    await tab.go("/chat")
    await tab.page.locator("input[type=file]").set_input_files(
        [{"name": f"{NAME.replace('/', '')}.html", "mimeType": "text/html", "buffer": TEXT.encode()}]
    )
    await expect(tab.button(re.compile("^Remove "))).to_have_count(1)
    await tab.page.get_by_role("textbox", name="Message", exact=True).fill(TEXT)
    await tab.press("Enter")
    await expect(tab.page.locator(".message.agent:not(.draft)")).to_have_count(1)
    await tab.button(re.compile("^Rename ")).first.click()
    await tab.page.get_by_role("dialog").get_by_role("textbox", name="Name").fill(NAME)
    await tab.page.get_by_role("dialog").get_by_role("button", name="Rename").click()
    await expect(tab.page.locator(".talk-name").first).to_have_text(NAME)
    assert await tab.page.evaluate(BITTEN) == []


async def test_everything_that_is_said_stays_text(tabs: Tabs, tmp_path: Path) -> None:
    async with party(tmp_path, "discord", extra=PIPE + AGENT, patience_s=110) as one:
        await fill(one, tmp_path)
        [database] = (tmp_path / "data").glob("*.db")
        assert poison(database) > 20
        async with one.host() as process:
            url = await url_of(process)
            await ready(url)
            async with tabs.open(url) as tab:
                await talk(tab)
                showing = set()
                async for path in walk(tab):
                    pressed = tab.page.locator("[role=tab], summary")
                    number = 0
                    # A tab brings others along, and takes some away.
                    while number < await pressed.count():
                        await pressed.nth(number).click()
                        await tab.settle()
                        number += 1
                        assert await tab.page.evaluate(BITTEN) == [], path
                    assert await tab.page.evaluate(BITTEN) == [], path
                    if "data-bite" in await tab.page.locator("body").inner_text():
                        showing.add(shape(path))
                assert {"/", "/chat/*/*"} <= showing
                for answer in {shape(each): each for each in tab.asked}.values():
                    await tab.page.goto(url + answer)
                    assert await tab.page.evaluate(BITTEN) == [], answer
                    assert await tab.page.evaluate("() => document.contentType") == "application/json", answer
            assert await process.stop() == 0


async def test_a_bite_would_be_seen(tabs: Tabs, tmp_path: Path) -> None:
    async with party(tmp_path, extra=PIPE) as one, one.host() as process:
        async with tabs.open(await url_of(process)) as tab:
            tab.expect_complaint("Content Security Policy|x")
            await tab.go("/")
            assert await tab.page.evaluate(BITTEN) == []
            await tab.page.evaluate(
                "(text) => { document.body.insertAdjacentHTML('beforeend', text); }", TEXT
            )
            assert len(await tab.page.evaluate(BITTEN)) > 4
            # The policy is the second wall: even then nothing runs.
            assert await tab.page.evaluate("() => window.bitten") is None
            assert any("Content Security Policy" in each for each in tab.complaints)
        assert await process.stop() == 0
