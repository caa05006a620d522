"""A host with one Slack app against the fake, and a browser without a network."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from html import unescape
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from bot_host.connector import ConnectorState, HttpAnswer, HttpRequest
from bot_host.host import BotHost
from bot_host.host.apps import AppRunner
from bot_host.host.runner import Runner
from bot_host.store import make_store
from bot_host.testing import ScriptedModel
from bot_host.types.character import Character
from connectors.slack.config import SlackConfig
from connectors.slack.tickets import invite
from connectors.slack.workspaces import SlackApp
from tests.fakes.slack_oauth import AppSlack, Team

BASE = "http://127.0.0.1:3000"


def app_config(slack: AppSlack, **changes: Any) -> SlackConfig:
    """A config that points at the fake."""
    values: dict[str, Any] = {
        "client_id": slack.client_id,
        "client_secret": slack.client_secret,
        "app_token": slack.app_token,
        "api_base": slack.api_base,
    }
    return SlackConfig(**{**values, **changes})


@dataclass
class Person:
    """Somebody with a browser."""

    app: SlackApp
    cookies: dict[str, str] = field(default_factory=dict)

    async def get(self, url: str) -> HttpAnswer | None:
        """What the app's route says; None: it is not its."""
        parts = urlsplit(url)
        path = parts.path.removeprefix("/slack")
        [route] = [route for route in self.app.http_routes() if route.path == path and route.method == "GET"]
        cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        answer = await route.handler(
            HttpRequest(
                method="GET", path=path, query=dict(parse_qsl(parts.query)), headers={"cookie": cookie}
            )
        )
        if answer is not None:
            for name, morsel in SimpleCookie(answer.headers.get("Set-Cookie", "")).items():
                self.cookies[name] = morsel.value
        return answer

    async def begin(self, link: str) -> str:
        """The address behind the button."""
        answer = await self.get(link)
        assert answer is not None
        assert answer.status == 200, answer.body
        found = re.search(r'href="([^"]+)"', answer.body.decode())
        assert found is not None
        return unescape(found[1])


@dataclass
class Works:
    """The host at work."""

    host: BotHost
    app: SlackApp
    runner: AppRunner
    model: ScriptedModel
    slack: AppSlack
    config: SlackConfig

    async def install(self, place: Team | str) -> HttpAnswer:
        """Somebody with a link installs the app, and Slack sends them back."""
        person = Person(self.app)
        back = self.slack.consent(await person.begin(invite(self.config, BASE)), place)
        answer = await person.get(back)
        assert answer is not None
        return answer

    def find(self, name: str) -> Runner | None:
        """The runner of that name."""
        return next((each for each in self.host.connectors if each.name == name), None)

    async def wait_state(self, name: str, state: ConnectorState) -> Runner:
        """Wait until an account is so."""

        def there() -> bool:
            runner = self.find(name)
            return runner is not None and runner.state is state

        await until(there)
        found = self.find(name)
        assert found is not None
        return found

    async def up(self, place: Team) -> Runner:
        """Wait until a workspace is connected."""
        return await self.wait_state(f"slack[{place.id}]", ConnectorState.CONNECTED)


async def until(true: Any) -> None:
    """Wait for what the host itself does; the test's own time limit ends it."""

    while not true():
        await asyncio.sleep(0.01)


@asynccontextmanager
async def works(slack: AppSlack, folder: Path, **changes: Any) -> AsyncIterator[Works]:
    """Start it; again and again, as restarts do."""
    model, config = ScriptedModel(), app_config(slack, **changes)
    host = BotHost(store=make_store("sqlite:///bot.db", base=folder), data_dir=folder)
    try:
        [agent] = await host.add_agents(
            [{"character": Character(name="Eliza", bio=["Helps."]), "plugins": ["basics", model.plugin]}]
        )
        await host.start_agents()
        app = SlackApp(config)
        runner = host.add_app(app, config, name="slack", agent_id=agent)
        host.use_address(BASE)
        host.start_connectors()
        at = Works(host, app, runner, model, slack, config)
        await at.wait_state("slack", ConnectorState.CONNECTED)
        yield at
    finally:
        model.hold.set()
        await host.stop(5)


async def ask(team: Team, words: str, answers: int = 1, *, name: str = "ada") -> str:
    """Somebody says something to the bot in private; its answer."""
    known = [user for user in team.workspace.users.values() if user.name == name]
    user = known[0] if known else team.add_user(name, display_name=name.title())
    await team.say(team.add_im(user), user, words)
    return str((await team.wait_for_message(answers))["text"])


async def both(at: Works) -> tuple[Team, Team]:
    """Two workspaces with the app."""
    one, two = at.slack.add_team("One"), at.slack.add_team("Two")
    for team in (one, two):
        await at.install(team)
        await at.up(team)
    return one, two
