"""Slack's app manifest: what is switched on, and no more."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from bot_host.app.build import load
from bot_host.app.manifest import manifest_of
from bot_host.config.starter import write_starter
from bot_host.connector import AppAbout, CheckLine, CommandSpec, ConfigError, Option, OptionKind
from bot_host.kit.yaml import to_yaml
from connectors.slack import connector, needs
from connectors.slack.client import SlackConnector
from connectors.slack.config import SlackConfig
from connectors.slack.manifest import manifest, usage_hint
from tests.connectors.slack_helpers import config_for
from tests.fakes.slack import FakeSlack
from tests.journeys.harness import bot_host

DOCS = Path(__file__).parents[2] / "docs" / "slack-manifest.yaml"
ABOUT = AppAbout(name="Ada", commands=[CommandSpec(name="mute", description="Hush.")])


def made(about: AppAbout = ABOUT, **config: Any) -> Mapping[str, Any]:
    return manifest(SlackConfig(**config), about).values


def of(folder: Path, toml: str, table: str = "") -> Mapping[str, Any]:
    path = folder / "config.toml"
    path.write_text(toml, encoding="utf-8")
    return manifest_of(load(path, {}, {}), "slack", table).values


def commands_of(values: Mapping[str, Any]) -> list[str]:
    return [each["command"] for each in values["features"].get("slash_commands", ())]


async def test_the_command_prints_what_the_docs_have_for_the_default_config(tmp_path: Path) -> None:
    write_starter(tmp_path)
    async with bot_host("slack-manifest", cwd=tmp_path) as run:
        assert await run.end() == 0
        assert run.text.strip() == DOCS.read_text(encoding="utf-8").strip()
    async with bot_host("slack-manifest", "--json", cwd=tmp_path) as run:
        assert await run.end() == 0
        printed = json.loads(run.text)
    notes = [line for line in DOCS.read_text(encoding="utf-8").splitlines() if line.startswith("#")]
    assert to_yaml(printed).splitlines() == DOCS.read_text(encoding="utf-8").splitlines()[len(notes) :]


def test_scopes_and_events_are_what_the_code_needs() -> None:
    values = made()
    assert values["oauth_config"]["scopes"]["bot"] == sorted(needs.SCOPES)
    assert values["settings"]["event_subscriptions"] == {"bot_events": sorted(needs.EVENTS)}
    assert values["settings"]["socket_mode_enabled"] is True
    assert commands_of(values) == ["/bot_mute"]
    assert values["features"]["bot_user"]["display_name"] == "Ada"


def test_where_nobody_may_write_directly_the_app_reads_no_direct_messages() -> None:
    values = made(dm_policy="off")
    assert values["features"]["app_home"]["messages_tab_enabled"] is False
    assert "message.im" not in values["settings"]["event_subscriptions"]["bot_events"]
    assert not {"im:history", "im:read"} & set(values["oauth_config"]["scopes"]["bot"])
    assert "direct" not in values["display_information"]["description"]
    owned = made(dm_policy="off", owners=["U0123456789"])
    assert owned["features"]["app_home"]["messages_tab_enabled"] is True
    assert "im:history" in owned["oauth_config"]["scopes"]["bot"]


def test_user_groups_are_read_where_the_config_names_one() -> None:
    assert "usergroups:read" not in made()["oauth_config"]["scopes"]["bot"]
    assert "usergroups:read" in made(deny=["group:S0123456789"])["oauth_config"]["scopes"]["bot"]


def test_scopes_of_actions_are_asked_for_where_these_are_on() -> None:
    own = {"pins:write", "im:write", "mpim:write"}
    assert own <= set(made()["oauth_config"]["scopes"]["bot"])
    for actions, wanted in (
        (False, set()),
        (["UNPIN_MESSAGE"], {"pins:write"}),
        (["SEND_DM", "READ_CHANNEL"], {"im:write", "mpim:write"}),
    ):
        assert own & set(made(actions=actions)["oauth_config"]["scopes"]["bot"]) == wanted


def test_over_http_slack_is_told_where_we_are() -> None:
    about = AppAbout(name="Ada", commands=ABOUT.commands, public_url="https://bots.example.org")
    values = made(about, mode="http")
    url = "https://bots.example.org/slack/events"
    assert values["settings"]["socket_mode_enabled"] is False
    assert values["settings"]["event_subscriptions"]["request_url"] == url
    assert values["settings"]["interactivity"]["request_url"] == url
    assert values["features"]["slash_commands"][0]["url"] == url
    with pytest.raises(ConfigError, match=r"web\.public_url"):
        made(mode="http")


def test_hints_are_written_as_they_are_read() -> None:
    text = Option(name="text", description="What you want.", required=True)
    assert usage_hint([text]) == "what you want"
    assert usage_hint([Option(name="off", description="End it.", kind=OptionKind.BOOLEAN)]) == "[off]"
    size = Option(name="size", description="How big.", choices=("s", "m"), required=True)
    assert usage_hint([size, text]) == "size:s|m text:…"
    assert usage_hint([]) == ""


def test_commands_that_are_switched_off_are_left_out(tmp_path: Path) -> None:
    toml = '[[agents]]\n[agents.permissions]\ncommands = { forgetme = "nobody", ask = "owner" }\n'
    found = commands_of(of(tmp_path, toml))
    assert "/forgetme" not in found
    assert "/ask" in found


def test_a_plugins_commands_are_there(tmp_path: Path) -> None:
    (tmp_path / "dice.py").write_text(
        "from bot_host.plugin import Command, Plugin\n"
        "async def _roll(agent, call):\n    return '4'\n"
        "plugin = Plugin(name='dice', description='Dice.',"
        " commands=[Command(name='roll', description='Roll.', handler=_roll)])\n",
        encoding="utf-8",
    )
    assert "/roll" in commands_of(of(tmp_path, '[[agents]]\nplugins = ["./dice.py"]\n'))


def test_of_several_tables_one_is_named(tmp_path: Path) -> None:
    toml = (
        '[[agents]]\ncharacter = "a.toml"\n[[agents]]\ncharacter = "b.toml"\n'
        '[[connectors.slack]]\nagent = "Ann"\nbot_token = "xoxb-1"\n'
        '[[connectors.slack]]\nagent = "Bob"\nbot_token = "xoxb-2"\n'
    )
    (tmp_path / "a.toml").write_text('name = "Ann"\n', encoding="utf-8")
    (tmp_path / "b.toml").write_text('name = "Bob"\n', encoding="utf-8")
    with pytest.raises(ConfigError, match=r"name one of them: slack\[1\], slack\[2\]"):
        of(tmp_path, toml)
    with pytest.raises(ConfigError, match=r"no table slack\[3\]"):
        of(tmp_path, toml, "slack[3]")
    names = [of(tmp_path, toml, f"slack[{n}]")["display_information"]["name"] for n in (1, 2)]
    assert names == ["Ann", "Bob"]


def test_it_is_there_without_the_sdk() -> None:
    assert connector.manifest is manifest


class TestTheInstalledApp:
    """`check` beside what Slack has."""

    async def compare(self, slack: FakeSlack, **config: Any) -> list[CheckLine]:
        """As `check` does."""
        given = config_for(slack, **{"config_token": slack.app.config_token, **config})
        one = SlackConnector(given)
        try:
            return list(await one.compare_manifest(lambda: manifest(given, ABOUT)))
        finally:
            await one.close()

    async def test_it_is_the_same(self) -> None:
        async with FakeSlack() as slack:
            slack.app.manifest = made()
            [line] = await self.compare(slack)
            assert (line.ok, line.detail) == (True, "the app is as the manifest says")
            assert await self.compare(slack, config_token="") == []

    async def test_what_is_missing_and_what_is_too_much(self) -> None:
        async with FakeSlack() as slack:
            values = json.loads(json.dumps(made()))
            values["oauth_config"]["scopes"]["bot"] += ["calls:write"]
            values["features"]["slash_commands"] = [{"command": "/old"}]
            slack.app.manifest = values
            [line] = await self.compare(slack)
            assert (line.ok, line.detail) == (
                True,
                "missing: command /bot_mute; superfluous: scope calls:write, command /old",
            )
            values["settings"]["event_subscriptions"]["bot_events"].remove("app_mention")
            values["settings"]["socket_mode_enabled"] = False
            [line] = await self.compare(slack)
            assert line.ok is False
            assert "missing: event app_mention, command /bot_mute" in line.detail
            assert "set otherwise: socket_mode_enabled is false, should be true" in line.detail
            assert "bot_host slack-manifest" in line.advice

    async def test_a_token_that_is_over_is_said_and_harms_nothing(self) -> None:
        async with FakeSlack() as slack:
            [line] = await self.compare(slack, config_token="xoxe.xoxp-1-old")
            assert (line.ok, line.detail) == (True, "Slack does not show the app's settings: invalid_auth")
            assert "twelve hours" in line.advice
