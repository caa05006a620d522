"""Who is who in the fake Slack, and pins: what an app asks and does on somebody's behalf.

https://docs.slack.dev/reference/methods : conversations.members, users.list, pins.add, pins.remove.
"""

from collections import defaultdict
from typing import Any

from tests.fakes.slack_methods import SCOPES, Methods, Refused, _page
from tests.fakes.slack_workspace import BOT_USER_ID, FakeUser, Json

SCOPES |= {
    "users.list": ("users:read",),
    "conversations.members": ("channels:read", "groups:read", "im:read", "mpim:read"),
    "pins.add": ("pins:write",),
    "pins.remove": ("pins:write",),
}


class Acting:
    """Adds its methods to those of the fake."""

    def __init__(self, methods: Methods) -> None:
        self._methods = methods
        self.about: dict[str, Json] = defaultdict(dict)
        """More of a user, or of a conversation, by id: `is_restricted`, `team_id`, `topic` …"""
        self.pinned: set[tuple[str, str]] = set()
        """Channel and time stamp."""
        self._user, self._info = methods.users_info, methods.conversation_info
        self._list, self._own = methods.conversation_list, methods.users_conversations
        methods.table |= {
            "users.info": self._users_info,
            "users.list": self._users_list,
            "conversations.info": self._conversations_info,
            "conversations.list": lambda args: self._more(self._list(args)),
            "users.conversations": lambda args: self._more(self._own(args)),
            "conversations.members": self._members,
            "pins.add": self._pin,
            "pins.remove": self._unpin,
        }

    def guest(self, user: FakeUser) -> None:
        """Somebody is a guest from now on."""
        self.about[user.id]["is_restricted"] = True

    def lack(self, *names: str) -> None:
        """A server that does not know these methods."""
        for name in names:
            del self._methods.table[name]

    def _users_info(self, args: Json) -> Json:
        answer = self._user(args)
        answer["user"] |= self.about[answer["user"]["id"]]
        return answer

    def _users_list(self, args: Json) -> Json:
        everybody = [user.to_json() | self.about[user.id] for user in self._methods.workspace.users.values()]
        page, cursor = _page(everybody, args, most=1000)
        return {"ok": True, "members": page, "response_metadata": {"next_cursor": cursor}}

    def _conversations_info(self, args: Json) -> Json:
        answer = self._info(args)
        answer["channel"] |= self.about[answer["channel"]["id"]]
        return answer

    def _more(self, answer: Json) -> Json:
        for channel in answer["channels"]:
            channel |= self.about[channel["id"]]
        return answer

    def _members(self, args: Json) -> Json:
        channel = self._methods._channel(args)
        page, cursor = _page([{"id": id} for id in sorted(channel.members)], args, most=999)
        ids: list[Any] = [each["id"] for each in page]
        return {"ok": True, "members": ids, "response_metadata": {"next_cursor": cursor}}

    def _pin_of(self, args: Json) -> tuple[str, str]:
        channel, ts = self._methods._channel(args), str(args.get("timestamp", ""))
        if BOT_USER_ID not in channel.members:
            raise Refused("not_in_channel")
        if ts not in channel.messages:
            raise Refused("message_not_found")
        return channel.id, ts

    def _pin(self, args: Json) -> Json:
        pin = self._pin_of(args)
        if pin in self.pinned:
            raise Refused("already_pinned")
        self.pinned.add(pin)
        return {"ok": True}

    def _unpin(self, args: Json) -> Json:
        pin = self._pin_of(args)
        if pin not in self.pinned:
            raise Refused("no_pin")
        self.pinned.discard(pin)
        return {"ok": True}
