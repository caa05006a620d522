"""Updates have a connection of their own: whatever waits on the way out keeps none from coming in."""

import asyncio

from bot_host.connector import InboundMessage, Target
from bot_host.testing.connector import RecordingHost
from tests.connectors.test_telegram_live import ann, fake, host, make, private, running, texts
from tests.fakes.telegram import FakeTelegram
from tests.fakes.telegram_world import Chat, User

__all__ = ["ann", "fake", "host", "private"]


async def test_sends_that_wait_hold_up_no_updates(
    fake: FakeTelegram, host: RecordingHost, ann: User, private: Chat
) -> None:
    connector = make(fake)
    to, count = Target(source="telegram", channel_id=str(private.id)), 60
    async with asyncio.timeout(20), running(connector, host):
        await host.wait_connected()
        held = [fake.hold("sendMessage") for _ in range(count)]
        # While the first is stored nobody polls, so that all connections of sends can be taken.
        host.open_gate.clear()
        await fake.bot.updates.wait_polling()
        await fake.say(private, ann, "one")
        while fake.bot.updates.polling:
            await asyncio.sleep(0.01)
        async with asyncio.TaskGroup() as group:
            for number in range(count):
                payload = {"html": str(number), "plain": str(number)}
                group.create_task(connector.send(payload, to, key=str(number)))
            await fake.wait_for_call("sendMessage", count=32)
            host.open_gate.set()
            await fake.say(private, ann, "two")
            await host.wait_for(InboundMessage, 2)
            assert fake.sent == []
            for each in held:
                each.release()
    assert texts(host) == ["one", "two"]
    assert len(fake.sent) == count
