"""Conversations on Slack."""

from collections.abc import Sequence

from tests.fakes.slack import FakeSlack
from tests.fakes.slack_workspace import FakeChannel, Json
from tests.journeys.party import Party
from tests.journeys.seats import DM, GROUP, SlackSeat
from tests.transcripts.stage import MADE_BY, Script, bubble, words

HEAD = f"""# Slack: transcripts

{MADE_BY} Slack and a
model that says what the script wants; what Slack would show is what stands here. `hostbot` is the bot, Ada
and Ben are people.
"""


class Stage:
    """A workspace with Ada and Ben, and what they see."""

    def __init__(self, p: Party) -> None:
        [seat] = p.seats
        assert isinstance(seat, SlackSeat)
        self.party = p
        self.seat = seat
        self.fake: FakeSlack = seat.fake
        self.general: FakeChannel = seat.channels[GROUP]
        self.ben = self.fake.add_user("ben", display_name="Ben")

    def seen(self, channel: FakeChannel, *, thread: str = "") -> list[str]:
        """A channel as it stands now, or a thread in it with what it began with."""
        shown = [
            message
            for ts, message in sorted(channel.messages.items())
            if (thread in (ts, message.get("thread_ts")) if thread else self._is_in_channel(ts, message))
        ]
        return [line for message in shown for line in self._lines(message)]

    @staticmethod
    def _is_in_channel(ts: str, message: Json) -> bool:
        return message.get("thread_ts", ts) == ts

    def _lines(self, message: Json) -> list[str]:
        user = str(message.get("user", ""))
        people = {self.seat.ada.id: "Ada", self.ben.id: "Ben", self.fake.bot_user_id: "hostbot"}
        return bubble(people[user], words(self._text(message)), note="edited" if "edited" in message else "")

    def _text(self, message: Json) -> str:
        return str(message["text"]).replace(self.seat.mention, "@hostbot")

    def alone(self, since: int = 0) -> list[str]:
        """What Ada alone was shown, from the `since`th on."""
        lines: list[str] = []
        for message in self.fake.ephemerals[since:]:
            assert message["user"] == self.seat.ada.id
            # Where there are blocks, these are shown, and the text is for notifications.
            said = [] if used_of(message) else [words(self._text(message))]
            text = " ".join([*said, *(f"*{each}*" for each in used_of(message)), *labels(message)])
            lines += bubble("hostbot", text, note="only Ada sees this")
        return lines

    async def told_alone(self, count: int) -> Json:
        """What Ada alone was shown, the `count`th time."""
        await self.fake.wait_until(lambda: len(self.fake.ephemerals) >= count)
        return self.fake.ephemerals[count - 1]


def buttons_of(message: Json) -> list[Json]:
    """Its buttons."""
    blocks = message.get("blocks") or ()
    return [each for block in blocks for each in block.get("elements", ()) if each["type"] == "button"]


def labels(message: Json) -> list[str]:
    """How its buttons look."""
    return [f"[{each['text']['text']}]" for each in buttons_of(message)]


def used_of(message: Json) -> list[str]:
    """What stands in place of the buttons when one was used."""
    small = [block for block in message.get("blocks") or () if block["type"] == "context"]
    return [str(each["text"]) for block in small for each in block["elements"]]


async def a_question_in_the_middle_of_a_thread(stage: Stage) -> Sequence[str]:
    """Ada and Ben talk in a thread. Then Ada asks the bot, which reads what was said there before."""
    fake, model, mention = stage.fake, stage.party.model, stage.seat.mention
    async with stage.party.host() as host:
        root = await fake.say(stage.general, stage.seat.ada, "The kettle is full of limescale again.")
        thread = str(root["ts"])
        await fake.say(stage.general, stage.ben, "I only have vinegar and baking soda.", thread_ts=thread)
        model.answer("The vinegar: baking soda is no acid and leaves limescale as it is.")
        await fake.say(stage.general, stage.seat.ada, f"{mention} which of the two?", thread_ts=thread)
        await fake.wait_for_message(channel=stage.general, thread_ts=thread)
        prompt = str(model.requests[-1])
        assert "> The kettle is full of limescale again." in prompt
        assert "> I only have vinegar and baking soda." in prompt
        model.answer("An hour, with as much water.")
        await fake.say(stage.general, stage.seat.ada, f"{mention} for how long?", thread_ts=thread)
        await fake.wait_for_message(2, channel=stage.general, thread_ts=thread)
        await host.stop()
    return [
        "The thread:",
        "",
        *stage.seen(stage.general, thread=thread),
        "",
        "The channel besides:",
        "",
        *stage.seen(stage.general),
    ]


async def a_command_that_forgets(stage: Stage) -> Sequence[str]:
    """Ada uses commands and has herself forgotten; the host is restarted before she clicks."""
    fake, model, ada = stage.fake, stage.party.model, stage.seat.ada
    async with stage.party.host() as host:
        model.answer("Rain is water that fell up once.")
        await fake.command(stage.general, ada, "/ask", "what is rain?")
        await stage.seat.wait_reply(GROUP)
        await fake.command(stage.general, ada, "/model")
        await stage.told_alone(1)
        await fake.command(stage.general, ada, "/forgetme")
        asked = await stage.told_alone(2)
        before = [*stage.seen(stage.general), *stage.alone()]
        await host.stop()
    async with stage.party.host() as host:
        [forget, _] = buttons_of(asked)
        await fake.press(stage.general, ada, forget["action_id"], message=asked)
        await stage.told_alone(3)
        await fake.wait_until(lambda: not buttons_of(asked))
        await host.wait_log("a person was erased")
        await host.stop()
    return [
        "`/ask what is rain?`, `/model`, then `/forgetme`:",
        "",
        *before,
        "",
        "After a restart, and a click:",
        "",
        *stage.alone(1),
    ]


async def a_kill_in_the_middle(stage: Stage) -> Sequence[str]:
    """The process is killed while the model writes; what Ada says meanwhile is answered, too, once."""
    fake, model = stage.fake, stage.party.model
    place = stage.seat.channels[DM]
    async with stage.party.host() as host:
        with model.hold() as held:
            await fake.say(place, stage.seat.ada, "How long do I boil an egg?")
            await held.wait_for_request()
            await host.kill()
    await fake.say(place, stage.seat.ada, "A big one.")
    # Slack delivers it no more: it stands in the history alone.
    fake.socket_mode.give_up()
    model.answer("Seven minutes for a soft yolk.", "Then eight.")
    async with stage.party.host() as host:
        await stage.seat.wait_reply(DM, 2)
        await host.stop()
    return [*stage.seen(place), "", f"Messages of the bot: {len(fake.posts(channel=place))}."]


SCRIPT = Script(
    "slack",
    HEAD,
    Stage,
    (a_question_in_the_middle_of_a_thread, a_command_that_forgets, a_kill_in_the_middle),
)
