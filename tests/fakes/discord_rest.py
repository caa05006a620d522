"""The fake's REST API v10: what each route does (docs.discord.com/developers/resources/message, channel)."""

import copy
import time
from collections.abc import Callable
from typing import Any, Final, Protocol

from aiohttp import web

from tests.fakes.discord_commands import check_components
from tests.fakes.discord_deeds import Deeds, check_emoji, made_poll
from tests.fakes.discord_door import ApiError, Call, Door, Handler, invalid_form
from tests.fakes.discord_model import DM, FORUM, PUBLIC_THREAD, THREADS, Channel, Guild, Json, User

MAX_CONTENT: Final = 2000
MAX_NONCE: Final = 25
MAX_FILES: Final = 10
NONCE_MEMORY_S: Final = 300.0


class Owner(Protocol):
    """What REST asks of the rest of the fake."""

    token: str
    bot: User
    users: dict[str, User]
    guilds: dict[str, Guild]
    channels: dict[str, Channel]
    identifies_left: int
    shards: int
    reacted: list[tuple[str, str, str, bool]]
    file_limit: int
    files_allowed: bool

    @property
    def gateway_url(self) -> str:
        """The websocket address."""

    def changed(self) -> None:
        """Wake whoever waits for something."""

    def application(self) -> Json:
        """The application object."""

    def dm(self, user: User) -> Channel:
        """The direct messages with a user."""

    def add_thread(
        self, parent: Channel, name: str, *, id: str | None = None, owner: User | None = None
    ) -> Channel:
        """Make a thread."""

    @property
    def post(self) -> Callable[..., Json]:
        """Put a message in."""

    @property
    def change(self) -> Callable[..., Json]:
        """Edit a message."""

    def remove(self, channel: Channel, *message_ids: str) -> None:
        """Delete messages."""

    def rest_view(self, message: Json) -> Json:
        """A message as REST shows it."""

    def start_typing(self, channel: Channel, user: User) -> None:
        """Tell the gateway."""


