"""What bots do at the fake's REST API besides talking: pins, members, emoji, polls.

https://docs.discord.com/developers/resources/message (create-reaction, pin-message), resources/guild
(search-guild-members), resources/channel (get-thread-member), resources/emoji (list-guild-emojis).
"""

import re
from typing import Any, Final, Protocol

from aiohttp import web

from tests.fakes.discord_door import ApiError, Call, Handler, invalid_form
from tests.fakes.discord_model import Channel, Guild, Json

_OWN_EMOJI: Final = re.compile(r"\w{2,32}:\d+")


class Finder(Protocol):
    """What the other routes know to find."""

    def find_guild(self, request: web.Request) -> Guild:
        """The server that a request names."""

    def find_channel(self, request: web.Request) -> Channel:
        """The channel that a request names."""

    def find_message(self, request: web.Request) -> tuple[Channel, Json]:
        """The message that a request names."""


class Deeds:
    """See the module."""

    def __init__(self, finder: Finder) -> None:
        self._finder = finder

    def table(self) -> list[tuple[str, str, Handler]]:
        """The routes."""
        pin = "/channels/{channel_id}/messages/pins/{message_id}"
        return [
            ("PUT", pin, self._pin),
            ("DELETE", pin, self._unpin),
            ("GET", "/channels/{channel_id}/thread-members/{user_id}", self._thread_member),
            ("GET", "/guilds/{guild_id}/members/search", self._search),
            ("GET", "/guilds/{guild_id}/emojis", self._emojis),
        ]

    async def _pin(self, request: web.Request, _call: Call) -> Any:
        self._finder.find_message(request)[1]["pinned"] = True

    async def _unpin(self, request: web.Request, _call: Call) -> Any:
        self._finder.find_message(request)[1]["pinned"] = False

    async def _thread_member(self, request: web.Request, _call: Call) -> Any:
        channel = self._finder.find_channel(request)
        user_id = request.match_info["user_id"]
        if user_id not in channel.thread_members:
            raise ApiError(404, 10007, "Unknown Member")
        joined = "2024-01-01T00:00:00+00:00"
        return {"id": channel.id, "user_id": user_id, "join_timestamp": joined, "flags": 0}

    async def _search(self, request: web.Request, _call: Call) -> Any:
        """Members "whose username or nickname starts with a provided string"."""
        guild, query = self._finder.find_guild(request), request.query.get("query", "").casefold()
        if not query:
            raise invalid_form("query", "BASE_TYPE_REQUIRED", "This field is required")
        found = []
        for member in guild.members.values():
            names = (member.user.name, member.user.global_name, member.nick)
            if any(name and name.casefold().startswith(query) for name in names):
                found.append(member.payload(with_user=True))
        return found[: int(request.query.get("limit", "1"))]

    async def _emojis(self, request: web.Request, _call: Call) -> Any:
        return self._finder.find_guild(request).emojis


def check_emoji(emoji: str, channel: Channel) -> None:
    """Raises what Discord answers to an emoji that it does not know (resources/message#create-reaction)."""
    if _OWN_EMOJI.fullmatch(emoji):
        known = [f"{each['name']}:{each['id']}" for each in channel.guild.emojis] if channel.guild else []
    else:
        known = [] if emoji.isascii() else [emoji]
    if emoji not in known:
        raise ApiError(400, 10014, "Unknown Emoji")


def made_poll(data: Json) -> Json:
    """A poll as it was made (resources/poll#poll-object). Raises what Discord answers to a bad one."""
    answers = [answer["poll_media"]["text"] for answer in data["answers"]]
    if not 1 <= len(answers) <= 10 or not all(1 <= len(text) <= 55 for text in answers):
        raise invalid_form("poll", "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 55 in length.")
    if not 1 <= len(data["question"]["text"]) <= 300 or not 1 <= data.get("duration", 24) <= 768:
        raise invalid_form("poll", "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 300 in length.")
    made = [{"answer_id": at, "poll_media": {"text": text}} for at, text in enumerate(answers, 1)]
    return {
        "question": data["question"],
        "answers": made,
        "allow_multiselect": bool(data.get("allow_multiselect")),
        "layout_type": 1,
        "expiry": None,
    }
