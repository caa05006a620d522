"""Conversations on Telegram."""

import asyncio
import base64
import json
from collections.abc import Sequence

from tests.fakes.openai import ModelRequest
from tests.fakes.openai_media import PIXEL
from tests.fakes.telegram import FakeTelegram
from tests.fakes.telegram_text import utf16_len
from tests.fakes.telegram_world import Chat, Json, User
from tests.journeys.party import Party
from tests.journeys.seats import DM, GROUP, TelegramSeat
from tests.journeys.test_gaps import recorded, rows
from tests.transcripts.stage import MADE_BY, Script, bubble, words

HEAD = f"""# Telegram: transcripts

{MADE_BY} Bot API server and a
model that says what the script wants; what Telegram would show is what stands here. `hostbot` is the bot, Ada
and Ben are people.
"""


class Stage:
    """Ada and Ben, a group of theirs, and what they see."""

    def __init__(self, p: Party) -> None:
        [seat] = p.seats
        assert isinstance(seat, TelegramSeat)
        self.party = p
        self.seat = seat
        self.fake: FakeTelegram = seat.fake
        self.garden: Chat = seat.chats[GROUP]
        self.private: Chat = seat.chats[DM]
        self.ben: User = self.fake.world.user("Ben", username="ben")

    def seen(self, chat: Chat) -> list[str]:
        """A chat as it stands now."""
        there = self.fake.world.messages.items()
        return [line for (_, chat_id, _), each in there if chat_id == chat.id for line in self._lines(each)]

    def _lines(self, message: Json) -> list[str]:
        if "migrate_to_chat_id" in message or "migrate_from_chat_id" in message:
            return [f"> *{message['chat']['title']} became a supergroup*", ">"]
        answered = message.get("reply_to_message")
        above = ""
        if answered:
            key = (self.fake.bot.user.id, message["chat"]["id"], answered["message_id"])
            picked = str(message.get("quote", {}).get("text", ""))
            above = f"in answer to {words(picked or self._text(self.fake.world.messages[key]), cut=60)}"
        keys = message.get("reply_markup", {}).get("inline_keyboard", [])
        buttons = [f"[{button['text']}]" for row in keys for button in row]
        text = " ".join([words(self._text(message)), *buttons])
        return bubble(
            self._name(message["from"]), text, note="edited" if "edit_date" in message else "", above=above
        )

    def _name(self, sender: Json) -> str:
        return "hostbot" if sender["id"] == self.fake.bot.user.id else str(sender["first_name"])

    def _text(self, message: Json) -> str:
        name = self.fake.world.files[message["photo"][0]["file_id"]][0] if "photo" in message else ""
        text = str(message.get("text") or message.get("caption") or "")
        picture = f"[picture: {name}] " if name else ""
        return f"{picture}{text.replace(self.seat.mention, '@hostbot')}".strip()

    def shown(self, chat: Chat) -> list[str]:
        """The bot's messages there as they are now."""
        return [message.text for message in self.fake.sent if message.chat_id == chat.id]


async def an_album_with_a_question(stage: Stage) -> Sequence[str]:
    """Three pictures are three updates, the question is below the second: one answer, which saw all three."""
    fake, model = stage.fake, stage.party.model
    pictures = {name: PIXEL + name.encode() for name in ("mint", "basil", "sage")}

    def look(request: ModelRequest) -> str:
        """A model that describes the picture that it is given, and answers by the descriptions."""
        for name, data in pictures.items():
            if base64.b64encode(data).decode() in str(request.body):
                return json.dumps({"title": "A pot", "description": f"A pot of {name} on a window sill."})
        seen = [name for name in pictures if f"A pot of {name}" in request.last_user_text]
        return f"I see {', '.join(seen)}. Mint wants the most water."

    model.any_model = True
    model.answer_with(look)
    async with stage.party.host() as host:
        for name, data in pictures.items():
            stored = fake.world.store_file(f"{name}.png", data)
            await fake.say(
                stage.garden,
                stage.seat.ada,
                caption=f"{stage.seat.mention} which one needs most water?" if name == "basil" else None,
                photo=[{**stored, "width": 1, "height": 1}],
                media_group_id="13",
            )
        await stage.seat.wait_reply(GROUP)
        await host.stop()
    return [*stage.seen(stage.garden), "", f"Messages of the bot: {len(stage.shown(stage.garden))}."]