class Routes:
    """What each route does once the door let the request in."""

    def __init__(self, owner: Owner, door: Door) -> None:
        self._owner = owner
        self._door = door
        self.nonces: dict[str, tuple[float, str, str]] = {}
        self.deeds = Deeds(self)

    def add(self, app: web.Application, prefix: str) -> None:
        """Put the routes into an application."""
        table: list[tuple[str, str, Handler]] = [
            ("GET", "/gateway", self._gateway),
            ("GET", "/gateway/bot", self._gateway_bot),
            ("GET", "/users/@me", self._me),
            ("GET", "/applications/@me", self._application),
            ("GET", "/oauth2/applications/@me", self._application),
            ("POST", "/users/@me/channels", self._open_dm),
            ("GET", "/users/{user_id}", self._user),
            ("GET", "/users/@me/guilds", self._guilds),
            ("GET", "/guilds/{guild_id}", self._guild),
            ("GET", "/guilds/{guild_id}/channels", self._guild_channels),
            ("GET", "/guilds/{guild_id}/threads/active", self._active_threads),
            *self.deeds.table(),
            ("GET", "/guilds/{guild_id}/members/{user_id}", self._member),
            ("GET", "/channels/{channel_id}", self._channel),
            ("GET", "/channels/{channel_id}/messages", self._messages),
            ("POST", "/channels/{channel_id}/messages", self._send),
            ("GET", "/channels/{channel_id}/messages/{message_id}", self._message),
            ("PATCH", "/channels/{channel_id}/messages/{message_id}", self._edit),
            ("DELETE", "/channels/{channel_id}/messages/{message_id}", self._delete),
            ("POST", "/channels/{channel_id}/messages/{message_id}/threads", self._thread_from),
            ("POST", "/channels/{channel_id}/threads", self._thread),
            ("PATCH", "/channels/{channel_id}", self._change_channel),
            ("PUT", "/channels/{channel_id}/messages/{message_id}/reactions/{emoji}/@me", self._react),
            ("DELETE", "/channels/{channel_id}/messages/{message_id}/reactions/{emoji}/@me", self._unreact),
            ("POST", "/channels/{channel_id}/typing", self._typing),
        ]
        for method, path, handler in table:
            app.router.add_route(method, prefix + path, self._door.wrap(f"{method} {path}", handler))
        app.router.add_route("*", prefix + "/{rest:.*}", self._door.wrap("unknown", self._unknown))

    async def _unknown(self, _request: web.Request, _call: Call) -> Any:
        raise ApiError(404, 0, "404: Not Found")

    async def _gateway(self, _request: web.Request, _call: Call) -> Any:
        return {"url": self._owner.gateway_url}

    async def _gateway_bot(self, _request: web.Request, _call: Call) -> Any:
        left = {
            "total": 1000,
            "remaining": self._owner.identifies_left,
            "reset_after": 500,
            "max_concurrency": 1,
        }
        return {"url": self._owner.gateway_url, "shards": self._owner.shards, "session_start_limit": left}

    async def _me(self, _request: web.Request, _call: Call) -> Any:
        return self._owner.bot.payload() | {"verified": True, "mfa_enabled": False, "email": None}

    async def _application(self, _request: web.Request, _call: Call) -> Any:
        return self._owner.application()

    async def _user(self, request: web.Request, _call: Call) -> Any:
        user = self._owner.users.get(request.match_info["user_id"])
        if user is None:
            raise ApiError(404, 10013, "Unknown User")
        return user.payload()

    async def _open_dm(self, _request: web.Request, call: Call) -> Any:
        user = self._owner.users.get(str((call.payload or {}).get("recipient_id")))
        if user is None:
            raise ApiError(400, 50033, "Invalid Recipient(s)")
        return self._owner.dm(user).payload()

    async def _guilds(self, _request: web.Request, _call: Call) -> Any:
        return [{"id": g.id, "name": g.name, "icon": None} for g in self._owner.guilds.values()]

    def find_guild(self, request: web.Request) -> Guild:
        """The server that a request names."""
        guild = self._owner.guilds.get(request.match_info["guild_id"])
        if guild is None:
            raise ApiError(404, 10004, "Unknown Guild")
        return guild

    async def _guild(self, request: web.Request, _call: Call) -> Any:
        guild = self.find_guild(request)
        counts = {"approximate_member_count": len(guild.members)} if "with_counts" in request.query else {}
        return guild.payload() | counts

    async def _guild_channels(self, request: web.Request, _call: Call) -> Any:
        return [c.payload() for c in self.find_guild(request).channels if c.type not in THREADS]

    async def _active_threads(self, request: web.Request, _call: Call) -> Any:
        guild = self.find_guild(request)
        threads = [c.payload() for c in guild.channels if c.type in THREADS and not c.archived]
        return {"threads": threads, "members": []}

    async def _member(self, request: web.Request, _call: Call) -> Any:
        member = self.find_guild(request).members.get(request.match_info["user_id"])
        if member is None:
            raise ApiError(404, 10007, "Unknown Member")
        return member.payload(with_user=True)

    def find_channel(self, request: web.Request) -> Channel:
        """The channel that a request names."""
        channel = self._owner.channels.get(request.match_info["channel_id"])
        if channel is None:
            raise ApiError(404, 10003, "Unknown Channel")
        if channel.refusal is not None:
            raise ApiError(*channel.refusal)
        return channel

    def find_message(self, request: web.Request) -> tuple[Channel, Json]:
        """The message that a request names."""
        channel = self.find_channel(request)
        message = channel.messages.get(request.match_info["message_id"])
        if message is None:
            raise ApiError(404, 10008, "Unknown Message")
        return channel, message

    async def _channel(self, request: web.Request, _call: Call) -> Any:
        return self.find_channel(request).payload()

    async def _message(self, request: web.Request, _call: Call) -> Any:
        return self._owner.rest_view(self.find_message(request)[1])

    async def _messages(self, request: web.Request, _call: Call) -> Any:
        """Newest first, whatever the filter (resources/message#get-channel-messages)."""
        channel = self.find_channel(request)
        query = request.query
        try:
            limit = int(query.get("limit", "50"))
            after, before = int(query.get("after", "0")), int(query.get("before", str(2**63)))
        except ValueError:
            raise invalid_form("limit", "NUMBER_TYPE_COERCE", "Value is not int.") from None
        if not 1 <= limit <= 100:
            raise invalid_form("limit", "NUMBER_TYPE_MAX", "int value should be between 1 and 100.")
        found = sorted(int(i) for i in channel.messages if after < int(i) < before)
        page = found[:limit] if "after" in query else found[-limit:]
        return [self._owner.rest_view(channel.messages[str(i)]) for i in reversed(page)]

    async def _send(self, request: web.Request, call: Call) -> Any:
        channel = self.find_channel(request)
        data = call.payload or {}
        nonce = self._check_nonce(data)
        text = _check_message(data, files=call.files)
        self._check_files(call.files)
        if channel.locked:
            raise ApiError(400, 50083, "Thread is archived")
        if channel.type == FORUM:
            raise ApiError(400, 50008, "Cannot send messages in a non-text channel")
        if nonce:
            known = self.nonces.get(f"{nonce}")
            if known and time.monotonic() - known[0] < NONCE_MEMORY_S:
                return self._owner.rest_view(self._owner.channels[known[1]].messages[known[2]])
        reply_to = self._check_reference(channel, data.get("message_reference"))
        message = self._owner.post(
            channel,
            self._owner.bot,
            text,
            reply_to=reply_to,
            nonce=data.get("nonce"),
            allowed=data.get("allowed_mentions"),
            embeds=data.get("embeds") or [],
            files=call.files,
            extra={
                "components": check_components(data.get("components") or []),
                **({"poll": made_poll(data["poll"])} if data.get("poll") else {}),
            },
        )
        if nonce:
            self.nonces[nonce] = (time.monotonic(), channel.id, message["id"])
        return self._owner.rest_view(message) | ({"nonce": data["nonce"]} if "nonce" in data else {})

    def _check_files(self, files: dict[str, bytes]) -> None:
        """reference#uploading-files; what is refused for its size has the status 413 and this code."""
        if len(files) > MAX_FILES:
            raise invalid_form("attachments", "BASE_TYPE_MAX_LENGTH", "Must be 10 or fewer in length.")
        if files and not self._owner.files_allowed:
            raise ApiError(403, 50013, "Missing Permissions")
        if any(len(data) > self._owner.file_limit for data in files.values()):
            raise ApiError(413, 40005, "Request entity too large")

    def _check_nonce(self, data: Json) -> str:
        nonce = data.get("nonce")
        if nonce is not None and len(str(nonce)) > MAX_NONCE:
            raise invalid_form("nonce", "NONCE_TYPE_TOO_LONG", "Nonce is too long.")
        return str(nonce) if nonce is not None and data.get("enforce_nonce") else ""

    def _check_reference(self, channel: Channel, reference: Json | None) -> Json | None:
        if not reference:
            return None
        message = channel.messages.get(str(reference.get("message_id")))
        if message is None and reference.get("fail_if_not_exists", True):
            raise invalid_form("message_reference", "REPLIES_UNKNOWN_MESSAGE", "Unknown message")
        return message

    async def _edit(self, request: web.Request, call: Call) -> Any:
        channel, message = self.find_message(request)
        if channel.archived:
            raise ApiError(400, 50083, "Thread is archived")
        if message["author"]["id"] != self._owner.bot.id:
            raise ApiError(403, 50005, "Cannot edit a message authored by another user")
        text = _check_message(call.payload or {}, files=call.files)
        return self._owner.rest_view(self._owner.change(channel, message["id"], content=text))

    async def _delete(self, request: web.Request, _call: Call) -> Any:
        channel, message = self.find_message(request)
        if message["author"]["id"] != self._owner.bot.id and channel.type == DM:
            raise ApiError(403, 50003, "Cannot execute action on a DM channel")
        self._owner.remove(channel, message["id"])

    async def _thread(self, request: web.Request, call: Call) -> Any:
        channel = self.find_channel(request)
        if channel.type in THREADS or channel.guild is None:
            raise ApiError(400, 50024, "Cannot execute action on this channel type")
        data = call.payload or {}
        name = str(data.get("name", ""))
        if not 1 <= len(name) <= 100:
            raise invalid_form("name", "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 100 in length.")
        if channel.type != FORUM:
            return self._owner.add_thread(channel, name, owner=self._owner.bot).payload()
        # resources/channel#start-thread-in-forum-or-media-channel: a post and its first message share an id.
        if not isinstance(data.get("message"), dict):
            raise invalid_form("message", "BASE_TYPE_REQUIRED", "This field is required")
        text = _check_message(data["message"], files=call.files)
        thread = self._owner.add_thread(channel, name, owner=self._owner.bot)
        more = {"allowed": data["message"].get("allowed_mentions"), "extra": {"id": thread.id}}
        message = self._owner.post(thread, self._owner.bot, text, **more)
        thread.messages = {thread.id: message}
        return thread.payload() | {"message": self._owner.rest_view(message)}

    async def _change_channel(self, request: web.Request, call: Call) -> Any:
        channel = self.find_channel(request)
        if channel.locked:
            # Only who may manage threads unarchives a locked one.
            raise ApiError(403, 50013, "Missing Permissions")
        if channel.type in THREADS and "archived" in (call.payload or {}):
            channel.archived = bool((call.payload or {})["archived"])
        return channel.payload()

    async def _react(self, request: web.Request, _call: Call) -> Any:
        channel, message = self.find_message(request)
        check_emoji(request.match_info["emoji"], channel)
        self._owner.reacted.append((channel.id, message["id"], request.match_info["emoji"], True))

    async def _unreact(self, request: web.Request, _call: Call) -> Any:
        channel, message = self.find_message(request)
        self._owner.reacted.append((channel.id, message["id"], request.match_info["emoji"], False))

    async def _thread_from(self, request: web.Request, call: Call) -> Any:
        channel, message = self.find_message(request)
        if message["id"] in self._owner.channels:
            raise ApiError(400, 160004, "A thread has already been created for this message")
        name = str((call.payload or {}).get("name", "thread"))
        thread = self._owner.add_thread(channel, name, id=message["id"], owner=self._owner.bot)
        assert thread.type == PUBLIC_THREAD
        return thread.payload()

    async def _typing(self, request: web.Request, _call: Call) -> Any:
        self._owner.start_typing(self.find_channel(request), self._owner.bot)


