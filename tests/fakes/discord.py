"""A fake Discord on loopback: Gateway v10 and REST v10, for the real client library.

    async with FakeDiscord() as fake:
        guild = fake.add_guild("Workshop")
        channel, ada = fake.add_channel(guild, "general"), fake.add_user("ada")
        ...  # start a bot with fake.token, fake.api_base (and, if wanted, fake.gateway_url)
        await fake.wait_ready()
        fake.say(channel, ada, f"{fake.bot.mention} hello")
        answer = await fake.wait_for_message(channel)

Putting things in is synchronous: what the gateway sends is queued and written by the server's own task.
What a wrong client would be refused at Discord is refused here, with Discord's codes; see the modules
`discord_gateway` and `discord_rest` for the documentation that each check comes from.
"""

import copy
from collections.abc import Iterable
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Final, Self

from aiohttp import web

from tests.fakes.discord_door import Door
from tests.fakes.discord_faults import HISTORY, ME, SEND, TYPING, Faults
from tests.fakes.discord_gateway import (
    DIRECT_MESSAGE_REACTIONS,
    DIRECT_MESSAGE_TYPING,
    DIRECT_MESSAGES,
    GUILD_MEMBERS,
    GUILD_MESSAGE_REACTIONS,
    GUILD_MESSAGE_TYPING,
    GUILD_MESSAGES,
    GUILDS,
    MESSAGE_CONTENT,
    Gateway,
)
from tests.fakes.discord_interactions import Interactions
from tests.fakes.discord_model import (
    DM,
    PUBLIC_THREAD,
    TEXT,
    THREADS,
    Channel,
    Guild,
    Json,
    Member,
    Role,
    Snowflakes,
    User,
    application_payload,
    find_mentions,
    hide_content,
    snowflake_time,
)
from tests.fakes.discord_rest import Routes
from tests.fakes.discord_seats import VoiceRooms
from tests.fakes.discord_waits import Waits

__all__ = ["HISTORY", "ME", "SEND", "TYPING", "FakeDiscord"]

MEMBERS_LIMITED: Final = 1 << 15
CONTENT_FLAGS: Final = {"on": 1 << 18, "limited": 1 << 19, "off": 0}
"""Application flags for the message content intent (resources/application#application-flags)."""


