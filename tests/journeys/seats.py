"""Three platforms seen by a person who sits before them: the same words for the same things.

A seat owns a fake server with a direct message, a group and a thread in it.
"""

from contextlib import AsyncExitStack
from typing import Any, Protocol

from tests.fakes.discord import SEND, FakeDiscord
from tests.fakes.openai import FakeOpenAI
from tests.fakes.slack import FakeSlack
from tests.fakes.telegram import FakeTelegram

DM = "dm"
GROUP = "group"
THREAD = "thread"
PLACES = (DM, GROUP, THREAD)


class Held(Protocol):
    """A request that was carried out and is not answered yet."""

    def release(self) -> None:
        """Answer it."""


class Seat(Protocol):
    """One platform for a journey."""

    name: str

    @property
    def mention(self) -> str:
        """The bot's name, as people write it to turn to it."""

    def config(self) -> str:
        """The connector's table for config.toml."""

    def tokens(self) -> dict[str, str]:
        """The environment variables that switch the connector on."""

    async def say(self, place: str, text: str, *, mention: bool = False) -> Any:
        """A person writes; the platform's message."""

    async def edit(self, place: str, message: Any, text: str) -> None:
        """The person changes what they wrote."""

    async def wait_reply(self, place: str, count: int = 1) -> str:
        """The bot's `count`-th message in a place, as soon as it is there."""

    def replies(self, place: str) -> list[str]:
        """The bot's messages in a place so far."""

    def shown(self, place: str) -> list[str]:
        """The bot's messages in a place as people see them now: edited ones as they read, no deleted ones."""

    async def delete(self, place: str, message: Any) -> None:
        """The person takes back what they wrote. Telegram tells no bot of it."""

    async def wait_typing(self) -> None:
        """Until the bot has shown that it is writing."""

    async def wait_handed_over(self) -> None:
        """Until the platform has handed the last message to the host."""

    def hold_answers(self) -> Held:
        """The platform takes the bot's next message and does not answer, until `release`."""

    def hold_edits(self) -> Held:
        """The platform carries out the bot's next edit and does not answer, until `release`."""

    def forget(self) -> None:
        """Some minutes pass: what the platform keeps for a short time only is gone."""

    def shut_out(self) -> None:
        """The person wants to hear nothing more of the bot."""

    def let_in(self) -> None:
        """They think again."""

    async def other_bot_says(self, text: str) -> None:
        """Another bot writes in the group, with a mention of ours."""

    async def go_away(self) -> None:
        """The platform cannot be reached."""

    async def come_back(self) -> None:
        """It can again, at the same address."""

    async def strange_event(self) -> None:
        """An event of a kind that nobody knows, and a frame or body that makes no sense."""


class TelegramSeat:
    name = "telegram"

    def __init__(self, fake: FakeTelegram) -> None:
        self.fake = fake

    @property
    def mention(self) -> str:
        return "@fake_bot"

    async def settle(self) -> None:
        world = self.fake.world
        self.fake.bot.sees_all = True  # privacy mode off: else threads cannot be followed
        self.ada = world.user("Ada", username="ada")
        self.grumpy = world.user("Grumpy", username="grumpy_bot", is_bot=True)
        self.chats = {DM: world.private(self.ada), GROUP: world.supergroup("Garden")}
        self.chats[THREAD] = world.supergroup("Forum", is_forum=True)
        self.topic = await self.fake.open_topic(self.chats[THREAD], "Roses", self.ada)

    def config(self) -> str:
        return f'[connectors.telegram]\napi_base = "{self.fake.url}"\n'

    def tokens(self) -> dict[str, str]:
        return {"TELEGRAM_BOT_TOKEN": self.fake.bot.token}

    async def say(self, place: str, text: str, *, mention: bool = False) -> Any:
        text = f"{self.mention} {text}" if mention else text
        topic = self.topic if place == THREAD else None
        return await self.fake.say(self.chats[place], self.ada, text, topic=topic)

    async def edit(self, place: str, message: Any, text: str) -> None:
        await self.fake.edit(message, text)

    def _in(self, place: str, message: Any) -> bool:
        right_topic = place != THREAD or message.thread_id == self.topic
        return bool(message.chat_id == self.chats[place].id and right_topic)

    async def wait_reply(self, place: str, count: int = 1) -> str:
        found = await self.fake.wait_for_message(lambda m: self._in(place, m), count=count)
        return found.text

    def replies(self, place: str) -> list[str]:
        return [message.text for message in self.fake.sent if self._in(place, message)]

    def shown(self, place: str) -> list[str]:
        return [m.text for m in self.fake.sent if self._in(place, m) and not m.deleted]

    async def delete(self, place: str, message: Any) -> None:
        """There is no such update."""

    async def wait_typing(self) -> None:
        await self.fake.wait_for_call("sendChatAction")

    async def wait_handed_over(self) -> None:
        polls = len(self.fake.called("getUpdates"))
        await self.fake.wait_for_call("getUpdates", count=polls, answered=True)

    def hold_answers(self) -> Held:
        return self.fake.hold("sendMessage", after=True)

    def hold_edits(self) -> Held:
        return self.fake.hold("editMessageText", after=True)

    def forget(self) -> None:
        """Telegram keeps updates for a day."""

    def shut_out(self) -> None:
        self.fake.bot.blocked_in.add(self.chats[DM].id)

    def let_in(self) -> None:
        self.fake.bot.blocked_in.clear()

    async def other_bot_says(self, text: str) -> None:
        await self.fake.say(self.chats[GROUP], self.grumpy, f"@fake_bot {text}")

    async def go_away(self) -> None:
        await self.fake.stop()

    async def come_back(self) -> None:
        await self.fake.start()

    async def strange_event(self) -> None:
        await self.fake.bot.updates.push("hologram_call", {"id": 1}, forced=True)
        self.fake.fail("getUpdates", status=200, raw=b'{"ok": true, "result": [{"upd')


