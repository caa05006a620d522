"""Somebody asks for a channel on Discord; the model has it read and answers. Real command, real library."""

from pathlib import Path
from typing import Any

from connectors.discord.permissions import HISTORY, SEND, VIEW
from tests.fakes.discord_model import allow_and_deny
from tests.fakes.openai import ModelRequest
from tests.journeys.party import party
from tests.journeys.seats import GROUP, DiscordSeat


def results(request: ModelRequest) -> list[str]:
    """What actions told the model."""
    return [str(message["content"]) for message in request.messages if message["role"] == "tool"]


async def test_a_channel_is_read_for_who_may_read_it_and_nobody_else(tmp_path: Path) -> None:
    async with party(tmp_path, "discord") as p:
        [seat] = p.seats
        assert isinstance(seat, DiscordSeat)
        general = seat.channels[GROUP]
        guild = general.guild
        assert guild is not None
        news, board = seat.fake.add_channel(guild, "news"), seat.fake.add_channel(guild, "board")
        allow_and_deny(board, guild.roles[guild.id], deny=VIEW)
        allow_and_deny(board, seat.fake.bot_role(guild), allow=VIEW | HISTORY)
        bob = seat.fake.add_user("bob", global_name="Bob")
        seat.fake.member(guild, bob)
        seat.fake.say(news, bob, "The roses are in bloom.", ago=30)
        seat.fake.say(board, bob, "The roses will be sold.", ago=30)
        p.write_config('[[agents]]\n[agents.permissions.actions]\nPIN_MESSAGE = "owner"\n')
        async with p.host() as host:
            p.model.call_tool("READ_CHANNEL", {"channel": "news"})
            p.model.answer("Bob says that the roses are in bloom.")
            await seat.say(GROUP, "what is new in #news?", mention=True)
            assert await seat.wait_reply(GROUP) == "Bob says that the roses are in bloom."
            assert "READ_CHANNEL" in p.model.chats[0].tool_names
            assert "PIN_MESSAGE" not in p.model.chats[0].tool_names
            [told] = results(p.model.chats[1])
            assert told.splitlines()[-1].startswith("> [")
            assert told.endswith("Bob: The roses are in bloom.")
            p.model.call_tool("READ_CHANNEL", {"channel": "board"})
            p.model.answer("I find no such channel.")
            await seat.say(GROUP, "and in #board?", mention=True)
            assert await seat.wait_reply(GROUP, 2) == "I find no such channel."
            refused = "error: there is no channel board that the person who asks can see"
            assert results(p.model.chats[-1])[-1] == refused
            assert not any("sold" in str(chat.messages) for chat in p.model.chats)
            assert await host.stop() == 0
            assert "Traceback" not in host.all_log
            assert "no action is called" not in host.all_log


async def test_who_was_shut_out_of_a_channel_cannot_have_the_bot_write_there(tmp_path: Path) -> None:
    async with party(tmp_path, "discord") as p, p.host() as host:
        [seat] = p.seats
        assert isinstance(seat, DiscordSeat)
        fake, model, general = seat.fake, p.model, seat.channels[GROUP]
        guild = general.guild
        assert guild is not None
        board = fake.add_channel(guild, "board")
        fake.say(board, seat.ada, f"{seat.mention} hello")
        await fake.wait_for_message(board)

        async def ask(text: str, count: int) -> str:
            """Ada asks in #general and says yes; what the action told the model."""
            model.call_tool("SEND_MESSAGE", {"room": "board", "text": text})
            model.answer("One moment.")
            await seat.say(GROUP, "tell them", mention=True)
            await fake.wait_until(lambda: len(questions()) == count, "the question")
            model.call_tool("CONFIRM", {})
            model.answer("So it is.")
            clicked = fake.click(questions()[-1], seat.ada, "Yes")
            await fake.wait_until(lambda: clicked.texts == ["So it is."], "the answer")
            return results(model.chats[-1])[-1]

        def questions() -> list[Any]:
            return [m for m in fake.sent_to(general) if "shall I do this?" in m["content"]]

        assert "Sent to board" in await ask("first", 1)
        allow_and_deny(board, guild.roles[guild.id], deny=VIEW)
        allow_and_deny(board, fake.bot_role(guild), allow=VIEW | HISTORY | SEND)
        assert "the person who asks cannot see that channel" in await ask("second", 2)
        assert [m["content"] for m in fake.sent_to(board)][1:] == ["first\n(from Ada)"]
        assert await host.stop() == 0
