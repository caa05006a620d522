"""A Telegram that speaks the Bot API over HTTP on loopback, with an API for tests.

    async with FakeTelegram() as fake:
        ann = fake.world.user("Ann", username="ann")
        chat = fake.world.private(ann)
        await fake.say(chat, ann, "hello")           # a user's message: an update for the bot
        answer = await fake.wait_for_message()       # what the bot sent
        fake.flood("sendMessage", retry_after=3)     # the next sendMessage meets a 429

A client is pointed at `fake.url` (`base_url` = url + "/bot") with `fake.token`. Paths, encodings and
answers: core.telegram.org/bots/api#making-requests. Nothing here looks at our own connector.
"""

import asyncio
import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl

from aiohttp import web

from tests.fakes.telegram_members import Members
from tests.fakes.telegram_menu import MENU_METHODS
from tests.fakes.telegram_methods import ApiError, Methods, Query
from tests.fakes.telegram_text import Entity
from tests.fakes.telegram_world import KEPT, BotAccount, BotMessage, Chat, Json, User, World, without_reply

TOKEN = "5550001:AAfake-token_of_the_fake_server_0000000"


@dataclass
class Call:
    """One request that reached the server, in order of arrival. `status` is 0 until it is answered."""

    method: str
    """As the Bot API spells it."""
    params: dict[str, str]
    bot_id: int
    status: int = 0


class Hold:
    """A request that is kept waiting until the test lets it go."""

    def __init__(self) -> None:
        self._reached = asyncio.Event()
        self._released = asyncio.Event()

    async def reached(self) -> None:
        """Wait until the request has arrived."""
        await self._reached.wait()

    def release(self) -> None:
        """Let it be handled."""
        self._released.set()

    async def pass_through(self) -> None:
        """The server's side."""
        self._reached.set()
        await self._released.wait()


@dataclass
class _Fault:
    method: str
    times: int
    status: int = 0
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    drop: str = ""
    hold: Hold | None = None
    hold_answer: Hold | None = None
    when: Callable[[dict[str, str]], bool] = lambda _params: True


