"""The App Home: shown when somebody opens it, and anew when what they used there is done.

Nothing of it is stored: who only looks at it becomes known to nobody. What is pressed there is a command like
any other, used in the direct messages.
"""

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient

from bot_host.connector import PAIRING, ConnectorHost, InboundMessage, Skipped, StoreError, Target
from connectors.slack.answering import MALFORMED, Answering, malformed
from connectors.slack.config import person_key
from connectors.slack.decode import Decoder
from connectors.slack.direct import Direct
from connectors.slack.errors import code_of, fault_of
from connectors.slack.home_view import closed_home, home_of, read_home
from connectors.slack.interactions import UNKNOWN, Reader, Use

log = logging.getLogger(__name__)

HOME: Final = "home"
"""In a target: it was used in the App Home, which is shown anew when it is done."""
AT_ONCE: Final = 50
"""Homes that are made at the same time; somebody beyond them sees what they saw last."""
PATIENCE_S: Final = 20.0
LOCALES: Final = 5_000
LOCALE_S: Final = 3_600.0
CONFLICT: Final = "hash_conflict"

Body = Mapping[str, Any]
Json = dict[str, Any]


class Home:
    """Shows it, and reads what is used there."""

    def __init__(
        self,
        host: ConnectorHost,
        reader: Reader,
        decoder: Decoder,
        answering: Answering,
        *,
        direct: Direct,
        web: AsyncWebClient,
    ) -> None:
        self._host = host
        self._reader = reader
        self._decoder = decoder
        self._answering = answering
        self._direct = direct
        self._web = web
        self._locales: OrderedDict[str, tuple[str, float]] = OrderedDict()
        self._under_way: set[str] = set()
        self._again: dict[str, bool] = {}
        """Whom to show it once more, and whether something was answered."""

    def opened(self, event: Body) -> None:
        """Somebody looks at it (`app_home_opened`). Never waits."""
        user, channel = event.get("user"), event.get("channel")
        if event.get("tab") != "home" or not isinstance(user, str) or not isinstance(channel, str):
            return
        self._direct.learn(user, channel)
        view = event.get("view")
        self._show_soon(user, hash=str(view.get("hash") or "") if isinstance(view, Mapping) else "")

    def over(self, target: Target) -> None:
        """What was used there is done."""
        if target.extra.get(HOME):
            user = target.extra["user_id"]
            self._direct.learn(user, target.channel_id)
            self._show_soon(user, answered=True)

    async def press(self, body: Body) -> InboundMessage | Skipped:
        """A button or list of it."""
        try:
            use, found = Use.of_home(body), read_home(body)
            spec = next((each for each in self._host.commands() if found and each.name == found[0]), None)
            if found is None or spec is None:
                self._show_soon(use.user)
                return Skipped(reason=UNKNOWN)
            _, told, channel = found
            read = self._reader.asked(replace(use, channel=channel), spec, told)
            if isinstance(read, Skipped):
                # They see that they are not let in any more.
                self._show_soon(use.user)
                return read
            target = replace(read.target, extra={**read.target.extra, HOME: "1"})
            return await self._answering.checked(replace(read, target=target), use)
        except MALFORMED as error:
            return malformed("block_actions of a home", error)

    # showing

    def _show_soon(self, user: str, *, answered: bool = False, hash: str = "") -> None:
        if user in self._under_way:
            self._again[user] = answered or self._again.get(user, False)
            return
        if len(self._under_way) >= AT_ONCE:
            log.warning("slack: too many homes at once; somebody sees an old one")
            return
        self._under_way.add(user)
        self._host.tasks.spawn("slack home", self._keep_showing(user, answered=answered, hash=hash))

    async def _keep_showing(self, user: str, *, answered: bool, hash: str) -> None:
        try:
            await self._show(user, answered=answered, hash=hash)
            while user in self._again:
                await self._show(user, answered=self._again.pop(user), hash="")
        finally:
            self._under_way.discard(user)
            self._again.pop(user, None)

    async def _show(self, user: str, *, answered: bool, hash: str) -> None:
        try:
            async with asyncio.timeout(PATIENCE_S):
                view = await self._view(user, answered=answered)
                await self._publish(user, view, hash)
        except (StoreError, SlackClientError, aiohttp.ClientError, TimeoutError) as error:
            why = code_of(error) if isinstance(error, SlackApiError) else fault_of(error)
            log.warning("slack: a home could not be shown: %s", why)

    async def _publish(self, user: str, view: Json, hash: str) -> None:
        """With the `hash` of what they see, so that it takes the place of that and of nothing newer."""
        if hash:
            try:
                await self._web.views_publish(user_id=user, view=view, hash=hash)
                return
            except SlackApiError as error:
                if code_of(error) != CONFLICT:
                    raise
            view = await self._view(user, answered=False)
        await self._web.views_publish(user_id=user, view=view)

    async def _view(self, user: str, *, answered: bool) -> Json:
        channel = await self._direct.of(user, self._web)
        refusal = self._decoder.refusal_of(user, channel)
        card = await self._host.card(person_key(user), self._decoder.room_key(channel, ""))
        locale = await self._locale(user)
        stranger = refusal == PAIRING and not await self._host.is_paired(user)
        # Where nobody may write directly, channels may be open to them all the same.
        somewhere = not self._decoder.refusal_of(user, "C")
        if stranger or (refusal and refusal != PAIRING and not somewhere):
            return closed_home(card.name, locale=locale, stranger=stranger)
        return home_of(
            card,
            self._host.commands(),
            channel=channel,
            locale=locale,
            direct=not refusal or refusal == PAIRING,
            answered=answered,
        )

    async def _locale(self, user: str) -> str:
        """The language of their client. Empty where it cannot be had: the rest is shown all the same."""
        locale, until = self._locales.get(user, ("", 0.0))
        if until > time.monotonic():
            return locale
        try:
            told = (await self._web.users_info(user=user, include_locale=True)).get("user")
        except (SlackClientError, aiohttp.ClientError, TimeoutError) as error:
            log.debug("slack: the language of somebody is not known: %s", fault_of(error))
            return locale
        locale = str(told.get("locale") or "") if isinstance(told, Mapping) else ""
        self._locales[user] = locale, time.monotonic() + LOCALE_S
        self._locales.move_to_end(user)
        if len(self._locales) > LOCALES:
            self._locales.popitem(last=False)
        return locale
