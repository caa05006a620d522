"""A model that writes what the test dictates, and a host whose platform shows answers in the making."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from bot_host.connector import ConnectorConfig
from bot_host.contracts.plugin import Action, Agent, Plugin
from bot_host.host import BotHost, drafts
from bot_host.store import make_store
from bot_host.testing import FakePlatform, ScriptedModel
from bot_host.types.character import Character
from bot_host.types.errors import ModelError
from bot_host.types.models import TextRequest, TextResult, ToolCall
from tests.host.conftest import House, Houses

END = object()


@asynccontextmanager
async def pen_house(
    folder: Path, platform: Any, pen: "Pen", config: ConnectorConfig | None = None
) -> AsyncIterator[House]:
    """A host in `folder` with this connector and this model."""
    host = BotHost(store=make_store("sqlite:///bot.db", base=folder), data_dir=folder)
    character = Character(name="Eliza", bio=["Helps."])
    try:
        [agent_id] = await host.add_agents([{"character": character, "plugins": ["basics", pen.plugin]}])
        await host.start_agents()
        host.add_connector(platform, config or ConnectorConfig(), name=platform.platform, agent_id=agent_id)
        host.start_connectors()
        yield House(host, platform, pen, agent_id)
    finally:
        await host.stop(0.0)


class Pen(ScriptedModel):
    """`write` hands a piece of text on at once; `end` ends the answer, `end_with` differently."""

    def __init__(self, *actions: Action) -> None:
        super().__init__()
        self._actions = actions
        self._dictated: asyncio.Queue[Any] = asyncio.Queue()

    @property
    def plugin(self) -> Plugin:
        return replace(super().plugin, actions=self._actions)

    def write(self, text: str) -> None:
        self._dictated.put_nowait(text)

    def end(self) -> None:
        self._dictated.put_nowait(END)

    def end_with(self, end: TextResult | ModelError) -> None:
        self._dictated.put_nowait(end)

    def say(self, *texts: str) -> None:
        """A whole answer."""
        for text in texts:
            self.write(text)
        self.end()

    async def _large(self, agent: Agent, request: TextRequest) -> TextResult:
        async with self._news:
            self.requests.append(request)
            self._news.notify_all()
        said = ""
        while True:
            item = await self._dictated.get()
            if isinstance(item, ModelError):
                raise item
            if isinstance(item, TextResult):
                return replace(item, text=item.text or said)
            if item is END:
                return TextResult(text=said, model="pen")
            said += item
            if request.on_chunk is not None:
                await request.on_chunk(item)
            await asyncio.sleep(0)  # others who write at the same time get the next piece


def calling(name: str) -> TextResult:
    """A round that ends with a tool call; its text is what was written."""
    return TextResult(text="", tool_calls=(ToolCall(id="c1", name=name, arguments="{}"),), model="pen")


def going_on(platform: FakePlatform, **how: Any) -> FakePlatform:
    """The platform as a host finds it that starts again."""
    again = type(platform)(**{"edit_every_s": 0.001, **how})
    again.sent, again.changes, again._count = platform.sent, platform.changes, platform._count
    return again


def show_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer is shown from its first letter on."""
    monkeypatch.setattr(drafts, "START_SECONDS", 0.0)
    monkeypatch.setattr(drafts, "START_CHARACTERS", 1)
    monkeypatch.setattr(drafts, "SHARE", 0.0)


Writing = Callable[..., AbstractAsyncContextManager[House]]


def writing_at(house_at: Houses, monkeypatch: pytest.MonkeyPatch) -> Writing:
    """Opens a host that shows an answer from its first words on."""
    show_at_once(monkeypatch)

    def open_house(**how: Any) -> AbstractAsyncContextManager[House]:
        return house_at(
            **{"model": Pen(), "platform": FakePlatform(edit_every_s=0.001, limit=20), "grace": 0.0, **how}
        )

    return open_house


def pen_of(house: House) -> Pen:
    assert isinstance(house.model, Pen)
    return house.model


async def shown(house: House, *texts: str) -> None:
    """Wait until people see just this of what the bot said."""
    async with asyncio.timeout(20):
        await house.platform.wait_until(lambda: house.platform.shown == list(texts))


async def settled(house: House) -> None:
    """All is done, what was put off too, and no row breaks a promise."""
    async with asyncio.timeout(20):
        await house.host.finish_pending()
        while await house.store.pending_destinations():
            await asyncio.sleep(0.001)
            await house.host.finish_pending()
    audited = await house.store.audit_rows(host_runs=False)
    assert audited.violations == ()
    assert audited.balance.balanced


def rows_of(folder: Path, query: str) -> list[tuple[Any, ...]]:
    database = sqlite3.connect(folder / "bot.db")
    try:
        return database.execute(query).fetchall()
    finally:
        database.close()


def change(folder: Path, statement: str) -> None:
    with sqlite3.connect(folder / "bot.db") as database:
        database.execute(statement)
    database.close()


outbox_of = partial(
    rows_of, query="SELECT operation, revision, part, state, platform_message_id FROM outbox ORDER BY seq"
)
drafts_of = partial(rows_of, query="SELECT destination FROM drafts")
