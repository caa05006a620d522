"""Slack's Events API over HTTP with the real command: killed between, and after and before Socket Mode."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.fakes.slack_posts import Posts
from tests.journeys.harness import HostProcess
from tests.journeys.party import Party, party
from tests.journeys.seats import DM, GROUP, SlackSeat
from tests.journeys.test_restart import all_recorded, locked_database

POSTED = 'mode = "http"\n'


@asynccontextmanager
async def posted(folder: Path) -> AsyncIterator[tuple[Party, SlackSeat, Posts]]:
    # The seat's table is the last of the file: the mode goes into it.
    async with party(folder, "slack", extra=POSTED) as p:
        [seat] = p.seats
        assert isinstance(seat, SlackSeat)
        async with Posts(seat.fake) as posts:
            p.env["SLACK_SIGNING_SECRET"] = posts.signing_secret
            p.env.pop("SLACK_APP_TOKEN")
            yield p, seat, posts


async def reach(host: HostProcess, posts: Posts) -> None:
    """Enter the Request URL, as an admin would: each host of a test has another port."""
    found = re.search(r"http://127\.0\.0\.1:\d+", await host.wait_log("web on: http"))
    assert found is not None
    posts.url = f"{found[0]}/slack/events"
    assert await posts.send({"type": "url_verification", "challenge": "abc"}) == (200, "abc")


async def test_it_answers_what_is_posted_and_stays_for_it(tmp_path: Path) -> None:
    async with posted(tmp_path) as (p, seat, posts), p.host() as host:
        await reach(host, posts)
        await seat.say(DM, "hello")
        assert await seat.wait_reply(DM) == "echo: hello"
        await seat.say(GROUP, "hello there", mention=True)
        assert (await seat.wait_reply(GROUP)).endswith("hello there")
        await seat.fake.wait_acked()
        assert {status for _, status in posts.statuses} == {200}
        # With nobody at the keyboard and no token of the web it runs on.
        assert await host.stop() == 0
        assert "Traceback" not in host.all_log
        assert posts.signing_secret not in host.all_log


async def test_killed_before_the_commit_slack_posts_it_again(tmp_path: Path) -> None:
    async with posted(tmp_path) as (p, seat, posts):
        async with p.host() as host:
            await reach(host, posts)
            await seat.say(DM, "first")
            await seat.wait_reply(DM)
            await seat.fake.wait_acked()
            await all_recorded(tmp_path)
            with locked_database(tmp_path):
                await seat.say(DM, "second")
                await seat.wait_handed_over()
                posts.url, _ = "", await host.kill()
        async with p.host() as host:
            await reach(host, posts)
            assert await seat.wait_reply(DM, 2) == "echo: second"
            await seat.fake.wait_acked()
            assert await host.stop() == 0
        assert seat.replies(DM) == ["echo: first", "echo: second"]


async def test_killed_between_commit_and_reply_it_is_answered_once(tmp_path: Path) -> None:
    async with posted(tmp_path) as (p, seat, posts):
        async with p.host() as host:
            await reach(host, posts)
            with p.model.hold() as held:
                await seat.say(DM, "hello")
                await held.wait_for_request()
                posts.url, _ = "", await host.kill()
        # Longer ago than Slack repeats: it is in the history alone.
        await seat.say(DM, "while it is away")
        seat.fake.socket_mode.give_up()
        async with p.host() as host:
            await reach(host, posts)
            assert await seat.wait_reply(DM) == "echo: hello"
            assert await seat.wait_reply(DM, 2) == "echo: while it is away"
            assert await host.stop() == 0
        assert seat.replies(DM) == ["echo: hello", "echo: while it is away"]


async def test_both_modes_after_each_other_lose_and_double_nothing(tmp_path: Path) -> None:
    async with posted(tmp_path) as (p, seat, posts):
        sockets = type(seat.fake.socket_mode).deliver.__get__(seat.fake.socket_mode)
        said: list[str] = []

        async def say(text: str) -> None:
            said.append(text)
            await seat.say(DM, text)

        for mode in ("", POSTED, "", POSTED):
            p.write_config(mode)
            p.env["SLACK_APP_TOKEN"] = seat.fake.app_token
            seat.fake.socket_mode.deliver = posts.deliver if mode else sockets  # type: ignore[method-assign]
            async with p.host() as host:
                if mode:
                    await reach(host, posts)
                for text in (f"first {len(said)}", f"second {len(said)}"):
                    await say(text)
                    await seat.wait_reply(DM, len(said))
                posts.url = ""
                assert await host.stop() == 0
        assert seat.replies(DM) == [f"echo: {text}" for text in said]


async def test_without_a_web_server_or_a_secret_it_says_what_to_do(tmp_path: Path) -> None:
    async with posted(tmp_path) as (p, _, _):
        p.write_config(POSTED + "[web]\nenabled = false\n")
        for command in ([], ["check"]):
            async with p.command(*command) as host:
                assert await host.end() == 2
                said = host.all_log + host.text
                assert 'connectors.slack: mode = "http" is called by the platform' in said
                assert 'web.enabled = true, or mode = "socket"' in said
        p.write_config(POSTED)
        p.env.pop("SLACK_SIGNING_SECRET")
        async with p.command() as host:
            assert await host.end() == 2
            assert "slack off: " in host.all_log
            assert "set SLACK_SIGNING_SECRET" in host.all_log
