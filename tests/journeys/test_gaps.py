"""Killed between a platform's acceptance and our record; and what is said to a host that is down."""

import asyncio
import sqlite3
from pathlib import Path

import pytest

from tests.journeys.party import party
from tests.journeys.seats import DM, GROUP, THREAD


def rows(folder: Path, what: str) -> list[tuple[str, ...]]:
    database = sqlite3.connect(folder / "data" / "bot_host.db")
    try:
        return database.execute(what).fetchall()
    finally:
        database.close()


async def recorded(folder: Path) -> None:
    """Until the platform's answer to each message is on disk: a kill must not fall before."""
    while rows(folder, "SELECT seq FROM outbox WHERE state <> 'sent'"):
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("minutes_pass", [False, True])
@pytest.mark.parametrize("name", ["discord", "slack"])
async def test_killed_between_acceptance_and_record_there_is_one_message(
    name: str, minutes_pass: bool, tmp_path: Path
) -> None:
    async with party(tmp_path, name) as p:
        [seat] = p.seats
        async with p.host() as host:
            await seat.say(THREAD, "first", mention=True)
            await seat.wait_reply(THREAD)
            await recorded(tmp_path)
            held = seat.hold_answers()
            await seat.say(THREAD, "hello", mention=True)
            await seat.wait_reply(THREAD, 2)
            await host.kill()
        held.release()
        assert rows(tmp_path, "SELECT state FROM outbox") == [("sent",), ("sending",)]
        if minutes_pass:
            seat.forget()
        async with p.host() as host:
            await host.wait_log("was being sent when the host ended")
            await host.wait_log("has arrived")
            await seat.say(THREAD, "thanks", mention=True)
            await seat.wait_reply(THREAD, 3)
            assert await host.stop() == 0
        assert [text.split()[-1] for text in seat.replies(THREAD)] == ["first", "hello", "thanks"]
        assert rows(tmp_path, "SELECT DISTINCT state, platform_message_id <> '' FROM outbox") == [("sent", 1)]


@pytest.mark.parametrize("name", ["discord", "slack"])
async def test_killed_before_the_acceptance_it_is_sent_after_the_restart(name: str, tmp_path: Path) -> None:
    async with party(tmp_path, name) as p:
        [seat] = p.seats
        async with p.host() as host:
            with p.model.hold() as model:
                await seat.say(DM, "hello")
                await model.wait_for_request()
                await seat.go_away()
                model.release()
                await host.wait_log("message to", "trying again")
                await host.kill()
        await seat.come_back()
        async with p.host() as host:
            assert await seat.wait_reply(DM) == "echo: hello"
            await seat.say(DM, "thanks")
            await seat.wait_reply(DM, 2)
            assert await host.stop() == 0
        assert seat.replies(DM) == ["echo: hello", "echo: thanks"]


@pytest.mark.parametrize("resend", [True, False])
async def test_at_telegram_a_message_of_unknown_fate_is_repeated_once_or_given_up(
    resend: bool, tmp_path: Path
) -> None:
    async with party(tmp_path, "telegram") as p:
        [seat] = p.seats
        config = tmp_path / "config.toml"
        table = "[connectors.telegram]\n"
        setting = f"{table}resend_unknown = {str(resend).lower()}\n"
        config.write_text(config.read_text("utf-8").replace(table, setting), "utf-8")
        async with p.host() as host:
            held = seat.hold_answers()
            await seat.say(DM, "hello")
            await seat.wait_reply(DM)
            await host.kill()
        held.release()
        async with p.host() as host:
            await seat.say(DM, "thanks")
            await seat.wait_reply(DM, 3 if resend else 2)
            assert await host.stop() == 0
            if not resend:
                await host.wait_log("unknown whether it was delivered; it is not sent again")
        again = ["↻ echo: hello"] if resend else []
        assert seat.replies(DM) == ["echo: hello", *again, "echo: thanks"]
        first = rows(tmp_path, "SELECT state, error FROM outbox ORDER BY seq LIMIT 1")
        assert first == [("sent", "") if resend else ("failed", "unknown whether it was delivered")]


@pytest.mark.parametrize(
    ("name", "late"), [("discord", False), ("telegram", False), ("slack", False), ("slack", True)]
)
async def test_what_is_said_while_the_host_is_down_is_answered_once(
    name: str, late: bool, tmp_path: Path
) -> None:
    async with party(tmp_path, name) as p:
        [seat] = p.seats
        places = (DM, GROUP, THREAD)
        async with p.host() as host:
            for place in places:
                await seat.say(place, "first", mention=place != DM)
                await seat.wait_reply(place)
            assert await host.stop() == 0
        for place in places:
            await seat.say(place, "are you asleep?", mention=place != DM)
        await seat.say(GROUP, "just talking among ourselves")
        if not late:
            seat.forget()  # else Slack delivers it late, besides its standing in the history
        async with p.host() as host:
            for place in places:
                assert (await seat.wait_reply(place, 2)).endswith("are you asleep?")
            # Late deliveries may be quicker than the history: then there is nothing to catch up.
            await host.wait_log("connected" if late else f"{name} caught up:")
            await seat.say(DM, "good morning")
            assert await seat.wait_reply(DM, 3) == "echo: good morning"
            assert await host.stop() == 0
        assert [len(seat.replies(place)) for place in places] == [3, 2, 2]
        outcomes = rows(tmp_path, "SELECT outcome, reason FROM inbox WHERE outcome = 'ignored'")
        assert outcomes == [("ignored", "not addressed")]
        assert len(p.model.chats) == 7


@pytest.mark.parametrize(
    ("name", "policy"), [("discord", "note"), ("telegram", "note"), ("slack", "note"), ("discord", "skip")]
)
async def test_what_was_missed_can_be_noted_or_left_out(name: str, policy: str, tmp_path: Path) -> None:
    async with party(tmp_path, name) as p:
        [seat] = p.seats
        config = tmp_path / "config.toml"
        table = f"[connectors.{name}]\n"
        config.write_text(
            config.read_text("utf-8").replace(table, f'{table}catch_up = "{policy}"\n'), "utf-8"
        )
        async with p.host() as host:
            await seat.say(DM, "first")
            await seat.wait_reply(DM)
            assert await host.stop() == 0
        await seat.say(DM, "missed")
        seat.forget()
        async with p.host() as host:
            counts = "0 to answer, 1 only noted" if policy == "note" else "0 to answer, 0 only noted"
            await host.wait_log(f"{name} caught up: 1 missed messages: {counts}")
            await seat.say(DM, "live")
            assert await seat.wait_reply(DM, 2) == "echo: live"
            assert await host.stop() == 0
        said = [m["content"] for m in p.model.chats[1].messages if m["role"] == "user"]
        assert said == (["first", "missed", "live"] if policy == "note" else ["first", "live"])
        reasons = [
            reason for (reason,) in rows(tmp_path, "SELECT reason FROM inbox WHERE outcome = 'ignored'")
        ]
        assert reasons == (["caught up, not answered"] if policy == "note" else [])
