"""The fake Discord against the real client library, and against what Discord documents."""

import asyncio
import json
import zlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import discord
import pytest
import yarl
from discord.gateway import DiscordWebSocket
from discord.http import Route

from tests.fakes.discord import HISTORY, ME, SEND, FakeDiscord
from tests.fakes.discord_model import Channel, Json

AGENT = {"User-Agent": "DiscordBot (https://example.org, 1)"}


@pytest.fixture
async def fake(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[FakeDiscord]:
    async with FakeDiscord(message_content="on") as server:
        monkeypatch.setattr(Route, "BASE", server.api_base)
        monkeypatch.setattr(DiscordWebSocket, "DEFAULT_GATEWAY", yarl.URL(server.gateway_url))
        monkeypatch.setattr(discord.VoiceClient, "warn_nacl", False)
        monkeypatch.setattr(discord.VoiceClient, "warn_dave", False)
        yield server


class Library(discord.Client):
    """discord.py as its users run it, with notes of what it told."""

    def __init__(self, *, content: bool = True, **options: Any) -> None:
        intents = discord.Intents.default()
        intents.message_content = content
        intents.members = False
        super().__init__(intents=intents, guild_ready_timeout=0.05, **options)
        self.seen: list[tuple[str, Any]] = []
        self.news = asyncio.Condition()

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        """No five seconds between logins."""

    async def told(self, kind: str, what: Any = None) -> None:
        async with self.news:
            self.seen.append((kind, what))
            self.news.notify_all()

    async def wait(self, kind: str, count: int = 1) -> list[Any]:
        async with self.news:
            await self.news.wait_for(lambda: len(self.of(kind)) >= count)
        return self.of(kind)

    def of(self, kind: str) -> list[Any]:
        return [what for known, what in self.seen if known == kind]

    async def on_ready(self) -> None:
        await self.told("ready")

    async def on_resumed(self) -> None:
        await self.told("resumed")

    async def on_message(self, message: discord.Message) -> None:
        await self.told("message", message)

    async def on_raw_message_edit(self, event: discord.RawMessageUpdateEvent) -> None:
        await self.told("edit", event)

    async def on_raw_message_delete(self, event: discord.RawMessageDeleteEvent) -> None:
        await self.told("delete", event)

    async def on_raw_bulk_message_delete(self, event: discord.RawBulkMessageDeleteEvent) -> None:
        await self.told("bulk", event)

    async def on_guild_update(self, before: discord.Guild, after: discord.Guild) -> None:
        await self.told("guild", (before.name, after.name))

    async def on_guild_channel_update(self, before: Any, after: Any) -> None:
        await self.told("channel", (before.name, after.name))

    async def on_thread_update(self, before: discord.Thread, after: discord.Thread) -> None:
        await self.told("thread", (before.name, after.name))

    async def on_typing(self, channel: Any, user: Any, when: Any) -> None:
        await self.told("typing", channel)


@pytest.fixture
async def library(fake: FakeDiscord) -> AsyncIterator[Library]:
    client = Library()
    running = asyncio.create_task(client.start(fake.token))
    yield client
    await client.close()
    await asyncio.wait([running])
    running.exception()


async def test_the_library_logs_in_and_sees_places(fake: FakeDiscord, library: Library) -> None:
    guild = fake.add_guild("Workshop")
    channel = fake.add_channel(guild, "general")
    thread = fake.add_thread(channel, "bugs")
    await library.wait("ready")
    await fake.wait_until(lambda: bool(library.guilds and library.guilds[0].threads), "the guild")
    known = library.guilds[0]
    assert (known.name, [c.name for c in known.text_channels]) == ("Workshop", ["general"])
    assert [(t.name, t.parent_id) for t in known.threads] == [(thread.name, int(channel.id))]
    assert library.user is not None
    assert str(library.user.id) == fake.bot.id
    assert library.application_flags.gateway_message_content
    [identify] = fake.gateway.identifies
    assert identify["token"] == fake.token
    fake.rename_guild(guild, "Lab")
    fake.rename_channel(channel, "lobby")
    fake.rename_channel(thread, "fixed")
    assert await library.wait("guild") == [("Workshop", "Lab")]
    assert await library.wait("channel") == [("general", "lobby")]
    assert await library.wait("thread") == [("bugs", "fixed")]


async def test_the_library_receives_and_sends(fake: FakeDiscord, library: Library) -> None:
    ada, guild = fake.add_user("ada"), fake.add_guild("Workshop")
    fake.member(guild, ada).nick = "Countess"
    channel = fake.add_channel(guild, "general")
    await library.wait("ready")
    fake.say(channel, ada, f"{fake.bot.mention} hi", files={"a.txt": b"data"}, file_type="text/plain")
    [message] = await library.wait("message")
    assert message.content == f"{fake.bot.mention} hi"
    assert library.user in message.mentions
    assert message.author.display_name == "Countess"
    assert await message.attachments[0].read() == b"data"
    async with message.channel.typing():
        sent = await message.reply("hello", mention_author=True)
    assert sent.reference.message_id == message.id
    answer = await fake.wait_for_message(channel)
    assert [user["id"] for user in answer["mentions"]] == [ada.id]
    await library.wait("typing")
    edited = await sent.edit(content="hello!")
    assert edited.content == "hello!"
    assert (await library.wait("edit"))[0].message_id == sent.id
    await sent.delete()
    assert (await library.wait("delete"))[0].message_id == sent.id
    with_file = await message.channel.send(file=discord.File(__file__, "test.py"))
    assert with_file.attachments[0].filename == "test.py"


async def test_the_library_handles_direct_messages_and_history(fake: FakeDiscord, library: Library) -> None:
    ada = fake.add_user("ada")
    await library.wait("ready")
    said = [fake.say(fake.dm(ada), ada, f"m{i}") for i in range(150)]
    await library.wait("message", 150)
    user = await library.fetch_user(int(ada.id))
    place = await user.create_dm()
    history = [m async for m in place.history(limit=None, after=discord.Object(int(said[9]["id"])))]
    assert [m.content for m in history] == [f"m{i}" for i in range(10, 150)]
    newest = [m.content async for m in place.history(limit=2)]
    assert newest == ["m149", "m148"]
    fake.delete(*said[:3])
    assert (await library.wait("bulk"))[0].message_ids == {int(m["id"]) for m in said[:3]}


@pytest.mark.parametrize("how", ["cut", "reconnect", "close", "resumable", "garbage", "zombie"])
async def test_the_library_resumes(fake: FakeDiscord, how: str) -> None:
    fake.gateway.heartbeat_interval_ms = 100
    ada = fake.add_user("ada")
    client = Library(heartbeat_timeout=0.5 if how == "zombie" else 60.0)
    running = asyncio.create_task(client.start(fake.token))
    await client.wait("ready")
    breaks: dict[str, Callable[[], Any]] = {
        "cut": fake.cut,
        "reconnect": fake.reconnect,
        "close": lambda: fake.close_gateway(4000),
        "resumable": lambda: fake.invalidate(resumable=True),
        "garbage": fake.send_garbage,
        "zombie": lambda: setattr(fake.gateway, "acks", False),
    }
    breaks[how]()
    fake.say(fake.dm(ada), ada, "meanwhile")
    await fake.wait_until(lambda: bool(fake.gateway.resumes), "a resume")
    fake.gateway.acks = True
    [message] = await client.wait("message")
    assert message.content == "meanwhile"
    assert len(fake.gateway.identifies) == 1
    await client.close()
    await asyncio.wait([running])


async def test_the_library_identifies_anew_when_the_session_is_gone(
    fake: FakeDiscord, library: Library
) -> None:
    ada = fake.add_user("ada")
    await library.wait("ready")
    fake.forget_sessions()
    fake.cut()
    fake.say(fake.dm(ada), ada, "lost")
    await library.wait("ready", 2)
    fake.say(fake.dm(ada), ada, "heard")
    assert [m.content for m in await library.wait("message")] == ["heard"]
    assert (len(fake.gateway.resumes), len(fake.gateway.identifies)) == (1, 2)


@pytest.mark.parametrize(
    ("token", "content", "error"),
    [
        ("wrong", True, discord.LoginFailure),
        (None, True, discord.PrivilegedIntentsRequired),
    ],
)
async def test_the_library_is_refused(
    fake: FakeDiscord, token: str | None, content: bool, error: type[Exception]
) -> None:
    fake.message_content = "off"
    async with Library(content=content) as client:
        with pytest.raises(error):
            await client.start(token or fake.token)


async def test_without_the_intent_the_library_sees_no_content(fake: FakeDiscord) -> None:
    ada, guild = fake.add_user("ada"), fake.add_guild("Workshop")
    channel = fake.add_channel(guild, "general")
    async with Library(content=False) as client:
        running = asyncio.create_task(client.start(fake.token))
        await client.wait("ready")
        fake.say(channel, ada, "secret", files={"a": b"x"})
        fake.say(channel, ada, f"{fake.bot.mention} hi")
        fake.say(fake.dm(ada), ada, "dm")
        got = await client.wait("message", 3)
        assert [(m.content, len(m.attachments)) for m in got] == [
            ("", 0),
            (f"{fake.bot.mention} hi", 0),
            ("dm", 0),
        ]
    await asyncio.wait([running])


async def test_the_library_honours_rate_limits(fake: FakeDiscord, library: Library) -> None:
    channel = fake.add_channel(fake.add_guild("Workshop"), "general")
    await library.wait("ready")
    place = library.get_partial_messageable(int(channel.id))
    fake.door.limits[SEND] = (3, 0.2)
    for i in range(7):
        await place.send(str(i))
    assert [call.status for call in fake.calls_of(SEND)] == [200] * 7
    fake.rate_limit(SEND, 0.05)
    fake.rate_limit(SEND, 0.05, is_global=True)
    await place.send("late")
    assert [call.status for call in fake.calls_of(SEND)[7:]] == [429, 429, 200]
    fake.cloudflare_ban(SEND)
    with pytest.raises(discord.HTTPException) as caught:
        await place.send("banned")
    assert caught.value.status == 429


async def test_a_full_bucket_is_enforced(fake: FakeDiscord) -> None:
    fake.door.limits[ME] = (2, 30.0)
    async with aiohttp.ClientSession(headers=AGENT | {"Authorization": f"Bot {fake.token}"}) as http:
        answers = [await http.get(f"{fake.api_base}/users/@me") for _ in range(3)]
    assert [answer.status for answer in answers] == [200, 200, 429]
    assert [answer.headers["X-RateLimit-Remaining"] for answer in answers] == ["1", "0", "0"]
    body = await answers[2].json()
    assert 0 < body["retry_after"] <= 30
    assert (body["global"], answers[2].headers["X-RateLimit-Scope"]) == (False, "user")
    assert answers[0].headers["Content-Type"] == "application/json"


async def test_a_nonce_is_remembered(fake: FakeDiscord, library: Library) -> None:
    channel = fake.add_channel(fake.add_guild("Workshop"), "general")
    await library.wait("ready")
    place = library.get_partial_messageable(int(channel.id))
    first, second = await place.send("a", nonce="n1"), await place.send("b", nonce="n1")
    assert (first.id, second.content) == (second.id, "a")
    assert (await place.send("c", nonce="n2")).id != first.id


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"content": "x" * 2000}, 200, None),
        ({"content": "😀" * 2000}, 200, None),
        ({"content": "x" * 2001}, 400, 50035),
        ({"content": ""}, 400, 50006),
        ({"content": " \n"}, 400, 50006),
        ({}, 400, 50006),
        ({"content": 5}, 400, 50035),
        ({"content": "x", "nonce": "n" * 26}, 400, 50035),
        ({"content": "x", "message_reference": {"message_id": "1"}}, 400, 50035),
        ({"content": "x", "message_reference": {"message_id": "1", "fail_if_not_exists": False}}, 200, None),
        ({"content": "x", "allowed_mentions": {"parse": ["nobody"]}}, 400, 50035),
        ({"content": "x", "allowed_mentions": {"parse": ["users"], "users": ["1"]}}, 400, 50035),
    ],
)
async def test_what_may_be_sent(fake: FakeDiscord, body: Json, status: int, code: int | None) -> None:
    channel = fake.add_channel(fake.add_guild("Workshop"), "general")
    answer = await raw(fake, "POST", f"/channels/{channel.id}/messages", body)
    assert (answer[0], answer[1].get("code")) == (status, code)


