"""What the fake Slack knows of shortcuts, the forms of commands, and the App Home.

https://docs.slack.dev/reference/interaction-payloads/shortcuts-interaction-payload
https://docs.slack.dev/reference/interaction-payloads/block_actions-payload
https://docs.slack.dev/reference/views/home-tab-views
"""

import json
import uuid
from collections.abc import Callable
from typing import Any

from tests.fakes.slack_interactions import Interactivity
from tests.fakes.slack_methods import Methods
from tests.fakes.slack_people import People
from tests.fakes.slack_socket import Envelope
from tests.fakes.slack_workspace import APP_ID, TEAM_ID, FakeChannel, FakeUser, Json, Refused

MOST_BLOCKS = 100
_STATE = {
    "plain_text_input": "value",
    "number_input": "value",
    "users_select": "selected_user",
    "conversations_select": "selected_conversation",
}


class Views(Interactivity, People):
    """`FakeSlack` is one of these."""

    methods: Methods

    def __init__(self) -> None:
        Interactivity.__init__(self)
        self.homes: dict[str, Json] = {}
        """What each person sees in the app's home tab."""
        self.locales: dict[str, str] = {}
        """Of people's clients, by their ids; `en-US` for all others."""
        self.published: list[Json] = []
        """All views that were ever published, with `user_id`."""

    def _who(self, user: FakeUser) -> Json:
        return {
            "team": {"id": TEAM_ID, "domain": "fake-works"}, "api_app_id": APP_ID, "token": "fake",
            "user": {"id": user.id, "team_id": user.team_id, "username": user.name, "name": user.name},
            "is_enterprise_install": False, "enterprise": None,
        }  # fmt: skip

    async def _use(self, payload: Json) -> Envelope:
        envelope = self.socket_mode.add("interactive", payload)
        await self.socket_mode.deliver(envelope)
        return envelope

    async def shortcut(self, user: FakeUser, callback_id: str) -> Envelope:
        """A global one: it tells of no conversation."""
        trigger = uuid.uuid4().hex
        self.triggers.add(trigger)
        told = {"type": "shortcut", "callback_id": callback_id, "action_ts": self.workspace.new_ts()}
        return await self._use(self._who(user) | told | {"trigger_id": trigger})

    async def message_shortcut(
        self, channel: FakeChannel, user: FakeUser, callback_id: str, message: Json
    ) -> Envelope:
        """One of a message's menu."""
        told = {
            "type": "message_action", "callback_id": callback_id, "action_ts": self.workspace.new_ts(),
            "channel": {"id": channel.id, "name": channel.name}, "message_ts": message["ts"],
            "message": message,
        }  # fmt: skip
        return await self._use(self._who(user) | told | self._common(channel, user, message))

    async def fill(self, view: Json, user: FakeUser, **values: str) -> Envelope:
        """Somebody fills in any modal and sends it off; a list's value is that of an option."""
        state: Json = {}
        for block in view["blocks"]:
            element, value = block["element"], values.get(block["block_id"])
            told: Json = {"type": element["type"]}
            if element["type"] == "static_select":
                option = next((each for each in element["options"] if each["text"]["text"] == value), None)
                told["selected_option"] = option
            else:
                told[_STATE[element["type"]]] = value
            state[block["block_id"]] = {element["action_id"]: told}
        payload = self._who(user) | {
            "type": "view_submission", "trigger_id": uuid.uuid4().hex, "response_urls": [],
            "view": {**view, "state": {"values": state}},
        }  # fmt: skip
        envelope = self.socket_mode.add("interactive", payload, accepts_response_payload=True)
        await self.socket_mode.deliver(envelope)
        return envelope

    def users_info(self, plain: Callable[[Json], Json], args: Json) -> Json:
        """With `include_locale` it tells the language of a person's client."""
        told = plain(args)
        if str(args.get("include_locale", "")).lower() in ("1", "true"):
            locale = self.locales.get(str(args["user"]), "en-US")
            told = {**told, "user": {**told["user"], "locale": locale}}
        return told

    # the home

    async def open_home(self, user: FakeUser, *, tab: str = "home") -> Envelope:
        """https://docs.slack.dev/reference/events/app_home_opened"""
        event: Json = {
            "type": "app_home_opened",
            "user": user.id,
            "channel": self.add_im(user).id,
            "tab": tab,
        }
        if tab == "home" and user.id in self.homes:
            event["view"] = self.homes[user.id]
        return await self.emit(event)

    async def press_home(self, user: FakeUser, action_id: str, *, picked: str = "") -> Envelope:
        """A button of the home, or an option (by what it reads) of one of its lists."""
        view = self.homes[user.id]
        elements = [
            (block, each)
            for block in view["blocks"]
            for each in (*block.get("elements", ()), block.get("accessory"))
            if isinstance(each, dict) and each.get("action_id") == action_id
        ]
        [(block, element)] = elements
        action: Json = {key: element[key] for key in ("type", "action_id", "text", "value") if key in element}
        action |= {"block_id": block.get("block_id", "made up"), "action_ts": self.workspace.new_ts()}
        if picked:
            action["selected_option"] = next(
                each for each in element["options"] if each["text"]["text"] == picked
            )
        trigger = uuid.uuid4().hex
        self.triggers.add(trigger)
        told = {
            "type": "block_actions", "trigger_id": trigger, "view": {**view, "state": {"values": {}}},
            "container": {"type": "view", "view_id": view["id"]}, "actions": [action],
        }  # fmt: skip
        return await self._use(self._who(user) | told)

    def publish_view(self, args: Json) -> Json:
        """https://docs.slack.dev/reference/methods/views.publish"""
        user, view = str(args.get("user_id", "")), args.get("view")
        if user not in self.workspace.users:
            raise Refused("user_not_found")
        view = json.loads(view) if isinstance(view, str) else view
        if not isinstance(view, dict) or view.get("type") != "home":
            raise Refused("invalid_arguments")
        _check_home(view)
        old = self.homes.get(user)
        if args.get("hash") and old is not None and args["hash"] != old["hash"]:
            raise Refused("hash_conflict")
        home = {**view, "id": old["id"] if old else f"V{uuid.uuid4().hex[:10].upper()}"}
        home["hash"] = f"{self.workspace.new_ts()}.{uuid.uuid4().hex[:8]}"
        self.homes[user] = home
        self.published.append({"user_id": user, **home})
        self._changed()
        return {"ok": True, "view": home}


