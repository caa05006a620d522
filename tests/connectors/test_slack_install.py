"""Installing the Slack app in a workspace: who may, what is refused, and what is kept."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from bot_host.connector import AppAbout, HttpRequest, StoreError
from connectors.slack import tickets
from connectors.slack.config import SlackConfig, missing, wrong
from connectors.slack.manifest import manifest
from connectors.slack.needs import SCOPES
from connectors.slack.tickets import Tickets, invite
from tests.connectors.slack_apps import BASE, Person, app_config, ask, works
from tests.fakes.slack_oauth import AppSlack
from tests.journeys.harness import bot_host, clean_environment


@pytest.fixture
async def slack() -> AsyncIterator[AppSlack]:
    async with AppSlack() as slack:
        yield slack


async def test_a_workspace_is_installed_by_a_link_and_answered(slack: AppSlack, tmp_path: Path) -> None:
    one = slack.add_team("One <b>&</b> Co")
    slack.redirect_urls = [f"{BASE}/slack/oauth_redirect"]
    async with works(slack, tmp_path) as at:
        answer = await at.install(one)
        assert answer.status == 200
        assert b"One &lt;b&gt;&amp;&lt;/b&gt; Co" in answer.body
        await at.up(one)
        assert await ask(one, "hello") == "echo: hello"
    assert slack.granted == [set(SCOPES)]
    assert len(slack.tokens_of(one.id)) == 1


async def test_just_what_the_config_has_on_is_asked_for(slack: AppSlack, tmp_path: Path) -> None:
    one = slack.add_team("One")
    async with works(slack, tmp_path, allow=["group:S0123"]) as at:
        await at.install(one)
    assert slack.granted == [{*SCOPES, "usergroups:read"}]


async def test_without_a_link_nobody_installs_it(slack: AppSlack, tmp_path: Path) -> None:
    async with works(slack, tmp_path) as at:
        person = Person(at.app)
        for ticket in ("", "?ticket=x", f"?ticket={Tickets(at.config).app}.a.99999999999..AAAA"):
            answer = await person.get(f"{BASE}/slack/install{ticket}")
            if ticket == "?ticket=x":
                # Perhaps another app's, which has the same address.
                assert answer is None
                continue
            assert answer is not None
            assert answer.status == 403
            assert b"A link is needed" in answer.body
            assert not person.cookies
    assert not slack.calls_of("oauth.v2.access")


async def test_a_link_is_good_once_and_looking_at_it_uses_nothing_up(slack: AppSlack, tmp_path: Path) -> None:
    one, two = slack.add_team("One"), slack.add_team("Two")
    async with works(slack, tmp_path) as at:
        link = invite(at.config, BASE)
        await Person(at.app).begin(link)  # Slack itself, unfurling
        first, second = Person(at.app), Person(at.app)
        backs = [
            slack.consent(await each.begin(link), place) for each, place in ((first, one), (second, two))
        ]
        # Both are at Slack's page; whoever comes back first has it.
        answers = await asyncio.gather(first.get(backs[0]), second.get(backs[1]))
        assert sorted(each.status for each in answers if each is not None) == [200, 403]
        again = await Person(at.app).get(link)
        assert again is not None
        assert again.status == 403
        assert b"was used" in again.body
    assert len(slack.calls_of("oauth.v2.access")) == 1
    async with works(slack, tmp_path) as at:
        # Also after a restart.
        again = await Person(at.app).get(link)
        assert again is not None
        assert again.status == 403


async def test_a_link_ends_after_a_day(
    slack: AppSlack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with works(slack, tmp_path) as at:
        with monkeypatch.context() as patched:
            patched.setattr(tickets, "LINK_S", -1)
            link = invite(at.config, BASE)
        answer = await Person(at.app).get(link)
        assert answer is not None
        assert answer.status == 403
        assert b"too old" in answer.body


async def test_who_says_no_at_slack_is_told_that_nothing_has_changed(slack: AppSlack, tmp_path: Path) -> None:
    one = slack.add_team("One")
    async with works(slack, tmp_path) as at:
        person, link = Person(at.app), invite(at.config, BASE)
        answer = await person.get(slack.consent(await person.begin(link), one, error="access_denied"))
        assert answer is not None
        assert b"cancelled" in answer.body
        # The link is still good.
        answer = await person.get(slack.consent(await person.begin(link), one))
        assert answer is not None
        assert answer.status == 200


async def test_what_did_not_begin_here_ends_here(
    slack: AppSlack, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    one = slack.add_team("One")
    async with works(slack, tmp_path) as at:
        person = Person(at.app)
        back = slack.consent(await person.begin(invite(at.config, BASE)), one)
        state = parse_qs(urlsplit(back).query)["state"][0]
        # Another browser: somebody was sent a link that would put a stranger's installation into this host.
        other = Person(at.app, cookies={"bot_host_slack_install": "another"})
        forged = back.replace(state, f"{Tickets(at.config).app}.a.99999999999..{state.rpartition('.')[2]}")
        bare = f"{BASE}/slack/oauth_redirect?code=abc"
        for answer in (await other.get(back), await Person(at.app).get(back), await person.get(forged),
                       await person.get(bare)):  # fmt: skip
            assert answer is not None
            assert answer.status == 400
            assert b"did not begin here" in answer.body
        assert await person.get(back.replace(state, "00000000.a.1..b")) is None
        assert not slack.calls_of("oauth.v2.access")
        found = await person.get(back)
        assert found is not None
        assert found.status == 200
        # A second time, by whoever got hold of it.
        found = await person.get(back)
        assert found is not None
        assert found.status in (400, 403)
    assert len(slack.calls_of("oauth.v2.access")) == 1


async def test_a_state_ends_after_ten_minutes(
    slack: AppSlack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = slack.add_team("One")
    async with works(slack, tmp_path) as at:
        person = Person(at.app)
        with monkeypatch.context() as patched:
            patched.setattr(tickets, "STATE_S", -1)
            back = slack.consent(await person.begin(invite(at.config, BASE)), one)
        answer = await person.get(back)
        assert answer is not None
        assert answer.status == 400


async def test_the_cookie_is_for_this_alone(slack: AppSlack, tmp_path: Path) -> None:
    async with works(slack, tmp_path) as at:
        [route] = [each for each in at.app.http_routes() if each.path == "/install"]
        link = parse_qs(urlsplit(invite(at.config, BASE)).query)["ticket"][0]

        asked = HttpRequest(method="GET", path="/install", query={"ticket": link})
        answer = await route.handler(asked)
        assert answer is not None
        plain = answer.headers["Set-Cookie"]
        assert all(part in plain for part in ("HttpOnly", "SameSite=Lax", "Path=/slack", "Max-Age=600"))
        at.app.use_address("https://bots.example.org/slack")
        answer = await route.handler(asked)
        assert answer is not None
        assert answer.headers["Set-Cookie"].endswith("; Secure")
        assert b"redirect_uri=https%3A%2F%2Fbots.example.org%2Fslack%2Foauth_redirect" in answer.body


async def test_only_named_workspaces_keep_what_slack_gives(
    slack: AppSlack, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    one, two = slack.add_team("One"), slack.add_team("Two")
    async with works(slack, tmp_path, install="open", workspaces=[two.id]) as at:
        answer = await at.install(one)
        assert answer.status == 403
        assert b"Not for this workspace" in answer.body
        assert [call.token in slack.tokens_of(one.id) for call in slack.calls_of("auth.revoke")] == [True]
        assert at.find(f"slack[{one.id}]") is None
        assert (await at.install(two)).status == 200
        await at.up(two)
    assert "is not among workspaces" in caplog.text


async def test_nobody_installs_it_where_that_is_off(slack: AppSlack, tmp_path: Path) -> None:
    async with works(slack, tmp_path, install="off") as at:
        assert invite(at.config, BASE) == ""
        answer = await Person(at.app).get(f"{BASE}/slack/install")
        assert answer is not None
        assert answer.status == 403


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("invalid_code", "oauth.v2.access"),
        ("bad_redirect_uri", f"add {BASE}/slack/oauth_redirect to the app's"),
    ],
)
async def test_what_slack_refuses_is_in_the_log_with_the_way_out(
    slack: AppSlack, tmp_path: Path, caplog: pytest.LogCaptureFixture, fault: str, words: str
) -> None:
    one = slack.add_team("One")
    async with works(slack, tmp_path) as at:
        person, link = Person(at.app), invite(at.config, BASE)
        slack.fail("oauth.v2.access", fault)
        answer = await person.get(slack.consent(await person.begin(link), one))
        assert answer is not None
        assert answer.status == 502
        # Nothing was installed, so the link is still good.
        answer = await person.get(slack.consent(await person.begin(link), one))
        assert answer is not None
        assert answer.status == 200
    assert fault in caplog.text
    assert words in caplog.text


async def test_what_cannot_be_kept_is_handed_back(
    slack: AppSlack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = slack.add_team("One")
    async with works(slack, tmp_path) as at:

        async def full(_row: object) -> None:
            raise StoreError("the disk is full")

        with monkeypatch.context() as patched:
            patched.setattr(at.host.store, "put_secret", full)
            answer = await at.install(one)
        assert answer.status == 503
        assert len(slack.calls_of("auth.revoke")) == 1
        assert (await at.install(one)).status == 200
        await at.up(one)


async def test_installing_again_replaces_the_token(slack: AppSlack, tmp_path: Path) -> None:
    one = slack.add_team("One")
    async with works(slack, tmp_path) as at:
        await at.install(one)
        await at.up(one)
        assert await ask(one, "hello") == "echo: hello"
        await at.install(one)
        await at.up(one)
        assert await ask(one, "again", 2) == "echo: again"
        assert slack.calls_of("chat.postMessage")[-1].token == slack.tokens_of(one.id)[-1]
        assert [each.name for each in at.host.connectors] == ["slack", f"slack[{one.id}]"]
        # The conversation is the same one.
        assert [m.content for m in at.model.requests[-1].messages if m.role == "user"] == ["hello", "again"]


async def test_an_organisation_brings_all_its_workspaces_and_those_that_join_later(
    slack: AppSlack, tmp_path: Path
) -> None:
    one, two = slack.add_team("One", org="E0ORG"), slack.add_team("Two", org="E0ORG")
    async with works(slack, tmp_path) as at:
        answer = await at.install("E0ORG")
        assert b"E0ORG Inc" in answer.body
        for team in (one, two):
            await at.up(team)
        assert await ask(one, "to one") == "echo: to one"
        assert await ask(two, "to two") == "echo: to two"
        third = slack.add_team("Three", org="E0ORG")
        assert await ask(third, "to three") == "echo: to three"
        assert all(call.args.get("team_id") for call in slack.calls_of("chat.postMessage"))
    async with works(slack, tmp_path) as at:
        for team in (one, two, third):
            await at.up(team)
        assert await ask(third, "again", 2) == "echo: again"


def test_a_link_says_nothing_and_no_two_are_alike() -> None:
    config = app_config(AppSlack(), api_base="")
    first, second = invite(config, BASE), invite(config, BASE)
    assert first != second
    assert config.client_secret not in first
    assert config.client_id not in first
    other = config.model_copy(update={"client_secret": "another"})
    ticket = parse_qs(urlsplit(first).query)["ticket"][0]
    assert Tickets(config).read_link(ticket) is not None
    assert Tickets(other).read_link(ticket) is None
    assert Tickets(config).read_state(ticket, cookie="") is None


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"client_secret": ""}, "set SLACK_CLIENT_SECRET"),
        ({"app_token": ""}, "set SLACK_APP_TOKEN"),
        ({"mode": "http"}, "SLACK_SIGNING_SECRET"),
        ({"bot_token": "xapp-1"}, "begins with xoxb-"),
        ({}, ""),
        ({"mode": "http", "signing_secret": "0123456789abcdef", "app_token": ""}, ""),
    ],
)
def test_what_an_app_needs_is_said_without_showing_a_secret(changes: dict[str, str], words: str) -> None:
    values = {"client_id": "1.2", "client_secret": "hidden secret", "app_token": "xapp-1-A"}
    config = SlackConfig.model_validate({**values, **changes})
    assert missing(config) == ""
    assert words in wrong(config)
    assert bool(words) == bool(wrong(config))
    assert "hidden secret" not in wrong(config) + repr(config)


def test_ids_of_workspaces_are_checked() -> None:
    with pytest.raises(ValueError, match="ids of workspaces"):
        SlackConfig(workspaces=["my workspace"])


async def test_the_command_prints_a_link_or_says_what_is_missing(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text('[connectors.slack]\nclient_id = "1.2"\n[web]\npublic_url = "https://b.example.org"\n')
    environment = clean_environment(SLACK_CLIENT_SECRET="hidden-secret-of-it")
    async with bot_host("slack-install", cwd=tmp_path, env=environment) as command:
        assert await command.end() == 0
        assert command.text.startswith("https://b.example.org/slack/install?ticket=")
        assert "hidden-secret" not in command.text
    async with bot_host("slack-install", cwd=tmp_path, env=clean_environment()) as command:
        assert await command.end() == 2
        assert "set client_id and client_secret" in command.all_log
    config.write_text('[connectors.slack]\nclient_id = "1.2"\n')
    async with bot_host("slack-install", cwd=tmp_path, env=environment) as command:
        assert await command.end() == 2
        assert "web.port = 0" in command.all_log


def test_the_manifest_names_where_slack_sends_people_back() -> None:
    about = AppAbout(name="Eliza", commands=(), public_url="https://b.example.org")
    values = manifest(SlackConfig(client_id="1.2"), about).values
    assert values["oauth_config"]["redirect_urls"] == ["https://b.example.org/slack/oauth_redirect"]
    assert values["settings"]["org_deploy_enabled"] is True
    alone = manifest(SlackConfig(), about).values
    assert "redirect_urls" not in alone["oauth_config"]
    assert alone["settings"]["org_deploy_enabled"] is False