async def raw(
    fake: FakeDiscord, method: str, path: str, body: Any = None, **headers: str
) -> tuple[int, Json]:
    given = (
        AGENT | {"Authorization": f"Bot {fake.token}"} | {k.replace("_", "-"): v for k, v in headers.items()}
    )
    async with (
        aiohttp.ClientSession(headers=given) as http,
        http.request(method, fake.api_base + path, json=body) as answer,
    ):
        return answer.status, (await answer.json() if answer.content_length else {})


@pytest.mark.parametrize(
    ("method", "path", "headers", "expected"),
    [
        ("GET", "/users/@me", {"Authorization": "Bot wrong"}, (401, 0)),
        ("GET", "/users/@me", {"Authorization": "fake.discord.token"}, (401, 0)),
        ("GET", "/users/@me", {"User_Agent": "curl"}, (403, 40333)),
        ("GET", "/channels/1", {}, (404, 10003)),
        ("GET", "/guilds/1", {}, (404, 10004)),
        ("GET", "/users/1", {}, (404, 10013)),
        ("GET", "/nonsense", {}, (404, 0)),
        ("POST", "/users/@me/channels", {}, (400, 50033)),
        ("POST", "/users/@me/channels", {"Content_Type": "text/plain"}, (400, 50035)),
    ],
)
async def test_wrong_requests(
    fake: FakeDiscord, method: str, path: str, headers: dict[str, str], expected: tuple[int, int]
) -> None:
    status, body = await raw(fake, method, path, {"a": 1}, **headers)
    assert (status, body["code"]) == expected