def _check_home(view: Json) -> None:
    blocks = view.get("blocks")
    if not isinstance(blocks, list) or not 0 < len(blocks) <= MOST_BLOCKS:
        raise Refused("invalid_arguments")
    if len(str(view.get("private_metadata", ""))) > 3000:
        raise Refused("invalid_arguments")
    ids = []
    for block in blocks:
        _check_text(block.get("text"), 150 if block["type"] == "header" else 3000)
        for each in (*block.get("elements", ()), block.get("accessory")):
            if not isinstance(each, dict):
                continue
            if block["type"] == "context":
                _check_text(each, 3000)
                continue
            ids.append(each["action_id"])
            _check_element(each)
    if len(set(ids)) < len(ids):
        raise Refused("invalid_arguments")


def _check_element(element: Json) -> None:
    if element["type"] not in ("button", "static_select"):
        raise Refused("invalid_arguments")
    if element["type"] == "button":
        _check_text(element["text"], 75)
        if len(str(element.get("value", ""))) > 2000:
            raise Refused("invalid_arguments")
    else:
        options = element["options"]
        if not 0 < len(options) <= 100:
            raise Refused("invalid_arguments")
        for option in options:
            _check_text(option["text"], 75)
        if "initial_option" in element and element["initial_option"] not in options:
            raise Refused("invalid_arguments")
    confirm = element.get("confirm")
    if confirm is not None:
        for key, most in (("title", 100), ("text", 300), ("confirm", 30), ("deny", 30)):
            _check_text(confirm[key], most)


def _check_text(text: Any, most: int) -> None:
    if text is not None and not 0 < len(text["text"]) <= most:
        raise Refused("invalid_arguments")
