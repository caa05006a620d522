"""What the agent leaves behind on Telegram for somebody: only what they might do themselves, and once."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot_host.types.content import Content
from bot_host.types.ids import create_unique_uuid
from bot_host.types.outbound import Target
from bot_host.types.places import Role
from connectors.telegram import connector as spec
from connectors.telegram.client import TelegramConnector
from connectors.telegram.config import ACTIONS, TelegramConfig
from connectors.telegram.encode import encode, mark_repeat
from connectors.telegram.polls import poll_content
from tests.connectors.telegram_bench import Bench, bench
from tests.fakes.telegram_world import Json


@pytest.fixture
async def b(tmp_path: Path) -> AsyncIterator[Bench]:
    async with bench(tmp_path) as it:
        yield it


def link(b: Bench, message: Json) -> str:
    return f"https://t.me/c/{str(b.club.id)[4:]}/{message['message_id']}"


async def test_a_reaction_goes_to_the_message_that_asks_or_is_answered_or_is_named(b: Bench) -> None:
    said = await b.fake.say(b.club, b.bob, "we won")
    number = said["message_id"]
    told = await b.ask("REACT_TO_MESSAGE", {"emoji": "🎉"}, reply_to=number)
    assert told == f"Reacted with 🎉. {link(b, said)}"
    assert b.fake.world.reactions == {(b.club.id, number): ["🎉"]}
    for named in (str(number), link(b, said)):
        await b.ask("REACT_TO_MESSAGE", {"emoji": "❤️", "message": named})
        assert b.fake.world.reactions.pop((b.club.id, number)) == ["❤"]
    await b.ask("REACT_TO_MESSAGE", {"emoji": "👍"}, text="like this")
    [(_, mine)] = b.fake.world.reactions
    asked = b.fake.world.messages[b.fake.bot.user.id, b.club.id, mine]
    assert asked["text"].endswith("like this")
    told = await b.ask("REACT_TO_MESSAGE", {"emoji": "👍", "message": "the last one"})
    assert told == "error: name the message by its id or link, or answer it"
    told = await b.ask("REACT_TO_MESSAGE", {"emoji": "👍", "message": "77777"})
    assert told == "error: Telegram refused it: Message to react not found"


async def test_a_reaction_that_telegram_does_not_take_is_told_with_some_that_it_does(b: Bench) -> None:
    told = await b.ask("REACT_TO_MESSAGE", {"emoji": "🦄"})
    assert told.startswith("error: Telegram takes no reaction 🦄 here; some that it takes are 👍")
    forum = b.fake.world.supergroup("Plants")
    b.fake.members.about[forum.id]["available_reactions"] = [{"type": "emoji", "emoji": "🌹"}]
    told = await b.ask("REACT_TO_MESSAGE", {"emoji": "🦄"}, where=forum)
    assert told == "error: Telegram takes no reaction 🦄 here; it takes 🌹"


NEEDS = [
    ("PIN_MESSAGE", {}, "can_pin_messages", "Pin Messages"),
    ("UNPIN_MESSAGE", {}, "can_pin_messages", "Pin Messages"),
    ("CREATE_TOPIC", {"name": "plans"}, "can_manage_topics", "Manage Topics"),
    ("CHANGE_TOPIC", {"change": "close", "topic": "general"}, "can_manage_topics", "Manage Topics"),
]


@pytest.mark.parametrize(("action", "arguments", "right", "name"), NEEDS)
async def test_what_the_person_may_not_do_is_not_done_for_them(
    b: Bench, action: str, arguments: Json, right: str, name: str
) -> None:
    b.club.is_forum = True
    b.lead_bot(right)
    for status, rights in (("member", {}), ("administrator", {"can_change_info": True})):
        b.fake.members.stand(b.club, b.ada, status, **rights)
        told = await b.ask(action, arguments)
        assert told == f'error: the person who asks lacks the right {name} in "Club"'
    assert b.did() == []


@pytest.mark.parametrize(("action", "arguments", "right", "name"), NEEDS)
async def test_what_the_bot_may_not_do_is_told_with_the_way_out(
    b: Bench, action: str, arguments: Json, right: str, name: str
) -> None:
    b.club.is_forum = True
    b.lead(b.ada, right)
    # Members may pin here and make topics; a bot has to be an administrator for it all the same.
    b.fake.members.permissions[b.club.id] |= {right: True}
    told = await b.ask(action, arguments)
    way_out = "make it an administrator there, with that right"
    assert told == f'error: the bot itself lacks the right {name} in "Club": {way_out}'
    assert b.did() == []


@pytest.mark.parametrize(
    ("field", "action", "arguments", "name"),
    [
        ("can_send_polls", "CREATE_POLL", {"question": "?", "options": ["a", "b"]}, "Send Polls"),
        ("can_react_to_messages", "REACT_TO_MESSAGE", {"emoji": "👍"}, "Add Reactions"),
    ],
)
async def test_what_members_may_do_counts_for_members_and_restrictions_for_the_restricted(
    b: Bench, field: str, action: str, arguments: Json, name: str
) -> None:
    b.lead_bot()
    b.fake.members.stand(
        b.club, b.ada, "restricted", is_member=True, can_send_messages=True, **{field: False}
    )
    assert await b.ask(action, arguments) == f'error: the person who asks lacks the right {name} in "Club"'
    shed = b.fake.world.supergroup("Shed")
    b.lead_bot(chat=shed)
    b.fake.members.permissions[shed.id][field] = False
    told = await b.ask(action, arguments, by=b.bob, where=shed)
    assert told == f'error: the person who asks lacks the right {name} in "Shed"'
    assert b.did() == []


async def test_pins_come_and_go(b: Bench) -> None:
    b.lead_bot("can_pin_messages")
    b.lead(b.ada, "can_pin_messages")
    said = await b.fake.say(b.club, b.bob, "the rules")
    told = await b.ask("PIN_MESSAGE", reply_to=said["message_id"])
    assert told == f'Pinned in "Club". {link(b, said)}'
    assert b.fake.members.pinned[b.club.id] == [said["message_id"]]
    for _ in range(2):  # What is not pinned is unpinned already.
        told = await b.ask("UNPIN_MESSAGE", {"message": str(said["message_id"])})
        assert told == f'No longer pinned in "Club". {link(b, said)}'
    assert b.fake.members.pinned[b.club.id] == []


async def test_whoever_is_no_administrator_any_more_or_has_left_may_nothing(b: Bench) -> None:
    b.lead_bot("can_pin_messages")
    b.fake.members.stand(b.club, b.ada, "member")
    b.fake.members.stand(b.club, b.bob, "left", can_pin_messages=True)
    for person in (b.ada, b.bob):
        told = await b.ask("PIN_MESSAGE", by=person)
        assert told == 'error: the person who asks lacks the right Pin Messages in "Club"'
    assert b.did() == []


async def test_in_private_all_is_free_and_no_rights_are_asked_for(b: Bench) -> None:
    where = b.fake.world.private(b.ada)
    assert await b.ask("REACT_TO_MESSAGE", {"emoji": "👍"}, where=where) == "Reacted with 👍."
    assert await b.ask("PIN_MESSAGE", where=where) == "Pinned in this private chat."
    wanted = {"question": "Cake?", "options": ["yes", "no"]}
    assert await b.ask("CREATE_POLL", wanted, where=where) == "The poll is there."
    assert not b.did("getChatMember", "getChat")
    assert not b.offered() & {"CREATE_TOPIC", "CHANGE_TOPIC", "GET_USER_INFO"}


async def test_an_anonymous_administrator_may_what_each_hidden_one_may(b: Bench) -> None:
    b.lead_bot("can_pin_messages")
    told = await b.ask("PIN_MESSAGE", anonymous=True)
    assert told == 'error: the person who asks lacks the right Pin Messages in "Club"'
    garden = b.fake.world.supergroup("Garden")
    b.lead_bot("can_pin_messages", chat=garden)
    b.lead(b.ada, "can_pin_messages", chat=garden, is_anonymous=True)
    b.lead(b.bob, "can_manage_topics", chat=garden)
    assert (await b.ask("PIN_MESSAGE", anonymous=True, where=garden)).startswith("Pinned in")
    shed = b.fake.world.supergroup("Shed")
    b.lead_bot("can_pin_messages", chat=shed)
    b.lead(b.ada, "can_pin_messages", chat=shed, is_anonymous=True)
    b.lead(b.bob, "can_manage_topics", chat=shed, is_anonymous=True)
    told = await b.ask("PIN_MESSAGE", anonymous=True, where=shed)
    assert told == 'error: the person who asks lacks the right Pin Messages in "Shed"'


async def test_those_who_run_the_bot_may_in_a_group_what_the_group_lets_them(tmp_path: Path) -> None:
    async with bench(tmp_path, bob_owns=True) as b:
        b.lead_bot("can_pin_messages")
        assert "lacks the right Pin Messages" in await b.ask("PIN_MESSAGE", by=b.bob)
        shed = b.fake.world.supergroup("Shed")
        b.lead_bot("can_pin_messages", chat=shed)
        b.lead(b.bob, "can_pin_messages", chat=shed)
        assert (await b.ask("PIN_MESSAGE", by=b.bob, where=shed)).startswith("Pinned in")


async def test_where_telegram_does_not_tell_of_members_it_says_so(b: Bench) -> None:
    b.fake.members.secretive.add(b.club.id)
    told = await b.ask("PIN_MESSAGE")
    assert told == ('error: Telegram does not tell the bot who is in "Club": make it an administrator there')


async def test_a_server_that_knows_none_of_it_is_told_of_and_answers_go_on(b: Bench) -> None:
    b.fake.members.lack("getChat", "getChatMember", "pinChatMessage", "sendPoll")
    told = await b.ask("PIN_MESSAGE")
    assert told == "error: the Bot API server does not know how to do that"
    where = b.fake.world.private(b.ada)
    told = await b.ask("PIN_MESSAGE", where=where)
    assert told == "error: the Bot API server does not know how to do that"
    # A poll comes in words there.
    wanted = {"question": "Cake <or> pie?", "options": ["Cake", "Pie"]}
    assert await b.ask("CREATE_POLL", wanted, where=where) == "The poll is there."
    assert "Cake <or> pie?\n– Cake\n– Pie" in [message.text for message in b.fake.sent]


async def test_a_poll_goes_out_through_the_outbox_and_is_remembered(b: Bench) -> None:
    wanted = {"question": "Cake or pie?", "options": ["Cake", "Pie"], "several": True, "public": True}
    told = await b.ask("CREATE_POLL", wanted)
    [call] = b.fake.called("sendPoll")
    sent = next(m for m in b.fake.sent if m.request.get("question"))
    assert told == f"The poll is there. {link(b, {'message_id': sent.message_id})}"
    assert [option["text"] for option in json.loads(call.params["options"])] == ["Cake", "Pie"]
    assert (call.params["is_anonymous"], call.params["allows_multiple_answers"]) == ("false", "true")
    await b.ask("CHAT_INFO")
    said = [message.content for message in b.model.requests[-1].messages if message.role == "assistant"]
    assert "[poll: Cake or pie? Cake / Pie]" in said


async def test_a_quiz_has_one_right_answer(b: Bench) -> None:
    wanted = {"question": "2 + 2", "options": ["3", "4"], "right": "4", "several": True}
    assert (await b.ask("CREATE_POLL", wanted)).startswith("The poll is there.")
    [call] = b.fake.called("sendPoll")
    assert (call.params["type"], call.params["correct_option_ids"]) == ("quiz", "[1]")
    assert "allows_multiple_answers" not in call.params
    told = await b.ask("CREATE_POLL", {**wanted, "right": "5"})
    assert told == "error: the right answer is none of the options"
    told = await b.ask("CREATE_POLL", {"question": "?", "options": ["a", "a"]})
    assert told == "error: two options are the same"


def test_a_poll_that_may_have_arrived_is_marked_when_it_is_sent_again() -> None:
    content = poll_content("q" * 300, ["yes", "no"], anonymous=True, several=False, right=None)
    [payload] = encode(content, Target(source="telegram", channel_id="1"))
    marked = mark_repeat(payload)["poll"]["question"]
    assert marked.startswith("↻ qqq")
    assert len(marked) == 300
    [other] = encode(Content.model_validate({"text": "hi", "poll": {"options": ["one"]}}), Target(source="x"))
    assert other["plain"] == "hi"


async def test_topics_are_made_closed_opened_and_renamed(b: Bench) -> None:
    forum = b.fake.world.supergroup("Forum", is_forum=True)
    roses = await b.fake.open_topic(forum, "Roses", b.bob)
    b.lead_bot("can_manage_topics", chat=forum)
    b.lead(b.ada, "can_manage_topics", chat=forum)
    told = await b.ask("CREATE_TOPIC", {"name": "Tulips"}, where=forum)
    [tulips] = [id for id, name in forum.topics.items() if name == "Tulips"]
    place = f"https://t.me/c/{str(forum.id)[4:]}"
    assert told == f'The topic "Tulips" is there, id {tulips}. {place}/{tulips}'
    told = await b.ask("CHANGE_TOPIC", {"change": "close"}, where=forum, topic=roses)
    assert told == f'Closed: the topic "Roses". {place}/{roses}'
    for _ in range(2):  # It is closed already.
        await b.ask("CHANGE_TOPIC", {"change": "close", "topic": "roses"}, where=forum)
        assert (forum.id, roses) in b.fake.members.closed
    told = await b.ask("CHANGE_TOPIC", {"change": "reopen", "topic": str(roses)}, where=forum)
    assert told == f'Open again: the topic "Roses". {place}/{roses}'
    told = await b.ask("CHANGE_TOPIC", {"change": "rename", "name": 'Red "roses"'}, where=forum, topic=roses)
    assert told == f'Renamed: the topic "Roses" is now "Red \'roses\'". {place}/{roses}'
    assert forum.topics[roses] == 'Red "roses"'
    assert await b.ask("CHANGE_TOPIC", {"change": "close"}, where=forum) == "Closed: the topic General."
    assert (forum.id, 1) in b.fake.members.closed
    told = await b.ask("CHANGE_TOPIC", {"change": "close", "topic": "Violets"}, where=forum)
    assert told.startswith("error: the bot knows no topic that is called Violets")
    told = await b.ask("CHANGE_TOPIC", {"change": "rename", "topic": "roses"}, where=forum)
    assert told == "error: the topic needs a name"
    assert await b.ask("CREATE_TOPIC", {"name": "x"}) == 'error: "Club" has no topics'


async def test_members_make_topics_where_they_may_and_change_none(b: Bench) -> None:
    b.club.is_forum = True
    b.lead_bot("can_manage_topics")
    b.fake.members.permissions[b.club.id]["can_manage_topics"] = True
    assert (await b.ask("CREATE_TOPIC", {"name": "Tulips"})).startswith('The topic "Tulips" is there')
    told = await b.ask("CHANGE_TOPIC", {"change": "close"})
    assert told == 'error: the person who asks lacks the right Manage Topics in "Club"'


async def test_a_message_goes_to_a_chat_that_both_know_and_carries_the_name(b: Bench) -> None:
    garden = b.fake.world.supergroup("Garden")
    await b.fake.say(garden, b.bob, "hello")
    told = await b.confirmed("SEND_TO_CHAT", {"chat": "garden", "text": "The roses bloom."})
    [sent] = [m for m in b.fake.sent if m.chat_id == garden.id]
    assert sent.text == "The roses bloom.\n(from Ada)"
    assert told == f'Sent to "Garden". https://t.me/c/{str(garden.id)[4:]}/{sent.message_id}'
    # What it said there it remembers there.
    [agent] = b.host.get_agents()
    there = await b.host.store.get_memories(create_unique_uuid(agent.agent_id, str(garden.id)), count=9)
    assert "The roses bloom.\n(from Ada)" in [memory.content.text for memory in there]
    told = await b.ask("SEND_TO_CHAT", {"chat": str(b.club.id), "text": "hi"})
    assert "Not done yet" in told
    assert await b.ask("CONFIRM", text="yes") == "error: that is this very chat: just answer"


async def test_into_a_channel_write_those_who_may_post_there_and_admins_without_their_name(b: Bench) -> None:
    news, letters = b.fake.world.channel("News"), b.fake.world.channel("Letters")
    news.username, letters.username = "club_news", "club_letters"
    for user in (b.ada, b.fake.bot.user):
        b.lead(user, "can_post_messages", chat=letters)
    await b.ask("CHAT_INFO")
    [agent] = b.host.get_agents()
    club = create_unique_uuid(agent.agent_id, str(b.club.id))
    await agent.set_role(club, create_unique_uuid(agent.agent_id, str(b.ada.id)), Role.ADMIN)
    told = await b.confirmed("SEND_TO_CHAT", {"chat": "@club_news", "text": "Issue two."})
    assert told == 'error: the person who asks lacks the right Send Messages in "News"'
    told = await b.confirmed("SEND_TO_CHAT", {"chat": "https://t.me/club_letters", "text": "Issue two."})
    [sent] = [m for m in b.fake.sent if m.chat_id == letters.id]
    assert told == f'Sent to "Letters". https://t.me/club_letters/{sent.message_id}'
    assert sent.text == "Issue two."


async def test_a_chat_that_they_are_not_in_does_not_exist_for_them(b: Bench) -> None:
    board = b.fake.world.supergroup("Board")
    await b.fake.say(board, b.bob, "hello")
    b.fake.members.stand(board, b.ada, "left")
    elsewhere = b.fake.world.channel("Elsewhere")
    elsewhere.username = "elsewhere"
    b.fake.members.stand(elsewhere, b.fake.bot.user, "left")
    for named in ("Board", str(board.id), f"https://t.me/c/{str(board.id)[4:]}/1", "@elsewhere", "Nowhere"):
        told = await b.confirmed("SEND_TO_CHAT", {"chat": named, "text": "hi"})
        assert told == f"error: there is no chat {named} that the bot and the person who asks are in"
        told = await b.ask("CHAT_INFO", {"chat": named}, where=b.fake.world.private(b.ada))
        assert told == f"error: there is no chat {named} that the bot and the person who asks are in"
    told = await b.ask("REACT_TO_MESSAGE", {"emoji": "👍", "message": f"t.me/c/{str(board.id)[4:]}/1"})
    assert "there is no chat" in told
    assert not [m for m in b.fake.sent if m.chat_id == board.id and m.text == "hi"]
    assert b.did() == []


async def test_actions_can_be_chosen_in_the_config(tmp_path: Path) -> None:
    async with bench(tmp_path, actions=["CHAT_INFO"]) as some:
        told = await some.ask("PIN_MESSAGE")
        assert told.startswith("error: there is no action called PIN_MESSAGE")
        assert "CHAT_INFO" in some.offered()
    assert not any(TelegramConfig(actions=False).offers(name) for name in ACTIONS)
    connector = TelegramConnector(TelegramConfig(token="1:a"))
    assert sorted(action.name for action in connector.actions()) == sorted(ACTIONS)
    assert spec.actions == ACTIONS
    with pytest.raises(ValueError, match='there is no action "PIN"; there are REACT_TO_MESSAGE, '):
        TelegramConfig(actions=["PIN"])
