"""One Slack app in several workspaces: whose event is whose, and what ends one of them."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot_host.connector import ConnectorState, HttpRequest, StoreError
from bot_host.store.secret_box import FILE, new_key
from connectors.slack.app_check import check_app
from tests.connectors.slack_apps import Works, app_config, ask, both, until, works
from tests.fakes.slack_oauth import AppSlack
from tests.fakes.slack_posts import Posts


@pytest.fixture
async def slack() -> AsyncIterator[AppSlack]:
    async with AppSlack() as slack:
        yield slack


def heard(at: Works, place: int = -1) -> list[str]:
    """What people have said, in the prompt of a turn."""
    return [message.content for message in at.model.requests[place].messages if message.role == "user"]


# whose is whose


async def test_the_same_ids_in_two_workspaces_are_two_people_and_two_rooms(
    slack: AppSlack, tmp_path: Path
) -> None:
    async with works(slack, tmp_path) as at:
        one, two = await both(at)
        people = [team.add_user("ada", display_name="Ada") for team in (one, two)]
        rooms = [team.add_im(ada) for team, ada in zip((one, two), people, strict=True)]
        assert rooms[0].id == rooms[1].id
        assert people[0].id == people[1].id
        assert await ask(one, "to one") == "echo: to one"
        assert await ask(two, "to two") == "echo: to two"
        assert heard(at) == ["to two"]
        assert [len(team.posts()) for team in (one, two)] == [1, 1]
        await slack.wait_acked()
        figures = await at.host.store.figures()
        assert {note.account for note in figures.accounts} >= {f"slack:{one.id}", f"slack:{two.id}"}
        assert {each.account for each in figures.tallies if each.kind == "message"} == {
            f"slack:{one.id}",
            f"slack:{two.id}",
        }


async def test_commands_and_buttons_go_to_their_workspace_and_are_acknowledged_with_an_answer(
    slack: AppSlack, tmp_path: Path
) -> None:
    async with works(slack, tmp_path) as at:
        _, two = await both(at)
        room, ada = two.add_channel("general"), two.add_user("ada")
        used = await two.command(room, ada, "/ask", "what is it?")
        await slack.wait_acked(used)
        assert used.response == {"response_type": "in_channel"}
        assert (await two.wait_for_message())["text"].endswith("what is it?")


async def test_a_workspace_without_the_app_is_left_aside_and_mentioned_once(
    slack: AppSlack, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with works(slack, tmp_path) as at:
        one, _ = await both(at)
        stranger = slack.add_team("Stranger")
        for words in ("a", "b"):
            await stranger.say(stranger.add_im(stranger.add_user("eve")), stranger.add_user("eve"), words)
        await slack.wait_acked()
        assert await ask(one, "hello") == "echo: hello"
    assert sum(f"workspace {stranger.id} are left aside" in text for text in caplog.messages) == 1


@pytest.mark.parametrize(
    "payload",
    ["text", {"authorizations": [None]}, {"team": 5}, {"event": {"type": []}}, {"event": None}],
)
async def test_what_nobody_can_read_is_acknowledged_and_harms_nobody(
    slack: AppSlack, tmp_path: Path, payload: Any
) -> None:
    async with works(slack, tmp_path) as at:
        one, _ = await both(at)
        for kind in ("events_api", "interactive", "slash_commands"):
            envelope = slack.socket_mode.add(kind, payload)
            await slack.socket_mode.deliver(envelope)
            await slack.wait_acked(envelope)
        assert await ask(one, "hello") == "echo: hello"


async def test_what_cannot_be_stored_is_not_acknowledged_and_comes_again(
    slack: AppSlack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with works(slack, tmp_path) as at:
        one, _ = await both(at)
        real, failed = at.host.store.admit, asyncio.Event()

        async def full(*given: Any) -> Any:
            failed.set()
            raise StoreError("the disk is full")

        with monkeypatch.context() as patched:
            patched.setattr(at.host.store, "admit", full)
            await one.say(one.add_im(one.add_user("ada")), one.add_user("ada"), "hello")
            await failed.wait()
        assert at.host.store.admit == real
        [envelope] = [each for each in slack.envelopes if each.event.get("text") == "hello"]
        assert envelope.acked_at is None
        await slack.socket_mode.redeliver(envelope)
        await slack.wait_acked(envelope)
        assert (await one.wait_for_message())["text"] == "echo: hello"


async def test_a_lost_socket_shows_at_each_workspace_and_what_was_missed_is_read(
    slack: AppSlack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for where in ("connectors.slack.app_socket", "connectors.slack.client"):
        monkeypatch.setattr(f"{where}.WATCH_S", 0.05)
    monkeypatch.setattr("connectors.slack.intake.PING_S", 0.1)
    async with works(slack, tmp_path) as at:
        one, two = await both(at)
        assert await ask(one, "before") == "echo: before"
        ada = one.add_user("ben")
        dm = one.add_im(ada)
        slack.socket_mode.refuse_next = 1
        slack.socket_mode.drop()
        await at.wait_state(f"slack[{two.id}]", ConnectorState.WAITING)
        one.workspace.user_message(dm, ada, "while you were away")
        await slack.wait_connected()
        assert (await one.wait_for_message(channel=dm))["text"] == "echo: while you were away"
        await at.up(one)
        await at.up(two)
        await at.wait_state("slack", ConnectorState.CONNECTED)


async def test_over_http_one_address_serves_them_all(slack: AppSlack, tmp_path: Path) -> None:
    posts = Posts(slack)
    async with works(slack, tmp_path, mode="http", signing_secret=posts.signing_secret, app_token="") as at:
        one, two = await both(at)
        routes = [
            (runner.name, route)
            for runner in at.host.connectors
            for route in getattr(runner.connector, "http_routes", tuple)()
            if route.path == "/events"
        ]
        assert [name for name, _ in routes] == ["slack"]

        async def post(body: bytes, *, signed: bool = True) -> int:
            headers = {key.lower(): value for key, value in posts.signed(body).items()} if signed else {}
            asked = HttpRequest(
                method="POST",
                path="/events",
                headers={**headers, "content-type": "application/json"},
                body=body,
            )
            answer = await routes[0][1].handler(asked)
            assert answer is not None
            return answer.status

        statuses: list[int] = []

        async def deliver(envelope: Any, **_more: Any) -> bool:
            statuses.append(await post(json.dumps(envelope.payload).encode()))
            return True

        slack.socket_mode.deliver = deliver  # type: ignore[method-assign]
        assert await ask(one, "to one") == "echo: to one"
        assert await ask(two, "to two") == "echo: to two"
        assert set(statuses) == {200}
        assert await post(b"{}", signed=False) == 401
        assert await post(b'{"type": "url_verification", "challenge": "c"}') == 200
    assert not slack.calls_of("apps.connections.open")


# the end


@pytest.mark.parametrize("first", ["tokens_revoked", "app_uninstalled"])
async def test_an_uninstall_ends_one_and_leaves_the_other(
    slack: AppSlack, tmp_path: Path, caplog: pytest.LogCaptureFixture, first: str
) -> None:
    async with works(slack, tmp_path) as at:
        one, two = await both(at)
        assert await ask(one, "hello") == "echo: hello"
        with caplog.at_level(logging.WARNING):
            envelopes = await one.uninstall(first=first)
            await slack.wait_acked(*envelopes)
        assert at.find(f"slack[{one.id}]") is None
        assert [text for text in caplog.messages if "is over" in text] == [
            f"slack[{one.id}] is over: Slack says {first}: the app was removed there "
            "(parts of messages given up: 0)"
        ]
        assert await ask(two, "hello") == "echo: hello"
        kept = {each.id: each for each in await at.runner.kept_accounts()}
        assert not kept[one.id].secrets
        assert kept[two.id].secrets
        # Installed again; then Slack repeats the old event.
        await at.install(one)
        await at.up(one)
        for envelope in envelopes:
            envelope.payload["event_time"] -= 60
            envelope.acked_at = None
        await slack.socket_mode.redeliver(*envelopes)
        await slack.wait_acked(*envelopes)
        assert await ask(one, "back", 2) == "echo: back"


async def test_people_who_take_back_their_own_tokens_end_nothing(slack: AppSlack, tmp_path: Path) -> None:
    async with works(slack, tmp_path) as at:
        one, _ = await both(at)
        said = await one.emit({"type": "tokens_revoked", "tokens": {"oauth": ["U1"], "bot": []}})
        await slack.wait_acked(said)
        assert await ask(one, "hello") == "echo: hello"


async def test_an_uninstall_that_is_not_on_disk_is_not_acknowledged(
    slack: AppSlack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with works(slack, tmp_path) as at:
        one, _ = await both(at)
        failed = asyncio.Event()

        async def full(*_given: Any, **_more: Any) -> Any:
            failed.set()
            raise StoreError("the disk is full")

        with monkeypatch.context() as patched:
            patched.setattr(at.host.store, "end_account", full)
            envelopes = await one.uninstall()
            await failed.wait()
        await slack.socket_mode.redeliver(*envelopes)
        await slack.wait_acked(*envelopes)
        assert at.find(f"slack[{one.id}]") is None


@pytest.mark.parametrize("code", ["account_inactive", "token_revoked"])
async def test_an_uninstall_while_the_host_was_down_is_found_at_the_login(
    slack: AppSlack, tmp_path: Path, code: str
) -> None:
    async with works(slack, tmp_path) as at:
        one, two = await both(at)
    one.refused = code
    async with works(slack, tmp_path) as at:
        await at.up(two)
        await until(lambda: at.find(f"slack[{one.id}]") is None)
        kept = {each.id: each for each in await at.runner.kept_accounts()}
        assert code in kept[one.id].about["over"]
        assert await ask(two, "hello") == "echo: hello"


async def test_a_token_that_is_refused_while_it_runs_ends_one_and_is_tried_at_the_next_start(
    slack: AppSlack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connectors.slack.client.WATCH_S", 0.05)
    monkeypatch.setattr("connectors.slack.errors.TOKEN_WAIT_S", 0.1)
    async with works(slack, tmp_path) as at:
        one, two = await both(at)
        one.refused = "invalid_auth"
        ada = one.add_user("ada")
        await one.say(one.add_im(ada), ada, "hello")
        runner = await at.wait_state(f"slack[{one.id}]", ConnectorState.FAILED)
        assert "invalid_auth" in runner.error
        assert await ask(two, "hello") == "echo: hello"
        assert not one.posts()
    # Slack was wrong, or somebody mended it: nothing is lost.
    one.refused = ""
    async with works(slack, tmp_path) as at:
        await at.up(one)
        assert (await one.wait_for_message())["text"] == "echo: hello"


async def test_a_single_refusal_that_slack_takes_back_ends_nothing(slack: AppSlack, tmp_path: Path) -> None:
    async with works(slack, tmp_path) as at:
        one, _ = await both(at)
        slack.fail("chat.postMessage", "invalid_auth")
        ada = one.add_user("ada")
        await one.say(one.add_im(ada), ada, "hello")
        await slack.wait_answered("chat.postMessage")
        await slack.wait_for_call("auth.test", 5)
        assert (await at.up(one)).error == ""


async def test_an_organisation_that_removes_the_app_takes_all_its_workspaces_along(
    slack: AppSlack, tmp_path: Path
) -> None:
    one, two = slack.add_team("One", org="E0ORG"), slack.add_team("Two", org="E0ORG")
    async with works(slack, tmp_path) as at:
        third = slack.add_team("Three")
        for place in ("E0ORG", third):
            await at.install(place)
        for team in (one, two, third):
            await at.up(team)
        await slack.wait_acked(await one.emit({"type": "app_uninstalled"}))
        assert [each.name for each in at.host.connectors] == ["slack", f"slack[{third.id}]"]
        assert await ask(third, "hello") == "echo: hello"
    async with works(slack, tmp_path) as at:
        await at.up(third)
        assert [each.name for each in at.host.connectors] == ["slack", f"slack[{third.id}]"]


# beside each other


async def test_a_fixed_token_goes_on_beside_with_the_people_whom_it_knew(
    slack: AppSlack, tmp_path: Path
) -> None:
    one = slack.add_team("One")
    fixed = str(slack._issue(one.id)["access_token"])
    async with works(slack, tmp_path, bot_token=fixed) as at:
        await at.up(one)
        assert await ask(one, "I am Ada") == "echo: I am Ada"
        two = slack.add_team("Two")
        await at.install(two)
        await at.up(two)
        assert await ask(two, "and I am not") == "echo: and I am not"
    # Then the app is installed there too, and the token is taken out of the config: the same people.
    async with works(slack, tmp_path) as at:
        await at.install(one)
        await at.up(one)
        assert await ask(one, "who am I?", 2) == "echo: who am I?"
        assert heard(at) == ["I am Ada", "who am I?"]


async def test_tokens_without_their_key_are_named_with_the_way_out_and_the_others_go_on(
    slack: AppSlack, tmp_path: Path
) -> None:
    one = slack.add_team("One")
    async with works(slack, tmp_path) as at:
        await at.install(one)
        await at.up(one)
    key = (tmp_path / FILE).read_text()
    (tmp_path / FILE).write_text(new_key() + "\n")
    async with works(slack, tmp_path) as at:
        two = slack.add_team("Two")
        await at.install(two)
        await at.up(two)
        runner = await at.wait_state(f"slack[{one.id}]", ConnectorState.FAILED)
        assert "encrypted with another key; put the old key back into" in runner.error
        assert await ask(two, "hello") == "echo: hello"
    with (tmp_path / FILE).open("a") as keys:
        keys.write(key)
    async with works(slack, tmp_path) as at:
        for team in (one, two):
            await at.up(team)
        assert await ask(one, "hello") == "echo: hello"


async def test_check_looks_at_the_app_and_each_installation(slack: AppSlack, tmp_path: Path) -> None:
    config = app_config(slack)
    async with works(slack, tmp_path) as at:
        one, two = await both(at)
        third = slack.add_team("Three")
        await at.install(third)
        await at.up(third)
        await slack.wait_acked(*await third.uninstall())
        kept = await at.runner.kept_accounts()
    one.refused = "invalid_auth"
    lines = {line.name: line for line in await check_app(config, kept, "https://b.example.org/slack/events")}
    assert lines["slack client"].ok
    assert lines["slack socket mode"].ok
    assert "https://b.example.org/slack/oauth_redirect" in lines["slack install"].detail
    assert not lines[f"slack[{one.id}]"].ok
    assert lines[f"slack[{two.id}]"].detail == "@botty in Two"
    assert "over" in lines[f"slack[{third.id}]"].detail
    wrong = await check_app(config.model_copy(update={"client_secret": "no"}), [], "")
    assert (wrong[0].ok, wrong[0].detail) == (False, "Slack refuses it: bad_client_secret")
    assert "slack-install" in wrong[-1].advice
