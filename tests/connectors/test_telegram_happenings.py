"""Reactions on Telegram, and people and the bot itself who come and go."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from telegram import ChatMemberAdministrator, ChatMemberRestricted

from bot_host.connector import ChannelType, InboundMembership, InboundPlaces, InboundReaction, Skipped
from bot_host.testing import RecordingHost
from tests.connectors.telegram_samples import (
    ANN,
    BOB,
    CHANNEL,
    DATE,
    GROUP,
    ME,
    PRIVATE,
    event,
    events,
    reason,
    said,
)
from tests.connectors.test_telegram_live import make, running
from tests.fakes.telegram import FakeTelegram
from tests.fakes.telegram_happenings import count_reactions, react
from tests.fakes.telegram_world import Json

UP = {"type": "emoji", "emoji": "👍"}
DOWN = {"type": "emoji", "emoji": "👎"}
OWN = {"type": "custom_emoji", "custom_emoji_id": "5368324170671202286"}


@pytest.fixture
async def fake() -> AsyncIterator[FakeTelegram]:
    async with FakeTelegram() as running_fake:
        yield running_fake


@pytest.fixture
async def host(tmp_path: Path) -> AsyncIterator[RecordingHost]:
    recording = RecordingHost(tmp_path)
    yield recording
    await recording.tasks.close()


def changed(old: list[Json], new: list[Json], **who: object) -> Json:
    by = who or {"user": ANN}
    return {
        "chat": GROUP, "message_id": 11, "date": DATE, "old_reaction": old, "new_reaction": new, **by
    }  # fmt: skip


def told(old: list[Json], new: list[Json]) -> list[tuple[str, bool]]:
    found = events("message_reaction", changed(old, new))
    assert all(isinstance(each, InboundReaction) for each in found)
    return [(each.reaction, each.added) for each in found if isinstance(each, InboundReaction)]


def test_reactions_are_told_by_their_difference() -> None:
    assert told([], [UP]) == [("👍", True)]
    assert told([UP], []) == [("👍", False)]
    assert told([UP, OWN], [DOWN, OWN]) == [("👍", False), ("👎", True)]
    assert told([], [OWN, {"type": "paid"}]) == [(":5368324170671202286:", True), (":paid star:", True)]
    assert reason("message_reaction", changed([UP], [UP])) == "change of nothing"


def test_a_reaction_says_who_where_and_to_what() -> None:
    found = event("message_reaction", changed([], [UP]))
    assert isinstance(found, InboundReaction)
    assert (found.event_key, found.message_id, found.channel_id) == ("-70/11", "11", "-70")
    assert (found.sender.name, found.room.type, found.world.key) == ("Ann Lee", ChannelType.GROUP, "-70")
    anonymous = event("message_reaction", changed([], [UP], actor_chat=GROUP))
    assert isinstance(anonymous, InboundReaction)
    assert (anonymous.sender.key, anonymous.sender.name) == ("-70", "Friends")


def test_reactions_of_who_is_not_let_in_are_skipped() -> None:
    bot = {"id": 8, "is_bot": True, "first_name": "Other"}
    assert reason("message_reaction", changed([], [UP]), deny=["5"]) == "denied"
    assert reason("message_reaction", changed([], [UP], user=ME)) == "own reaction"
    assert reason("message_reaction", changed([], [UP], user=bot)) == "bot"
    private = {**changed([], [UP]), "chat": PRIVATE}
    found = event("message_reaction", private, dm_policy="pairing")
    assert isinstance(found, InboundReaction)
    assert found.pairing_id == "5"


def test_anonymous_reactions_are_told_as_numbers() -> None:
    counted = [{"type": UP, "total_count": 3}, {"type": OWN, "total_count": 1}]
    change = {"chat": CHANNEL, "message_id": 4, "date": DATE, "reactions": counted}
    found = event("message_reaction_count", change)
    assert isinstance(found, InboundReaction)
    assert (found.event_key, found.totals) == ("-1002/4", {"👍": 3, ":5368324170671202286:": 1})
    assert reason("message_reaction_count", change, deny=["-1002"]) == "denied"


async def test_reactions_come_by_the_wire_in_order(fake: FakeTelegram, host: RecordingHost) -> None:
    ann = fake.world.user("Ann")
    group, channel = fake.world.supergroup("Club"), fake.world.channel("Daily")
    connector = make(fake)
    async with running(connector, host):
        await host.wait_connected()
        said = await fake.say(group, ann, "@fake_bot hi")
        await react(fake, group, said["message_id"], ann, new=("👍",))
        await react(fake, group, said["message_id"], ann, old=("👍",), new=("🔥",))
        await count_reactions(fake, channel, 7, {"👍": 2})
        found = await host.wait_for(InboundReaction, 4)
    [message] = host.messages
    assert [each.event_key == message.event_key for each in found] == [True, True, True, False]
    assert [(each.reaction, each.added) for each in found[:3]] == [("👍", True), ("👍", False), ("🔥", True)]
    assert found[3].totals == {"👍": 2}
    assert not any(isinstance(each, Skipped) for each in host.events)


# people, and the bot itself


def standing(user: Json, status: str, **more: object) -> Json:
    if status in ("restricted", "administrator"):
        names = ChatMemberRestricted if status == "restricted" else ChatMemberAdministrator
        rights = {name: True for name in names.__slots__ if name.startswith(("can_", "is_"))}
        more = {**rights, "until_date": 0, "is_anonymous": False} | more
    return {"user": user, "status": status, **({"until_date": 0} if status == "kicked" else {}), **more}


def change(old: Json, new: Json, chat: Json = GROUP) -> Json:
    return {"chat": chat, "from": ANN, "date": DATE, "old_chat_member": old, "new_chat_member": new}


OUT, IN = standing(BOB, "left"), standing(BOB, "member")
MUTE = standing(BOB, "restricted", is_member=True)
MUTE_OUT = standing(BOB, "restricted", is_member=False)


@pytest.mark.parametrize(
    ("old", "new", "joined"),
    [
        (OUT, IN, True),
        (IN, OUT, False),
        (IN, standing(BOB, "kicked"), False),
        (MUTE_OUT, IN, True),
        (MUTE, MUTE_OUT, False),
    ],
)
def test_people_who_join_and_leave(old: Json, new: Json, joined: bool) -> None:
    found = event("chat_member", change(old, new))
    assert isinstance(found, InboundMembership)
    assert found.person is not None
    assert (found.world.key, found.person.name, found.joined) == ("-70", "Bob", joined)


def test_other_rights_are_a_name_at_the_most() -> None:
    for old, new in ((IN, standing(BOB, "administrator")), (IN, MUTE), (OUT, standing(BOB, "kicked"))):
        found = event("chat_member", change(old, new))
        assert isinstance(found, InboundPlaces)
        assert [person.name for person in found.people] == ["Bob"]


def test_whose_coming_is_not_told() -> None:
    assert reason("chat_member", change(OUT, IN, CHANNEL)) == "service: subscriber of a channel"
    assert reason("chat_member", change(OUT, IN), deny=["-70"]) == "denied"
    me = change(standing(ME, "left"), standing(ME, "member"))
    assert reason("chat_member", me) == "own membership"
    assert reason("my_chat_member", me, deny=["-70"]) == "denied"


def test_notices_tell_it_where_the_bot_is_no_administrator() -> None:
    found = events("message", said(GROUP, new_chat_members=[BOB, ME]))
    assert [type(each) for each in found] == [InboundPlaces, InboundMembership]
    gone = event("message", said(GROUP, left_chat_member=BOB))
    assert isinstance(gone, InboundMembership)
    assert not gone.joined


@pytest.mark.parametrize(
    ("chat", "old", "new", "opens", "joined"),
    [
        (GROUP, standing(ME, "left"), standing(ME, "member"), True, True),
        (GROUP, standing(ME, "kicked"), standing(ME, "administrator"), True, True),
        (GROUP, standing(ME, "member"), standing(ME, "administrator"), True, None),
        (GROUP, standing(ME, "member"), standing(ME, "restricted", can_send_messages=False), False, None),
        (GROUP, standing(ME, "restricted"), standing(ME, "member"), True, None),
        (CHANNEL, standing(ME, "left"), standing(ME, "administrator"), True, True),
        (CHANNEL, standing(ME, "left"), standing(ME, "administrator", can_post_messages=False), False, True),
        (PRIVATE, standing(ME, "kicked"), standing(ME, "member"), True, None),
        (GROUP, standing(ME, "member"), standing(ME, "left"), None, False),
        (GROUP, standing(ME, "administrator"), standing(ME, "kicked"), None, False),
    ],
)
def test_the_bots_own_standing(
    chat: Json, old: Json, new: Json, opens: bool | None, joined: bool | None
) -> None:
    found = events("my_chat_member", change(old, new, chat))
    places = [each for each in found if isinstance(each, InboundPlaces)]
    assert [bool(each.opened) for each in places] == ([] if opens is None else [opens])
    assert [chat_id for each in places for chat_id in each.opened] == ([str(chat["id"])] if opens else [])
    own = [each for each in found if isinstance(each, InboundMembership)]
    assert [(each.person, each.joined) for each in own] == ([] if joined is None else [(None, joined)])
    assert len(found) == len(places) + len(own)
