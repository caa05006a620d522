"""What the fake Slack knows of buttons, modals and answers to them.

Limits by https://docs.slack.dev/reference/block-kit , payloads by
https://docs.slack.dev/reference/interaction-payloads , answers by
https://docs.slack.dev/interactivity/handling-user-interaction#message_responses
"""

import json
import uuid
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from aiohttp import web

from tests.fakes.slack_socket import Envelope, SocketMode
from tests.fakes.slack_workspace import (
    APP_ID,
    BOT_USER_ID,
    TEAM_ID,
    FakeChannel,
    FakeUser,
    Json,
    Refused,
    Workspace,
)

MOST_RESPONSES = 5


def _text(value: Any, most: int) -> None:
    if not isinstance(value, dict) or value.get("type") != "plain_text":
        raise Refused("invalid_blocks")
    if not 0 < len(str(value.get("text", ""))) <= most:
        raise Refused("invalid_blocks")


def _element(element: Any, kinds: Iterable[str]) -> str:
    if not isinstance(element, dict) or element.get("type") not in kinds:
        raise Refused("invalid_blocks")
    if element["type"] == "button":
        _text(element.get("text"), 75)
        if element.get("style", "primary") not in ("primary", "danger"):
            raise Refused("invalid_blocks")
    else:
        options = element.get("options")
        if not isinstance(options, list) or not 1 <= len(options) <= 100:
            raise Refused("invalid_blocks")
        for option in options:
            _text(option.get("text"), 75)
            if not 0 < len(str(option.get("value", ""))) <= 150:
                raise Refused("invalid_blocks")
            if "description" in option:
                _text(option["description"], 75)
    id = str(element.get("action_id", ""))
    if not 0 < len(id) <= 255:
        raise Refused("invalid_blocks")
    return id


def check_interactive(block: Json) -> None:
    """Raise Refused for an interactive block that Slack would not take."""
    if block["type"] == "actions":
        elements = block.get("elements")
        if not isinstance(elements, list) or not 1 <= len(elements) <= 25:
            raise Refused("invalid_blocks")
        ids = [_element(each, ("button", "static_select")) for each in elements]
        if len(set(ids)) < len(ids):
            raise Refused("invalid_blocks")
    if block["type"] == "section" and "accessory" in block:
        _element(block["accessory"], ("button", "static_select", "multi_static_select"))


def check_view(view: Any) -> Json:
    """A modal, as Slack takes it. https://docs.slack.dev/reference/views/modal-views"""
    if not isinstance(view, dict) or view.get("type") != "modal":
        raise Refused("invalid_arguments")
    try:
        _text(view.get("title"), 24)
        _text(view.get("submit"), 24)
        for block in view["blocks"]:
            _text(block["label"], 2000)
            if block["type"] != "input" or not 0 < int(block["element"].get("max_length", 1)) <= 3000:
                raise Refused("invalid_arguments")
            if "placeholder" in block["element"]:
                _text(block["element"]["placeholder"], 150)
    except (Refused, KeyError):
        raise Refused("invalid_arguments") from None
    if len(str(view.get("private_metadata", ""))) > 3000:
        raise Refused("invalid_arguments")
    return view


