"""Slack events as inbound events: decode alone, without a network."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot_host.connector import (
    ChannelType,
    InboundDelete,
    InboundEdit,
    InboundMessage,
    InboundPlaces,
    MediaType,
    MentionType,
    Skipped,
)
from connectors.slack.config import SlackConfig
from connectors.slack.decode import Decoder, Self, display_name, ts_to_int, ts_to_time

ME = Self(team_id="T1", user_id="UBOT", bot_id="BBOT", name="botty")
TS = "1700000000.000100"
EARLIER = "1699999999.000100"


PEOPLE = {"U1": "Ada", "U2": "Bob", "UAPP": "Robot", "UBOT": "Botty"}


class Book:
    """Names that are known."""

    def user(self, id: str) -> str:
        return PEOPLE.get(id, "")

    def user_name(self, id: str) -> str:
        return self.user(id).lower()

    def is_bot(self, id: str) -> bool | None:
        return id in ("UAPP", "UBOT") if id in PEOPLE else None

    def knows(self, id: str) -> bool:
        return id in PEOPLE

    def channel(self, id: str) -> str:
        return {"C1": "general"}.get(id, "")

    def is_open(self, channel: str) -> bool | None:
        return {"C1": True, "C2": False}.get(channel)

    def has_outsiders(self, channel: str, user: str) -> bool:
        return channel == "CSHARED" or user == "UGUEST"

    def team(self) -> str:
        return "Works"


def message(text: str = "hello", **changes: Any) -> dict[str, Any]:
    event = {
        "type": "message",
        "user": "U1",
        "text": text,
        "ts": TS,
        "channel": "C1",
        "channel_type": "channel",
    }
    return {key: value for key, value in {**event, **changes}.items() if value is not None}


def decode(event: dict[str, Any], **config: Any) -> Any:
    return Decoder(ME, SlackConfig(**config)).decode(event, Book())


# time stamps


def test_time_stamps_are_exact() -> None:
    assert ts_to_int("1700000000.000100") == 1_700_000_000_000_100
    assert ts_to_int("1700000000") == 1_700_000_000_000_000
    assert ts_to_time(TS) == datetime(2023, 11, 14, 22, 13, 20, 100, tzinfo=UTC)


@given(st.integers(0, 4_000_000_000), st.integers(0, 999_999))
def test_time_stamps_lose_nothing(seconds: int, micros: int) -> None:
    value = ts_to_int(f"{seconds}.{micros:06d}")
    assert divmod(value, 1_000_000) == (seconds, micros)


# rooms and addressing

ROOMS: list[tuple[str, dict[str, Any], str, ChannelType, str, MentionType]] = [
    ("a post in a channel", {}, "slack-room-C1", ChannelType.GROUP, "", MentionType.NONE),
    (
        "a mention opens a thread",
        {"text": "hey <@UBOT>"},
        f"slack-room-C1-{TS}",
        ChannelType.THREAD,
        TS,
        MentionType.PLATFORM_MENTION,
    ),
    (
        "a mention in a thread",
        {"text": "<@UBOT> hey", "thread_ts": EARLIER},
        f"slack-room-C1-{EARLIER}",
        ChannelType.THREAD,
        EARLIER,
        MentionType.PLATFORM_MENTION,
    ),
    (
        "a reply in a thread",
        {"thread_ts": EARLIER, "parent_user_id": "U2"},
        f"slack-room-C1-{EARLIER}",
        ChannelType.THREAD,
        EARLIER,
        MentionType.THREAD,
    ),
    (
        "a reply to what we said",
        {"thread_ts": EARLIER, "parent_user_id": "UBOT"},
        f"slack-room-C1-{EARLIER}",
        ChannelType.THREAD,
        EARLIER,
        MentionType.REPLY,
    ),
    (
        "a parent that names itself",
        {"thread_ts": TS},
        "slack-room-C1",
        ChannelType.GROUP,
        "",
        MentionType.NONE,
    ),
    (
        "a reply shown in the channel too",
        {"thread_ts": EARLIER, "subtype": "thread_broadcast"},
        f"slack-room-C1-{EARLIER}",
        ChannelType.THREAD,
        EARLIER,
        MentionType.THREAD,
    ),
    (
        "a private channel",
        {"channel": "G1", "channel_type": "group"},
        "slack-room-G1",
        ChannelType.GROUP,
        "",
        MentionType.NONE,
    ),
    (
        "a group message",
        {"channel": "G2", "channel_type": "mpim"},
        "slack-room-G2",
        ChannelType.GROUP,
        "",
        MentionType.NONE,
    ),
    (
        "a direct message",
        {"channel": "D1", "channel_type": "im"},
        "slack-room-D1",
        ChannelType.DM,
        "",
        MentionType.NONE,
    ),
    (
        "a mention in a direct message stays flat",
        {"channel": "D1", "channel_type": "im", "text": "<@UBOT>"},
        "slack-room-D1",
        ChannelType.DM,
        "",
        MentionType.PLATFORM_MENTION,
    ),
    (
        "a thread in a direct message",
        {"channel": "D1", "channel_type": "im", "thread_ts": EARLIER},
        f"slack-room-D1-{EARLIER}",
        ChannelType.DM,
        EARLIER,
        MentionType.THREAD,
    ),
]


@pytest.mark.parametrize(
    ("changes", "key", "kind", "thread", "mention"), [row[1:] for row in ROOMS], ids=[row[0] for row in ROOMS]
)
def test_rooms_and_targets(
    changes: dict[str, Any], key: str, kind: ChannelType, thread: str, mention: MentionType
) -> None:
    found = decode(message(**changes))
    assert isinstance(found, InboundMessage)
    assert (found.room.key, found.room.type, found.room.thread_id) == (key, kind, thread)
    assert (found.target.thread_id, found.target.reply_to) == (thread, TS)
    assert found.target.channel_id == found.room.channel_id
    assert found.content.channel_type is kind
    assert found.content.mention_context is not None
    assert found.content.mention_context.mention_type is mention


def test_what_identifies_a_message() -> None:
    found = decode(message(thread_ts=EARLIER))
    assert found.event_key == f"T1/C1/{TS}"
    assert (found.message_id, found.memory_key) == (TS, f"slack-C1-{TS}")
    assert found.replied_memory_key == f"slack-C1-{EARLIER}"
    assert (found.world.key, found.world.name, found.world.platform_id) == (
        "slack-workspace-T1",
        "Works",
        "T1",
    )
    assert (found.sender.key, found.sender.name, found.sender.user_name) == ("slack-user-U1", "Ada", "ada")
    assert found.mark is None
    assert found.sent_at == ts_to_time(TS)
    assert found.target.server_id == "T1"
    assert decode(message()).replied_memory_key is None


@pytest.mark.parametrize("thread", [None, EARLIER])
def test_the_two_events_of_one_mention_are_equal(thread: str | None) -> None:
    text = "<@UBOT> what is <@U2> up to?"
    as_message = message(text, thread_ts=thread, parent_user_id="UBOT" if thread else None)
    as_mention = {k: v for k, v in as_message.items() if k not in ("channel_type", "parent_user_id")}
    assert decode(as_message) == decode({**as_mention, "type": "app_mention"})


# who is heard


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (message(user="UBOT"), "own message"),
        (message(user="U1", bot_id="BBOT"), "own message"),
        (message(user=None, bot_id="BX", subtype="bot_message"), "bot"),
        (message(user="UAPP", bot_id="BX"), "bot"),
        (message(user="UAPP"), "bot"),
        (message(user="UNEW", bot_id="BX"), "bot"),
        (message(user="USLACKBOT"), "bot"),
        (message(user=None), "bot"),
        (message(subtype="channel_join"), "news: channel_join"),
        (message(subtype="huddle_thread"), "unknown kind: message/huddle_thread"),
        ({"type": "emoji_changed"}, "unknown kind: emoji_changed"),
        ({"type": "x" * 500}, "unknown kind: " + "x" * 39 + "…"),
        ({}, "unknown kind: none"),
    ],
)
def test_who_is_not_heard(event: dict[str, Any], reason: str) -> None:
    found = decode(event)
    assert isinstance(found, Skipped)
    assert found.reason == reason


@pytest.mark.parametrize("user", ["U1", "UNEW"])
def test_people_are_heard_known_or_not(user: str) -> None:
    assert isinstance(decode(message(user=user)), InboundMessage)


def test_a_person_who_posts_by_way_of_an_app_is_heard() -> None:
    assert isinstance(decode(message(user="U1", bot_id="BX", app_id="AX")), InboundMessage)


DM = {"channel": "D1", "channel_type": "im"}


@pytest.mark.parametrize(
    ("event", "config", "reason"),
    [
        (message(), {"allow": ["C1"]}, None),
        (message(), {"allow": ["T1"]}, None),
        (message(), {"allow": ["U1"]}, None),
        (message(), {"allow": ["C2", "U2"]}, "not allowed"),
        (message(), {"allow": ["C2"], "owners": ["U1"]}, None),
        (message(), {"deny": ["U1"]}, "denied"),
        (message(), {"deny": ["C1"], "allow": ["U1"]}, "denied"),
        (message(), {"deny": ["U1"], "owners": ["U1"]}, None),
        (message(), {"deny": ["C1"], "owners": ["U1"]}, "denied"),
        (message(), {"deny": ["user:U1"]}, "denied"),
        (message(), {"deny": ["server:T1"]}, "denied"),
        (message(), {"deny": ["channel:C1"]}, "denied"),
        (message(), {"dm_policy": "off"}, None),
        (message(**DM), {}, None),
        (message(**DM), {"dm_policy": "off"}, "direct messages are off"),
        (message(**DM), {"dm_policy": "off", "owners": ["U1"]}, None),
        (message(**DM), {"dm_policy": "allowlist"}, "not on the allowlist"),
        (
            message(**DM),
            {"dm_policy": "allowlist", "allow": ["T1"]},
            "not on the allowlist",
        ),
        (message(**DM), {"dm_policy": "allowlist", "allow": ["U1"]}, None),
        (message(**DM), {"dm_policy": "allowlist", "owners": ["U1"]}, None),
    ],
)
def test_the_policy(event: dict[str, Any], config: dict[str, Any], reason: str | None) -> None:
    found = decode(event, **config)
    assert (found.reason if isinstance(found, Skipped) else None) == reason


def test_a_refused_event_is_looked_up_for_nobody() -> None:
    refused = Decoder(ME, SlackConfig(deny=["U1"]))
    assert refused.ids(message("<@U2>")).users == ()
    heard = Decoder(ME, SlackConfig())
    assert heard.ids(message("<@U2> in <#C2>")).users == ("U1", "U2")
    assert heard.ids(message("<@U2> in <#C2>")).channels == ("C1", "C2")
    assert heard.ids(message(**DM)).channels == ()
    assert heard.ids(message(subtype="channel_join")).users == ()
    assert heard.ids({"type": "emoji_changed"}).users == ()


# edits, deletions, names


def changed(after: dict[str, Any], before: dict[str, Any] | None) -> dict[str, Any]:
    shell = {"type": "message", "subtype": "message_changed", "channel": "C1", "channel_type": "channel"}
    event = {**shell, "ts": "1700000009.000000", "message": after}
    return event if before is None else {**event, "previous_message": before}


def test_an_edit() -> None:
    after = message("new", edited={"user": "U1", "ts": "1700000005.000000"}, channel=None, channel_type=None)
    found = decode(changed(after, message("old")))
    assert isinstance(found, InboundEdit)
    assert (found.event_key, found.content.text) == (f"T1/C1/{TS}", "new")
    assert found.edited_at == ts_to_time("1700000005.000000")
    assert found.mark is None
    # The host knows what it stored, where Slack does not say what was there before.
    assert isinstance(decode(changed(message("new"), None)), InboundEdit)


@pytest.mark.parametrize(
    ("after", "before", "reason"),
    [
        (message("a", attachments=[{"id": 1}]), message("a"), "edit without a change"),
        (message("a", reply_count=1), message("a"), "edit without a change"),
        (message("b", user="UBOT", bot_id="BBOT"), message("a", user="UBOT"), "own message"),
        (message("b", user="UAPP", bot_id="BX"), message("a", user="UAPP"), "bot"),
        ({}, None, "malformed: message_changed"),
    ],
)
def test_what_is_no_edit_for_us(after: dict[str, Any], before: dict[str, Any] | None, reason: str) -> None:
    found = decode(changed(after, before))
    assert isinstance(found, Skipped)
    assert found.reason == reason


def test_a_changed_file_is_an_edit() -> None:
    found = decode(changed(message("a", files=[]), message("a", files=[{"id": "F1"}])))
    assert isinstance(found, InboundEdit)


def test_deletions() -> None:
    gone = {"type": "message", "subtype": "message_deleted", "channel": "C1", "ts": "1.2", "deleted_ts": TS}
    assert decode(gone) == InboundDelete(event_keys=(f"T1/C1/{TS}",))
    tombstone = changed(message("This message was deleted.", subtype="tombstone"), message("a"))
    assert decode(tombstone) == InboundDelete(event_keys=(f"T1/C1/{TS}",))


@pytest.mark.parametrize("kind", ["channel_rename", "group_rename"])
def test_a_room_is_renamed(kind: str) -> None:
    found = decode({"type": kind, "channel": {"id": "C1", "name": "lobby", "created": 1}})
    assert isinstance(found, InboundPlaces)
    assert [(room.key, room.name, room.type) for room in found.rooms] == [
        ("slack-room-C1", "lobby", ChannelType.GROUP)
    ]
    assert found.world is not None


def test_people_we_met_are_renamed() -> None:
    user = {"id": "U1", "name": "ada", "profile": {"display_name": "Countess"}, "is_bot": False}
    found = decode({"type": "user_change", "user": user})
    assert isinstance(found, InboundPlaces)
    assert [(person.key, person.name) for person in found.people] == [("slack-user-U1", "Countess")]
    assert isinstance(decode({"type": "user_change", "user": {**user, "id": "U99"}}), Skipped)


@pytest.mark.parametrize(
    ("user", "name"),
    [
        ({"name": "ada", "real_name": "Ada L", "profile": {"display_name": "Countess"}}, "Countess"),
        ({"name": "ada", "real_name": "Ada L", "profile": {"display_name": " "}}, "Ada L"),
        ({"name": "ada", "profile": None}, "ada"),
        ({"name": "a\nb\u202e"}, "a b"),
        ({}, ""),
    ],
)
def test_what_people_are_called(user: dict[str, Any], name: str) -> None:
    assert display_name(user) == name


# attachments


def test_files_and_shared_messages() -> None:
    event = message(
        "look",
        subtype="file_share",
        files=[
            {"id": "F1", "name": "a.png", "title": "A", "mimetype": "image/png", "size": 5, "url_private": "https://f/a"},
            {"id": "F2", "mimetype": "audio/mp4"},
            {"id": "F3", "file_access": "check_file_info"},
            {"id": "F4", "mode": "tombstone"},
            {"name": "without id"},
            "nonsense",
        ],
        attachments=[
            {"from_url": "https://preview", "title": "a link preview"},
            {"is_share": True, "text": "quoted <@U2>", "author_name": "Eve", "files": [{"id": "F5"}, 7]},
            {"is_msg_unfurl": True, "text": None, "author_name": 5, "files": "none"},
        ],
    )  # fmt: skip
    content = decode(event).content
    first, second, third = content.attachments
    assert (first.id, first.title, first.size, first.content_type) == ("F1", "A", 5, MediaType.IMAGE)
    assert (second.content_type, second.url) == (MediaType.AUDIO, "")
    assert third.content_type is MediaType.DOCUMENT
    [quote] = content.quotes
    assert (quote.kind, quote.author, quote.text) == ("forward", "Eve", "quoted @Bob")
    assert [media.id for media in quote.attachments] == ["F5"]


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("!bot_mute off", "!mute off"),
        ("<@UBOT> !BOT_Mute", "!mute"),
        ("!bot_why", "!bot_why"),
        ("say !bot_mute", "say !bot_mute"),
        ("!mute", "!mute"),
    ],
)
def test_a_command_in_a_thread_may_be_called_as_the_slash_command(text: str, read: str) -> None:
    assert decode(message(text, thread_ts=EARLIER)).content.text == read


def test_a_me_message_reads_as_one() -> None:
    assert decode(message("waves", subtype="me_message")).content.text == "*waves*"


@pytest.mark.parametrize(
    ("event", "is_open"),
    [
        (message(), True),
        (message(channel_type="group"), False),
        (message(channel_type="mpim"), False),
        (message(channel="D1", channel_type="im"), False),
        (message(channel="C2"), True),  # the event is newer than what was looked up
        ({**message("<@UAPP> hi"), "type": "app_mention", "channel_type": None}, True),
        ({**message("<@UAPP> hi", channel="C2"), "type": "app_mention", "channel_type": None}, False),
        ({**message("<@UAPP> hi", channel="C3"), "type": "app_mention", "channel_type": None}, False),
        (message(thread_ts=EARLIER), True),
    ],
)
def test_public_channels_and_their_threads_are_open(event: dict[str, Any], is_open: bool) -> None:
    found = decode(event)
    assert isinstance(found, InboundMessage)
    assert found.room.open is is_open


@pytest.mark.parametrize("event", [message(channel="CSHARED"), message(user="UGUEST", channel="C1")])
def test_a_channel_with_guests_or_others_says_so(event: dict[str, Any]) -> None:
    found = decode(event)
    assert isinstance(found, InboundMessage)
    assert found.room.metadata == {"outsiders": True}


@pytest.mark.parametrize(("kind", "is_open"), [("private", False), ("public", True)])
def test_a_channel_that_is_converted_says_who_reads_it_now(kind: str, is_open: bool) -> None:
    told = "channel" if is_open else "group"
    found = decode(message(subtype=f"channel_convert_to_{kind}", channel_type=told))
    assert isinstance(found, InboundPlaces)
    assert [(room.key, room.open) for room in found.rooms] == [("slack-room-C1", is_open)]
