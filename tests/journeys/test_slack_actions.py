"""Somebody asks for a channel on Slack; the model has it read and answers. Real command, real library."""

from pathlib import Path
from typing import Any

from tests.fakes.openai import ModelRequest
from tests.journeys.party import party
from tests.journeys.seats import DM, GROUP, SlackSeat


def results(request: ModelRequest) -> list[str]:
    """What actions told the model."""
    return [str(message["content"]) for message in request.messages if message["role"] == "tool"]


async def test_a_channel_is_read_for_who_may_read_it_and_nobody_else(tmp_path: Path) -> None:
    async with party(tmp_path, "slack") as p:
        [seat] = p.seats
        assert isinstance(seat, SlackSeat)
        fake = seat.fake
        bob = fake.add_user("bob", display_name="Bob")
        news, board = fake.add_channel("news"), fake.add_channel("board", private=True)
        for channel, text in ((news, "The roses are in bloom."), (board, "The roses will be sold.")):
            channel.members.add(bob.id)
            fake.workspace.user_message(channel, bob, text)
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
            for number, place in enumerate((GROUP, DM)):
                p.model.call_tool("READ_CHANNEL", {"channel": "board"})
                p.model.answer("I find no such channel.")
                await seat.say(place, "and in #board?", mention=place == GROUP)
                assert await seat.wait_reply(place, 2 - number) == "I find no such channel."
                refused = "error: there is no channel board that the person who asks can see"
                assert results(p.model.chats[-1])[-1] == refused
            assert not any("sold" in str(chat.messages) for chat in p.model.chats)
            assert await host.stop() == 0
            assert "Traceback" not in host.all_log
            assert "no action is called" not in host.all_log


async def test_who_was_shut_out_of_a_channel_cannot_have_the_bot_write_there(tmp_path: Path) -> None:
    async with party(tmp_path, "slack") as p, p.host() as host:
        [seat] = p.seats
        assert isinstance(seat, SlackSeat)
        fake, model, direct = seat.fake, p.model, seat.channels[DM]
        board = fake.add_channel("board", private=True)
        await fake.say(board, seat.ada, f"{seat.mention} hello")
        hello = await fake.wait_for_message(channel=board)

        def questions() -> list[Any]:
            return [post for post in fake.posts(channel=direct) if "shall I do this?" in post["text"]]

        def said(text: str) -> bool:
            return any(post["text"] == text for post in fake.posts(channel=direct))

        async def ask(text: str, count: int, *, left: bool = False) -> str:
            """Ada asks in private, is put out of the channel perhaps, and says yes; what the action told."""
            model.call_tool("SEND_MESSAGE", {"room": board.id, "text": text})
            model.answer("One moment.")
            await seat.say(DM, "tell them")
            await fake.wait_until(lambda: len(questions()) == count)
            if left:
                board.members.discard(seat.ada.id)
            model.call_tool("CONFIRM", {})
            model.answer(f"So it is, {count}.")
            question = questions()[-1]
            buttons = [each for block in question["blocks"] for each in block.get("elements", ())]
            yes = next(each["action_id"] for each in buttons if each["text"]["text"] == "Yes")
            await fake.press(direct, seat.ada, yes, message=direct.messages[question["ts"]])
            await fake.wait_until(lambda: said(f"So it is, {count}."))
            return results(model.chats[-1])[-1]

        assert "Sent to board" in await ask("first", 1)
        assert "the person who asks cannot see that channel" in await ask("second", 2, left=True)
        there = [post["text"] for post in fake.posts(channel=board)]
        assert there == [hello["text"], "first\n(from Ada)"]
        assert await host.stop() == 0