async def test_other_peoples_messages_are_not_the_bots(fake: FakeDiscord) -> None:
    channel = fake.add_channel(fake.add_guild("Workshop"), "general")
    said = fake.say(channel, fake.add_user("ada"), "mine")
    path = f"/channels/{channel.id}/messages"
    assert (await raw(fake, "PATCH", f"{path}/{said['id']}", {"content": "x"}))[1]["code"] == 50005
    assert (await raw(fake, "PATCH", f"{path}/1", {"content": "x"}))[1]["code"] == 10008
    assert (await raw(fake, "GET", f"{path}?limit=101"))[0] == 400
    channel.refusal = (403, 50013, "Missing Permissions")
    assert (await raw(fake, "POST", path, {"content": "x"}))[1]["code"] == 50013


async def test_threads(fake: FakeDiscord, library: Library) -> None:
    guild = fake.add_guild("Workshop")
    channel = fake.add_channel(guild, "general")
    await library.wait("ready")
    await fake.wait_until(lambda: library.get_channel(int(channel.id)) is not None, "the channel")
    place = library.get_channel(int(channel.id))
    assert isinstance(place, discord.TextChannel)
    message = await place.send("start")
    thread = await message.create_thread(name="talk")
    assert thread.id == message.id
    await thread.send("inside")
    assert fake.sent_to(fake.channels[str(thread.id)])[0]["content"] == "inside"


