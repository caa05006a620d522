"""What the agent leaves behind on Slack for somebody: only what they might do themselves, and once."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot_host.connector import SendLater, SendRefused
from bot_host.types.ids import create_unique_uuid
from bot_host.types.outbound import ASKED_BY, Target
from bot_host.types.places import Role
from connectors.slack import needs
from connectors.slack.config import person_key
from connectors.slack.emoji import name_of
from tests.connectors.slack_bench import Bench, bench
from tests.connectors.slack_helpers import running
from tests.fakes.slack import FakeSlack, FakeUser, Json


@pytest.fixture
async def b(tmp_path: Path) -> AsyncIterator[Bench]:
    async with bench(tmp_path) as it:
        yield it


async def admin(b: Bench, user: FakeUser) -> None:
    """Somebody is an ADMIN of the agent."""
    [agent] = b.host.get_agents()
    world = create_unique_uuid(agent.agent_id, f"slack-workspace-{b.fake.team_id}")
    await agent.set_role(world, create_unique_uuid(agent.agent_id, person_key(user.id)), Role.ADMIN)


async def test_a_reaction_goes_to_the_message_that_asks_or_is_named_or_begins_the_thread(b: Bench) -> None:
    first = b.said(b.general, b.bob, "we won")
    link = f"https://fake-works.slack.com/archives/{b.general.id}/p{first.replace('.', '')}"
    for emoji, name in (("🎉", "tada"), (":Rocket:", "rocket"), ("👍🏽", "+1")):
        told = await b.ask("REACT_TO_MESSAGE", {"emoji": emoji, "message": link})
        assert told == f"Reacted with :{name}:."
        assert (b.general.id, first, name) in b.fake.methods.reactions
    await b.ask("REACT_TO_MESSAGE", {"emoji": "heart"}, thread_ts=first)
    assert (b.general.id, first, "heart") in b.fake.methods.reactions
    told = await b.ask("REACT_TO_MESSAGE", {"emoji": "eyes", "message": first})
    assert told == await b.ask("REACT_TO_MESSAGE", {"emoji": "eyes", "message": first})
    await b.ask("REACT_TO_MESSAGE", {"emoji": "white_check_mark"}, text="tick this")
    [ts] = [ts for _, ts, name in b.fake.methods.reactions if name == "white_check_mark"]
    assert b.general.messages[ts]["text"].endswith("tick this")
    told = await b.ask("REACT_TO_MESSAGE", {"emoji": "🦄"})
    assert told == "error: name the emoji 🦄 as Slack does, such as thumbsup"
    b.fake.fail("reactions.add", "invalid_name")
    told = await b.ask("REACT_TO_MESSAGE", {"emoji": "blobwave"})
    assert told == "error: this workspace has no emoji called blobwave"
    told = await b.ask("REACT_TO_MESSAGE", {"emoji": "+1", "message": "1700000000.000001"})
    assert told == "error: Slack refused it: message_not_found; the message is gone"
    told = await b.ask("REACT_TO_MESSAGE", {"emoji": "+1", "message": "the last one"})
    assert told == "error: name the message by its id or link"
    assert name_of("not a name") == ""


async def test_pins_come_and_go(b: Bench) -> None:
    said = b.said(b.general, b.bob, "the rules")
    for _ in range(2):  # What is pinned already counts as done.
        assert await b.ask("PIN_MESSAGE", {"message": said}) == "Pinned in #general."
        assert b.fake.acting.pinned == {(b.general.id, said)}
    for _ in range(2):
        assert await b.ask("UNPIN_MESSAGE", {"message": said}) == "No longer pinned in #general."
        assert b.fake.acting.pinned == set()


async def test_a_message_of_a_channel_that_they_cannot_see_is_not_touched(b: Bench) -> None:
    board = b.channel("board", b.bob, private=True)
    secret = b.said(board, b.bob, "secret")
    link = f"https://fake-works.slack.com/archives/{board.id}/p{secret.replace('.', '')}"
    for action, more in (("PIN_MESSAGE", {}), ("UNPIN_MESSAGE", {}), ("REACT_TO_MESSAGE", {"emoji": "+1"})):
        for named in ({"message": link}, {"message": secret, "channel": "board"}):
            assert "error: there is no channel" in await b.ask(action, {**named, **more})
    for action, more in (("EDIT_MESSAGE", {"text": "x"}), ("DELETE_MESSAGE", {})):
        assert "error: there is no channel" in await b.ask(action, {"message": link, **more})
    assert b.did() == []


async def test_where_only_some_may_write_others_change_nothing(b: Bench) -> None:
    news = b.channel("news")
    said = b.said(news, b.bob, "issue one")
    b.fake.acting.about[news.id] = {"properties": {"posting_restricted_to": {"user": [b.bob.id]}}}
    named = {"message": said, "channel": "news"}
    told = await b.ask("PIN_MESSAGE", named)
    assert told == "error: only some may write in #news, and the person who asks is none of them"
    assert await b.ask("PIN_MESSAGE", named, by=b.bob) == "Pinned in #news."
    carol = b.fake.add_user("carol")
    b.fake.acting.about[carol.id]["is_owner"] = True
    assert await b.ask("UNPIN_MESSAGE", named, by=carol) == "No longer pinned in #news."


async def test_a_scope_for_pins_is_named(b: Bench) -> None:
    b.fake.scopes.remove("pins:write")
    told = await b.ask("PIN_MESSAGE")
    assert told.startswith("error: the app lacks the scope pins:write: an admin can add it")


async def test_a_file_goes_into_the_thread_that_asks_for_it(b: Bench) -> None:
    first = b.said(b.general, b.bob, "which beds?")
    wanted = {"name": "../beds.csv", "content": "bed,plants\n1,12\n", "comment": "As asked:"}
    told = await b.ask("UPLOAD_FILE", wanted, thread_ts=first)
    assert told == "The file .._beds.csv is there."
    [file] = b.fake.workspace.files.values()
    assert file.data == b"bed,plants\n1,12\n"
    [shared] = [m for m in b.general.messages.values() if m.get("files")]
    assert shared["thread_ts"] == first
    assert "As asked:" in [post["text"] for post in b.fake.posts(thread_ts=first)]
    told = await b.ask("UPLOAD_FILE", {"name": "...", "content": "x"})
    assert told == "error: the file needs a name and a content"


async def test_a_direct_message_to_oneself_needs_a_yes_and_nothing_else(b: Bench) -> None:
    first = b.said(b.general, b.bob, "a thread")
    told = await b.ask("SEND_DM", {"people": ["me"], "text": "a note"}, thread_ts=first)
    assert "Not done yet" in told
    assert not b.fake.posts(channel=b.fake.add_im(b.ada))
    assert await b.ask("CONFIRM", text="yes", thread_ts=first) == "Sent to the person who asks in private."
    assert [post["text"] for post in b.fake.posts(channel=b.fake.add_im(b.ada))] == ["a note"]


async def test_a_direct_message_to_others_is_for_admins_and_carries_the_name(b: Bench) -> None:
    told = await b.confirmed("SEND_DM", {"people": ["bob"], "text": "hi"})
    assert told == "error: only an ADMIN of this bot may have it write to others in private"
    assert "conversations.open" not in b.did()
    await admin(b, b.ada)
    told = await b.confirmed("SEND_DM", {"people": ["bob"], "text": "hi"})
    assert told == "Sent to Bob in private."
    assert [post["text"] for post in b.fake.posts(channel=b.fake.add_im(b.bob))] == ["hi\n(from Ada)"]
    carol = b.fake.add_user("carol", display_name="Carol")
    told = await b.confirmed("SEND_DM", {"people": [b.bob.id, carol.id], "text": "all of us"})
    assert told == "Sent to Bob, Carol in private."
    [group] = [channel for channel in b.fake.workspace.channels.values() if channel.kind == "mpim"]
    # Nobody is written to behind the back of whoever asks.
    assert group.members == {b.fake.bot_user_id, b.ada.id, b.bob.id, carol.id}
    other = b.fake.add_user("otherbot", is_bot=True)
    told = await b.confirmed("SEND_DM", {"people": [other.id], "text": "hi"})
    assert told == "error: otherbot is a bot: bots cannot write to each other in private"


async def test_whom_the_bot_answered_may_change_its_answer_and_others_may_not(b: Bench) -> None:
    first = b.said(b.general, b.bob, "a thread")
    b.model.answers = ["The party is on Friday."]
    await b.fake.say(b.general, b.ada, f"<@{b.fake.bot_user_id}> when?", thread_ts=first)
    post = await b.fake.wait_for_message(channel=b.general)
    ts = str(post["ts"])
    refused = "error: only those whom the bot answered with it, and an ADMIN of this bot, may change that"
    for action, more in (("EDIT_MESSAGE", {"text": "x"}), ("DELETE_MESSAGE", {})):
        assert await b.ask(action, {"message": ts, **more}, by=b.bob, thread_ts=first) == refused
    assert b.did() == []
    told = await b.ask("EDIT_MESSAGE", {"message": ts, "text": "It is on **Saturday**."}, thread_ts=first)
    assert told == "Changed in the thread in #general."
    assert b.general.messages[ts]["text"] == "It is on *Saturday*."
    # It remembers what it has said by now.
    said = [m.content for m in b.model.requests[-1].messages if m.role == "assistant"]
    assert "It is on **Saturday**." not in said
    await b.ask("LIST_CHANNELS", thread_ts=first)
    said = [m.content for m in b.model.requests[-1].messages if m.role == "assistant"]
    assert "It is on **Saturday**." in said
    assert "The party is on Friday." not in said
    await admin(b, b.bob)
    told = await b.ask("DELETE_MESSAGE", {"message": ts}, by=b.bob, thread_ts=first)
    assert told == "Deleted in the thread in #general."
    assert ts not in b.general.messages
    await b.ask("LIST_CHANNELS", thread_ts=first)
    assert all(
        "Saturday" not in str(m.content) for m in b.model.requests[-1].messages if m.role == "assistant"
    )


async def test_without_a_name_the_latest_message_here_is_meant(b: Bench) -> None:
    where = b.fake.add_im(b.ada)
    told = await b.ask("DELETE_MESSAGE", where=where)
    assert told == "error: the bot has said nothing here that it knows of"
    [answer] = b.fake.posts(channel=where)
    assert await b.ask("EDIT_MESSAGE", {"text": "better"}, where=where) == "Changed in this direct message."
    assert where.messages[answer["ts"]]["text"] == "better"


async def test_what_others_have_said_is_not_changed(b: Bench) -> None:
    await b.ask("LIST_CHANNELS")
    await admin(b, b.ada)
    said = b.said(b.general, b.bob, "mine")
    for action, more in (("EDIT_MESSAGE", {"text": "x"}), ("DELETE_MESSAGE", {})):
        told = await b.ask(action, {"message": said, **more})
        assert told == "error: the bot does not know that message as one of its own"
    assert b.did() == []


async def test_what_a_member_asked_for_goes_only_where_they_may_write_themselves(tmp_path: Path) -> None:
    async with FakeSlack() as slack:
        ada, guest = slack.add_user("ada"), slack.add_user("guest")
        slack.acting.guest(guest)
        general, board = slack.add_channel("general"), slack.add_channel("board", private=True)
        board.members.add(ada.id)
        payload: Json = {"text": "hi", "plain": "hi"}

        async with running(slack, tmp_path) as it:

            async def send(channel_id: str, user: FakeUser) -> None:
                target = Target(source="slack", channel_id=channel_id, extra={ASKED_BY: user.id})
                await it.connector.send(payload, target, key="1")

            await send(general.id, ada)
            await send(board.id, ada)
            general.members.add(guest.id)
            await send(general.id, guest)
            # At once, whatever was found a moment ago.
            general.members.discard(guest.id)
            board.members.discard(ada.id)
            for channel, user in ((general, guest), (board, ada)):
                with pytest.raises(SendRefused, match="cannot see that channel"):
                    await send(channel.id, user)
            with pytest.raises(SendRefused, match="direct message"):
                await send(slack.add_im(ada).id, guest)
            slack.scopes.remove("groups:read")
            with pytest.raises(SendRefused, match="lacks the scope groups:read"):
                await send(board.id, ada)
            slack.rate_limit("users.info", 7)
            with pytest.raises(SendLater):
                await send(general.id, ada)
            assert len(slack.posts()) == 3
            # A server that knows of no members refuses nothing that it took before.
            slack.acting.lack("users.info", "conversations.members")
            await send(general.id, guest)
            assert len(slack.posts()) == 4


async def test_with_the_manifest_every_action_has_its_scopes(b: Bench) -> None:
    b.fake.scopes = sorted(needs.SCOPES)
    said = b.said(b.general, b.bob, "the rules")
    b.said(b.channel("quiet", b.ada, private=True), b.ada, "hello")
    await b.ask("LIST_CHANNELS")
    await admin(b, b.ada)
    for action in ("PIN_MESSAGE", "UNPIN_MESSAGE"):
        await b.ask(action, {"message": said})
    await b.ask("REACT_TO_MESSAGE", {"emoji": "+1", "message": said})
    await b.ask("READ_CHANNEL", {"channel": "quiet"})
    await b.ask("UPLOAD_FILE", {"name": "a.txt", "content": "a"})
    where = b.fake.add_im(b.ada)
    await b.ask("READ_CHANNEL", where=where)
    await b.ask("DELETE_MESSAGE", where=where)
    await b.confirmed("SEND_DM", {"people": ["bob", "me"], "text": "hi"})
    group = next(each for each in b.fake.workspace.channels.values() if each.kind == "mpim")
    await b.ask("READ_CHANNEL", where=group)
    assert all(call.answer and call.answer["ok"] for call in b.fake.calls)
    assert {call.method for call in b.fake.calls} >= set(needs.ACTION_METHODS)
