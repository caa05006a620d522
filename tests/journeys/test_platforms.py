"""A person writes at the platform, and the model's reply comes out there: real command, real libraries."""

from pathlib import Path

import pytest

from tests.fakes.openai import ApiError
from tests.journeys.party import party
from tests.journeys.seats import DM, GROUP, PLACES, PLATFORMS, THREAD


@pytest.mark.parametrize("name", PLATFORMS)
async def test_dm_mention_and_thread_are_answered_where_they_were_asked(name: str, tmp_path: Path) -> None:
    async with party(tmp_path, name) as p, p.host() as host:
        [seat] = p.seats
        await seat.say(DM, "hello in private")
        assert await seat.wait_reply(DM) == "echo: hello in private"
        await seat.say(GROUP, "just talking among ourselves")
        await seat.say(GROUP, "hello in the group", mention=True)
        assert (await seat.wait_reply(GROUP)).endswith("hello in the group")
        await seat.say(THREAD, "hello in the thread", mention=True)
        assert (await seat.wait_reply(THREAD)).endswith("hello in the thread")
        # In a thread that the agent takes part in, nobody has to mention it again. A Telegram topic is no
        # such thread: it is a room for everybody, for years.
        await seat.say(THREAD, "and one more thing", mention=name == "telegram")
        assert (await seat.wait_reply(THREAD, 2)).endswith("and one more thing")
        assert [len(seat.replies(place)) for place in PLACES] == [1, 1, 2]
        assert len(p.model.chats) == 4
        assert await host.stop() == 0
        assert "Traceback" not in host.all_log


async def test_three_platforms_at_the_same_time_on_one_host_and_one_database(tmp_path: Path) -> None:
    async with party(tmp_path, *PLATFORMS) as p, p.host() as host:
        with p.model.hold() as held:
            for seat in p.seats:
                await seat.say(DM, f"hello from {seat.name}")
            await p.model.wait_for_requests(3)
            for seat in p.seats:
                if seat.name != "slack":  # in a Slack DM outside a thread there is no place for a status
                    await seat.wait_typing()
            held.release()
        for seat in p.seats:
            assert await seat.wait_reply(DM) == f"echo: hello from {seat.name}"
            assert len(seat.replies(DM)) == 1
        assert await host.stop() == 0


@pytest.mark.parametrize("name", PLATFORMS)
async def test_long_replies_arrive_whole_and_in_parts_that_stand_for_themselves(
    name: str, tmp_path: Path
) -> None:
    words = " ".join(f"word{n:04d}" for n in range(1200))
    code = "\n".join(f"line_{n} = {n}" for n in range(300))
    async with party(tmp_path, name) as p, p.host():
        [seat] = p.seats
        p.model.answer(f"{words}\n\n```python\n{code}\n```\n\nthe end")
        await seat.say(DM, "write a lot")
        parts = 1
        while "the end" not in await seat.wait_reply(DM, parts):
            parts += 1
        assert parts >= 2
        whole = "\n".join(seat.replies(DM))
        for n in range(1200):
            assert f"word{n:04d}" in whole
        for n in range(300):
            assert f"line_{n} = {n}\n" in whole + "\n"


@pytest.mark.parametrize("name", PLATFORMS)
async def test_own_and_other_bots_messages_are_not_answered(name: str, tmp_path: Path) -> None:
    async with party(tmp_path, name) as p, p.host():
        [seat] = p.seats
        await seat.other_bot_says("let us talk for ever")
        await seat.say(GROUP, "a person asks", mention=True)
        await seat.wait_reply(GROUP)
        await seat.say(DM, "last")
        await seat.wait_reply(DM)
        assert len(p.model.chats) == 2


@pytest.mark.parametrize("name", PLATFORMS)
async def test_an_edit_before_the_answer_is_taken_over(name: str, tmp_path: Path) -> None:
    async with party(tmp_path, name) as p, p.host():
        [seat] = p.seats
        with p.model.hold() as held:
            said = await seat.say(DM, "what is 2+2")
            await held.wait_for_request()
            await seat.edit(DM, said, "what is 3+3")
            await p.model.wait_for_requests(2)
            held.release()
        assert await seat.wait_reply(DM) == "echo: what is 3+3"
        await seat.say(DM, "thanks")
        await seat.wait_reply(DM, 2)
        assert len(seat.replies(DM)) == 2