async def test_holds_and_drops(fake: FakeDiscord, library: Library) -> None:
    channel = fake.add_channel(fake.add_guild("Workshop"), "general")
    await library.wait("ready")
    place = library.get_partial_messageable(int(channel.id))
    hold = fake.hold(SEND)
    sending = asyncio.create_task(place.send("slow"))
    await hold.reached.wait()
    assert fake.sent == []
    hold.release()
    await sending
    fake.drop(SEND, "after")
    with pytest.raises(aiohttp.ClientError):
        await place.send("gone")
    fake.drop(SEND, "before")
    with pytest.raises(aiohttp.ClientError):
        await place.send("never")
    fake.fail(HISTORY, 403, {"message": "Missing Access", "code": 50001})
    with pytest.raises(discord.Forbidden):
        _ = [m async for m in place.history()]
    assert [m["content"] for m in fake.sent] == ["slow", "gone"]


class Socket:
    """A gateway connection by hand."""

    def __init__(self, ws: aiohttp.ClientWebSocketResponse) -> None:
        self.ws = ws
        self.inflate = zlib.decompressobj()

    async def receive(self) -> Json:
        frame = await self.ws.receive()
        data = self.inflate.decompress(frame.data) if frame.type is aiohttp.WSMsgType.BINARY else frame.data
        payload: Json = json.loads(data)
        return payload

    async def close_code(self) -> int:
        while True:
            frame = await self.ws.receive()
            if frame.type is aiohttp.WSMsgType.CLOSE:
                return int(frame.data)


