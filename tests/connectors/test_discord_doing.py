"""What the agent leaves behind on Discord for somebody: only what they might do themselves, and once."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot_host.types.content import Content
from bot_host.types.ids import create_unique_uuid
from bot_host.types.outbound import Target
from bot_host.types.places import Role
from connectors.discord.encode import encode_message
from connectors.discord.permissions import HISTORY, PIN, POLLS, REACT, SEND, THREADS, VIEW
from connectors.discord.polls import poll_content
from connectors.discord.proof import is_same
from tests.connectors.discord_bench import Bench, bench
from tests.fakes.discord import SEND as SENDS
from tests.fakes.discord_model import VOICE, Json, User, allow_and_deny


@pytest.fixture
async def b(tmp_path: Path) -> AsyncIterator[Bench]:
    async with bench(tmp_path) as it:
        yield it


async def test_a_reaction_goes_to_the_message_that_asks_or_is_answered_or_is_named(b: Bench) -> None:
    said = b.fake.say(b.general, b.bob, "we won")
    assert await b.ask("REACT_TO_MESSAGE", {"emoji": "🎉"}, reply_to=said) == "Reacted with 🎉."
    assert await b.ask("REACT_TO_MESSAGE", {"emoji": "👍", "message": said["id"]}) == "Reacted with 👍."
    link = f"https://discord.com/channels/{b.guild.id}/{b.general.id}/{said['id']}"
    await b.ask("REACT_TO_MESSAGE", {"emoji": "👀", "message": link})
    await b.ask("REACT_TO_MESSAGE", {"emoji": "✅"}, text="tick this")
    done = [(message, emoji) for _, message, emoji, _ in b.fake.reacted]
    assert done[:3] == [(said["id"], "🎉"), (said["id"], "👍"), (said["id"], "👀")]
    assert b.general.messages[done[3][0]]["content"].endswith("tick this")


async def test_an_emoji_of_the_server_is_found_by_name(b: Bench) -> None:
    b.guild.emojis.append({"id": "555", "name": "Blobwave"})
    await b.ask("REACT_TO_MESSAGE", {"emoji": ":blobwave:"})
    assert b.fake.reacted[-1][2] == "Blobwave:555"
    told = await b.ask("REACT_TO_MESSAGE", {"emoji": "nope"})
    assert told == "error: this server has no emoji called nope"
    assert await b.ask("REACT_TO_MESSAGE", {"emoji": "#?"}) == "error: Discord has no emoji #?"


NEEDS = [
    ("REACT_TO_MESSAGE", {"emoji": "👍"}, REACT, "Add Reactions"),
    ("PIN_MESSAGE", {}, PIN, "Pin Messages"),
    ("UNPIN_MESSAGE", {}, PIN, "Pin Messages"),
    ("CREATE_THREAD", {"name": "plans"}, THREADS, "Create Public Threads"),
    ("CREATE_THREAD", {"name": "plans"}, SEND, "Send Messages"),
    ("CREATE_POLL", {"question": "?", "answers": ["a", "b"]}, POLLS, "Create Polls"),
]
CHANGES = ("PUT", "DELETE", "PATCH")


def changed(b: Bench) -> list[str]:
    """What was changed in a channel at Discord besides plain answers."""
    calls = [call for call in b.fake.door.calls if " /channels/" in call.route]
    deeds = [call.route for call in calls if call.method in CHANGES or "/threads" in call.route]
    polls = ["poll" for message in b.fake.sent if "poll" in message]
    return [*deeds, *polls]


@pytest.mark.parametrize(("action", "arguments", "flag", "name"), NEEDS)
async def test_what_the_person_may_not_do_is_not_done_for_them(
    b: Bench, action: str, arguments: Json, flag: int, name: str
) -> None:
    b.fake.bot_role(b.guild).permissions = PIN
    allow_and_deny(b.general, b.ada, deny=flag)
    assert await b.ask(action, arguments) == f"error: the person who asks lacks {name} in #general"
    assert changed(b) == []


@pytest.mark.parametrize(("action", "arguments", "flag", "name"), [need for need in NEEDS if need[2] != SEND])
async def test_what_the_bot_may_not_do_is_told_with_the_way_out(
    b: Bench, action: str, arguments: Json, flag: int, name: str
) -> None:
    b.guild.roles[b.guild.id].permissions |= PIN
    allow_and_deny(b.general, b.fake.bot_role(b.guild), deny=flag)
    told = await b.ask(action, arguments)
    assert told == f"error: the bot itself lacks {name} in #general: an admin can grant it"
    assert changed(b) == []


async def test_pins_come_and_go(b: Bench) -> None:
    b.guild.roles[b.guild.id].permissions |= PIN
    said = b.fake.say(b.general, b.bob, "the rules")
    assert await b.ask("PIN_MESSAGE", reply_to=said) == "Pinned in #general."
    assert b.general.messages[said["id"]]["pinned"]
    assert await b.ask("UNPIN_MESSAGE", {"message": said["id"]}) == "No longer pinned in #general."
    assert not b.general.messages[said["id"]]["pinned"]
    assert await b.ask("PIN_MESSAGE", {"message": "123"}) == "error: there is no message 123 in #general"
    told = await b.ask("PIN_MESSAGE", {"message": "the last one"})
    assert told == "error: name the message by its id or link"


async def test_a_message_of_a_channel_that_they_cannot_see_is_not_touched(b: Bench) -> None:
    b.guild.roles[b.guild.id].permissions |= PIN
    board = b.fake.add_channel(b.guild, "board")
    allow_and_deny(board, b.guild.roles[b.guild.id], deny=VIEW)
    allow_and_deny(board, b.fake.bot_role(b.guild), allow=VIEW | HISTORY)
    secret = b.fake.say(board, b.bob, "secret")
    link = f"https://discord.com/channels/{b.guild.id}/{board.id}/{secret['id']}"
    for action in ("PIN_MESSAGE", "UNPIN_MESSAGE"):
        assert "there is no channel" in await b.ask(action, {"message": link})
        assert "there is no channel" in await b.ask(action, {"message": secret["id"], "channel": "board"})
    assert "there is no channel" in await b.ask("REACT_TO_MESSAGE", {"message": link, "emoji": "👍"})
    assert "there is no channel" in await b.ask("CREATE_THREAD", {"message": link, "name": "x"})
    assert changed(b) == []


async def test_a_thread_begins_at_a_message_once(b: Bench) -> None:
    said = b.fake.say(b.general, b.bob, "who brings cake?")
    told = await b.ask("CREATE_THREAD", {"name": "Cake"}, reply_to=said)
    assert told == f"The thread Cake is there: <#{said['id']}>."
    assert b.fake.channels[said["id"]].name == "Cake"
    told = await b.ask("CREATE_THREAD", {"name": "Cake", "message": said["id"]})
    assert told == f"There is a thread at that message already: <#{said['id']}>."
    loud = b.fake.add_channel(b.guild, "loud", type=VOICE)
    said = b.fake.say(loud, b.bob, "in here?")
    told = await b.ask("CREATE_THREAD", {"name": "x", "channel": loud.id, "message": said["id"]})
    assert told == "error: no thread can begin in #loud"


async def test_a_poll_goes_out_through_the_outbox_and_is_remembered(b: Bench) -> None:
    wanted = {"question": "Cake or pie?", "answers": ["Cake", "Pie"], "hours": 2, "several": True}
    assert await b.ask("CREATE_POLL", wanted) == "The poll is there."
    [poll] = [message["poll"] for message in b.fake.sent if "poll" in message]
    assert [answer["poll_media"]["text"] for answer in poll["answers"]] == ["Cake", "Pie"]
    assert (poll["question"]["text"], poll["allow_multiselect"]) == ("Cake or pie?", True)
    call = next(call for call in b.fake.calls_of(SENDS) if "poll" in call.payload)
    assert call.payload["poll"]["duration"] == 2
    assert call.payload["nonce"]
    assert "content" not in call.payload
    await b.ask("CHANNEL_INFO")
    said = [message.content for message in b.model.requests[-1].messages if message.role == "assistant"]
    assert "[poll: Cake or pie? Cake / Pie]" in said
    assert await b.ask("CREATE_POLL", wanted, where=b.fake.dm(b.ada)) == "The poll is there."


def test_a_poll_that_may_have_arrived_is_known_again() -> None:
    target = Target(source="discord", channel_id="1")
    content = poll_content("Cake?", ["yes", "no"], hours=24, several=False)
    [payload] = encode_message(content, target)
    [other] = encode_message(poll_content("Pie?", ["yes", "no"], hours=24, several=False), target)
    arrived = {"content": "", "poll": {"question": {"text": "Cake?"}}}
    assert is_same(arrived, payload, key="k")
    assert not is_same(arrived, other, key="k")
    assert encode_message(Content(text="no poll"), target)[0]["content"] == "no poll"


async def confirmed(b: Bench, arguments: Json, *, by: User) -> str:
    """What SEND_DM told after the yes."""
    await b.ask("SEND_DM", arguments, by=by)
    return await b.ask("CONFIRM", by=by, text="yes")


async def test_a_direct_message_to_oneself_needs_a_yes_and_nothing_else(b: Bench) -> None:
    told = await b.ask("SEND_DM", {"person": "me", "text": "a note"})
    assert "Not done yet" in told
    assert not b.fake.dm(b.ada).messages
    assert await b.ask("CONFIRM", text="yes") == "Sent to Ada in private."
    assert [m["content"] for m in b.fake.dm(b.ada).messages.values()] == ["a note"]


async def test_a_direct_message_to_somebody_else_is_for_admins(b: Bench) -> None:
    told = await confirmed(b, {"person": "bob", "text": "hi"}, by=b.ada)
    assert told == "error: only an ADMIN of this bot may have it write to somebody else in private"
    assert not b.fake.dm(b.bob).messages
    [agent] = b.host.get_agents()
    ada = create_unique_uuid(agent.agent_id, b.ada.id)
    await agent.set_role(create_unique_uuid(agent.agent_id, b.guild.id), ada, Role.ADMIN)
    told = await confirmed(b, {"person": "bob", "text": "hi"}, by=b.ada)
    assert told == "Sent to Bob in private."
    [message] = b.fake.dm(b.bob).messages.values()
    assert message["content"] == "hi\n(from Ada, Workshop)"
    stranger = b.fake.add_user("carol")
    told = await confirmed(b, {"person": stranger.id, "text": "hi"}, by=b.ada)
    assert told == f"error: nobody in this server is called {stranger.id}"
    other = b.fake.add_user("otherbot", bot=True)
    b.fake.member(b.guild, other)
    told = await confirmed(b, {"person": "otherbot", "text": "hi"}, by=b.ada)
    assert told.startswith("error: otherbot is a bot")