class FakeDiscord(Faults, Waits, Interactions, VoiceRooms):
    """See the module. `message_content` is the app's switch: `on` (verified app), `limited`, `off`."""

    def __init__(self, *, token: str = "fake.discord.token", message_content: str = "limited") -> None:
        self.token = token
        self.message_content = message_content
        self.members_intent = False
        """The app's switch for server members."""
        Waits.__init__(self)
        Interactions.__init__(self)
        VoiceRooms.__init__(self)
        self._ids = Snowflakes()
        self.users: dict[str, User] = {}
        self.guilds: dict[str, Guild] = {}
        self.channels: dict[str, Channel] = {}
        self.bot = self.add_user("hostbot", bot=True)
        self.identifies_left = 1000
        self.reacted: list[tuple[str, str, str, bool]] = []
        """What reactions the bot put or took back: channel, message, emoji, put."""
        self.shards = 1
        """What `GET /gateway/bot` advises."""
        self.file_limit = 10 * 1024 * 1024
        """Bytes of one file; boosted servers take more."""
        self.files_allowed = True
        """The bot may attach files wherever it may write."""
        self.served = 0
        """Files that the CDN has handed out."""
        self.gateway = Gateway(self)
        self.door = Door(self)
        self.routes = Routes(self, self.door)
        self._runner: web.AppRunner | None = None
        self._port = 0
        self._files: dict[str, tuple[bytes, str]] = {}

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=30 * 1024 * 1024)
        app.router.add_get("/gateway", self.gateway.handle)
        app.router.add_get("/gateway/", self.gateway.handle)
        app.router.add_get("/attachments/{rest:.*}", self._file)
        self.add_interaction_routes(app, "/api/v10")
        self.routes.add(app, "/api/v10")
        self._runner = web.AppRunner(app, shutdown_timeout=1.0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port)
        await site.start()
        assert site._server is not None
        self._port = site._server.sockets[0].getsockname()[1]  # type: ignore[attr-defined]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def stop(self) -> None:
        """Go off the net: connections are cut, ports closed. `async with` or `__aenter__` brings it back."""
        for connection in list(self.gateway.connections):
            connection.abort()
        for hold in self.door.holds:
            hold.release()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    @property
    def api_base(self) -> str:
        """For `api_base` in a config, `Route.BASE` in discord.py."""
        return f"http://127.0.0.1:{self._port}/api/v10"

    @property
    def gateway_url(self) -> str:
        """For `gateway_url` in a config, `DiscordWebSocket.DEFAULT_GATEWAY` in discord.py."""
        return f"ws://127.0.0.1:{self._port}/gateway"

    # Places and people

    def add_user(self, name: str, *, global_name: str | None = None, bot: bool = False) -> User:
        """A person, or another bot."""
        user = User(self._ids.next(), name, global_name, bot)
        self.users[user.id] = user
        return user

    def add_guild(self, name: str, *, members: Iterable[User] = ()) -> Guild:
        """A server with the bot in it, and the bot's managed role. Running bots are told."""
        guild = Guild(self._ids.next(), name)
        everyone = Role(guild.id, "@everyone")
        managed = Role(self._ids.next(), self.bot.name, bot_id=self.bot.id)
        guild.roles = {role.id: role for role in (everyone, managed)}
        guild.members = {user.id: Member(user) for user in (self.bot, *members)}
        guild.members[self.bot.id].roles.append(managed.id)
        self.guilds[guild.id] = guild
        for session in self.gateway.sessions.values():
            if session.intents & GUILDS:
                self.gateway.send_guild(session, guild)
        return guild

    def bot_role(self, guild: Guild) -> Role:
        """The managed role of the bot in a guild."""
        return next(role for role in guild.roles.values() if role.bot_id == self.bot.id)

    def add_role(self, guild: Guild, name: str, *, permissions: int = 0) -> Role:
        """A plain role."""
        role = Role(self._ids.next(), name, permissions=permissions)
        guild.roles[role.id] = role
        data = {"guild_id": guild.id, "role": role.payload()}
        self.gateway.dispatch("GUILD_ROLE_CREATE", data, intent=GUILDS)
        return role

    def add_channel(self, guild: Guild, name: str, *, type: int = TEXT, id: str = "") -> Channel:
        """A channel of a guild."""
        channel = Channel(id or self._ids.next(), type, name, guild)
        guild.channels.append(channel)
        self.channels[channel.id] = channel
        self.gateway.dispatch("CHANNEL_CREATE", channel.payload(), intent=GUILDS)
        return channel

    def add_thread(
        self, parent: Channel, name: str, *, id: str | None = None, owner: User | None = None
    ) -> Channel:
        """A public thread (in a forum: a post)."""
        thread = Channel(id or self._ids.next(), PUBLIC_THREAD, name, parent.guild, parent)
        thread.owner_id = owner.id if owner else "1"
        assert parent.guild is not None
        parent.guild.channels.append(thread)
        self.channels[thread.id] = thread
        self.gateway.dispatch("THREAD_CREATE", thread.payload() | {"newly_created": True}, intent=GUILDS)
        return thread

    def dm(self, user: User) -> Channel:
        """The direct messages between the bot and a user."""
        for channel in self.channels.values():
            if channel.recipient is user:
                return channel
        channel = Channel(self._ids.next(), DM, recipient=user)
        self.channels[channel.id] = channel
        return channel

    def member(self, guild: Guild, user: User) -> Member:
        """A user's membership, made when missing."""
        return guild.members.setdefault(user.id, Member(user))

    def join(self, guild: Guild, user: User) -> None:
        """Somebody joins a server; told to bots with the members intent."""
        data = self.member(guild, user).payload(with_user=True) | {"guild_id": guild.id}
        self.gateway.dispatch("GUILD_MEMBER_ADD", data, intent=GUILD_MEMBERS)

    def leave(self, guild: Guild, user: User) -> None:
        """Somebody leaves; when it is the bot, all that it is told is that the server is gone."""
        guild.members.pop(user.id, None)
        data: Json = {"guild_id": guild.id, "user": user.payload()}
        if user is not self.bot:
            self.gateway.dispatch("GUILD_MEMBER_REMOVE", data, intent=GUILD_MEMBERS)
            return
        del self.guilds[guild.id]
        self.gateway.dispatch("GUILD_DELETE", {"id": guild.id}, intent=GUILDS)

    def react(self, message: Json, user: User, emoji: str, *, added: bool = True) -> None:
        """A reaction is put to a message or taken back; the latter does not say who the user is."""
        channel = self.channels[message["channel_id"]]
        data: Json = {
            "user_id": user.id,
            "channel_id": channel.id,
            "message_id": message["id"],
            "emoji": {"id": None, "name": emoji},
            "burst": False,
            "type": 0,
        }
        if channel.guild:
            data["guild_id"] = channel.guild.id
        if channel.guild and added:
            data["member"] = self.member(channel.guild, user).payload(with_user=True)
        if added:
            data["message_author_id"] = message["author"]["id"]
        intent = GUILD_MESSAGE_REACTIONS if channel.guild else DIRECT_MESSAGE_REACTIONS
        self.gateway.dispatch(f"MESSAGE_REACTION_{'ADD' if added else 'REMOVE'}", data, intent=intent)

    # Names that change

    def rename_guild(self, guild: Guild, name: str) -> None:
        """Rename a server."""
        guild.name = name
        self.gateway.dispatch("GUILD_UPDATE", guild.payload(), intent=GUILDS)

    def rename_channel(self, channel: Channel, name: str) -> None:
        """Rename a channel or thread."""
        channel.name = name
        event = "THREAD_UPDATE" if channel.type in THREADS else "CHANNEL_UPDATE"
        self.gateway.dispatch(event, channel.payload(), intent=GUILDS)

    def rename_member(self, guild: Guild, user: User, nick: str | None) -> None:
        """Give a nickname; told to bots with the members intent, and always about the bot itself."""
        member = self.member(guild, user)
        member.nick = nick
        data = member.payload(with_user=True) | {"guild_id": guild.id}
        intent = 0 if user is self.bot else GUILD_MEMBERS
        self.gateway.dispatch("GUILD_MEMBER_UPDATE", data, intent=intent)

    def rename_bot(self, name: str) -> None:
        """The bot's own account gets another name."""
        self.bot.name = name
        self.gateway.dispatch("USER_UPDATE", self.bot.payload() | {"email": None, "verified": True})

    # Messages

    def say(self, channel: Channel, author: User, text: str = "", **more: Any) -> Json:
        """A message by anybody. See `post` for the rest."""
        return self.post(channel, author, text, **more)

    def post(
        self,
        channel: Channel,
        author: User,
        text: str,
        *,
        reply_to: Json | None = None,
        ping_reply: bool = True,
        type: int = 0,
        webhook: bool = False,
        files: dict[str, bytes] | None = None,
        file_type: str = "application/octet-stream",
        nonce: Any = None,
        allowed: Json | None = None,
        embeds: Iterable[Json] = (),
        ago: float = 0.0,
        extra: Json | None = None,
    ) -> Json:
        """Store a message and send MESSAGE_CREATE.

        `ago` (seconds) puts it into the past, `type` makes a system message, `extra` adds or replaces
        fields (`sticker_items`, `poll` …); `allowed` is the sender's allowed_mentions.
        """
        if channel.archived:
            # topics/threads#active-and-archived-threads: a message wakes the thread up.
            channel.archived = False
            self.gateway.dispatch("THREAD_UPDATE", channel.payload(), intent=GUILDS)
        message_id = self._ids.next(ago=ago)
        message: Json = {
            "id": message_id,
            "channel_id": channel.id,
            "author": author.payload(),
            "content": text,
            "timestamp": snowflake_time(message_id).isoformat(),
            "edited_timestamp": None,
            "tts": False,
            "attachments": [self._attach(channel, *file, file_type) for file in (files or {}).items()],
            "embeds": list(embeds),
            "pinned": False,
            "type": type,
            "flags": 0,
            "components": [],
            **self._mentions(channel, text, allowed),
        }
        if reply_to is not None:
            self._refer(
                message, reply_to, ping=ping_reply if allowed is None else bool(allowed.get("replied_user"))
            )
        if webhook:
            message["webhook_id"] = author.id
        message |= extra or {}
        channel.messages[message_id] = message
        if author is self.bot:
            self.sent.append(message)
        event = self._gateway_view(channel, message)
        if nonce is not None:
            event["nonce"] = nonce
        self._dispatch(channel, "MESSAGE_CREATE", event)
        return message

    def _mentions(self, channel: Channel, text: str, allowed: Json | None) -> Json:
        users, roles = find_mentions(text)
        everyone = "@everyone" in text or "@here" in text
        if allowed is not None:
            parse = allowed.get("parse") or []
            users = [u for u in users if "users" in parse or u in (allowed.get("users") or ())]
            roles = [r for r in roles if "roles" in parse or r in (allowed.get("roles") or ())]
            everyone = everyone and "everyone" in parse
        known_roles = channel.guild.roles if channel.guild else {}
        return {
            "mentions": [self.users[u].payload() for u in users if u in self.users],
            "mention_roles": [r for r in roles if r in known_roles],
            "mention_everyone": everyone and channel.guild is not None,
        }

    def _refer(self, message: Json, target: Json, *, ping: bool) -> None:
        reference = {"type": 0, "message_id": target["id"], "channel_id": target["channel_id"]}
        message |= {"type": 19, "message_reference": reference, "referenced_message": copy.deepcopy(target)}
        if ping and all(user["id"] != target["author"]["id"] for user in message["mentions"]):
            message["mentions"].append(target["author"])

    def _attach(self, channel: Channel, name: str, data: bytes, kind: str) -> Json:
        attachment_id = self._ids.next()
        path = f"attachments/{channel.id}/{attachment_id}/{name}"
        self._files[path] = (data, kind)
        url = f"http://127.0.0.1:{self._port}/{path}"
        return {
            "id": attachment_id,
            "filename": name,
            "size": len(data),
            "url": url,
            "proxy_url": url,
            "content_type": kind,
        }

    async def _file(self, request: web.Request) -> web.Response:
        found = self._files.get(request.path.lstrip("/"))
        # Signed addresses (reference#signed-attachment-cdn-urls); one without is not signed here.
        expires = int(request.query.get("ex", "ffffffff"), 16)
        if found is None or expires <= datetime.now(UTC).timestamp():
            return web.Response(status=404, text="This content is no longer available.")
        self.served += 1
        return web.Response(body=found[0], content_type=found[1])

    def change(self, channel: Channel, message_id: str, **changes: Any) -> Json:
        """Edit a message, and send the whole of it as MESSAGE_UPDATE."""
        message = channel.messages[message_id]
        message |= changes
        if "content" in changes:
            message |= self._mentions(channel, changes["content"], None)
        message["edited_timestamp"] = datetime.now(UTC).isoformat()
        self._dispatch(channel, "MESSAGE_UPDATE", self._gateway_view(channel, message))
        return message

    def preview(self, message: Json, *, partial: bool = False) -> None:
        """A link preview appears: MESSAGE_UPDATE with embeds, and the time of edit as it was.

        `partial` is the form of older days, which still comes up: id, channel and embeds only.
        """
        channel = self.channels[message["channel_id"]]
        message["embeds"] = [{"type": "link", "url": "https://example.org", "title": "Example"}]
        event = self._gateway_view(channel, message)
        if partial:
            event = {k: event[k] for k in ("id", "channel_id", "guild_id", "embeds") if k in event}
        self._dispatch(channel, "MESSAGE_UPDATE", event)

    def edit(self, message: Json, text: str) -> Json:
        """The author changes the text."""
        return self.change(self.channels[message["channel_id"]], message["id"], content=text)

    def remove(self, channel: Channel, *message_ids: str) -> None:
        """Delete one message, or several at once."""
        for message_id in message_ids:
            channel.messages.pop(message_id, None)
        data: Json = {"channel_id": channel.id}
        if channel.guild:
            data["guild_id"] = channel.guild.id
        if len(message_ids) == 1:
            self._dispatch(channel, "MESSAGE_DELETE", data | {"id": message_ids[0]})
        else:
            self._dispatch(channel, "MESSAGE_DELETE_BULK", data | {"ids": list(message_ids)})

    def delete(self, *messages: Json) -> None:
        """Delete messages of one channel."""
        self.remove(self.channels[messages[0]["channel_id"]], *(message["id"] for message in messages))

    def _gateway_view(self, channel: Channel, message: Json) -> Json:
        """With guild_id and the memberships (gateway-events#message-create)."""
        view = copy.deepcopy(message)
        if channel.guild is None:
            return view
        view["guild_id"] = channel.guild.id
        members = channel.guild.members
        if "webhook_id" not in message and message["author"]["id"] in members:
            view["member"] = members[message["author"]["id"]].payload(with_user=False)
        for user in view["mentions"]:
            if user["id"] in members:
                user["member"] = members[user["id"]].payload(with_user=False)
        return view

    def rest_view(self, message: Json) -> Json:
        """As REST shows it: without guild and membership, and without content if the app may not see it."""
        is_dm = self.channels[message["channel_id"]].guild is None
        view = copy.deepcopy(message)
        if self.message_content != "off":
            return view
        return hide_content(view, bot_id=self.bot.id, is_dm=is_dm)

    def _dispatch(self, channel: Channel, event: str, data: Json) -> None:
        is_dm = channel.guild is None
        self.gateway.dispatch(event, data, intent=DIRECT_MESSAGES if is_dm else GUILD_MESSAGES, is_dm=is_dm)

    def start_typing(self, channel: Channel, user: User) -> None:
        """TYPING_START, for those who asked for it."""
        data = {"channel_id": channel.id, "user_id": user.id, "timestamp": int(datetime.now(UTC).timestamp())}
        intent = GUILD_MESSAGE_TYPING if channel.guild else DIRECT_MESSAGE_TYPING
        if channel.guild:
            data["guild_id"] = channel.guild.id
        self.gateway.dispatch("TYPING_START", data, intent=intent)

    # The application

    def application_flags(self) -> int:
        """The app's flags."""
        return CONTENT_FLAGS[self.message_content] | (MEMBERS_LIMITED if self.members_intent else 0)

    def allowed_privileged(self) -> int:
        """Privileged intents that are switched on."""
        content = 0 if self.message_content == "off" else MESSAGE_CONTENT
        return content | (GUILD_MEMBERS if self.members_intent else 0)

    def application(self) -> Json:
        """The application object."""
        return application_payload(app_id=self.bot.id, name=self.bot.name, flags=self.application_flags())