@pytest.fixture
async def socket(fake: FakeDiscord) -> AsyncIterator[Socket]:
    async with (
        aiohttp.ClientSession() as http,
        http.ws_connect(f"{fake.gateway_url}?v=10&encoding=json&compress=zlib-stream") as ws,
    ):
        yield Socket(ws)


def identify(fake: FakeDiscord, **more: Any) -> Json:
    return {"op": 2, "d": {"token": fake.token, "intents": 513, "properties": {}} | more}


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        ("not json", 4002),
        ('{"d": 1}', 4002),
        ('{"op": 1, "d": "' + "x" * 5000 + '"}', 4002),
        ('{"op": 77}', 4001),
        ('{"op": 8, "d": {}}', 4003),
        (lambda fake: identify(fake, token="wrong"), 4004),
        (lambda fake: identify(fake, intents=1 << 30), 4013),
        (lambda fake: identify(fake, intents="all"), 4013),
        (lambda fake: identify(fake, intents=1 << 1), 4014),
        (lambda fake: identify(fake, shard=[3, 2]), 4010),
        (lambda fake: {"op": 6, "d": {"token": "wrong", "session_id": "x", "seq": 1}}, 4004),
    ],
)
async def test_close_codes(fake: FakeDiscord, socket: Socket, sent: Any, code: int) -> None:
    await socket.ws.send_str(sent if isinstance(sent, str) else json.dumps(sent(fake)))
    assert await socket.close_code() == code


async def test_the_handshake_by_hand(fake: FakeDiscord, socket: Socket) -> None:
    assert await socket.receive() == {"op": 10, "d": {"heartbeat_interval": 45000}}
    await socket.ws.send_json({"op": 1, "d": None})
    assert await socket.receive() == {"op": 11}
    await socket.ws.send_json({"op": 6, "d": {"token": fake.token, "session_id": "old", "seq": 5}})
    assert await socket.receive() == {"op": 9, "d": False}
    await socket.ws.send_json(identify(fake))
    ready = await socket.receive()
    assert (ready["t"], ready["s"]) == ("READY", 1)
    assert ready["d"]["resume_gateway_url"] == fake.gateway_url
    fake.ask_heartbeat()
    assert await socket.receive() == {"op": 1, "d": None}
    await socket.ws.send_json(identify(fake))
    assert await socket.close_code() == 4005


@pytest.mark.parametrize(("v", "code"), [("9", 4012), ("", 4012)])
async def test_other_versions_are_refused(fake: FakeDiscord, v: str, code: int) -> None:
    async with aiohttp.ClientSession() as http, http.ws_connect(f"{fake.gateway_url}?v={v}") as ws:
        assert await Socket(ws).close_code() == code


async def test_too_many_payloads_are_cut_off(fake: FakeDiscord, socket: Socket) -> None:
    for _ in range(121):
        await socket.ws.send_json({"op": 1, "d": None})
    assert await socket.close_code() == 4008


async def test_leaving_with_1000_ends_the_session(fake: FakeDiscord, socket: Socket) -> None:
    await socket.receive()
    await socket.ws.send_json(identify(fake))
    await fake.wait_ready()
    await socket.ws.close(code=1000)
    await fake.wait_until(lambda: not fake.gateway.sessions, "the session's end")


async def test_it_comes_back_on_the_same_port(fake: FakeDiscord) -> None:
    base = fake.api_base
    await fake.stop()
    await fake.__aenter__()
    assert fake.api_base == base
    assert (await raw(fake, "GET", "/gateway/bot"))[1]["url"] == fake.gateway_url


def test_places_need_no_server() -> None:
    fake = FakeDiscord()
    channel = fake.add_channel(fake.add_guild("Workshop"), "general")
    assert isinstance(channel, Channel)
    first, second = (fake.say(channel, fake.bot, "x") for _ in range(2))
    assert int(first["id"]) < int(second["id"])
