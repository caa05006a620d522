"""Discord's payloads as the host's events: pure, table-driven."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot_host.types.content import ChannelType, Content, MediaType, MentionType
from bot_host.types.inbound import (
    InboundDelete,
    InboundEdit,
    InboundMembership,
    InboundMessage,
    InboundPlaces,
    InboundReaction,
    Skipped,
)
from connectors.discord.config import DiscordConfig
from connectors.discord.decode import (
    View,
    decode_delete,
    decode_edit,
    decode_membership,
    decode_message,
    decode_reaction,
    snowflake_at,
    snowflake_time,
)
from connectors.discord.places import Book, Me, decode_places
from connectors.discord.rules import Rules

ME = Me(id="1", name="Bot")
ADA = {"id": "10", "username": "ada", "global_name": "Ada"}
BOB = {"id": "11", "username": "bob", "global_name": None, "member": {"nick": "Bobby"}}
BOT = {"id": "1", "username": "bot", "global_name": "Bot", "bot": True}
MESSAGE_ID = "1300000000000000000"

GUILD = {
    "id": "100",
    "name": "Work\u202eshop\n",
    "roles": [
        {"id": "100", "name": "@everyone"},
        {"id": "101", "name": "Bot", "tags": {"bot_id": "1"}},
        {"id": "102", "name": "staff"},
    ],
    "channels": [
        {"id": "200", "type": 0, "name": "general"},
        {"id": "201", "type": 2, "name": "Lounge"},
        {"id": "202", "type": 15, "name": "ideas"},
        {"id": "203", "type": 4, "name": "Category"},
        {"id": "204", "type": 5, "name": "news"},
    ],
    "members": [{"user": BOT, "roles": ["101", "102"]}],
    "threads": [
        {"id": "300", "type": 11, "name": "bugs", "parent_id": "200"},
        {"id": "301", "type": 11, "name": "a post", "parent_id": "202"},
    ],
}


def make_view(**settings: Any) -> View:
    book = Book(role_mentions=settings.get("role_mentions", "own"))
    book.learn("GUILD_CREATE", GUILD, me=ME)
    return View(me=ME, book=book, rules=Rules.of(DiscordConfig(**settings)))


def make(text: str = "hello", **more: Any) -> dict[str, Any]:
    message = {
        "id": MESSAGE_ID,
        "channel_id": "200",
        "guild_id": "100",
        "author": ADA,
        "member": {"nick": None},
        "content": text,
        "type": 0,
        "mentions": [],
        "attachments": [],
        "edited_timestamp": None,
    } | more
    return {key: value for key, value in message.items() if value != "(none)"}


def decode(message: dict[str, Any], **settings: Any) -> InboundMessage:
    decoded = decode_message(message, make_view(**settings))
    assert isinstance(decoded, InboundMessage), decoded
    return decoded


def mention_of(content: Content) -> tuple[bool, bool, bool, MentionType]:
    context = content.mention_context
    assert context is not None
    return context.is_mention, context.is_reply, context.is_thread, context.mention_type


@pytest.mark.parametrize(
    ("raw", "mentions", "text"),
    [
        ("hello", [], "hello"),
        ("<@1> hello", [BOT], "hello"),
        ("<@!1>, hello", [BOT], "hello"),
        ("  <@1><@&101>: hello", [BOT], "hello"),
        ("<@1>", [BOT], "@Bot"),
        ("<@&101> ", [], "@Bot"),
        ("hello <@1>!", [BOT], "hello @Bot!"),
        ("<@1> ask <@11>", [BOT, BOB], "ask @Bobby"),
        ("<@11> first", [BOB], "@Bobby first"),
        ("<@99> who?", [], "<@99> who?"),
        ("<@&102> and <@&999>", [], "@staff and @role"),
        ("see <#200> and <#999>", [], "see #general and #unknown"),
        ("<:party:123> <a:wave:456>", [], ":party: :wave:"),
        ("at <t:0:R>", [], "at 1970-01-01 00:00 UTC"),
        ("at <t:999999999999>", [], "at <t:999999999999>"),
        ("try </help:123> or </a b:1>", [], "try /help or /a b"),
        ("`<@1>` and ```\n<#200>\n```", [BOT], "`<@1>` and ```\n<#200>\n```"),
        ("``a ` <@1>``", [], "``a ` <@1>``"),
        ("lone \ud83d and nul \x00", [], "lone \ufffd and nul"),
        ("@everyone", [], "@everyone"),
        ("עברית \u202e zalgo ẑ̷͚", [], "עברית \u202e zalgo ẑ̷͚"),
    ],
)
def test_text_is_readable(raw: str, mentions: list[Any], text: str) -> None:
    assert decode(make(raw, mentions=mentions)).content.text == text


def test_a_text_of_100_000_characters_is_taken() -> None:
    assert decode(make("x" * 100_000)).content.text == "x" * 100_000
    assert decode(make("<@1>" * 25_000, mentions=[BOT])).content.text == "@Bot"
    assert len(decode(make("`" * 100_000)).content.text) == 100_000


OWN = make("an answer", id="5", author=BOT)
OTHER = make("a question", id="6", author=BOB)


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (make(), (False, False, False, MentionType.NONE)),
        (make("<@1> x", mentions=[BOT]), (True, False, False, MentionType.PLATFORM_MENTION)),
        (make("x <@&101>"), (True, False, False, MentionType.PLATFORM_MENTION)),
        (make("<@&102> @everyone"), (False, False, False, MentionType.NONE)),
        (make("`<@1>`"), (False, False, False, MentionType.NONE)),
        (
            make(type=19, message_reference={"message_id": "5"}, referenced_message=OWN, mentions=[BOT]),
            (False, True, False, MentionType.REPLY),
        ),
        (
            make(type=19, message_reference={"message_id": "5"}, referenced_message=OWN),
            (False, True, False, MentionType.REPLY),
        ),
        (
            make(type=19, message_reference={"message_id": "6"}, referenced_message=OTHER),
            (False, False, False, MentionType.NONE),
        ),
        (
            make(type=19, message_reference={"message_id": "5"}, referenced_message=None, mentions=[BOT]),
            (False, True, False, MentionType.REPLY),
        ),
        (
            make(type=19, message_reference={"message_id": "5"}, referenced_message=None),
            (False, False, False, MentionType.NONE),
        ),
        (make(channel_id="300"), (False, False, True, MentionType.THREAD)),
        (
            make("<@1> x", channel_id="300", mentions=[BOT]),
            (True, False, True, MentionType.PLATFORM_MENTION),
        ),
    ],
)
def test_how_a_message_turned_to_the_bot(message: dict[str, Any], expected: tuple[Any, ...]) -> None:
    assert mention_of(decode(message).content) == expected


@pytest.mark.parametrize(
    ("channel", "kind", "name", "metadata"),
    [
        ("200", ChannelType.GROUP, "general", {}),
        ("201", ChannelType.GROUP, "Lounge", {}),
        ("204", ChannelType.GROUP, "news", {}),
        ("300", ChannelType.THREAD, "bugs", {"parent_id": "200"}),
        ("301", ChannelType.THREAD, "a post", {"parent_id": "202"}),
        ("999", ChannelType.GROUP, "", {}),
    ],
)
def test_rooms(channel: str, kind: ChannelType, name: str, metadata: dict[str, str]) -> None:
    message = decode(make(channel_id=channel))
    room = message.room
    assert (room.key, room.channel_id, room.type, room.name, room.metadata) == (
        channel,
        channel,
        kind,
        name,
        metadata,
    )
    assert message.content.channel_type is kind
    assert (message.world.key, message.world.platform_id) == ("100", "100")


def test_the_whole_of_a_message() -> None:
    message = decode(make(type=19, message_reference={"type": 0, "message_id": "5"}, member={"nick": "A."}))
    assert message.event_key == f"200/{MESSAGE_ID}"
    assert message.memory_key == message.message_id == MESSAGE_ID
    assert message.replied_memory_key == "5"
    assert (message.sender.key, message.sender.name, message.sender.user_name) == ("10", "A.", "ada")
    assert message.sent_at == snowflake_time(int(MESSAGE_ID))
    assert message.target.to_dict() == {
        "source": "discord",
        "channel_id": "200",
        "server_id": "100",
        "reply_to": MESSAGE_ID,
    }
    assert message.mark is not None
    assert (message.mark.name, message.mark.value) == ("channel:200", int(MESSAGE_ID))
    assert message.content.url == f"https://discord.com/channels/100/200/{MESSAGE_ID}"
    assert "\n" not in message.world.name


def test_a_direct_message() -> None:
    message = decode(make(guild_id="(none)", channel_id="400"))
    assert (message.world.key, message.world.name) == ("discord-dm-1", "Direct messages")
    assert (message.room.type, message.room.name) == (ChannelType.DM, "Ada")
    assert message.target.to_dict() == {"source": "discord", "channel_id": "400"}
    assert message.content.url == f"https://discord.com/channels/@me/400/{MESSAGE_ID}"


@pytest.mark.parametrize(
    ("more", "text"),
    [
        ({"sticker_items": [{"id": "1", "name": "Wave"}]}, "hi\n[sticker: Wave]"),
        (
            {
                "poll": {
                    "question": {"text": "Tea?"},
                    "answers": [{"poll_media": {"text": "yes"}}, {"poll_media": {"text": "no"}}],
                }
            },
            "hi\n[poll: Tea? yes / no]",
        ),
        (
            {
                "message_reference": {"type": 1, "message_id": "5"},
                "message_snapshots": [{"message": {"content": "see <#200>", "mentions": []}}],
            },
            "hi",
        ),
    ],
)
def test_what_a_message_carries_besides_text(more: dict[str, Any], text: str) -> None:
    message = decode(make("hi", **more))
    assert message.content.text == text
    assert message.replied_memory_key is None


@pytest.mark.parametrize(
    ("mime", "kind"),
    [
        ("image/png", MediaType.IMAGE),
        ("video/mp4", MediaType.VIDEO),
        ("audio/ogg; codecs=opus", MediaType.AUDIO),
        ("text/plain; charset=utf-8", MediaType.DOCUMENT),
        (None, MediaType.DOCUMENT),
    ],
)
def test_attachments(mime: str | None, kind: MediaType) -> None:
    file = {"id": "7", "filename": "a.bin", "size": 3, "url": "https://cdn/x", "content_type": mime}
    [media] = decode(make("", attachments=[file])).content.attachments
    assert (media.id, media.url, media.file_name, media.size, media.content_type) == (
        "7",
        "https://cdn/x",
        "a.bin",
        3,
        kind,
    )
    assert media.mime_type == (mime.split(";")[0] if mime else None)


@pytest.mark.parametrize(
    ("message", "settings", "reason"),
    [
        (make(author=BOT), {}, "own message"),
        (make(author=BOT, webhook_id="1"), {}, "own message"),
        (make(author=BOB | {"bot": True}), {}, "bot"),
        (make(webhook_id="55"), {}, "webhook"),
        *((make(type=kind), {}, "system message") for kind in (1, 6, 7, 8, 18, 20, 21, 23, 46, 999)),
        (make(""), {}, "no text"),
        (make(" \n"), {}, "no text"),
        (make(), {"deny": ["100"]}, "denied"),
        (make(), {"deny": ["200"]}, "denied"),
        (make(), {"deny": ["10"], "allow": ["100"]}, "denied"),
        (make(channel_id="300"), {"deny": ["200"]}, "denied"),
        (make(), {"allow": ["999"]}, "not allowed"),
        (make(guild_id="(none)"), {"dm_policy": "off"}, "direct messages are off"),
        (make(guild_id="(none)"), {"dm_policy": "allowlist"}, "not on the allowlist"),
        (make(guild_id="(none)"), {"allow": ["100"]}, "not allowed"),
        (make(), {"deny": ["server:100"]}, "denied"),
        (make(), {"deny": ["channel:200"], "owners": ["10"]}, "denied"),
        (make(), {"deny": ["user:10"]}, "denied"),
        (make(guild_id="(none)"), {"deny": ["user:10"]}, "denied"),
    ],
)
def test_skipped(message: dict[str, Any], settings: dict[str, Any], reason: str) -> None:
    decoded = decode_message(message, make_view(**settings))
    assert isinstance(decoded, Skipped)
    assert decoded.reason == reason
    assert decoded.mark is not None
    assert decoded.mark.value == int(MESSAGE_ID)


@pytest.mark.parametrize(
    ("message", "settings"),
    [
        (make(), {"allow": ["100"]}),
        (make(), {"allow": ["200"]}),
        (make(), {"allow": ["10"]}),
        (make(channel_id="300"), {"allow": ["200"]}),
        (make(), {"allow": ["999"], "owners": ["10"]}),
        (make(), {"dm_policy": "off"}),
        (make(guild_id="(none)"), {"dm_policy": "allowlist", "allow": ["10"]}),
        (make(guild_id="(none)"), {"dm_policy": "allowlist", "owners": ["10"]}),
        (make(guild_id="(none)"), {"allow": ["10"]}),
    ],
)
def test_let_in(message: dict[str, Any], settings: dict[str, Any]) -> None:
    assert decode(message, **settings)


EDITED = "2026-11-23T10:00:00.000000+00:00"


def test_an_edit() -> None:
    edit = decode_edit(make("<@1> better", mentions=[BOT], edited_timestamp=EDITED), make_view())
    assert isinstance(edit, InboundEdit)
    assert (edit.event_key, edit.content.text) == (f"200/{MESSAGE_ID}", "better")
    assert edit.edited_at == datetime(2026, 11, 23, 10, tzinfo=UTC)
    assert mention_of(edit.content)[0]


def test_a_partial_edit() -> None:
    edit = decode_edit({"id": MESSAGE_ID, "channel_id": "200", "content": "better"}, make_view())
    assert isinstance(edit, InboundEdit)
    assert (edit.event_key, edit.content.text) == (f"200/{MESSAGE_ID}", "better")


@pytest.mark.parametrize(
    ("message", "settings", "reason"),
    [
        ({"id": "5", "channel_id": "200", "guild_id": "100", "embeds": [{}]}, {}, "nothing edited"),
        (make(embeds=[{}]), {}, "nothing edited"),
        (make(content="(none)", edited_timestamp=EDITED), {}, "nothing edited"),
        (make(author=BOT, edited_timestamp=EDITED), {}, "own message"),
        (make(edited_timestamp=EDITED), {"deny": ["100"]}, "denied"),
        (make("", edited_timestamp=EDITED), {}, "no text"),
    ],
)
def test_updates_that_are_no_edits(message: dict[str, Any], settings: dict[str, Any], reason: str) -> None:
    skipped = decode_edit(message, make_view(**settings))
    assert isinstance(skipped, Skipped)
    assert skipped.reason == reason


def test_deletes() -> None:
    one = {"id": "5", "channel_id": "200"}
    assert decode_delete(one) == InboundDelete(event_keys=("200/5",))
    many = {"ids": ["5", "6"], "channel_id": "200"}
    assert decode_delete(many) == InboundDelete(event_keys=("200/5", "200/6"))


def learn(event: str, data: dict[str, Any], **settings: Any) -> InboundPlaces | None:
    view = make_view(**settings)
    view.book.learn(event, data, me=ME)
    return decode_places(event, data, book=view.book, rules=view.rules, me=ME)


def test_places_of_a_server() -> None:
    news = learn("GUILD_CREATE", GUILD)
    assert news is not None
    assert [room.key for room in news.rooms] == ["200", "201", "204", "300", "301"]
    assert learn("GUILD_CREATE", GUILD, deny=["100"]) is None
    some = learn("GUILD_CREATE", GUILD, allow=["200"])
    assert some is not None
    assert [room.key for room in some.rooms] == ["200", "300"]


@pytest.mark.parametrize(
    ("event", "data", "world", "rooms"),
    [
        ("GUILD_UPDATE", {"id": "100", "name": "Lab"}, "Lab", []),
        ("CHANNEL_UPDATE", {"id": "200", "guild_id": "100", "type": 0, "name": "x"}, "", ["x", "bugs"]),
        ("THREAD_UPDATE", {"id": "300", "guild_id": "100", "type": 11, "name": "y"}, "", ["y"]),
        ("THREAD_CREATE", {"id": "309", "guild_id": "100", "type": 12, "name": "z"}, "", ["z"]),
    ],
)
def test_renames(event: str, data: dict[str, Any], world: str, rooms: list[str]) -> None:
    news = learn(event, data)
    assert news is not None
    assert [room.name for room in news.rooms] == rooms
    assert news.world is not None
    assert not world or news.world.name == world


@pytest.mark.parametrize(
    ("event", "data"),
    [
        ("CHANNEL_CREATE", {"id": "209", "guild_id": "100", "type": 4, "name": "Category"}),
        ("CHANNEL_CREATE", {"id": "500", "type": 1, "recipients": []}),
        ("CHANNEL_DELETE", {"id": "500", "type": 1}),
        (
            "THREAD_UPDATE",
            {"id": "300", "guild_id": "100", "type": 11, "thread_metadata": {"archived": True}},
        ),
        ("GUILD_MEMBER_UPDATE", {"guild_id": "100", "user": BOT, "nick": "me"}),
        ("GUILD_DELETE", {"id": "100"}),
    ],
)
def test_events_without_names_for_us(event: str, data: dict[str, Any]) -> None:
    assert learn(event, data) is None


def test_a_member_renamed() -> None:
    news = learn("GUILD_MEMBER_UPDATE", {"guild_id": "100", "user": ADA, "nick": "Countess"})
    assert news is not None
    assert [(p.key, p.name) for p in news.people] == [("10", "Countess")]


def test_the_book_forgets_what_is_gone() -> None:
    book = make_view().book
    book.learn("CHANNEL_DELETE", {"id": "200", "guild_id": "100"}, me=ME)
    book.learn("THREAD_UPDATE", {"id": "300", "type": 11} | _archived(), me=ME)
    assert not {"200", "300"} & set(book.channels)
    book.learn("GUILD_DELETE", {"id": "100", "unavailable": True}, me=ME)
    assert book.guilds["100"].name
    book.learn("GUILD_DELETE", {"id": "100"}, me=ME)
    assert (book.guilds, book.channels) == ({}, {})


def _archived() -> dict[str, Any]:
    return {"guild_id": "100", "thread_metadata": {"archived": True}}


def test_snowflakes() -> None:
    now = datetime.now(UTC)
    assert abs(snowflake_time(snowflake_at(now)) - now) < timedelta(milliseconds=2)
    assert snowflake_at(datetime(2010, 1, 1, tzinfo=UTC)) == 0


def quotes_of(message: InboundMessage) -> list[tuple[str, str, str]]:
    return [(quote.kind, quote.author, quote.text) for quote in message.content.quotes]


def answer_to(answered: dict[str, Any], text: str) -> InboundMessage:
    return decode(make(text, type=19, message_reference={"message_id": "5"}, referenced_message=answered))


def test_an_answered_message_is_quoted_with_its_files() -> None:
    file = {"id": "7", "filename": "plan.png", "content_type": "image/png", "url": "https://cdn/x"}
    sticker = {"id": "1", "name": "Wave"}
    answered = make("see <#200>, <@1>", author=BOB, id="5", sticker_items=[sticker], attachments=[file])
    message = answer_to(answered, "look")
    assert message.content.text == "look"
    assert quotes_of(message) == [("reply", "bob", "see #general, @Bot\n[sticker: Wave]")]
    [found] = message.content.quotes[0].attachments
    assert (found.file_name, found.content_type) == ("plan.png", MediaType.IMAGE)
    assert message.content.attachments == []


def test_of_what_the_bot_said_itself_little_is_quoted() -> None:
    message = answer_to(make("word " * 1000, author=BOT, id="5"), "why?")
    assert [len(quote.text) for quote in message.content.quotes] == [500]


def test_a_forward_without_words_of_its_own_says_something() -> None:
    shot = {"content": "<@11> said so", "mentions": [BOB], "embeds": [{"title": "A site"}]}
    more = {"message_reference": {"type": 1, "message_id": "5"}, "message_snapshots": [{"message": shot}]}
    message = decode(make("", **more))
    assert message.content.text == ""
    assert quotes_of(message) == [("forward", "", "@Bobby said so\nA site")]


@pytest.mark.parametrize(
    ("embed", "quote"),
    [
        ({"title": "T", "description": "D", "url": "https://a.example/x"}, ("embed", "a.example", "T\nD")),
        ({"author": {"name": "Eve"}, "fields": [{"name": "a", "value": "b"}]}, ("embed", "Eve", "a: b")),
        ({"provider": {"name": "Tube"}, "title": "V", "footer": {"text": "F"}}, ("embed", "Tube", "V\nF")),
        ({"title": "T", "url": "http://[broken"}, ("embed", "", "T")),
        ({"image": {"url": "https://cdn/x.png"}}, None),
        ("nonsense", None),
    ],
)
def test_embeds_are_others_words(embed: Any, quote: tuple[str, str, str] | None) -> None:
    message = decode(make("look", embeds=[embed]))
    assert message.content.text == "look"
    assert quotes_of(message) == ([quote] if quote else [])


@pytest.mark.parametrize(
    ("policy", "text", "names_me"),
    [
        ("own", "<@&101> hi", True),
        ("own", "<@&102> hi", False),
        ("any", "<@&102> hi", True),
        ("any", "<@&999> hi", False),
        ("none", "<@&101> hi", False),
        ("none", "<@1> hi", True),
    ],
)
def test_role_mentions_follow_the_policy(policy: str, text: str, names_me: bool) -> None:
    message = decode(make(text, mentions=[BOT] if "<@1>" in text else []), role_mentions=policy)
    assert mention_of(message.content)[0] is names_me


def reaction(**more: Any) -> dict[str, Any]:
    return {
        "user_id": "10",
        "channel_id": "200",
        "message_id": "5",
        "guild_id": "100",
        "member": {"user": ADA, "nick": "Countess"},
        "emoji": {"id": None, "name": "👍"},
    } | more


def test_a_reaction_names_who_what_and_where() -> None:
    found = decode_reaction(reaction(), make_view(), added=True)
    assert isinstance(found, InboundReaction)
    assert (found.event_key, found.message_id, found.channel_id) == ("200/5", "5", "200")
    assert (found.sender.key, found.sender.name, found.reaction, found.added) == (
        "10",
        "Countess",
        "👍",
        True,
    )
    assert (found.room.key, found.world.key) == ("200", "100")


def test_a_reaction_that_is_taken_back_in_a_direct_message_says_little() -> None:
    data = {"user_id": "10", "channel_id": "900", "message_id": "5", "emoji": {"id": "8", "name": "party"}}
    found = decode_reaction(data, make_view(), added=False)
    assert isinstance(found, InboundReaction)
    assert (found.sender.key, found.sender.name, found.reaction, found.added) == ("10", "", ":party:", False)
    assert found.room.type is ChannelType.DM


@pytest.mark.parametrize(
    ("more", "settings", "reason"),
    [
        ({"user_id": "1"}, {}, "own reaction"),
        ({"member": {"user": ADA | {"bot": True}}}, {}, "bot"),
        ({}, {"deny": ["200"]}, "denied"),
    ],
)
def test_reactions_pass_the_same_door(more: Any, settings: Any, reason: str) -> None:
    assert decode_reaction(reaction(**more), make_view(**settings), added=True) == Skipped(reason=reason)


def test_people_who_come_and_go() -> None:
    data = {"guild_id": "100", "user": ADA, "nick": "Countess"}
    came = decode_membership("GUILD_MEMBER_ADD", data, make_view())
    assert isinstance(came, InboundMembership)
    assert came.person is not None
    assert (came.world.key, came.person.key, came.person.name, came.joined) == ("100", "10", "Countess", True)
    gone = decode_membership("GUILD_MEMBER_REMOVE", data, make_view())
    assert isinstance(gone, InboundMembership)
    assert not gone.joined
    own = decode_membership("GUILD_MEMBER_ADD", {"guild_id": "100", "user": BOT}, make_view())
    assert own == Skipped(reason="own membership")