def _check_message(data: Json, *, files: dict[str, bytes]) -> str:
    """The text of a message to send or edit; raises what Discord answers to a bad one.

    The API counts code points: https://github.com/discord/discord-api-docs/issues/1315.
    """
    text = data.get("content") or ""
    if not isinstance(text, str):
        raise invalid_form("content", "BASE_TYPE_STRING", "Must be a string.")
    if len(text) > MAX_CONTENT:
        raise invalid_form("content", "BASE_TYPE_MAX_LENGTH", "Must be 2000 or fewer in length.")
    others = any(data.get(key) for key in ("embeds", "sticker_ids", "components", "poll", "attachments"))
    if not text.strip() and not others and not files:
        raise ApiError(400, 50006, "Cannot send an empty message")
    _check_mentions(data.get("allowed_mentions"))
    return text.strip()


def _check_mentions(allowed: Json | None) -> None:
    if not allowed:
        return
    parse = copy.copy(allowed.get("parse") or [])
    for kind in parse:
        if kind not in ("users", "roles", "everyone"):
            raise invalid_form("allowed_mentions", "BASE_TYPE_CHOICES", f"{kind} is not a choice.")
        if kind in ("users", "roles") and allowed.get(kind):
            raise invalid_form(
                "allowed_mentions",
                "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE",
                f"parse:[{kind}] and {kind}: [ids...] are mutually exclusive.",
            )
