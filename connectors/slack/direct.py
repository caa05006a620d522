"""Which conversation somebody's direct messages are: asked for once."""

from collections import OrderedDict
from typing import Final

from slack_sdk.web.async_client import AsyncWebClient

MOST: Final = 5_000


class Direct:
    """The conversations by person."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, str] = OrderedDict()

    def learn(self, user: str, channel: str) -> None:
        """An event has said it."""
        self._known[user] = channel
        self._known.move_to_end(user)
        if len(self._known) > MOST:
            self._known.popitem(last=False)

    async def of(self, user: str, web: AsyncWebClient) -> str:
        """The conversation with a person. Raises what the request raises.

        https://docs.slack.dev/reference/methods/conversations.open
        """
        if user not in self._known:
            answer = await web.conversations_open(users=user)
            self.learn(user, str(answer["channel"]["id"]))
        return self._known[user]
