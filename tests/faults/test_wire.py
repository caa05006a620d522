"""What goes wrong on the wire, one after the other against one running host: each message answered once.

How each connector takes each fault is tested in tests/connectors; here the whole house goes through all of
them, and none of them may lose a message, double one or need a restart.
"""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.discord import SEND, FakeDiscord
from tests.fakes.slack import FakeSlack
from tests.fakes.telegram import FakeTelegram
from tests.faults.rows import at_rest, rows, verify
from tests.faults.test_steps_killed import REPEAT, times
from tests.journeys.harness import PATIENCE_S
from tests.journeys.party import party
from tests.journeys.seats import DM, GROUP, PLATFORMS, DiscordSeat, Seat, SlackSeat, TelegramSeat

HERE = Path(__file__).parent
POST = "chat.postMessage"
PAGE = b"<html><body>502 Bad Gateway</body></html>"
CUT = '{"ok": true, "result": {"message_id": 1'

Break = Callable[[Any], Any]
ONCE, MARKED, TWICE = ("",), (REPEAT,), ("", REPEAT)
"""How the copies of an answer begin."""


async def storm(fake: FakeDiscord) -> None:
    """Connections that are cut as soon as they stand."""
    for _ in range(4):
        resumes = len(fake.gateway.resumes)
        fake.cut()
        await fake.wait_resumed(resumes + 1)
    fake.cut()


async def forgotten(fake: FakeDiscord) -> None:
    fake.forget_sessions()
    fake.cut()


async def slack_storm(fake: FakeSlack) -> None:
    for _ in range(3):
        await fake.wait_connected()
        fake.socket_mode.drop()
    fake.socket_mode.refuse_next = 1


TELEGRAM: dict[str, tuple[Break, tuple[str, ...]]] = {
    "polls: 500": (lambda f: f.fail("getUpdates", status=500), ONCE),
    "polls: 502 and a page": (lambda f: f.fail("getUpdates", status=502, raw=PAGE), ONCE),
    "polls: 429": (lambda f: f.flood("getUpdates", retry_after=1), ONCE),
    "polls: cut before": (lambda f: f.drop("getUpdates"), ONCE),
    "polls: cut after": (lambda f: f.drop("getUpdates", after=True), ONCE),
    "polls: half an answer": (lambda f: f.fail("getUpdates", status=200, raw=CUT.encode()), ONCE),
    "polls: all connections cut": (lambda f: f.cut(), ONCE),
    "send: 429": (lambda f: f.flood("sendMessage", retry_after=1), ONCE),
    "send: 503": (lambda f: f.fail("sendMessage", status=503), ONCE),
    "send: 502 and a page": (lambda f: f.fail("sendMessage", status=502, raw=PAGE), MARKED),
    "send: cut before": (lambda f: f.drop("sendMessage"), MARKED),
    "send: cut after": (lambda f: f.drop("sendMessage", after=True), TWICE),
    "send: half an answer": (lambda f: f.fail("sendMessage", status=200, raw=CUT.encode()), MARKED),
}
DISCORD: dict[str, tuple[Break, tuple[str, ...]]] = {
    "gateway: cut": (lambda f: f.cut(), ONCE),
    "gateway: half a frame": (lambda f: f.send_cut_frame(), ONCE),
    "gateway: garbage": (lambda f: f.send_garbage(), ONCE),
    "gateway: closed": (lambda f: f.close_gateway(4000), ONCE),
    "gateway: asked to reconnect": (lambda f: f.reconnect(), ONCE),
    "gateway: resume refused": (forgotten, ONCE),
    "gateway: session invalid": (lambda f: f.invalidate(), ONCE),
    "gateway: reconnect storm": (storm, ONCE),
    "send: 429": (lambda f: f.rate_limit(SEND, 1.0), ONCE),
    "send: 500": (lambda f: f.fail(SEND, 500), ONCE),
    "send: 502 and a page": (lambda f: f.fail(SEND, 502, PAGE, content_type="text/html"), ONCE),
    "send: 503": (lambda f: f.fail(SEND, 503), ONCE),
    "send: cut before": (lambda f: f.drop(SEND, "before"), ONCE),
    "send: cut after": (lambda f: f.drop(SEND, "after"), ONCE),
    "send: half an answer": (lambda f: f.fail(SEND, 200, CUT.encode()), ONCE),
}
SLACK: dict[str, tuple[Break, tuple[str, ...]]] = {
    "socket: cut": (lambda f: f.socket_mode.drop(), ONCE),
    "socket: half a frame": (lambda f: f.socket_mode.send_frame('{"type": "events_api", "payl'), ONCE),
    "socket: about to go": (lambda f: f.socket_mode.disconnect("warning"), ONCE),
    "socket: renewed": (lambda f: f.socket_mode.disconnect("refresh_requested", close=True), ONCE),
    "socket: reconnect storm": (slack_storm, ONCE),
    "send: 429": (lambda f: f.rate_limit(POST, 1), ONCE),
    "send: 500": (lambda f: f.fail(POST, status=500, body=PAGE.decode()), ONCE),
    "send: 502 and a page": (lambda f: f.fail(POST, status=502, body=PAGE.decode()), ONCE),
    "send: 503": (lambda f: f.fail(POST, status=503, body=PAGE.decode()), ONCE),
    "send: cut before": (lambda f: f.drop(POST, "before"), ONCE),
    "send: cut after": (lambda f: f.drop(POST, "after"), ONCE),
    "send: half an answer": (lambda f: f.fail(POST, body=CUT), ONCE),
}
FAULTS = {"telegram": TELEGRAM, "discord": DISCORD, "slack": SLACK}


