"""Which channels of a Discord server all of its members may read."""

from typing import Any

import pytest

from bot_host.types.inbound import InboundMessage, InboundPlaces
from connectors.discord.config import DiscordConfig
from connectors.discord.decode import View, decode_message
from connectors.discord.permissions import CONNECT, HISTORY, SEND, VIEW
from connectors.discord.places import Book, Me, decode_places
from connectors.discord.rules import Rules

Json = dict[str, Any]
ME = Me(id="1", name="Bot")
RULES = Rules.of(DiscordConfig(token="t"))
READ = VIEW | HISTORY


def overwrite(who: str, *, allow: int = 0, deny: int = 0, member: bool = False) -> Json:
    return {"id": who, "type": int(member), "allow": str(allow), "deny": str(deny)}


def channel(id: str, *overwrites: Json, type: int = 0, **more: Any) -> Json:
    return {"id": id, "type": type, "name": f"c{id}", "permission_overwrites": list(overwrites), **more}


def server(*channels: Json, everyone: int = READ | CONNECT, threads: tuple[Json, ...] = ()) -> Json:
    roles = [
        {"id": "100", "name": "@everyone", "permissions": str(everyone)},
        {"id": "101", "name": "Bot", "permissions": "0", "tags": {"bot_id": "1"}},
        {"id": "102", "name": "staff", "permissions": str(READ)},
    ]
    return {"id": "100", "name": "Shop", "roles": roles, "channels": list(channels), "threads": list(threads)}


def tell(book: Book, event: str, data: Json) -> InboundPlaces:
    book.learn(event, data, me=ME)
    news = decode_places(event, data, book=book, rules=RULES, me=ME)
    assert news is not None
    return news


def open_rooms(news: InboundPlaces) -> dict[str, bool | None]:
    return {room.key: room.open for room in news.rooms}


@pytest.mark.parametrize(
    ("given", "everyone", "is_open"),
    [
        (channel("200"), READ, True),
        (channel("200"), VIEW, False),  # what was said before cannot be read
        (channel("200"), 0, False),
        (channel("200", overwrite("100", allow=READ)), 0, True),
        (channel("200", overwrite("100", deny=VIEW)), READ, False),
        (channel("200", overwrite("100", deny=VIEW), overwrite("102", allow=VIEW)), READ, False),
        (channel("200", overwrite("100", deny=SEND)), READ, True),
        (channel("200", overwrite("102", deny=VIEW)), READ, False),  # some role is shut out
        (channel("200", overwrite("102", deny=SEND)), READ, True),
        (channel("200", overwrite("101", deny=VIEW)), READ, True),  # a bot's own role
        (channel("200", overwrite("10", deny=VIEW, member=True)), READ, False),
        (channel("200", overwrite("10", allow=VIEW, member=True)), READ, True),
        (channel("200", type=2), READ | CONNECT, True),
        (channel("200", overwrite("100", deny=CONNECT), type=2), READ | CONNECT, False),
        ({"id": "200", "type": 0, "name": "who knows"}, READ, False),
    ],
)
def test_a_channel_is_open_when_nobody_is_kept_out(given: Json, everyone: int, is_open: bool) -> None:
    news = tell(Book(), "GUILD_CREATE", server(given, everyone=everyone))
    assert open_rooms(news) == {"200": is_open}
    assert news.readable == (("200",) if is_open else ())


def test_public_threads_are_as_open_as_their_channel_and_private_ones_never() -> None:
    threads = (
        {"id": "300", "type": 11, "name": "public", "parent_id": "200"},
        {"id": "301", "type": 12, "name": "private", "parent_id": "200"},
        {"id": "302", "type": 11, "name": "of a closed one", "parent_id": "201"},
        {"id": "303", "type": 11, "name": "a post", "parent_id": "202"},
        {"id": "304", "type": 11, "name": "of nobody knows what", "parent_id": "299"},
    )
    shut = channel("201", overwrite("100", deny=VIEW))
    news = tell(
        Book(), "GUILD_CREATE", server(channel("200"), shut, channel("202", type=15), threads=threads)
    )
    assert open_rooms(news) == {
        "200": True,
        "201": False,
        "300": True,
        "301": False,
        "302": False,
        "303": True,
        "304": False,
    }
    assert news.readable == ("200", "202")


def test_what_changes_is_told_with_the_threads() -> None:
    book = Book()
    threads = ({"id": "300", "type": 11, "name": "public", "parent_id": "200"},)
    tell(book, "GUILD_CREATE", server(channel("200"), channel("201"), threads=threads))
    shut = channel("200", overwrite("100", deny=VIEW), guild_id="100")
    news = tell(book, "CHANNEL_UPDATE", shut)
    assert open_rooms(news) == {"200": False, "300": False}
    assert news.readable == ("201",)
    role = {"id": "100", "name": "@everyone", "permissions": "0"}
    news = tell(book, "GUILD_ROLE_UPDATE", {"guild_id": "100", "role": role})
    assert open_rooms(news) == {"200": False, "201": False, "300": False}
    assert news.readable == ()
    news = tell(book, "GUILD_ROLE_UPDATE", {"guild_id": "100", "role": role | {"permissions": str(READ)}})
    assert news.readable == ("201",)
    gone = {"id": "201", "type": 0, "guild_id": "100"}
    assert tell(book, "CHANNEL_DELETE", gone).readable == ()


def test_another_role_changes_nothing() -> None:
    book = Book()
    tell(book, "GUILD_CREATE", server(channel("200")))
    role = {"guild_id": "100", "role": {"id": "102", "name": "staff", "permissions": "0"}}
    book.learn("GUILD_ROLE_UPDATE", role, me=ME)
    assert decode_places("GUILD_ROLE_UPDATE", role, book=book, rules=RULES, me=ME) is None


@pytest.mark.parametrize(("threads", "key"), [("never", "200"), ("mention", "1300000000000000000")])
def test_messages_tell_it_too_also_those_that_open_a_thread(threads: str, key: str) -> None:
    book = Book()
    tell(book, "GUILD_CREATE", server(channel("200")))
    found = decode_message(
        {
            "id": "1300000000000000000",
            "type": 0,
            "channel_id": "200",
            "guild_id": "100",
            "author": {"id": "10", "username": "ada"},
            "content": "hi <@1>",
            "mentions": [{"id": "1"}],
        },
        View(me=ME, book=book, rules=RULES, threads=threads),
    )
    assert isinstance(found, InboundMessage)
    assert (found.room.key, found.room.open) == (key, True)
    book.learn("CHANNEL_UPDATE", channel("200", overwrite("100", deny=VIEW), guild_id="100"), me=ME)
    assert not book.is_open(book.channels["200"])


def test_private_messages_are_nobody_elses() -> None:
    found = decode_message(
        {
            "id": "1300000000000000000",
            "type": 0,
            "channel_id": "900",
            "author": {"id": "10", "username": "ada"},
            "content": "hi",
        },
        View(me=ME, book=Book(), rules=RULES),
    )
    assert isinstance(found, InboundMessage)
    assert found.room.open is None
