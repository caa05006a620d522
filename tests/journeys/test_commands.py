"""Commands and buttons through the real command, over restarts and kills."""

import io
import sqlite3
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.discord import SEND, FakeDiscord
from tests.fakes.discord_interactions import FOLLOWUP, Given
from tests.journeys.harness import bot_host, clean_environment
from tests.journeys.party import Party, party
from tests.journeys.seats import DM, GROUP, DiscordSeat, Seat, TelegramSeat


class Server:
    """The Discord seat, with what its people do with commands."""

    def __init__(self, p: Party) -> None:
        [seat] = p.seats
        assert isinstance(seat, DiscordSeat)
        self.seat = seat
        self.fake: FakeDiscord = seat.fake

    def use(self, place: str, name: str, **options: Any) -> Given:
        return self.fake.use_command(self.seat.channels[place], self.seat.ada, name, **options)

    async def answered(self, given: Given, count: int = 1) -> list[str]:
        await self.fake.wait_until(lambda: len(given.texts) >= count, f"answer {count}")
        return given.texts

    async def acked(self, given: Given) -> None:
        await self.fake.wait_until(lambda: given.ack is not None, "the acknowledgement")


def unpacked(data: bytes) -> str:
    """All that is said in the files of a zip file."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        return "\n".join(archive.read(name).decode() for name in archive.namelist())


def violations(folder: Path, sql: str) -> list[Any]:
    database = sqlite3.connect(folder / "data" / "bot_host.db")
    try:
        return database.execute(sql).fetchall()
    finally:
        database.close()


async def test_commands_on_discord(tmp_path: Path) -> None:
    async with party(tmp_path, "discord") as p, p.host() as host:
        discord = Server(p)
        await host.wait_log("commands are registered")
        assert {"ask", "forgetme", "Ask about this"} <= {c["name"] for c in discord.fake.commands}

        asked = discord.use(GROUP, "ask", text="what is rain?")
        assert await discord.answered(asked) == ["echo: Ada: what is rain?"]

        why = discord.use(DM, "why")
        nothing = "Commands aside, I know of no message of yours here before this one."
        assert await discord.answered(why) == [nothing]

        refused = discord.use(GROUP, "reset")
        assert await discord.answered(refused) == ["/reset needs the role ADMIN here."]

        data = discord.use(GROUP, "mydata")
        [told] = await discord.answered(data)
        assert told.startswith("What I have of you: 1 entities")
        [call] = [call for call in discord.fake.calls_of(FOLLOWUP) if call.files]
        held = unpacked(call.files["mydata.zip"])
        assert "what is rain?" in held
        for given in discord.fake.given:
            # The key to answer with is in no file, and in no log.
            assert given.token not in held
            assert given.token not in host.all_log
        assert await host.stop() == 0


async def test_a_button_outlives_a_restart(tmp_path: Path) -> None:
    async with party(tmp_path, "discord") as p:
        discord = Server(p)
        async with p.host() as host:
            await discord.answered(discord.use(GROUP, "ask", text="my cat is called Ptolemy"))
            asked = discord.use(GROUP, "forgetme")
            [question] = await discord.answered(asked)
            assert "forget you?" in question
            assert await host.stop() == 0
        shown = asked.shown[0]
        async with p.host() as host:
            stranger = discord.fake.click(shown, discord.fake.add_user("eve"), "Forget me")
            assert await discord.answered(stranger) == ["That is for somebody else to choose."]
            bot = discord.fake.click(shown, discord.seat.grumpy, "Forget me")
            assert await discord.answered(bot) == ["I may not be used here."]
            keep = next(each for each in shown["components"][0]["components"] if each["label"] == "Keep it")
            clicked = discord.fake.click(shown, discord.seat.ada, "Forget me")
            [last] = await discord.answered(clicked)
            assert last.startswith("I forget you now.")
            await host.wait_log("a person was erased at their own wish")
            late = discord.fake.click_id(shown, discord.seat.ada, keep["custom_id"])
            assert await discord.answered(late) == ["That is no longer open."]
            assert await host.stop() == 0
    found = violations(tmp_path, "SELECT content FROM memories")
    assert "Ptolemy" not in str(found)


async def test_telegrams_buttons_outlive_a_restart(tmp_path: Path) -> None:
    async with party(tmp_path, "telegram") as p:
        [seat] = p.seats
        assert isinstance(seat, TelegramSeat)
        fake = seat.fake
        async with p.host() as host:
            await seat.say(DM, "/forgetme")
            assert "forget you?" in await seat.wait_reply(DM)
            assert await host.stop() == 0
        question = fake.sent[-1]
        assert fake.buttons(question) == [["Forget me", "Keep it"]]
        forget, keep = (fake.data_of(question, label) for label in ("Forget me", "Keep it"))
        async with p.host() as host:
            foreign = await fake.press(question, fake.world.user("Eve"), forget)
            assert await fake.wait_told(foreign) == "That is for somebody else to choose."
            assert fake.buttons(question) != []
            # So old that Telegram tells no more than where it stands.
            clicked = await fake.press(question, seat.ada, keep, is_old=True)
            assert await fake.wait_told(clicked) == ""
            assert await seat.wait_reply(DM, 2) == "Nothing was deleted."
            late = await fake.press(question, seat.ada, forget)
            assert await fake.wait_told(late) == "That has been answered already."
            assert await host.stop() == 0
        assert fake.buttons(question) == []
        assert len(fake.sent) == 2


async def test_who_wants_to_be_forgotten_sees_the_buttons_go(tmp_path: Path) -> None:
    async with party(tmp_path, "telegram") as p:
        [seat] = p.seats
        assert isinstance(seat, TelegramSeat)
        fake = seat.fake
        async with p.host() as host:
            await seat.say(DM, "/forgetme")
            await seat.wait_reply(DM)
            question = fake.sent[-1]
            clicked = await fake.press(question, seat.ada, fake.data_of(question, "Forget me"))
            assert await fake.wait_told(clicked) == ""
            assert (await seat.wait_reply(DM, 2)).startswith("I forget you now.")
            await host.wait_log("a person was erased at their own wish")
            assert fake.buttons(question) == []
            assert await host.stop() == 0
    # That something was sent stays; to whom does not.
    rows = violations(tmp_path, "SELECT target, payload FROM outbox")
    assert len(rows) == 3
    assert str(seat.ada.id) not in str(rows)


@pytest.mark.parametrize("over", [False, True])
async def test_killed_between_the_acknowledgement_and_the_answer(over: bool, tmp_path: Path) -> None:
    async with party(tmp_path, "discord") as p:
        discord = Server(p)
        async with p.host() as host:
            with p.model.hold() as held:
                given = discord.use(GROUP, "ask", text="what is rain?")
                await held.wait_for_request()
                await discord.acked(given)
                assert given.is_thinking
                await host.kill()
        given.is_over = over
        async with p.host() as host:
            if over:
                assert await discord.seat.wait_reply(GROUP) == "echo: Ada: what is rain?"
            else:
                assert await discord.answered(given) == ["echo: Ada: what is rain?"]
            await discord.answered(discord.use(GROUP, "model"))
            assert await host.stop() == 0
        assert len(discord.fake.calls_of(SEND)) == int(over)
        assert len(given.texts) == int(not over)
    rows = violations(tmp_path, "SELECT outcome, reason FROM inbox ORDER BY seq")
    assert rows[0] == ("answered", "command")


async def test_killed_while_the_answer_is_sent(tmp_path: Path) -> None:
    async with party(tmp_path, "discord") as p:
        discord = Server(p)
        async with p.host() as host:
            hold = discord.fake.hold(FOLLOWUP, after=True)
            given = discord.use(GROUP, "ask", text="what is rain?")
            await hold.reached.wait()
            await host.kill()
            hold.release()
        async with p.host() as host:
            await discord.answered(discord.use(GROUP, "model"))
            assert await host.stop() == 0
        assert given.texts == ["echo: Ada: what is rain?"]
        said = [m["content"] for m in discord.seat.channels[GROUP].messages.values()]
        assert said == ["echo: Ada: what is rain?"]


async def test_commands_as_text_on_telegram(tmp_path: Path) -> None:
    async with party(tmp_path, "telegram") as p, p.host() as host:
        [seat] = p.seats
        place: Seat = seat
        await place.say(DM, "my name is Ada")
        await place.wait_reply(DM)
        await place.say(DM, "/reset")
        assert (await place.wait_reply(DM, 2)).startswith("We begin anew")
        await place.say(DM, "/forgetme")
        assert "forget you?" in await place.wait_reply(DM, 3)
        await place.say(DM, "2")
        assert await place.wait_reply(DM, 4) == "Nothing was deleted."
        await place.say(GROUP, "/model@grumpy_bot")
        await place.say(GROUP, "/model@fake_bot")
        assert (await place.wait_reply(GROUP)).startswith("Answers come from openai")
        assert len(p.model.chats) == 1
        assert await host.stop() == 0
        assert len(place.replies(GROUP)) == 1


async def test_commands_as_lines_in_the_terminal(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("[connectors.terminal]\nenabled = true\n", encoding="utf-8")
    env = clean_environment()
    async with bot_host("--config", "config.toml", cwd=tmp_path, env=env) as host:
        await host.wait_log("terminal on: connected as")
        await host.say("hello")
        await host.say("/why")
        await host.wait_out("was answered: in a private chat I answer everything.")
        await host.say("/reset")
        await host.wait_out("We begin anew")
        await host.say("/forgetme")
        await host.wait_out("1. Forget me")
        await host.say("1")
        await host.wait_out("I forget you now.")
        # A pipe says its next line when the turn is over, and so it is when nothing is left of it.
        await host.say("what are you?")
        await host.wait_out("I am a bot")
        host.end_of_input()
        assert await host.end() == 0