class FakeTelegram:
    """The server, its users and chats, and what the bots did."""

    def __init__(self, *, token: str = TOKEN, username: str = "fake_bot", name: str = "Fake Bot") -> None:
        self.world = World()
        self._bots: dict[str, BotAccount] = {}
        self.bot = self.add_bot(token, username=username, name=name)
        self.token = token
        self.calls: list[Call] = []
        self._news = asyncio.Condition()
        self.methods = Methods(self.world, self._tell)
        self.members = Members(self.world, self.methods)
        self.methods.add(MENU_METHODS)
        self._faults: list[_Fault] = []
        self._open: dict[int, web.Request] = {}
        self._runner: web.AppRunner | None = None
        self._port = 0

    def add_bot(self, token: str, *, username: str, name: str = "Bot") -> BotAccount:
        """Register one more bot; its id is the number before the colon, as at Telegram."""
        user = User(int(token.split(":")[0]), name, "", username, is_bot=True)
        self.world.users[user.id] = user
        self._bots[token] = BotAccount(user, token)
        return self._bots[token]

    def revoke(self, token: str) -> None:
        """@BotFather's /revoke: the token is refused from now on."""
        account = self._bots.pop(token)
        account.updates.abort("Unauthorized")

    @property
    def url(self) -> str:
        """The base address, without a slash at the end."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def sent(self) -> list[BotMessage]:
        """The messages that bots sent, in order, as they stand now."""
        return self.methods.sent

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Listen; after `stop`, on the same port again with everything as it was."""
        app = web.Application(client_max_size=64 * 2**20)
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port, reuse_address=True)
        await site.start()
        self._port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """The server goes away: connections end, new ones are refused."""
        self.cut()
        for account in self._bots.values():
            account.updates.abort("Internal Server Error: restart")
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def cut(self) -> None:
        """Cut every connection that has a request under way."""
        for request in list(self._open.values()):
            _abort(request)

    def fail(
        self,
        method: str,
        *,
        status: int = 500,
        description: str = "Internal Server Error",
        parameters: Json | None = None,
        raw: bytes | None = None,
        headers: dict[str, str] | None = None,
        times: int = 1,
        when: Callable[[dict[str, str]], bool] = lambda _params: True,
    ) -> None:
        """The next `times` calls of a method get this answer and do nothing; `raw` is sent as it is."""
        answer: Json = {"ok": False, "error_code": status, "description": description}
        if parameters is not None:
            answer["parameters"] = parameters
        body = json.dumps(answer).encode() if raw is None else raw
        self._faults.append(
            _Fault(method.lower(), times, status=status, body=body, headers=headers or {}, when=when)
        )

    def flood(self, method: str, *, retry_after: int, times: int = 1) -> None:
        """The next calls meet the flood control (core.telegram.org/bots/faq#my-bot-is-hitting-limits)."""
        self.fail(
            method,
            status=429,
            description=f"Too Many Requests: retry after {retry_after}",
            parameters={"retry_after": retry_after},
            headers={"Retry-After": str(retry_after)},
            times=times,
        )

    def drop(self, method: str, *, after: bool = False, times: int = 1) -> None:
        """The next calls lose their connection; with `after` when they have been carried out."""
        self._faults.append(_Fault(method.lower(), times, drop="after" if after else "before"))

    def hold(self, method: str, *, after: bool = False) -> Hold:
        """The next call waits until the returned Hold is released; with `after` only its answer does."""
        hold = Hold()
        fault = _Fault(method.lower(), 1, hold_answer=hold) if after else _Fault(method.lower(), 1, hold=hold)
        self._faults.append(fault)
        return hold

    async def say(
        self,
        chat: Chat,
        sender: User | None,
        text: str | None = None,
        *,
        topic: int | None = None,
        **fields: Any,
    ) -> Json:
        """A user says something: an update for each bot that gets to see it. The message as our bot has it.

        `fields` are those of `World.build` (entities, caption, reply_to …) or any field of a Message. Which
        bots see it: core.telegram.org/bots/features#privacy-mode; other bots' messages are forced upon ours.
        """
        kind = "channel_post" if chat.type == "channel" else "message"
        ours: Json = {}
        for account in list(self._bots.values()):
            if chat.id in account.kicked_from or (sender is account.user and account is not self.bot):
                continue
            message = self.world.build(account, chat, sender, text=text, topic=topic, **fields)
            if account is self.bot:
                ours = message
            if self._sees(account, chat, message):
                await account.updates.push(kind, message, forced=bool(sender and sender.is_bot))
        return ours

    def _sees(self, account: BotAccount, chat: Chat, message: Json) -> bool:
        if chat.type in ("private", "channel") or account.sees_all:
            return True
        if message.get("from", {}).get("is_bot") or not (message.get("text") or message.get("caption")):
            return True
        replied = message.get("reply_to_message", {}).get("from", {}).get("id")
        if replied == account.user.id:
            return True
        return any(
            _means(entity, message, account.user)
            for entity in message.get("entities", []) + message.get("caption_entities", [])
        )

    async def edit(self, message: Json, text: str, *, entities: list[Entity] | None = None) -> Json:
        """The user edits what they said."""
        chat = self.world.chats[message["chat"]["id"]]
        sender = self.world.users.get(message.get("from", {}).get("id", 0))
        edited = self.world.build(
            self.bot,
            chat,
            sender,
            text=text,
            entities=entities,
            message_id=message["message_id"],
            date=message["date"],
            edit_date=int(time.time()) + 1,
            **{key: message[key] for key in KEPT if key in message},
        )
        kind = "channel_post" if chat.type == "channel" else "message"
        await self.bot.updates.push(f"edited_{kind}", edited)
        return edited

    def _markup_of(self, message: BotMessage) -> list[list[Json]]:
        shown = self.world.messages[message.bot_id, message.chat_id, message.message_id]
        rows: list[list[Json]] = shown.get("reply_markup", {}).get("inline_keyboard", [])
        return rows

    def buttons(self, message: BotMessage) -> list[list[str]]:
        """The labels below a message of a bot, by rows."""
        return [[button["text"] for button in row] for row in self._markup_of(message)]

    def data_of(self, message: BotMessage, label: str) -> str:
        """What the button with that label gives back."""
        buttons = [button for row in self._markup_of(message) for button in row]
        return next(str(button["callback_data"]) for button in buttons if button["text"] == label)

    async def press(self, message: BotMessage, by: User, data: str, *, is_old: bool = False) -> str:
        """Somebody presses a button; the id of the press. Of an old message the bot is told next to nothing.

        core.telegram.org/bots/api#callbackquery, #inaccessiblemessage
        """
        press_id = str(next(self.world.press_ids))
        self.world.presses.add(press_id)
        shown = without_reply(self.world.messages[message.bot_id, message.chat_id, message.message_id])
        if is_old:
            shown = {"chat": shown["chat"], "message_id": shown["message_id"], "date": 0}
        query = {"id": press_id, "from": by.json(), "message": shown, "chat_instance": "1", "data": data}
        await self.bot.updates.push("callback_query", query)
        return press_id

    async def wait_told(self, press_id: str) -> str:
        """What a press was answered with, as soon as it was; empty: without words."""

        def answers() -> list[str]:
            all_ = self.methods.answered_callbacks
            return [each.get("text", "") for each in all_ if each["callback_query_id"] == press_id]

        async with self._news:
            await self._news.wait_for(lambda: bool(answers()))
        return answers()[0]

    async def rename(self, chat: Chat, title: str, by: User) -> Json:
        """A group gets a new title; the service message says so."""
        chat.title = title
        return await self.say(chat, by, new_chat_title=title)

    async def open_topic(self, chat: Chat, name: str, by: User) -> int:
        """A new topic in a forum; its thread id."""
        thread = self.world.next_message_id(chat, self.bot)
        chat.topics[thread] = name
        await self.say(
            chat,
            by,
            message_id=thread,
            message_thread_id=thread,
            is_topic_message=True,
            forum_topic_created={"name": name, "icon_color": 7322096},
        )
        return thread

    async def migrate(self, chat: Chat, by: User) -> Chat:
        """A basic group becomes a supergroup with a new id; both chats get a service message."""
        new = self.world.supergroup(chat.title)
        await self.say(chat, by, migrate_to_chat_id=new.id)
        chat.migrated_to = new.id
        await self.say(new, by, migrate_from_chat_id=chat.id)
        return new

    async def member(self, chat: Chat, by: User, *, old: str, new: str) -> int | None:
        """Our bot's standing in a chat changes (`member`, `kicked`, `left` …)."""
        me = self.bot.user.json()
        gone = new in ("kicked", "left")
        places = self.bot.blocked_in if chat.type == "private" else self.bot.kicked_from
        (places.add if gone else places.discard)(chat.id)
        extra = {"until_date": 0}
        return await self.bot.updates.push(
            "my_chat_member",
            {
                "chat": chat.json(),
                "from": by.json(),
                "date": int(time.time()),
                "old_chat_member": {"user": me, "status": old, **(extra if old == "kicked" else {})},
                "new_chat_member": {"user": me, "status": new, **(extra if new == "kicked" else {})},
            },
        )

    async def _tell(self, _message: BotMessage) -> None:
        async with self._news:
            self._news.notify_all()

    async def wait_for_message(
        self, matches: Callable[[BotMessage], bool] = lambda _message: True, *, count: int = 1
    ) -> BotMessage:
        """The `count`-th message of a bot that matches, as soon as it is there."""

        def found() -> list[BotMessage]:
            return [message for message in self.sent if matches(message)]

        async with self._news:
            await self._news.wait_for(lambda: len(found()) >= count)
        return found()[count - 1]

    async def wait_for_call(self, method: str, *, count: int = 1, answered: bool = False) -> Call:
        """The `count`-th call of a method, as soon as it has arrived (or been answered)."""

        def found() -> list[Call]:
            named = [call for call in self.calls if call.method.lower() == method.lower()]
            return [call for call in named if call.status or not answered]

        async with self._news:
            await self._news.wait_for(lambda: len(found()) >= count)
        return found()[count - 1]

    def called(self, method: str) -> list[Call]:
        """The calls of a method so far."""
        return [call for call in self.calls if call.method.lower() == method.lower()]

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        self._open[id(request)] = request
        try:
            return await self._route(request)
        finally:
            self._open.pop(id(request), None)

    async def _route(self, request: web.Request) -> web.StreamResponse:
        path = request.match_info["path"]
        if match := re.fullmatch(r"file/bot([^/]+)/documents/([^/]+)/.*", path):
            return self._file(match[1], match[2])
        match = re.fullmatch(r"bot([^/]+)/([^/]+)/?", path)
        if match is None or ":" not in match[1]:
            return _error(ApiError(404, "Not Found"))
        account = self._bots.get(match[1])
        if account is None:
            return _error(ApiError(401, "Unauthorized"))
        params, files = await _parameters(request)
        call = Call(match[2], params, account.user.id)
        async with self._news:
            self.calls.append(call)
            self._news.notify_all()
        response = await self._answer(request, call, Query(account, dict(params), files))
        async with self._news:
            call.status = response.status
            self._news.notify_all()
        return response

    async def _answer(self, request: web.Request, call: Call, query: Query) -> web.StreamResponse:
        fault = self._take_fault(call)
        if fault is not None and fault.hold is not None:
            await fault.hold.pass_through()
        elif fault is not None and fault.status:
            return web.Response(
                body=fault.body, status=fault.status, headers=fault.headers, content_type="application/json"
            )
        elif fault is not None and fault.drop == "before":
            _abort(request)
            return web.Response(status=499)
        try:
            result = await self.methods.call(call.method, query)
        except ApiError as error:
            return _error(error)
        if fault is not None and fault.hold_answer is not None:
            await fault.hold_answer.pass_through()
        if fault is not None and fault.drop == "after":
            _abort(request)
            return web.Response(status=499)
        return web.json_response({"ok": True, "result": result})

    def _take_fault(self, call: Call) -> _Fault | None:
        for fault in self._faults:
            if fault.method == call.method.lower() and fault.when(call.params):
                fault.times -= 1
                if fault.times <= 0:
                    self._faults.remove(fault)
                return fault
        return None

    def _file(self, token: str, file_id: str) -> web.Response:
        if token not in self._bots or file_id not in self.world.files:
            return _error(ApiError(404, "Not Found"))
        return web.Response(body=self.world.files[file_id][1], content_type="application/octet-stream")


