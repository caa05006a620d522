"""What Slack says of channels and people, a few seconds old at the most.

https://docs.slack.dev/reference/methods . Lists of everybody and of all channels are kept a little longer:
Slack gives them 20 times a minute.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot_host.connector import Fresh, Refused, SendLater, scoped_key
from connectors.slack.config import SlackConfig
from connectors.slack.errors import code_of
from connectors.slack.events import Ids, Self
from connectors.slack.groups import Groups
from connectors.slack.history import History, next_cursor
from connectors.slack.names import Lookup

FRESH_S: Final = 5.0
"""How long an answer about rights is good for: the calls of one turn share it."""
LISTS_FRESH_S: Final = 120.0
PAGE: Final = 999
"""The most that conversations.members and users.list give at once."""
PAGES: Final = 10
AT_ONCE: Final = 10
"""Names that `Lookup` looks up at once."""
MOST_NAMES: Final = 40
"""Of one reading."""
GONE: Final = frozenset(
    {"channel_not_found", "user_not_found", "user_not_visible", "method_not_supported_for_channel_type"}
)

Json = dict[str, Any]


class Workspace:
    """Asks for one account."""

    def __init__(
        self,
        web: Callable[[], AsyncWebClient],
        me: Callable[[], Self | None],
        config: SlackConfig,
        history: History,
        names: Lookup,
        groups: Groups,
    ) -> None:
        self.web = web
        self.config = config
        self.history = history
        self.names = names
        self.groups = groups
        self.scope = ""
        """What keys of this account are kept apart by: see `scoped_key`."""
        self._me = me
        self._fresh = Fresh(FRESH_S)
        self._lists = Fresh(LISTS_FRESH_S)

    @property
    def me(self) -> Self:
        """The bot itself. Raises SendLater before the first login."""
        me = self._me()
        if me is None:
            raise SendLater("not logged in yet")
        return me

    def anew(self) -> "Workspace":
        """The same, without what was found a moment ago."""
        fresh = Workspace(self.web, self._me, self.config, self.history, self.names, self.groups)
        fresh.scope = self.scope
        return fresh

    def own_key(self, key: str) -> str:
        """The key of a person or room as the host has it."""
        return scoped_key(self.scope, key)

    async def get(self, method: str, **arguments: Any) -> Json:
        """A method that only reads. Raises what slack-sdk and aiohttp raise."""
        answer = await self.web().api_call(method, http_verb="GET", params=arguments)
        return answer.data if isinstance(answer.data, dict) else {}

    async def channel(self, id: str) -> Json | None:
        """A conversation; None where there is none, or the bot cannot see it. Raises as `get`.

        Direct messages need no question.
        """
        if id.startswith("D"):
            return {"id": id, "is_im": True}
        return await self._one("conversations.info", "channel", channel=id)

    async def user(self, id: str) -> Json | None:
        """A person; None where there is none. Raises as `get`."""
        return await self._one("users.info", "user", user=id)

    async def _one(self, method: str, key: str, **arguments: str) -> Json | None:
        try:
            answer = await self._fresh.get(f"{method} {arguments}", lambda: self.get(method, **arguments))
        except SlackApiError as error:
            if code_of(error) in GONE:
                return None
            raise
        found = answer.get(key)
        return found if isinstance(found, dict) else None

    async def members(self, channel_id: str) -> frozenset[str]:
        """Who is in a conversation; nobody where it cannot be seen. Raises as `people`."""

        async def ask() -> frozenset[str]:
            found = await self._all("conversations.members", "members", channel=channel_id)
            return frozenset(map(str, found))

        try:
            found: frozenset[str] = await self._fresh.get(f"members {channel_id}", ask)
        except SlackApiError as error:
            if code_of(error) in GONE:
                return frozenset()
            raise
        return found

    async def people(self) -> dict[str, Json]:
        """Everybody in the workspace. Raises Refused for too many, and as `get`."""

        async def ask() -> dict[str, Json]:
            found = await self._all("users.list", "members")
            return {str(user["id"]): user for user in found if isinstance(user, dict)}

        everybody: dict[str, Json] = await self._lists.get("people", ask)
        return everybody

    async def channels(self) -> list[Json]:
        """The public channels, and the private ones that the bot is in. Raises as `people`."""

        async def ask() -> list[Json]:
            shared = {"exclude_archived": "true"}
            public = await self._all("conversations.list", "channels", types="public_channel", **shared)
            own = await self._all("users.conversations", "channels", types="private_channel", **shared)
            return [each for each in (*public, *own) if isinstance(each, dict)]

        found: list[Json] = await self._lists.get("channels", ask)
        return found

    async def _all(self, method: str, key: str, **arguments: Any) -> list[Any]:
        found: list[Any] = []
        cursor = ""
        for _ in range(PAGES):
            more = {"cursor": cursor} if cursor else {}
            answer = await self.get(method, limit=PAGE, **arguments, **more)
            found += answer.get(key) or ()
            cursor = next_cursor(answer)
            if not cursor:
                return found
        raise Refused(f"there are too many to look at ({method})")

    async def learn_names(self, users: Sequence[str], channels: Sequence[str]) -> None:
        """Look up what people and channels are called, as far as that is not too much. Never raises."""
        users, channels = users[:MOST_NAMES], channels[:MOST_NAMES]
        for at in range(0, max(len(users), len(channels)), AT_ONCE):
            ids = Ids(users=tuple(users[at : at + AT_ONCE]), channels=tuple(channels[at : at + AT_ONCE]))
            await self.names.fill(ids, self.web())


def is_full(user: Mapping[str, Any] | None, team_id: str) -> bool:
    """Whether somebody is a member of this workspace: no guest, nobody of another organisation.

    https://docs.slack.dev/reference/objects/user-object
    """
    if user is None or any(
        user.get(flag)
        for flag in ("deleted", "is_restricted", "is_ultra_restricted", "is_stranger", "is_bot")
    ):
        return False
    # Of Enterprise Grid people have one id for all workspaces that they are in.
    org = user.get("enterprise_user")
    teams = org.get("teams") if isinstance(org, Mapping) else None
    return team_id in (user.get("team_id"), *(teams if isinstance(teams, list) else ()))