def fake_of(seat: Seat) -> FakeTelegram | FakeDiscord | FakeSlack:
    assert isinstance(seat, TelegramSeat | DiscordSeat | SlackSeat)
    return seat.fake


async def suffer(seat: Seat, folder: Path) -> None:
    """A conversation through all that can go wrong on a platform, one thing after the other."""
    expected = ["echo: hello"]
    await seat.say(DM, "hello")
    await seat.wait_reply(DM)
    for fault, (break_it, copies) in FAULTS[seat.name].items():
        print(seat.name, fault)
        broken = break_it(fake_of(seat))
        if isinstance(broken, Awaitable):
            await broken
        await seat.say(DM, f"through {fault}")
        expected.extend(f"{copy}echo: through {fault}" for copy in copies)
        await seat.wait_reply(DM, len(expected))
        await recorded(folder, seat.name)
        assert seat.replies(DM) == expected
    await at_rest(folder)
    assert seat.replies(DM) == expected


async def recorded(folder: Path, platform: str) -> None:
    """Until nothing of a platform is on its way."""
    open_parts = f"SELECT 1 FROM outbox WHERE state IN ('pending', 'sending') AND account LIKE '{platform}%'"
    while rows(folder, open_parts):
        await asyncio.sleep(0.02)


@pytest.mark.slow
@pytest.mark.timeout(5 * PATIENCE_S)
async def test_through_all_faults_each_message_is_answered_once(tmp_path: Path) -> None:
    async with party(tmp_path, *PLATFORMS, patience_s=4 * PATIENCE_S) as p, p.host() as host:
        async with asyncio.TaskGroup() as group:
            for seat in p.seats:
                group.create_task(suffer(seat, tmp_path))
        assert await host.stop() == 0
        assert len(p.model.chats) == sum(1 + len(faults) for faults in FAULTS.values())
        await verify(p)


@pytest.mark.slow
async def test_an_answer_after_the_time_out_makes_no_second_message(tmp_path: Path) -> None:
    async with party(tmp_path, *PLATFORMS) as p:
        p.program = (str(HERE / "stepped.py"),)
        p.env["SEND_SECONDS"] = "1"
        async with p.host() as host:
            for seat in p.seats:
                await seat.say(DM, "hello")
                await seat.wait_reply(DM)
            await at_rest(tmp_path)
            held = [seat.hold_answers() for seat in p.seats]
            for seat in p.seats:
                await seat.say(DM, "are you there?")
                await seat.wait_reply(DM, 2)
            await times(host, "may have arrived or not", len(p.seats))
            for each in held:
                each.release()
            await at_rest(tmp_path)
            assert await host.stop() == 0
        for seat in p.seats:
            repeated = [f"{REPEAT}echo: are you there?"] if seat.name == "telegram" else []
            assert seat.replies(DM) == ["echo: hello", "echo: are you there?", *repeated]
        await verify(p)


@pytest.mark.slow
async def test_a_room_that_has_to_wait_long_holds_up_no_other(tmp_path: Path) -> None:
    async with party(tmp_path, *PLATFORMS) as p, p.host() as host:
        for seat in p.seats:
            fake = fake_of(seat)
            if isinstance(fake, FakeTelegram):
                fake.flood("sendMessage", retry_after=600)
            elif isinstance(fake, FakeSlack):
                fake.rate_limit(POST, 600)
            else:
                fake.rate_limit(SEND, 600.0)
            await seat.say(DM, "hello")
            await host.wait_log(f"message to {seat.name}", "trying again in 6")
            await seat.say(DM, "anybody?")
            await seat.say(GROUP, "hello", mention=True)
            assert (await seat.wait_reply(GROUP)).endswith("hello")
            assert seat.replies(DM) == []
        assert await host.stop() == 0


@pytest.mark.long
@pytest.mark.timeout(5 * PATIENCE_S)
async def test_half_open_connections_are_noticed(tmp_path: Path) -> None:
    async with party(tmp_path, *PLATFORMS, patience_s=4 * PATIENCE_S) as p:
        for seat in p.seats:
            fake = fake_of(seat)
            if isinstance(fake, FakeDiscord):
                fake.gateway.heartbeat_interval_ms = 5000
        async with p.host() as host:
            for seat in p.seats:
                await seat.say(DM, "hello")
                await seat.wait_reply(DM)
            await at_rest(tmp_path)
            for seat in p.seats:
                fake = fake_of(seat)
                if isinstance(fake, FakeDiscord):
                    fake.gateway.acks = False
                elif isinstance(fake, FakeSlack):
                    fake.socket_mode.answer_pings = False
                else:
                    fake.cut()
                    fake.hold("getUpdates")
                await seat.say(DM, "are you there?")
            discord = next(seat.fake for seat in p.seats if isinstance(seat, DiscordSeat))
            async with asyncio.timeout(3 * PATIENCE_S):
                while not discord.gateway.resumes:
                    await asyncio.sleep(0.1)
            discord.gateway.acks = True
            for seat in p.seats:
                async with asyncio.timeout(2 * PATIENCE_S):
                    while len(seat.replies(DM)) < 2:
                        await asyncio.sleep(0.1)
                assert seat.replies(DM) == ["echo: hello", "echo: are you there?"]
            assert await host.stop() == 0
        await verify(p)