@pytest.mark.parametrize("name", PLATFORMS)
async def test_strange_events_and_broken_frames_do_not_stop_it(name: str, tmp_path: Path) -> None:
    async with party(tmp_path, name) as p, p.host() as host:
        [seat] = p.seats
        await seat.strange_event()
        await seat.say(DM, "still there?")
        assert await seat.wait_reply(DM) == "echo: still there?"
        assert await host.stop() == 0


STRANGE_TEXTS = {
    "100,000 characters are more than a platform sends, but a proxy may": "x" * 100_000,
    "zalgo": "z̷̡̛̹a̴͈͝l̵̰̾g̶̺̈o̷̪͊",
    "right to left": "مرحبا \u202eevil\u202c שלום",
    "lone surrogates": "half \ud83d of a pair",
    "nul": "a\x00b",
    "markup": "<b>not</b> *closed _nor `this & that </b> <!channel> @everyone",
}


@pytest.mark.parametrize("name", PLATFORMS)
async def test_strange_texts_are_answered_on_each_platform(name: str, tmp_path: Path) -> None:
    async with party(tmp_path, name) as p, p.host() as host:
        [seat] = p.seats
        for count, text in enumerate(STRANGE_TEXTS.values(), 1):
            p.model.answer(f"answer {count}: {text[:500]}")
            await seat.say(DM, text)
            assert f"answer {count}" in await seat.wait_reply(DM, count)
        await seat.say(DM, "")
        await seat.say(DM, "after the empty one")
        assert await seat.wait_reply(DM, len(STRANGE_TEXTS) + 1) == "echo: after the empty one"
        shown = [chat.last_user_text for chat in p.model.chats]
        assert "a\x00b" not in shown
        assert any("half \ufffd of a pair" in text for text in shown)
        assert await host.stop() == 0
        assert "Traceback" not in host.all_log


@pytest.mark.parametrize("name", PLATFORMS)
async def test_a_platform_that_cannot_be_reached_is_waited_for(name: str, tmp_path: Path) -> None:
    async with party(tmp_path, name) as p:
        [seat] = p.seats
        await seat.go_away()
        async with p.host(wait=False) as host:
            await host.wait_log(f"{name} waits:")
            await seat.come_back()
            await host.wait_log(f"{name} on: connected as")
            await seat.say(DM, "hello at last")
            assert await seat.wait_reply(DM) == "echo: hello at last"
            assert await host.stop() == 0
            assert "Traceback" not in host.all_log


@pytest.mark.parametrize("name", PLATFORMS)
async def test_a_model_that_fails_is_told_to_whoever_asked_and_forgotten(name: str, tmp_path: Path) -> None:
    async with party(tmp_path, name) as p, p.host() as host:
        [seat] = p.seats
        p.model.fail(ApiError(401, f"Incorrect API key provided: {p.model.key}"))
        await seat.say(DM, "hello?")
        assert (await seat.wait_reply(DM)).startswith("Sorry")
        await seat.say(DM, "and now?")
        assert await seat.wait_reply(DM, 2) == "echo: and now?"
        assert p.model.key is not None
        assert p.model.key not in host.all_log


async def test_a_wrong_token_of_one_platform_keeps_nobody_else_from_running(tmp_path: Path) -> None:
    wrong = {
        "DISCORD_BOT_TOKEN": "wrong.discord.token-0123456789",
        "SLACK_BOT_TOKEN": "xoxb-000000000000-wrongwrongwrong",
    }
    async with party(tmp_path, *PLATFORMS) as p:
        p.env |= wrong
        async with p.host(wait=False) as host:
            await host.wait_log("discord off:")
            await host.wait_log("slack off:")
            await host.wait_log("telegram on:")
            telegram = p.seats[PLATFORMS.index("telegram")]
            await telegram.say(DM, "anybody there?")
            assert await telegram.wait_reply(DM) == "echo: anybody there?"
            assert await host.stop() == 0
            for secret in wrong.values():
                assert secret not in host.all_log


@pytest.mark.parametrize("name", PLATFORMS)
async def test_only_a_wrong_token_ends_it_with_an_exit_code(name: str, tmp_path: Path) -> None:
    wrong = {
        "discord": {"DISCORD_BOT_TOKEN": "wrong.discord.token-0123456789"},
        "telegram": {"TELEGRAM_BOT_TOKEN": "123456789:wrong-token-wrong-token-wrong-token"},
        "slack": {"SLACK_APP_TOKEN": "xapp-1-A000-000-wrongwrongwrong"},
    }[name]
    async with party(tmp_path, name) as p:
        p.env |= wrong
        async with p.host(wait=False) as host:
            assert await host.end() == 1
            assert "token" in await host.wait_log(f"{name} off:")
            assert "Traceback" not in host.all_log
