"""A group becomes a supergroup, through the running program, killed at its worst moments."""

from pathlib import Path
from typing import Any

from tests.fakes.telegram_world import Chat
from tests.journeys.party import Party, party
from tests.journeys.seats import TelegramSeat
from tests.journeys.test_gaps import recorded, rows


class Group:
    """A basic group with the bot in it."""

    def __init__(self, p: Party) -> None:
        [seat] = p.seats
        assert isinstance(seat, TelegramSeat)
        self.seat, self.fake = seat, seat.fake
        self.chat = seat.fake.world.group("Friends")

    async def say(self, text: str, **more: Any) -> Any:
        return await self.fake.say(self.chat, self.seat.ada, f"@fake_bot {text}", **more)

    async def migrate(self) -> Chat:
        self.chat = await self.fake.migrate(self.chat, self.seat.ada)
        return self.chat

    async def wait_reply(self, count: int = 1) -> None:
        await self.fake.wait_for_message(lambda m: m.chat_id == self.chat.id, count=count)

    @property
    def heard(self) -> list[tuple[bool, str, int | None]]:
        """Whether in the group as it is now; the text; what it replies to."""
        return [(m.chat_id == self.chat.id, m.text, m.reply_to) for m in self.fake.sent]


def left_over(folder: Path) -> list[tuple[Any, ...]]:
    """Rows that are not done, or name a room that is no more."""
    return rows(
        folder,
        "SELECT seq, state FROM inbox WHERE state <> 'done' OR room_id NOT IN (SELECT id FROM rooms) "
        "UNION SELECT seq, state FROM outbox WHERE state <> 'sent'",
    )


async def test_the_talk_goes_on_and_an_old_entry_of_allow_lets_the_new_group_in(tmp_path: Path) -> None:
    async with party(tmp_path, "telegram") as p:
        group = Group(p)
        config = tmp_path / "config.toml"
        table = "[connectors.telegram]\n"
        allow = f'{table}allow = ["{group.chat.id}"]\n'
        config.write_text(config.read_text("utf-8").replace(table, allow), "utf-8")
        async with p.host() as host:
            await group.say("first")
            await group.wait_reply()
            await recorded(tmp_path)
            await group.migrate()
            await group.say("second")
            await group.wait_reply()
            await host.wait_log("became the supergroup", "change it in allow")
            await host.wait_log("Friends has moved from")
            assert await host.stop() == 0
        async with p.host() as host:
            await group.say("third")
            await group.wait_reply(2)
            assert "first" in str(p.model.requests[-1].body)
            assert await host.stop() == 0
        assert [text.split()[-1] for _, text, _ in group.heard] == ["first", "second", "third"]
        assert rows(tmp_path, "SELECT count(*) FROM rooms WHERE name = 'Friends'") == [(1,)]
        assert left_over(tmp_path) == []


async def test_what_waited_when_the_host_was_killed_is_answered_in_the_new_group_once(tmp_path: Path) -> None:
    async with party(tmp_path, "telegram") as p:
        group = Group(p)
        async with p.host() as host:
            with p.model.hold() as model:
                await group.say("hello")
                await model.wait_for_request()
                await host.kill()
                model.release()
        await group.migrate()
        async with p.host() as host:
            await group.wait_reply()
            await group.say("thanks")
            await group.wait_reply(2)
            assert await host.stop() == 0
        assert [(new, text.split()[-1]) for new, text, _ in group.heard] == [
            (True, "hello"),
            (True, "thanks"),
        ]
        assert group.heard[0][2] is None  # the message it answers has no id there
        assert left_over(tmp_path) == []


async def test_killed_after_the_group_moved_and_before_the_host_knew(tmp_path: Path) -> None:
    async with party(tmp_path, "telegram") as p:
        group = Group(p)
        async with p.host() as host:
            with p.model.hold() as model:
                await group.say("hello")
                await model.wait_for_request()
                # The refusal tells of the move before any update does.
                group.fake.bot.kicked_from.add(group.chat.id)
                new = group.fake.world.supergroup("Friends")
                group.chat.migrated_to = new.id
                old, group.chat = group.chat, new
                held = group.fake.hold("sendMessage")
                model.release()
                await held.reached()
                await host.kill()
            held.release()
        assert old.id != group.chat.id
        async with p.host() as host:
            await group.wait_reply()
            await host.wait_log("Friends has moved from")
            await group.say("thanks")
            await group.fake.wait_for_message(lambda m: m.text.endswith("thanks"))
            assert await host.stop() == 0
        said = [text for _, text, _ in group.heard]
        assert len([text for text in said if text.endswith("hello")]) == 1
        assert left_over(tmp_path) == []
