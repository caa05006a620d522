"""Conversations on Discord."""

from collections.abc import Sequence

from tests.fakes.discord import FakeDiscord
from tests.fakes.discord_interactions import EPHEMERAL, Given
from tests.fakes.discord_model import Channel, Json
from tests.journeys.party import Party
from tests.journeys.seats import DM, GROUP, DiscordSeat
from tests.transcripts.stage import MADE_BY, Script, bubble, words

HEAD = f"""# Discord: transcripts

{MADE_BY} Discord server and a
model that says what the script wants; what Discord would show is what stands here. `hostbot` is the bot, Ada
and Ben are people.
"""


class Stage:
    """A server with Ada and Ben, and what they see."""

    def __init__(self, p: Party) -> None:
        [seat] = p.seats
        assert isinstance(seat, DiscordSeat)
        self.party = p
        self.seat = seat
        self.fake: FakeDiscord = seat.fake
        self.general: Channel = seat.channels[GROUP]
        self.ben = self.fake.add_user("ben", global_name="Ben")

    def seen(self, channel: Channel) -> list[str]:
        """A channel as it stands now."""
        return [line for message in channel.messages.values() for line in self._lines(message, channel)]

    def _lines(self, message: Json, channel: Channel) -> list[str]:
        author = message["author"]
        name = author.get("global_name") or author["username"]
        answered = channel.messages.get(str((message.get("message_reference") or {}).get("message_id")))
        above = f"in answer to {words(self._text(answered), cut=60)}" if answered else ""
        note = "edited" if message["edited_timestamp"] else ""
        return bubble(name, words(self._text(message)), note=note, above=above)

    def _text(self, message: Json) -> str:
        return str(message["content"]).replace(self.fake.bot.mention, "@hostbot")

    def shown(self, given: Given) -> list[str]:
        """What an interaction showed its user."""
        lines: list[str] = []
        for message in given.shown:
            note = "only Ada sees this" if int(message["flags"]) & EPHEMERAL else ""
            buttons = [
                f"[{part['label']}]" for row in message.get("components") or () for part in row["components"]
            ]
            lines += bubble("hostbot", f"{words(self._text(message))} {' '.join(buttons)}", note=note)
        return lines

    async def texts(self, given: Given) -> None:
        """Wait for an answer to an interaction."""
        await self.fake.wait_until(lambda: bool(given.texts), "an answer")


async def a_question_that_is_mended(stage: Stage) -> Sequence[str]:
    """Ben says something, Ada asks about it in a reply, and mends her question when it is answered."""
    fake, model = stage.fake, stage.party.model
    async with stage.party.host() as host:
        said = fake.say(
            stage.general, stage.ben, "The kettle is descaled with citric acid, never with vinegar."
        )
        model.answer("Citric acid smells of nothing and leaves no taste; vinegar does both.")
        asked = fake.say(stage.general, stage.seat.ada, f"{fake.bot.mention} why not vingar?", reply_to=said)
        await stage.seat.wait_reply(GROUP)
        before = stage.seen(stage.general)
        model.answer("Baking soda would not dissolve limescale: it is no acid.")
        fake.edit(asked, f"{fake.bot.mention} why not baking soda?")
        await fake.wait_until(lambda: "soda would" in stage.seat.shown(GROUP)[0], "the edited answer")
        await host.stop()
    return ["Before:", "", *before, "", "After Ada's edit:", "", *stage.seen(stage.general)]


async def a_kill_in_the_middle(stage: Stage) -> Sequence[str]:
    """The process is killed while the model writes; what Ada says meanwhile is answered, too, once."""
    fake, model = stage.fake, stage.party.model
    place = stage.seat.channels[DM]
    async with stage.party.host() as host:
        with model.hold() as held:
            fake.say(place, stage.seat.ada, "How long do I boil an egg?")
            await held.wait_for_request()
            await host.kill()
    fake.say(place, stage.seat.ada, "A big one.")
    model.answer("Seven minutes for a soft yolk.", "Then eight.")
    async with stage.party.host() as host:
        await stage.seat.wait_reply(DM, 2)
        await host.stop()
    return [*stage.seen(place), "", f"Messages of the bot: {len(fake.sent_to(place))}."]


async def a_command_that_forgets(stage: Stage) -> Sequence[str]:
    """Ada asks by a slash command, then has herself forgotten; the host is restarted before she clicks."""
    fake, model = stage.fake, stage.party.model
    async with stage.party.host() as host:
        await host.wait_log("commands are registered")
        model.answer("Rain is water that fell up once.")
        asked = fake.use_command(stage.general, stage.seat.ada, "ask", text="what is rain?")
        await stage.texts(asked)
        forget = fake.use_command(stage.general, stage.seat.ada, "forgetme")
        await stage.texts(forget)
        before = [*stage.shown(asked), *stage.shown(forget)]
        await host.stop()
    async with stage.party.host() as host:
        clicked = fake.click(forget.shown[0], stage.seat.ada, "Forget me")
        await stage.texts(clicked)
        await host.wait_log("a person was erased")
        await host.stop()
    return [
        "`/ask what is rain?`, then `/forgetme`:",
        "",
        *before,
        "",
        "After a restart, and a click:",
        "",
        *stage.shown(clicked),
    ]


SCRIPT = Script(
    "discord", HEAD, Stage, (a_question_that_is_mended, a_kill_in_the_middle, a_command_that_forgets)
)
