"""One Slack app in two workspaces, as people and admins see it: installed, killed, removed from one."""

import re
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from html import escape
from pathlib import Path

import aiohttp
import pytest

from bot_host.store.secret_box import FILE
from tests.fakes.slack_oauth import AppSlack, Team
from tests.journeys.harness import HostProcess, bot_host, clean_environment


@dataclass
class Browser:
    """Somebody's browser: it keeps cookies, and follows nothing by itself."""

    client: aiohttp.ClientSession

    async def get(self, url: str) -> tuple[int, str]:
        async with self.client.get(url, allow_redirects=False) as answer:
            return answer.status, await answer.text()

    async def begin(self, link: str) -> str:
        """Slack's page, to which the button leads."""
        status, text = await self.get(link)
        assert status == 200, text
        found = re.search(r'href="([^"]+)"', text)
        assert found is not None, text
        return found[1].replace("&amp;", "&")


@asynccontextmanager
async def browser() -> AsyncIterator[Browser]:
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(cookie_jar=jar) as client:
        yield Browser(client)


def set_up(folder: Path, slack: AppSlack, more: str = "") -> dict[str, str]:
    (folder / "config.toml").write_text(
        f"""
[connectors.slack]
client_id = "{slack.client_id}"
app_token = "{slack.app_token}"
api_base = "{slack.api_base}"
{more}
""",
        encoding="utf-8",
    )
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    return clean_environment(SLACK_CLIENT_SECRET=slack.client_secret, API_PORT=str(port))


@asynccontextmanager
async def hosted(folder: Path, environment: dict[str, str]) -> AsyncIterator[tuple[HostProcess, str]]:
    async with bot_host(cwd=folder, env=environment) as host:
        line = await host.wait_log("http://127.0.0.1:")
        found = re.search(r"http://127\.0\.0\.1:\d+", line)
        assert found is not None
        await host.wait_log("slack on: the way in stands")
        yield host, found[0]


async def link_for(folder: Path, environment: dict[str, str], url: str) -> str:
    async with bot_host("slack-install", cwd=folder, env=environment) as command:
        assert await command.end() == 0, command.all_log
        link = command.text.strip()
        assert link.startswith(f"{url}/slack/install?ticket=")
        return link


async def install(folder: Path, environment: dict[str, str], url: str, slack: AppSlack, place: Team) -> None:
    link = await link_for(folder, environment, url)
    async with browser() as person:
        back = slack.consent(await person.begin(link), place)
        status, text = await person.get(back)
        assert (status, "Installed" in text, escape(place.workspace.name) in text) == (200, True, True), text


async def talk(team: Team, words: str, answers: int = 1) -> str:
    """Ada says something to the bot; its answer."""
    ada = next(user for user in team.workspace.users.values() if user.name == "ada")
    await team.say(team.add_im(ada), ada, words)
    return str((await team.wait_for_message(answers))["text"])


@pytest.mark.slow
async def test_two_workspaces_a_kill_and_an_uninstall(tmp_path: Path) -> None:
    async with AppSlack() as slack:
        one, two = slack.add_team("One & Co"), slack.add_team("Two")
        for team in (one, two):
            team.add_user("ada", display_name="Ada")
        environment = set_up(tmp_path, slack)
        async with hosted(tmp_path, environment) as (host, url):
            await install(tmp_path, environment, url, slack, one)
            await host.wait_log("slack[T0TEAM001] on: connected as")
            await install(tmp_path, environment, url, slack, two)
            await host.wait_log("slack[T0TEAM002] on: connected as")
            # The same person and channel ids, and two people who know nothing of each other.
            assert "hello" in (await talk(one, "hello")).lower() or one.posts()
            await talk(two, "my name is Zoe")
            assert len(one.posts()) == len(two.posts()) == 1
            await slack.wait_acked()
            await host.kill()
        # What is said while nobody is there is answered later, each at its own place.
        ada = next(iter(user for user in one.workspace.users.values() if user.name == "ada"))
        await one.say(one.add_im(ada), ada, "are you there?")
        async with hosted(tmp_path, environment) as (host, url):
            await one.wait_for_message(2)
            await talk(two, "hello again", answers=2)
            assert len(one.posts()) == 2
            await one.uninstall()
            await host.wait_log("slack[T0TEAM001] is over: Slack says tokens_revoked")
            await slack.wait_acked()
            await talk(two, "still there?", answers=3)
            assert await host.stop() == 0
            assert host.all_log.count("T0TEAM001] is over") == 1
        async with hosted(tmp_path, environment) as (host, url):
            await talk(two, "and now?", answers=4)
            assert "T0TEAM001" not in host.all_log
            await install(tmp_path, environment, url, slack, one)
            await host.wait_log("slack[T0TEAM001] on: connected as")
            await talk(one, "back again", answers=3)
            assert await host.stop() == 0
            for secret in (*slack.tokens_of(one.id), *slack.tokens_of(two.id), slack.client_secret):
                assert secret not in host.all_log
        tokens = [*slack.tokens_of(one.id), *slack.tokens_of(two.id)]
        kept = [path.read_bytes() for path in (tmp_path / "data").rglob("*") if path.is_file()]
        assert not any(token.encode() in data for token in tokens for data in kept)
        assert (tmp_path / "data" / FILE).stat().st_mode & 0o077 == 0