class DiscordSeat:
    name = "discord"

    def __init__(self, fake: FakeDiscord) -> None:
        self.fake = fake

    @property
    def mention(self) -> str:
        return str(self.fake.bot.mention)

    async def settle(self) -> None:
        self.ada = self.fake.add_user("ada", global_name="Ada")
        self.grumpy = self.fake.add_user("grumpy", bot=True)
        guild = self.fake.add_guild("Garden", members=[self.ada, self.grumpy])
        general = self.fake.add_channel(guild, "general")
        self.channels = {
            DM: self.fake.dm(self.ada),
            GROUP: general,
            THREAD: self.fake.add_thread(general, "Roses"),
        }

    def config(self) -> str:
        return (
            f'[connectors.discord]\napi_base = "{self.fake.api_base}"\n'
            f'gateway_url = "{self.fake.gateway_url}"\n'
        )

    def tokens(self) -> dict[str, str]:
        return {"DISCORD_BOT_TOKEN": self.fake.token}

    async def say(self, place: str, text: str, *, mention: bool = False) -> Any:
        text = f"{self.mention} {text}" if mention else text
        return self.fake.say(self.channels[place], self.ada, text)

    async def edit(self, place: str, message: Any, text: str) -> None:
        self.fake.edit(message, text)

    async def wait_reply(self, place: str, count: int = 1) -> str:
        message = await self.fake.wait_for_message(self.channels[place], count=count)
        return str(message["content"])

    def replies(self, place: str) -> list[str]:
        return [str(message["content"]) for message in self.fake.sent_to(self.channels[place])]

    def shown(self, place: str) -> list[str]:
        there = self.channels[place].messages.values()
        return [str(m["content"]) for m in there if m["author"]["id"] == self.fake.bot.id]

    async def delete(self, place: str, message: Any) -> None:
        self.fake.delete(message)

    async def wait_typing(self) -> None:
        await self.fake.wait_until(
            lambda: any(call.route.endswith("/typing") for call in self.fake.calls), "typing"
        )

    async def wait_handed_over(self) -> None:
        # Received or not: Discord has no acknowledgement, and the history is read at the next start.
        return

    def hold_answers(self) -> Held:
        return self.fake.hold(SEND, after=True)

    def hold_edits(self) -> Held:
        return self.fake.hold("PATCH /channels/{channel_id}/messages/{message_id}", after=True)

    def forget(self) -> None:
        self.fake.forget_nonces()

    def shut_out(self) -> None:
        self.channels[DM].refusal = (403, 50007, "Cannot send messages to this user")

    def let_in(self) -> None:
        self.channels[DM].refusal = None

    async def other_bot_says(self, text: str) -> None:
        self.fake.say(self.channels[GROUP], self.grumpy, f"{self.fake.bot.mention} {text}")

    async def go_away(self) -> None:
        await self.fake.stop()

    async def come_back(self) -> None:
        await self.fake.__aenter__()

    async def strange_event(self) -> None:
        self.fake.dispatch("HOLOGRAM_CALL", {"id": "1"})
        self.fake.send_raw('{"op": 0, "t": "MESSAGE_CREATE", "d": {"id":')


