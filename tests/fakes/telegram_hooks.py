"""The fake Telegram's webhooks: each update is posted until it is answered with 200.

As documented (core.telegram.org/bots/api#setwebhook) and as the open server does it (WebhookActor.cpp):
updates of one chat and kind one after the other, of others side by side; any answer but 2xx is a
failure, which is told by getWebhookInfo and repeated after a while. `scrambled` lets go of all order, as the
documentation allows.

    hooks = Hooks(fake)          # takes setWebhook, deleteWebhook and getWebhookInfo over
    await hooks.wait_delivered() # all that was said has been taken
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import aiohttp

from tests.fakes.telegram import FakeTelegram
from tests.fakes.telegram_methods import Query, bad_request
from tests.fakes.telegram_updates import Update
from tests.fakes.telegram_world import BotAccount, Json

PORTS = (443, 80, 88, 8443)
REPEAT_S = 0.05
"""The real one waits for a second and longer."""
ANSWER_S = 60.0


@dataclass
class Attempt:
    """One request to the webhook."""

    update_id: int
    status: int
    """0: nobody answered."""


class Hooks:
    """Brings the updates of a fake's bot."""

    def __init__(self, fake: FakeTelegram, *, local: bool = True) -> None:
        """`local`: a Bot API server of one's own, which calls any address."""
        self.fake = fake
        self.local = local
        self.scrambled = False
        self.attempts: list[Attempt] = []
        self.begun: list[int] = []
        """Ids of updates, one for each request that was begun."""
        self.paused = False
        """Nothing is brought, as if the proxy before the host were gone."""
        self._news = asyncio.Condition()
        self._under_way: dict[int, tuple[object, asyncio.Task[None]]] = {}
        self._client: aiohttp.ClientSession | None = None
        self._pump: asyncio.Task[None] | None = None
        table = fake.methods._table
        table["setwebhook"] = self._set
        table["deletewebhook"] = self._delete
        table["getwebhookinfo"] = self._info

    async def __aenter__(self) -> Self:
        self._client = aiohttp.ClientSession()
        self._pump = asyncio.create_task(self._run())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._pump is not None
        assert self._client is not None
        tasks = [self._pump, *(task for _, task in self._under_way.values())]
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        await self._client.close()

    # methods

    async def _set(self, query: Query) -> bool:
        url = query.args.get("url", "")
        if not url:
            return await self._delete(query)
        parts = urlsplit(url)
        if not self.local and parts.scheme != "https":
            raise bad_request("bad webhook: An HTTPS URL must be provided for webhook")
        if not self.local and parts.port not in (None, *PORTS):
            raise bad_request("bad webhook: Webhook can be set up only on ports 80, 88, 443 or 8443")
        secret = query.args.get("secret_token", "")
        if not (len(secret) <= 256 and all(c.isascii() and (c.isalnum() or c in "_-") for c in secret)):
            raise bad_request("secret token contains unallowed characters")
        allowed = query.decoded("allowed_updates")
        query.bot.updates.abort("Conflict: terminated by setWebhook request")
        query.bot.updates.allow(allowed if isinstance(allowed, list) else None)
        if query.flag("drop_pending_updates"):
            await query.bot.updates.clear()
        connections = query.integer("max_connections", 40, 1, 100)
        query.bot.webhook = {"url": url, "max_connections": connections}
        if secret:
            query.bot.webhook["secret_token"] = secret
        if allowed:
            query.bot.webhook["allowed_updates"] = allowed
        return True

    async def _delete(self, query: Query) -> bool:
        query.bot.webhook = {}
        if query.flag("drop_pending_updates"):
            await query.bot.updates.clear()
        return True

    async def _info(self, query: Query) -> Json:
        shown = {key: value for key, value in query.bot.webhook.items() if key != "secret_token"}
        waiting = len(query.bot.updates.pending)
        return {"url": "", "has_custom_certificate": False, "pending_update_count": waiting, **shown}

    # bringing

    async def _run(self) -> None:
        updates = self.fake.bot.updates
        while True:
            async with updates._changed:
                self._begin(self.fake.bot)
                try:
                    await asyncio.wait_for(updates._changed.wait(), 0.01)
                except TimeoutError:
                    continue

    def _begin(self, bot: BotAccount) -> None:
        if not bot.webhook or self.paused:
            return
        pending = bot.updates.pending
        busy = {queue for queue, _ in self._under_way.values()}
        for update in reversed(pending) if self.scrambled else pending:
            id = update["update_id"]
            queue = id if self.scrambled else _queue_of(update)
            if id in self._under_way or queue in busy:
                continue
            if len(self._under_way) >= bot.webhook["max_connections"]:
                return
            busy.add(queue)
            self._under_way[id] = (queue, asyncio.create_task(self._bring(bot, update)))

    async def _bring(self, bot: BotAccount, update: Update) -> None:
        id, hook = update["update_id"], bot.webhook
        why = ""
        async with self._news:
            self.begun.append(id)
            self._news.notify_all()
        try:
            status = await self.post(update, hook)
            why = "" if 200 <= status < 300 else f"Wrong response from the webhook: {status}"
        except (aiohttp.ClientError, TimeoutError, OSError):
            status, why = 0, "Connection refused"
        if not why:
            await bot.updates.take_out(id)
        elif bot.webhook is hook:
            hook |= {"last_error_date": int(time.time()), "last_error_message": why}
        async with self._news:
            self.attempts.append(Attempt(id, status))
            self._news.notify_all()
        if why:
            await asyncio.sleep(REPEAT_S)
        self._under_way.pop(id, None)

    async def post(self, update: Any, hook: Json, *, secret: str | None = None) -> int:
        """One request, as Telegram makes it; the answer's status."""
        assert self._client is not None
        known = hook.get("secret_token", "") if secret is None else secret
        headers = {"X-Telegram-Bot-Api-Secret-Token": known} if known else {}
        timeout = aiohttp.ClientTimeout(total=ANSWER_S)
        given: dict[str, Any] = {"data": update} if isinstance(update, bytes) else {"json": update}
        async with self._client.post(hook["url"], headers=headers, timeout=timeout, **given) as answer:
            await answer.read()
            return answer.status

    # waiting

    async def wait_for(self, condition: Callable[[], bool]) -> None:
        """Wait for something about the attempts."""
        async with self._news:
            await self._news.wait_for(condition)

    async def wait_delivered(self) -> None:
        """Until nothing waits here any more."""
        await self.wait_for(lambda: not self.fake.bot.updates.pending)

    def statuses(self, update_id: int) -> list[int]:
        """How the attempts to bring an update were answered."""
        return [attempt.status for attempt in self.attempts if attempt.update_id == update_id]


def _queue_of(update: Update) -> object:
    """Chat and kind; what has no chat goes alone."""
    for kind, value in update.items():
        if isinstance(value, dict) and isinstance(value.get("chat"), dict):
            return kind, value["chat"].get("id")
    return update["update_id"]