class Interactivity:
    """Buttons, modals, commands and what answers them. `FakeSlack` is one of these."""

    workspace: Workspace
    socket_mode: SocketMode
    _changed: Callable[[], None]

    def __init__(self) -> None:
        self.base_url = ""
        self.triggers: set[str] = set()
        """Good for one modal each."""
        self.views: list[Json] = []
        """Modals that the app has opened."""
        self.ephemerals: list[Json] = []
        """What one person alone has seen: with `user`, `channel`, and `by` (the method)."""
        self.responses: list[Json] = []
        """What came by a `response_url`."""
        self._origins: dict[str, tuple[FakeChannel, FakeUser, Json | None]] = {}
        self._left: dict[str, int] = {}

    # what people do

    def _common(self, channel: FakeChannel, user: FakeUser, message: Json | None) -> Json:
        trigger, answer = uuid.uuid4().hex, uuid.uuid4().hex
        self.triggers.add(trigger)
        self._origins[answer] = (channel, user, message)
        self._left[answer] = MOST_RESPONSES
        return {"trigger_id": trigger, "response_url": f"{self.base_url}/response/{answer}"}

    async def press(
        self,
        channel: FakeChannel,
        user: FakeUser,
        action_id: str,
        *,
        message: Json | None = None,
        picked: Sequence[str] = (),
    ) -> Envelope:
        """A button, or a list in which `picked` values are chosen. Without a message: one of long ago.

        https://docs.slack.dev/reference/interaction-payloads/block_actions-payload
        """
        message = message or {"ts": self.workspace.new_ts(), "text": "old"}
        hidden = bool(message.get("ephemeral"))
        elements = {
            each["action_id"]: (block, each)
            for block in message.get("blocks") or ()
            for each in (*block.get("elements", ()), block.get("accessory"))
            if isinstance(each, dict) and "action_id" in each
        }
        block, element = elements.get(action_id, ({}, {"type": "button", "text": {"text": "?"}}))
        block_id = block.get("block_id", "made up")
        action: Json = {"type": element["type"], "action_id": action_id, "block_id": block_id}
        action["action_ts"] = self.workspace.new_ts()
        values: Json = {}
        for id, (owner, each) in elements.items():
            chosen = [option for option in each.get("options", ()) if option["value"] in picked]
            if each["type"] == "multi_static_select":
                state: Json = {"type": each["type"], "selected_options": chosen}
                values.setdefault(owner["block_id"], {})[id] = state
        if element["type"] == "button":
            action["text"] = element["text"]
        else:
            chosen = [option for option in element["options"] if option["value"] in picked]
            many = element["type"] == "multi_static_select"
            action |= {"selected_options": chosen} if many else {"selected_option": (chosen or [None])[0]}
        container = {"type": "message", "channel_id": channel.id, "message_ts": message["ts"]}
        container["is_ephemeral"] = hidden
        if message.get("thread_ts"):
            container["thread_ts"] = message["thread_ts"]
        payload = {
            "type": "block_actions", "team": {"id": TEAM_ID, "domain": "fake-works"}, "api_app_id": APP_ID,
            "user": {"id": user.id, "team_id": user.team_id, "username": user.name, "name": user.name},
            "token": "fake", "channel": {"id": channel.id, "name": channel.name},
            "is_enterprise_install": False, "enterprise": None, "container": container,
            "actions": [action], "state": {"values": values}, **self._common(channel, user, message),
        }  # fmt: skip
        if not hidden:
            payload["message"] = message
        envelope = self.socket_mode.add("interactive", payload)
        await self.socket_mode.deliver(envelope)
        return envelope

    async def submit(self, view: Json, user: FakeUser, **values: str) -> Envelope:
        """Somebody sends a modal off.

        https://docs.slack.dev/reference/interaction-payloads/view-interactions-payload
        """
        state = {
            block["block_id"]: {
                block["element"]["action_id"]: {
                    "type": "plain_text_input",
                    "value": values.get(block["block_id"]),
                }
            }
            for block in view["blocks"]
        }
        payload = {
            "type": "view_submission", "team": {"id": TEAM_ID, "domain": "fake-works"}, "token": "fake",
            "user": {"id": user.id, "team_id": user.team_id, "username": user.name, "name": user.name},
            "api_app_id": APP_ID, "trigger_id": uuid.uuid4().hex, "response_urls": [],
            "is_enterprise_install": False, "enterprise": None,
            "view": {**view, "state": {"values": state}},
        }  # fmt: skip
        envelope = self.socket_mode.add("interactive", payload, accepts_response_payload=True)
        await self.socket_mode.deliver(envelope)
        return envelope

    async def command(self, channel: FakeChannel, user: FakeUser, command: str, text: str = "") -> Envelope:
        """A slash command. https://docs.slack.dev/interactivity/implementing-slash-commands"""
        payload = {
            "token": "fake", "team_id": TEAM_ID, "team_domain": "fake-works", "api_app_id": APP_ID,
            "channel_id": channel.id, "channel_name": channel.name, "user_id": user.id,
            "user_name": user.name, "command": command, "text": text, "is_enterprise_install": "false",
            **self._common(channel, user, None),
        }  # fmt: skip
        envelope = self.socket_mode.add("slash_commands", payload, accepts_response_payload=True)
        await self.socket_mode.deliver(envelope)
        return envelope

    # what the app answers

    def open_view(self, args: Json) -> Json:
        """https://docs.slack.dev/reference/methods/views.open"""
        trigger, view = str(args.get("trigger_id", "")), args.get("view")
        if trigger not in self.triggers:
            raise Refused("exchanged_trigger_id")
        view = dict(check_view(json.loads(view) if isinstance(view, str) else view))
        self.triggers.discard(trigger)
        view["id"] = f"V{uuid.uuid4().hex[:10].upper()}"
        self.views.append(view)
        return {"ok": True, "view": view}

    def show_ephemeral(self, channel: FakeChannel, args: Json) -> Json:
        """https://docs.slack.dev/reference/methods/chat.postEphemeral"""
        if BOT_USER_ID not in channel.members:
            raise Refused("not_in_channel")
        if str(args.get("user")) not in channel.members:
            raise Refused("user_not_in_channel")
        ts = self.workspace.new_ts()
        shown = {key: args[key] for key in ("text", "blocks", "thread_ts") if args.get(key)}
        by = "chat.postEphemeral"
        self.ephemerals.append(
            {"user": args["user"], "channel": channel.id, "ts": ts, "by": by, "ephemeral": True, **shown}
        )
        return {"ok": True, "message_ts": ts}

    async def respond(self, request: web.Request) -> web.StreamResponse:
        """A `response_url`: five uses within half an hour."""
        id = request.match_info["id"]
        if self._left.get(id, 0) == 0:
            return web.Response(status=404, text="expired_url")
        self._left[id] -= 1
        body = await request.json()
        channel, user, origin = self._origins[id]
        self.responses.append(body)
        shown = {key: body[key] for key in ("text", "blocks") if body.get(key)}
        if body.get("replace_original"):
            assert origin is not None
            origin.pop("blocks", None)
            origin.update(shown)
        elif body.get("response_type") == "in_channel":
            self.workspace.bot_message(channel, shown)
        else:
            ts = self.workspace.new_ts()
            seen = {"user": user.id, "channel": channel.id, "ts": ts, "by": "response_url"}
            self.ephemerals.append({**seen, "ephemeral": True, **shown})
        self._changed()
        return web.Response(text="ok")

    def expire_responses(self) -> None:
        """Half an hour passes."""
        self._left.clear()