class SlackSeat:
    name = "slack"

    def __init__(self, fake: FakeSlack) -> None:
        self.fake = fake

    @property
    def mention(self) -> str:
        return f"<@{self.fake.bot_user_id}>"

    async def settle(self) -> None:
        self.ada = self.fake.add_user("ada", display_name="Ada")
        self.channels = {
            DM: self.fake.add_im(self.ada),
            GROUP: self.fake.add_channel("general"),
            THREAD: self.fake.add_channel("roses"),
        }
        root = await self.fake.say(self.channels[THREAD], self.ada, "a thread about roses")
        self.root_ts = str(root["ts"])
        self.fake.socket_mode.envelopes.clear()

    def config(self) -> str:
        return f'[connectors.slack]\napi_base = "{self.fake.api_base}"\n'

    def tokens(self) -> dict[str, str]:
        return {"SLACK_BOT_TOKEN": self.fake.bot_token, "SLACK_APP_TOKEN": self.fake.app_token}

    async def say(self, place: str, text: str, *, mention: bool = False) -> Any:
        text = f"{self.mention} {text}" if mention else text
        thread_ts = self.root_ts if place == THREAD else None
        return await self.fake.say(self.channels[place], self.ada, text, thread_ts=thread_ts)

    async def edit(self, place: str, message: Any, text: str) -> None:
        await self.fake.edit(self.channels[place], str(message["ts"]), text)

    async def wait_reply(self, place: str, count: int = 1) -> str:
        thread_ts = self.root_ts if place == THREAD else None
        message = await self.fake.wait_for_message(count, channel=self.channels[place], thread_ts=thread_ts)
        return str(message["text"])

    def replies(self, place: str) -> list[str]:
        return [str(message["text"]) for message in self.fake.posts(channel=self.channels[place])]

    def shown(self, place: str) -> list[str]:
        there = self.channels[place].messages.values()
        return [str(m["text"]) for m in there if m.get("user") == self.fake.bot_user_id]

    async def delete(self, place: str, message: Any) -> None:
        await self.fake.delete(self.channels[place], str(message["ts"]))

    async def wait_typing(self) -> None:
        await self.fake.wait_for_call("assistant.threads.setStatus")

    async def wait_handed_over(self) -> None:
        await self.fake.wait_until(lambda: self.fake.envelopes[-1].deliveries > 0)

    def hold_answers(self) -> Held:
        return self.fake.hold("chat.postMessage", when="after")

    def hold_edits(self) -> Held:
        return self.fake.hold("chat.update", when="after")

    def forget(self) -> None:
        self.fake.socket_mode.give_up()

    def shut_out(self) -> None:
        # Slack's people cannot: the workspace's admins switch the app's messages off.
        self.fake.fail("chat.postMessage", "messages_tab_disabled", times=1)

    def let_in(self) -> None:
        """It was once only."""

    async def other_bot_says(self, text: str) -> None:
        await self.fake.say_as_bot(self.channels[GROUP], f"<@{self.fake.bot_user_id}> {text}")

    async def go_away(self) -> None:
        await self.fake.stop()

    async def come_back(self) -> None:
        await self.fake.__aenter__()

    async def strange_event(self) -> None:
        await self.fake.emit({"type": "hologram_call", "user": self.ada.id})
        await self.fake.socket_mode.send_frame('{"type": "events_api", "payl')


async def take_seat(name: str, stack: AsyncExitStack) -> Seat:
    """A fake platform of that name, with people and places in it."""
    seat: Any
    if name == "telegram":
        seat = TelegramSeat(await stack.enter_async_context(FakeTelegram()))
    elif name == "discord":
        seat = DiscordSeat(await stack.enter_async_context(FakeDiscord()))
    else:
        seat = SlackSeat(await stack.enter_async_context(FakeSlack()))
    await seat.settle()
    return seat  # type: ignore[no-any-return]


PLATFORMS = ("discord", "telegram", "slack")


def model_config(model: FakeOpenAI) -> str:
    """The table that points at the fake model server."""
    return (
        f'[models.openai]\napi_key = "{model.key}"\nbase_url = "{model.url}"\n'
        'small = "fake-small"\nlarge = "fake-large"\n'
    )
