"""Channels on Telegram: posts that mention the bot, and posts of a group's linked channel."""

from pathlib import Path

from tests.journeys.party import party
from tests.journeys.seats import TelegramSeat

TELEGRAM = {"id": 777000, "is_bot": False, "first_name": "Telegram"}


async def test_a_post_that_mentions_the_bot_is_answered_by_a_post(tmp_path: Path) -> None:
    async with party(tmp_path, "telegram") as p:
        [seat] = p.seats
        assert isinstance(seat, TelegramSeat)
        config = p.folder / "config.toml"
        table = "[connectors.telegram]\n"
        text = config.read_text(encoding="utf-8").replace(table, table + 'linked_posts = "answer"\n')
        config.write_text(text, encoding="utf-8")
        fake, world = seat.fake, seat.fake.world
        channel, group = world.channel("Daily"), world.supergroup("Talk")
        async with p.host() as host:
            await fake.say(channel, None, "good morning", sender_chat=channel.json())
            await fake.say(channel, None, "@fake_bot what is new?", sender_chat=channel.json())
            answer = await fake.wait_for_message(lambda m: m.chat_id == channel.id)
            assert answer.text.endswith("what is new?")
            posted = {"sender_chat": channel.json(), "is_automatic_forward": True}
            await fake.say(group, None, "big news", **posted, **{"from": TELEGRAM})
            comment = await fake.wait_for_message(lambda m: m.chat_id == group.id)
            assert comment.text.endswith("big news")
            assert comment.reply_to is not None
            assert await host.stop() == 0
        assert [m.text for m in fake.sent if m.chat_id == channel.id] == [answer.text]
