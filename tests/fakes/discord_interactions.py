"""The fake's interactions: commands, menus, components, forms, and the answers to them.

docs.discord.com/developers/interactions/receiving-and-responding. An interaction can be acknowledged once,
within three seconds; then its token answers for fifteen minutes. The first follow-up after a deferred
acknowledgement takes the place of the loading message, and has its visibility.
"""

import copy
import secrets
from dataclasses import dataclass, field
from typing import Any, Final

from aiohttp import web

from tests.fakes.discord_commands import as_known, check_commands, check_components, check_form
from tests.fakes.discord_door import ApiError, Call, Door
from tests.fakes.discord_gateway import Gateway
from tests.fakes.discord_model import Channel, Json, Member, Snowflakes, User

EPHEMERAL: Final = 1 << 6
LOADING: Final = 1 << 7
CALLBACK: Final = "POST /interactions/{webhook_id}/{webhook_token}/callback"
FOLLOWUP: Final = "POST /webhooks/{webhook_id}/{webhook_token}"
ORIGINAL: Final = "/webhooks/{webhook_id}/{webhook_token}/messages/@original"
COMMANDS: Final = "/applications/{application_id}/commands"


@dataclass(eq=False)
class Given:
    """One interaction, as its user sees it."""

    id: str
    token: str
    type: int
    channel: Channel
    user: User
    data: Json
    clicked: Json | None = None
    ack: Json | None = None
    """The body of the acknowledgement."""
    original: Json | None = None
    shown: list[Json] = field(default_factory=list)
    """What the user sees as answers, in order."""
    is_late: bool = False
    """Three seconds have passed."""
    is_over: bool = False
    """Fifteen minutes have passed."""

    @property
    def texts(self) -> list[str]:
        """What is shown and no longer loading."""
        return [str(m["content"]) for m in self.shown if not m["flags"] & LOADING]

    @property
    def is_thinking(self) -> bool:
        """Whether an answer is still waited for, visibly."""
        return any(message["flags"] & LOADING for message in self.shown)