def _means(entity: Entity, message: Json, user: User) -> bool:
    text = message.get("text") or message.get("caption") or ""
    units = text.encode("utf-16-le", "surrogatepass")
    part = units[2 * entity["offset"] : 2 * (entity["offset"] + entity["length"])].decode(
        "utf-16-le", "replace"
    )
    if entity["type"] == "mention":
        return part.casefold() == f"@{user.username}".casefold()
    if entity["type"] == "text_mention":
        return bool(entity["user"]["id"] == user.id)
    if entity["type"] == "bot_command":
        return "@" not in part or part.casefold().endswith(f"@{user.username}".casefold())
    return False


def _abort(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.abort()


def _error(error: ApiError) -> web.Response:
    body: Json = {"ok": False, "error_code": error.code, "description": error.description}
    if error.parameters:
        body["parameters"] = error.parameters
    return web.json_response(body, status=error.code)


async def _parameters(request: web.Request) -> tuple[dict[str, str], dict[str, tuple[str, bytes]]]:
    params = dict(request.query.items())
    files: dict[str, tuple[str, bytes]] = {}
    kind = request.content_type
    if kind == "application/json" and request.can_read_body:
        for key, value in json.loads(await request.read() or b"{}").items():
            params[key] = value if isinstance(value, str) else json.dumps(value)
    elif kind == "application/x-www-form-urlencoded":
        params |= dict(parse_qsl((await request.read()).decode(), keep_blank_values=True))
    elif kind == "multipart/form-data":
        for key, part in (await request.post()).items():
            if isinstance(part, web.FileField):
                files[key] = (part.filename, part.file.read())
            else:
                params[key] = part if isinstance(part, str) else bytes(part).decode()
    return params, files
