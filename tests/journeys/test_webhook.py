"""Telegram's webhook with the real command: killed between, and after and before long polling."""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.fakes.telegram_hooks import Hooks
from tests.journeys.party import Party, party
from tests.journeys.seats import DM, GROUP, TelegramSeat
from tests.journeys.test_restart import all_recorded, locked_database

HOOK = 'mode = "webhook"\n'


@asynccontextmanager
async def hooked(folder: Path) -> AsyncIterator[tuple[Party, TelegramSeat, Hooks]]:
    # The seat's table is the last of the file: the mode goes into it.
    async with party(folder, "telegram", extra=HOOK) as p:
        [seat] = p.seats
        assert isinstance(seat, TelegramSeat)
        async with Hooks(seat.fake) as hooks:
            yield p, seat, hooks


async def test_it_answers_by_webhook_and_stays_for_it(tmp_path: Path) -> None:
    async with hooked(tmp_path) as (p, seat, hooks), p.host() as host:
        await seat.say(DM, "hello")
        assert await seat.wait_reply(DM) == "echo: hello"
        await seat.say(GROUP, "hello there", mention=True)
        assert (await seat.wait_reply(GROUP)).endswith("hello there")
        await hooks.wait_delivered()
        assert {attempt.status for attempt in hooks.attempts} == {200}
        assert seat.fake.called("getUpdates") == []
        url = seat.fake.bot.webhook["url"]
        assert await host.stop() == 0
        assert "Traceback" not in host.all_log
        assert seat.fake.bot.webhook["secret_token"] not in host.all_log
    assert url.startswith("http://127.0.0.1:")


async def test_killed_before_the_commit_telegram_brings_it_again(tmp_path: Path) -> None:
    async with hooked(tmp_path) as (p, seat, hooks):
        async with p.host() as host:
            await seat.say(DM, "first")
            await seat.wait_reply(DM)
            await hooks.wait_delivered()
            await all_recorded(tmp_path)
            with locked_database(tmp_path):
                await seat.say(DM, "second")
                [update] = seat.fake.bot.updates.pending
                await hooks.wait_for(lambda: update["update_id"] in hooks.begun)
                await host.kill()
        async with p.host() as host:
            assert await seat.wait_reply(DM, 2) == "echo: second"
            await hooks.wait_delivered()
            assert await host.stop() == 0
        assert hooks.statuses(update["update_id"])[0] == 0
        assert seat.replies(DM) == ["echo: first", "echo: second"]


async def test_killed_between_commit_and_reply_it_is_answered_once(tmp_path: Path) -> None:
    async with hooked(tmp_path) as (p, seat, hooks):
        async with p.host() as host:
            with p.model.hold() as held:
                await seat.say(DM, "hello")
                await held.wait_for_request()
                await host.kill()
        await seat.say(DM, "while it is away")
        async with p.host() as host:
            assert await seat.wait_reply(DM) == "echo: hello"
            assert await seat.wait_reply(DM, 2) == "echo: while it is away"
            await hooks.wait_delivered()
            assert await host.stop() == 0
        assert seat.replies(DM) == ["echo: hello", "echo: while it is away"]


async def test_both_modes_after_each_other_lose_and_double_nothing(tmp_path: Path) -> None:
    async with hooked(tmp_path) as (p, seat, hooks):
        said: list[str] = []

        async def say(text: str) -> None:
            said.append(text)
            await seat.say(DM, text)

        for mode in ("", HOOK, "", HOOK):
            p.write_config(mode)
            await say(f"before {len(said)}")
            async with p.host() as host:
                await seat.wait_reply(DM, len(said))
                await say(f"during {len(said)}")
                await seat.wait_reply(DM, len(said))
                assert await host.stop() == 0
        await hooks.wait_delivered()
        assert seat.replies(DM) == [f"echo: {text}" for text in said]
        drops = [c.params.get("drop_pending_updates") for c in seat.fake.calls if "ebhook" in c.method]
        assert set(drops) <= {None, "false"}


async def test_without_a_web_server_it_says_what_to_do(tmp_path: Path) -> None:
    async with hooked(tmp_path) as (p, _, _):
        p.write_config(HOOK + "[web]\nenabled = false\n")
        for command in ([], ["check"]):
            async with p.command(*command) as host:
                assert await host.end() == 2
                said = host.all_log + host.text
                assert 'connectors.telegram: mode = "webhook" is called by the platform' in said
                assert 'web.enabled = true, or mode = "polling"' in said
        p.write_config(HOOK)
        with socket.create_server(("127.0.0.1", 0)) as other:
            p.env["API_PORT"] = str(other.getsockname()[1])
            async with p.command() as host:
                assert await host.end() == 2
                assert "telegram cannot be reached without the web server" in host.all_log
