"""Tokens of an installation that expire: renewed in time, once, and on disk before they are used."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot_host.connector import ConnectorState, StoreError
from connectors.slack import tokens as token_life
from tests.connectors.slack_apps import ask, both, works
from tests.fakes.slack_oauth import AppSlack


@pytest.fixture
async def slack() -> AsyncIterator[AppSlack]:
    async with AppSlack() as slack:
        yield slack


async def test_a_token_that_expires_is_renewed_before_its_end_and_kept(
    slack: AppSlack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slack.rotates = True
    async with works(slack, tmp_path) as at:
        one, _ = await both(at)
        assert await ask(one, "fresh") == "echo: fresh"
        assert len(slack.tokens_of(one.id)) == 1
        with monkeypatch.context() as patched:
            patched.setattr(token_life, "EARLY_S", 13 * 3600.0)
            assert await ask(one, "soon over", 2) == "echo: soon over"
        renewed = slack.tokens_of(one.id)
        assert len(renewed) > 1
        assert slack.calls_of("chat.postMessage")[-1].token in renewed[1:]
    renewed = slack.tokens_of(one.id)
    # The older ones are good for nothing after a while; the kept one is the newest.
    slack._expired |= set(renewed[:-1])
    async with works(slack, tmp_path) as at:
        await at.up(one)
        assert await ask(one, "after a restart", 3) == "echo: after a restart"
        assert slack.tokens_of(one.id) == renewed[-1:]


async def test_of_many_that_meet_an_expired_token_one_renews_it(slack: AppSlack, tmp_path: Path) -> None:
    slack.rotates = True
    async with works(slack, tmp_path) as at:
        one, two = await both(at)
        before = len(slack.calls_of("oauth.v2.access"))
        slack.expire(one.id)
        connector: Any = at.find(f"slack[{one.id}]").connector  # type: ignore[union-attr]
        held = slack.hold("oauth.v2.access")
        calls = [asyncio.ensure_future(connector._web().auth_test()) for _ in range(20)]
        await slack.wait_until(lambda: len(slack.calls_of("oauth.v2.access")) == before + 1)
        held.release()
        assert all(answer["ok"] for answer in await asyncio.gather(*calls))
        assert len(slack.calls_of("oauth.v2.access")) == before + 1
        assert await ask(two, "untouched") == "echo: untouched"
        assert len(slack.tokens_of(two.id)) == 1


async def test_what_slack_gives_is_not_lost_with_whoever_asked(slack: AppSlack, tmp_path: Path) -> None:
    """A sign that is taken away while it is put up cancels its call; the refresh token is used up by then."""
    slack.rotates = True
    async with works(slack, tmp_path) as at:
        one, _ = await both(at)
        before = len(slack.calls_of("oauth.v2.access"))
        slack.expire(one.id)
        connector: Any = at.find(f"slack[{one.id}]").connector  # type: ignore[union-attr]
        held = slack.hold("oauth.v2.access", when="after")
        call = asyncio.ensure_future(connector._web().auth_test())
        await slack.wait_answered("oauth.v2.access", before + 1)
        call.cancel()
        await asyncio.wait([call])
        held.release()
        assert await ask(one, "hello") == "echo: hello"
        assert len(slack.calls_of("oauth.v2.access")) == before + 1


async def test_new_tokens_that_cannot_be_kept_are_kept_later(
    slack: AppSlack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    slack.rotates = True
    async with works(slack, tmp_path) as at:
        one, _ = await both(at)

        async def full(_row: object) -> None:
            raise StoreError("the disk is full")

        slack.expire(one.id)
        with monkeypatch.context() as patched:
            patched.setattr(at.host.store, "put_secret", full)
            assert await ask(one, "hello") == "echo: hello"
        assert "could not be kept and is lost if the host ends now" in caplog.text
        assert await ask(one, "again", 2) == "echo: again"
    async with works(slack, tmp_path) as at:
        await at.up(one)
        assert await ask(one, "after", 3) == "echo: after"


async def test_where_renewing_is_refused_for_good_only_that_workspace_ends(
    slack: AppSlack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connectors.slack.client.WATCH_S", 0.05)
    monkeypatch.setattr("connectors.slack.errors.TOKEN_WAIT_S", 0.1)
    slack.rotates = True
    async with works(slack, tmp_path) as at:
        one, two = await both(at)
        slack._refresh = {refresh: id for refresh, id in slack._refresh.items() if id != one.id}
        slack.expire(one.id)
        ada = one.add_user("ada")
        await one.say(one.add_im(ada), ada, "hello")
        runner = await at.wait_state(f"slack[{one.id}]", ConnectorState.FAILED)
        assert "install the app there again" in runner.error
        assert await ask(two, "hello") == "echo: hello"
        # What was asked waits for the next installation.
        await at.install(one)
        assert (await one.wait_for_message())["text"] == "echo: hello"