class Interactions:
    """The interacting part of `FakeDiscord`."""

    bot: User
    door: Door
    gateway: Gateway
    channels: dict[str, Channel]
    sent: list[Json]
    _ids: Snowflakes

    def __init__(self) -> None:
        self.given: list[Given] = []
        self.commands: list[Json] = []
        """The application's global commands, as Discord has them."""

    # What people do

    def use_command(
        self,
        channel: Channel,
        user: User,
        name: str,
        *,
        kind: int = 1,
        target: str = "",
        resolved: Json | None = None,
        locale: str = "en-US",
        ago: float = 0.0,
        **options: Any,
    ) -> Given:
        """Use a slash command with options; `kind` 2 or 3: an entry in the menu of a person or message."""
        kinds = {bool: 5, int: 4, str: 3}
        given = [{"name": key, "type": kinds[type(value)], "value": value} for key, value in options.items()]
        data: Json = {"id": "1", "name": name, "type": kind}
        data |= {"options": given} if given else {}
        data |= {"target_id": target, "resolved": resolved or {}} if target else {}
        return self._give(2, channel, user, data, locale=locale, ago=ago)

    def type_option(self, channel: Channel, user: User, name: str, option: str, text: str) -> Given:
        """Begin to type an option that is completed."""
        options = [{"name": option, "type": 3, "value": text, "focused": True}]
        return self._give(4, channel, user, {"id": "1", "name": name, "type": 1, "options": options})

    def click(self, message: Json, user: User, label: str = "", *, values: tuple[str, ...] = ()) -> Given:
        """Click the button of a message that has this label; or choose labels in its list."""
        for row in message["components"]:
            for part in row["components"]:
                if values and part["type"] == 3:
                    chosen = [each["value"] for each in part["options"] if each["label"] in values]
                    return self.click_id(message, user, part["custom_id"], kind=3, values=chosen)
                if label and part.get("label") == label and not part.get("disabled"):
                    return self.click_id(message, user, part["custom_id"])
        raise AssertionError(f"nothing to click is called {label or values} in {message['components']}")

    def click_id(
        self, message: Json, user: User, custom_id: str, *, kind: int = 2, values: list[str] | None = None
    ) -> Given:
        """Click a component by its id."""
        data = {"custom_id": custom_id, "component_type": kind}
        data |= {"values": values} if values is not None else {}
        return self._give(3, self.channels[message["channel_id"]], user, data, clicked=message)

    def submit(self, opened: Given, **fields: str) -> Given:
        """Fill in the form that a click has opened, and send it."""
        assert opened.ack is not None
        assert opened.ack["type"] == 9
        parts = [
            {"type": 18, "id": number, "component": {"type": 4, "custom_id": name, "value": value}}
            for number, (name, value) in enumerate(fields.items())
        ]
        data = {"custom_id": opened.ack["data"]["custom_id"], "components": parts}
        return self._give(5, opened.channel, opened.user, data, clicked=opened.clicked)

    def _give(
        self,
        type: int,
        channel: Channel,
        user: User,
        data: Json,
        *,
        clicked: Json | None = None,
        locale: str = "en-US",
        ago: float = 0.0,
    ) -> Given:
        given = Given(
            self._ids.next(ago=ago), f"aW50{secrets.token_hex(40)}", type, channel, user, data, clicked
        )
        self.given.append(given)
        self.gateway.dispatch("INTERACTION_CREATE", self.interaction_payload(given, locale))
        return given

    def interaction_payload(self, given: Given, locale: str = "en-US") -> Json:
        """INTERACTION_CREATE's data; `dispatch` it again for a redelivery."""
        channel, user = given.channel, given.user
        raw: Json = {
            "id": given.id,
            "application_id": self.bot.id,
            "type": given.type,
            "token": given.token,
            "version": 1,
            "data": given.data,
            "channel_id": channel.id,
            "channel": channel.payload(),
            "locale": locale,
            "entitlements": [],
            "authorizing_integration_owners": {},
            "context": 0 if channel.guild else 1,
        }
        if channel.guild is not None:
            member = channel.guild.members.setdefault(user.id, Member(user))
            raw |= {"guild_id": channel.guild.id, "guild_locale": "en-US"}
            raw["member"] = member.payload(with_user=True) | {"permissions": "0"}
        else:
            raw["user"] = user.payload()
        if given.clicked is not None:
            raw["message"] = copy.deepcopy(given.clicked)
        return raw

    # What the bot answers

    def add_interaction_routes(self, app: web.Application, prefix: str) -> None:
        """Put the routes into an application."""
        table = [
            (CALLBACK, self._callback),
            (FOLLOWUP, self._follow_up),
            (f"GET {ORIGINAL}", self._get_original),
            (f"PATCH {ORIGINAL}", self._edit_original),
            (f"DELETE {ORIGINAL}", self._delete_original),
            (f"GET {COMMANDS}", self._get_commands),
            (f"PUT {COMMANDS}", self._put_commands),
        ]
        for route, handler in table:
            method, path = route.split(" ")
            app.router.add_route(method, prefix + path, self.door.wrap(route, handler))

    async def _callback(self, request: web.Request, call: Call) -> Any:
        given = self._find(request, by_id=True)
        if given is None or given.is_late:
            raise ApiError(404, 10062, "Unknown interaction")
        if given.ack is not None:
            raise ApiError(400, 40060, "Interaction has already been acknowledged.")
        body = call.payload
        data = body.get("data") or {}
        allowed = {2: (4, 5, 9), 3: (4, 5, 6, 7, 9), 4: (8,), 5: (4, 5, 6, 7)}[given.type]
        if body["type"] not in allowed or (body["type"] in (6, 7) and given.clicked is None):
            raise ApiError(400, 50035, "Invalid Form Body")
        if body["type"] == 9:
            check_form(data)
        given.ack = body
        flags = int(data.get("flags") or 0) & EPHEMERAL
        if body["type"] == 4:
            given.original = self._show(given, data, flags)
        elif body["type"] == 5:
            given.original = self._show(given, {"content": ""}, flags | LOADING)
        elif body["type"] == 6:
            given.original = given.clicked

    async def _follow_up(self, request: web.Request, call: Call) -> Any:
        given = self._alive(request)
        data = call.payload or {}
        check_components(data.get("components") or [])
        if len(data.get("content") or "") > 2000:
            raise ApiError(400, 50035, "Invalid Form Body")
        if not (data.get("content") or call.files or data.get("components")):
            raise ApiError(400, 50006, "Cannot send an empty message")
        original = given.original
        if original is not None and original["flags"] & LOADING:
            original["flags"] &= ~LOADING
            original |= self._fields(given, data, call)
            self.sent.append(original)
            return original
        shown = self._show(given, data, int(data.get("flags") or 0) & EPHEMERAL)
        shown |= self._fields(given, data, call)
        self.sent.append(shown)
        return shown

    def _fields(self, given: Given, data: Json, call: Call) -> Json:
        return {
            "content": str(data.get("content") or "").strip(),
            "components": data.get("components") or [],
            "attachments": [{"filename": name, "size": len(body)} for name, body in call.files.items()],
        }

    def _show(self, given: Given, data: Json, flags: int) -> Json:
        """A message of the bot's; one for a single person is in nobody's history."""
        message: Json = {
            "id": self._ids.next(),
            "channel_id": given.channel.id,
            "author": self.bot.payload(),
            "content": str(data.get("content") or ""),
            "timestamp": "2026-01-01T00:00:00+00:00",
            "edited_timestamp": None,
            "attachments": [],
            "embeds": [],
            "mentions": [],
            "mention_roles": [],
            "mention_everyone": False,
            "pinned": False,
            "tts": False,
            "type": 20,
            "flags": flags,
            "components": data.get("components") or [],
            "webhook_id": self.bot.id,
            "application_id": self.bot.id,
            "interaction_metadata": {"id": given.id, "type": given.type, "user": given.user.payload()},
        }
        if not flags & EPHEMERAL:
            given.channel.messages[message["id"]] = message
        given.shown.append(message)
        return message

    async def _get_original(self, request: web.Request, _call: Call) -> Any:
        return self._original(self._alive(request))

    async def _edit_original(self, request: web.Request, call: Call) -> Any:
        given = self._alive(request)
        original = self._original(given)
        data = call.payload or {}
        if "components" in data:
            original["components"] = check_components(data["components"] or [])
        if "content" in data:
            original["content"] = data["content"]
            original["flags"] &= ~LOADING
        return original

    async def _delete_original(self, request: web.Request, _call: Call) -> Any:
        given = self._alive(request)
        original = self._original(given)
        given.original = None
        given.shown = [message for message in given.shown if message is not original]
        given.channel.messages.pop(original["id"], None)

    def _original(self, given: Given) -> Json:
        if given.original is None:
            raise ApiError(404, 10008, "Unknown Message")
        return given.original

    def _alive(self, request: web.Request) -> Given:
        given = self._find(request, by_id=False)
        if given is None or given.ack is None:
            raise ApiError(404, 10015, "Unknown Webhook")
        if given.is_over:
            raise ApiError(401, 50027, "Invalid Webhook Token")
        return given

    def _find(self, request: web.Request, *, by_id: bool) -> Given | None:
        names = request.match_info
        for given in self.given:
            known = given.id if by_id else self.bot.id
            if names["webhook_token"] == given.token and names["webhook_id"] == known:
                return given
        return None

    async def _get_commands(self, request: web.Request, _call: Call) -> Any:
        self._own(request)
        with_all = request.query.get("with_localizations") == "true"
        hidden = ("name_localizations", "description_localizations")
        return [
            command if with_all else {key: value for key, value in command.items() if key not in hidden}
            for command in self.commands
        ]

    async def _put_commands(self, request: web.Request, call: Call) -> Any:
        self._own(request)
        wanted = check_commands(call.payload)
        self.commands = [
            as_known(each, next_id=self._ids.next, application_id=self.bot.id) for each in wanted
        ]
        return self.commands

    def _own(self, request: web.Request) -> None:
        if request.match_info["application_id"] != self.bot.id:
            raise ApiError(403, 20012, "You are not authorized to perform this action on this application")