async def a_quote_and_a_question_that_is_mended(stage: Stage) -> Sequence[str]:
    """Ada picks out a part of Ben's words and asks about it, then mends her question when it is answered."""
    fake, model, garden = stage.fake, stage.party.model, stage.garden
    async with stage.party.host() as host:
        text = "Two things: the hose leaks. And the roses have black spots."
        said = await fake.say(garden, stage.ben, text)
        part = "the roses have black spots"
        quote = {"text": part, "position": utf16_len(text[: text.index(part)]), "is_manual": True}
        model.answer_with(_know_roses)
        asked = await fake.say(
            garden,
            stage.seat.ada,
            f"{stage.seat.mention} what is taht?",
            reply_to=said["message_id"],
            quote=quote,
        )
        await stage.seat.wait_reply(GROUP)
        await recorded(stage.party.folder)
        before = stage.seen(garden)
        await fake.edit(asked, f"{stage.seat.mention} is that bad for people?")
        await fake.wait_for_message(lambda message: message.text.startswith("No"))
        await host.stop()
    return ["Before:", "", *before, "", "After Ada's edit:", "", *stage.seen(garden)]


async def buttons_over_a_restart(stage: Stage) -> Sequence[str]:
    """Ada is asked whether she means it; the host is restarted before she presses a button."""
    fake, private = stage.fake, stage.private
    async with stage.party.host() as host:
        await stage.seat.say(DM, "/forgetme")
        await stage.seat.wait_reply(DM)
        await host.stop()
    before = stage.seen(private)
    question = fake.sent[-1]
    async with stage.party.host() as host:
        pressed = await fake.press(question, stage.seat.ada, fake.data_of(question, "Keep it"))
        await fake.wait_told(pressed)
        await stage.seat.wait_reply(DM, 2)
        await host.stop()
    return [
        "Before:",
        "",
        *before,
        "",
        "After a restart, and a press on **Keep it**:",
        "",
        *stage.seen(private),
    ]


async def a_kill_in_the_middle_of_an_answer(stage: Stage) -> Sequence[str]:
    """In a private chat an answer is shown while it is written; in the middle of it the process is killed."""
    fake, model, private = stage.fake, stage.party.model, stage.private
    half = "Seven minutes for a soft yolk."
    model.answer(*[f"{half} Then put it into cold water."] * 2)
    async with stage.party.host() as host:
        while not rows(stage.party.folder, "SELECT 1 FROM cache WHERE key LIKE '%:drafts'"):
            await asyncio.sleep(0.01)
        with model.hold(after=len(half.split())):
            await stage.seat.say(DM, "How long do I boil an egg?")
            while not fake.methods.drafts:
                await asyncio.sleep(0.01)
            await host.kill()
    writing = bubble("hostbot", words(fake.methods.drafts[-1]["text"]), note="being written")
    before = [*stage.seen(private), *writing]
    async with stage.party.host() as host:
        await stage.seat.wait_reply(DM)
        await host.stop()
    return [
        "When it is killed:",
        "",
        *before,
        "",
        "After the next start:",
        "",
        *stage.seen(private),
        "",
        f"Messages of the bot: {len(stage.shown(private))}.",
    ]


async def a_group_that_becomes_a_supergroup(stage: Stage) -> Sequence[str]:
    """Telegram gives such a group and its messages new ids; the talk goes on, with what was said before."""
    fake, model = stage.fake, stage.party.model
    friends = fake.world.group("Friends")
    async with stage.party.host() as host:
        model.answer("Noted: Saturday at four, at Ben's.")
        await fake.say(friends, stage.seat.ada, f"{stage.seat.mention} we meet on Saturday at four, at Ben's")
        await fake.wait_for_message(lambda message: message.chat_id == friends.id)
        await recorded(stage.party.folder)
        new = await fake.migrate(friends, stage.seat.ada)
        model.answer_with(_remember)
        await fake.say(new, stage.ben, f"{stage.seat.mention} when do we meet?")
        await fake.wait_for_message(lambda message: message.chat_id == new.id)
        await host.stop()
    return ["The old group:", "", *stage.seen(friends), "", "The new one:", "", *stage.seen(new)]


def _know_roses(request: ModelRequest) -> str:
    """What a model can say that sees which words are asked about."""
    if "the roses have black spots" not in request.last_user_text:
        return "What do you mean?"
    if "bad for people" in request.last_user_text:
        return "No, it lives on leaves only. But wash your hands before you touch the next rose."
    return "Black spot, a fungus: cut the leaves off and keep the others dry."


def _remember(request: ModelRequest) -> str:
    """What a model can say that sees what was said before."""
    return "On Saturday at four." if "Saturday at four" in str(request.body) else "I do not know."


SCRIPT = Script(
    "telegram",
    HEAD,
    Stage,
    (
        an_album_with_a_question,
        a_quote_and_a_question_that_is_mended,
        buttons_over_a_restart,
        a_kill_in_the_middle_of_an_answer,
        a_group_that_becomes_a_supergroup,
    ),
)
