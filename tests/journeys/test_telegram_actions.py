"""Somebody asks for something on Telegram; the model has it done, and rights count when it is done."""

from pathlib import Path
from typing import Any

from tests.fakes.openai import ModelRequest
from tests.fakes.telegram_world import Chat, User
from tests.journeys.party import party
from tests.journeys.seats import DM, GROUP, TelegramSeat


def results(request: ModelRequest) -> list[str]:
    """What actions told the model."""
    return [str(message["content"]) for message in request.messages if message["role"] == "tool"]


def lead(seat: TelegramSeat, chat: Chat, user: User, *rights: str) -> None:
    """Make somebody an administrator."""
    seat.fake.members.stand(chat, user, "administrator", **dict.fromkeys(rights, True))


async def test_a_group_is_told_of_to_who_is_in_it_and_pinned_in_by_who_may_pin(tmp_path: Path) -> None:
    async with party(tmp_path, "telegram") as p:
        [seat] = p.seats
        assert isinstance(seat, TelegramSeat)
        fake, garden = seat.fake, seat.chats[GROUP]
        board = fake.world.supergroup("Board")
        fake.members.about[board.id]["description"] = "The roses will be sold."
        fake.members.stand(board, seat.ada, "left")
        lead(seat, garden, fake.bot.user, "can_pin_messages")
        p.write_config('[[agents]]\n[agents.permissions.actions]\nCREATE_POLL = "owner"\n')
        async with p.host() as host:
            await fake.say(board, fake.world.user("Bob"), "hello")
            p.model.call_tool("CHAT_INFO", {"chat": "Garden"})
            p.model.answer("It is a group.")
            await seat.say(GROUP, "what is this?", mention=True)
            assert await seat.wait_reply(GROUP) == "It is a group."
            assert "CHAT_INFO" in p.model.chats[0].tool_names
            assert "CREATE_POLL" not in p.model.chats[0].tool_names
            assert results(p.model.chats[-1])[-1].startswith(f'"Garden": group, id {garden.id}')
            p.model.call_tool("CHAT_INFO", {"chat": "Board"})
            p.model.answer("I find no such group.")
            await seat.say(DM, "and the board?")
            assert await seat.wait_reply(DM) == "I find no such group."
            refused = "error: there is no chat Board that the bot and the person who asks are in"
            assert results(p.model.chats[-1])[-1] == refused
            assert not any("sold" in str(chat.messages) for chat in p.model.chats)
            p.model.call_tool("PIN_MESSAGE", {})
            p.model.answer("You may not pin here.")
            await seat.say(GROUP, "pin this", mention=True)
            assert await seat.wait_reply(GROUP, 2) == "You may not pin here."
            refused = 'error: the person who asks lacks the right Pin Messages in "Garden"'
            assert results(p.model.chats[-1])[-1] == refused
            assert not fake.members.pinned[garden.id]
            assert await host.stop() == 0
            assert "Traceback" not in host.all_log
            assert "no action is called" not in host.all_log


async def test_who_was_shut_out_of_a_group_cannot_have_the_bot_write_there(tmp_path: Path) -> None:
    async with party(tmp_path, "telegram") as p, p.host() as host:
        [seat] = p.seats
        assert isinstance(seat, TelegramSeat)
        fake, model, garden = seat.fake, p.model, seat.chats[GROUP]
        board = fake.world.supergroup("Board")
        await fake.say(board, seat.ada, "@fake_bot hello")
        await fake.wait_for_message(lambda m: m.chat_id == board.id)

        def questions() -> list[Any]:
            return [m for m in fake.sent if m.chat_id == garden.id and "shall I do this?" in m.text]

        async def ask(tool: str, arguments: dict[str, str], count: int, *, left: bool = False) -> str:
            """Ada asks in the group, leaves the other one perhaps, and says yes; what the action told."""
            model.call_tool(tool, arguments)
            model.answer("One moment.")
            await seat.say(GROUP, "tell them", mention=True)
            await fake.wait_for_message(
                lambda m: m.chat_id == garden.id and "shall I do this?" in m.text, count=count
            )
            if left:
                fake.members.stand(board, seat.ada, "left")
            model.call_tool("CONFIRM", {})
            model.answer(f"So it is, {count}.")
            question = questions()[-1]
            label = next(label for row in fake.buttons(question) for label in row if label == "Yes")
            await fake.press(question, seat.ada, fake.data_of(question, label))
            await fake.wait_for_message(lambda m: m.chat_id == garden.id and m.text == f"So it is, {count}.")
            return results(model.chats[-1])[-1]

        wanted = {"room": "Board", "text": "first"}
        assert "Sent to Board" in await ask("SEND_MESSAGE", wanted, 1)
        told = await ask("SEND_MESSAGE", {**wanted, "text": "second"}, 2, left=True)
        assert "the person who asks may not write in that chat (any more)" in told
        told = await ask("SEND_TO_CHAT", {"chat": "Board", "text": "third"}, 3)
        assert told == "error: there is no chat Board that the bot and the person who asks are in"
        assert [m.text for m in fake.sent if m.chat_id == board.id][1:] == ["first\n(from Ada)"]
        assert await host.stop() == 0
