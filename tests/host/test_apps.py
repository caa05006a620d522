"""Apps whose accounts come and go while the host runs: each alone, none mixed up with another."""

import asyncio
import logging
import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, ClassVar

import pytest

from bot_host.connector import (
    OVER,
    Account,
    AppHost,
    CheckLine,
    Connector,
    ConnectorConfig,
    ConnectorHost,
    ConnectorState,
    KeptAccount,
    LoginError,
    SendRefused,
    is_over,
)
from bot_host.host import BotHost
from bot_host.host.apps import AppRunner
from bot_host.kit.logs import SecretMask
from bot_host.store import make_store
from bot_host.store.secret_box import FILE, new_key
from bot_host.testing import FakePlatform, ScriptedModel
from bot_host.types.character import Character
from bot_host.types.outbound import Target


class Office(FakePlatform):
    """One workspace of the app."""

    def __init__(self, id: str) -> None:
        super().__init__(account_id=id)
        self.refused = asyncio.Event()
        self.token = ""

    async def run(self, host: ConnectorHost) -> None:
        if self.token == "refused":
            raise LoginError(f"{self.account.id} is refused")
        running = asyncio.ensure_future(super().run(host))
        refused = asyncio.ensure_future(self.refused.wait())
        await asyncio.wait([running, refused], return_when=asyncio.FIRST_COMPLETED)
        refused.cancel()
        if running.done():
            running.result()
        running.cancel()
        if self.refused.is_set():
            raise LoginError(f"{self.account.id} is refused")


class App:
    """An app that opens what it has kept."""

    platform: ClassVar[str] = "fake"
    app_id = "A1"

    def __init__(self) -> None:
        self.offices: dict[str, Office] = {}
        self.closed = False
        self.up = asyncio.Event()
        self.fault: Exception | None = None
        self._stop = asyncio.Event()
        self.host: AppHost | None = None

    async def run(self, host: AppHost) -> None:
        self.host = host
        for kept in await host.kept_accounts():
            if not is_over(kept.about):
                await self.open(kept)
        host.ready()
        self.up.set()
        await self._stop.wait()
        if self.fault is not None:
            raise self.fault

    async def end(self, fault: Exception) -> None:
        self.fault = fault
        self._stop.set()

    async def open(self, kept: KeptAccount) -> Office:
        assert self.host is not None
        office = self.offices[kept.id] = Office(kept.id)
        office.token = "refused" if kept.error else kept.secrets["token"]
        await self.host.open_account(kept.id, office)
        return office

    async def install(self, id: str) -> Office:
        assert self.host is not None
        kept = KeptAccount(id=id, secrets={"token": f"token-of-{id}"}, about={"name": id})
        await self.host.keep_account(kept)
        return await self.open(kept)

    async def stop_intake(self) -> None:
        self._stop.set()

    async def close(self) -> None:
        self.closed = True

    async def check(self, kept: Sequence[KeptAccount]) -> Sequence[CheckLine]:
        return []


class Works:
    def __init__(self, host: BotHost, app: App, runner: AppRunner, model: ScriptedModel, mask: SecretMask):
        self.host, self.app, self.runner, self.model, self.mask = host, app, runner, model, mask

    @property
    def names(self) -> list[str]:
        return [runner.name for runner in self.host.connectors]


@asynccontextmanager
async def works(folder: Path, *, also: Connector | None = None) -> AsyncIterator[Works]:
    model, mask, app = ScriptedModel(), SecretMask(), App()
    host = BotHost(
        store=make_store("sqlite:///bot.db", base=folder), data_dir=folder, mask=mask.hide, learn=mask.add
    )
    try:
        [agent] = await host.add_agents(
            [{"character": Character(name="Eliza", bio=["Helps."]), "plugins": ["basics", model.plugin]}]
        )
        await host.start_agents()
        runner = host.add_app(app, ConnectorConfig(), name="fake", agent_id=agent)
        if also is not None:
            host.add_connector(also, ConnectorConfig(), name="fake[2]", agent_id=agent)
        host.start_connectors()
        await app.up.wait()
        yield Works(host, app, runner, model, mask)
    finally:
        model.hold.set()
        for office in app.offices.values():
            office.hold_sends.set()
        await host.stop(5)
    assert app.closed
    assert all(office.closed for office in app.offices.values())


def rows(folder: Path, sql: str) -> list[Any]:
    database = sqlite3.connect(folder / "bot.db")
    found = database.execute(sql).fetchall()
    database.close()
    return found


async def test_accounts_that_come_while_the_host_runs_are_answered_each_at_its_own(tmp_path: Path) -> None:
    async with works(tmp_path) as at:
        one, two = await at.app.install("T1"), await at.app.install("T2")
        assert at.names == ["fake", "fake[T1]", "fake[T2]"]
        # The same person, room and message id in both: two conversations.
        await one.say("to one", message_id="7")
        await two.say("to two", message_id="7")
        assert await one.wait_sent() == ["echo: to one"]
        assert await two.wait_sent() == ["echo: to two"]
        await at.host.finish_pending()
        accounts = {each.name: each.account for each in (await at.host.status()).connectors}
        assert accounts == {"fake": "", "fake[T1]": "fake:T1", "fake[T2]": "fake:T2"}
    assert rows(tmp_path, "SELECT account, outcome FROM inbox ORDER BY account") == [
        ("fake:T1", "answered"),
        ("fake:T2", "answered"),
    ]


async def test_they_are_there_again_after_a_restart_and_their_secrets_are_nowhere_to_be_read(
    tmp_path: Path,
) -> None:
    async with works(tmp_path) as at:
        await at.app.install("T1")
        assert at.mask.hide("it is token-of-T1") == "it is ***"
    assert all(b"token-of-T1" not in file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())
    async with works(tmp_path) as at:
        office = at.app.offices["T1"]
        assert office.token == "token-of-T1"
        assert at.mask.hide("it is token-of-T1") == "it is ***"
        await office.say("again")
        assert await office.wait_sent() == ["echo: again"]


async def test_one_that_is_over_ends_with_all_that_waits_for_it_and_the_others_go_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with works(tmp_path) as at:
        one, two = await at.app.install("T1"), await at.app.install("T2")
        one.hold_sends.clear()
        await one.say("answered, and not sent", room="a")
        await one.wait_until(lambda: one.tried == 1)
        delivery = await at.host.send_message_to_target(
            at.runner.agent_id, Target(source="fake", account="fake:T1", channel_id="a"), "behind it"
        )
        at.model.hold.clear()
        await one.say("in its turn", room="b")
        await at.model.wait_asked(2)
        assert at.app.host is not None
        with caplog.at_level(logging.WARNING):
            closing = asyncio.ensure_future(at.app.host.close_account("T1", "the app was uninstalled"))
            with pytest.raises(SendRefused, match="the app was uninstalled"):
                await delivery.sent()
            one.hold_sends.set()
            at.model.hold.set()
            await closing
            await at.app.host.close_account("T1", "the app was uninstalled")
        assert "has ended before" not in caplog.text
        assert sum("fake[T1] is over: the app was uninstalled" in text for text in caplog.messages) == 1
        assert at.names == ["fake", "fake[T2]"]
        assert one.closed
        await two.say("still there?")
        assert await two.wait_sent() == ["echo: still there?"]
        await at.host.finish_pending()
        [gone, _] = await at.app.host.kept_accounts()
        assert (gone.secrets, gone.about) == ({}, {"name": "T1", OVER: "the app was uninstalled"})
    assert rows(
        tmp_path, "SELECT reason FROM inbox WHERE account = 'fake:T1' AND reason LIKE 'the app%'"
    ) == [("the app was uninstalled",)]
    assert not rows(tmp_path, "SELECT 1 FROM inbox WHERE state != 'done'")
    assert not rows(tmp_path, "SELECT 1 FROM outbox WHERE state NOT IN ('sent', 'failed')")
    # Over is over, also after a restart; a new installation opens it.
    async with works(tmp_path) as at:
        assert at.names == ["fake", "fake[T2]"]
        one = await at.app.install("T1")
        await one.say("back")
        assert await one.wait_sent() == ["echo: back"]


async def test_one_that_is_refused_waits_and_comes_back_with_all_that_waited(tmp_path: Path) -> None:
    async with works(tmp_path) as at:
        one, two = await at.app.install("T1"), await at.app.install("T2")
        at.model.hold.clear()
        await one.say("a question")
        await at.model.wait_asked()
        one.refused.set()
        runner = next(each for each in at.host.connectors if each.name == "fake[T1]")
        while runner.state is not ConnectorState.FAILED:
            await asyncio.sleep(0)
        at.model.hold.set()
        await two.say("and you?")
        assert await two.wait_sent() == ["echo: and you?"]
        await at.host.finish_pending()
        assert runner.error == "T1 is refused"
        assert one.sent == []
        again = await at.app.install("T1")
        assert await again.wait_sent() == ["echo: a question"]
        assert at.names == ["fake", "fake[T2]", "fake[T1]"]


async def test_without_its_key_an_account_says_so_and_the_others_go_on(tmp_path: Path) -> None:
    plain = FakePlatform(account_id="9")
    async with works(tmp_path) as at:
        await at.app.install("T1")
    (tmp_path / FILE).write_text(new_key() + "\n", encoding="ascii")
    async with works(tmp_path, also=plain) as at:
        assert at.app.host is not None
        [kept] = await at.app.host.kept_accounts()
        assert not kept.secrets
        assert (
            "its tokens cannot be read: it was encrypted with another key; put the old key back" in kept.error
        )
        await plain.say("hello")
        assert await plain.wait_sent() == ["echo: hello"]
        two = await at.app.install("T2")
        await two.say("new")
        assert await two.wait_sent() == ["echo: new"]


async def test_an_app_that_is_refused_takes_its_accounts_along_and_nothing_else(tmp_path: Path) -> None:
    plain = FakePlatform(account_id="9")
    async with works(tmp_path, also=plain) as at:
        one = await at.app.install("T1")
        await at.app.end(LoginError("no such app"))
        await at.host.finish_pending()
        while not one.closed:
            await asyncio.sleep(0)
        assert at.runner.state is ConnectorState.FAILED
        assert at.names == ["fake", "fake[2]"]
        await plain.say("hello")
        assert await plain.wait_sent() == ["echo: hello"]


async def test_two_apps_cannot_have_the_same_account(tmp_path: Path) -> None:
    plain = FakePlatform(account_id="T1")
    async with works(tmp_path, also=plain) as at:
        await plain.say("hello")
        assert await plain.wait_sent() == ["echo: hello"]
        await at.app.install("T1")
        runner = at.host.connectors[-1]
        while runner.state is not ConnectorState.FAILED:
            await asyncio.sleep(0)
        assert "log in to the same account" in runner.error
        await plain.say("still here")
        assert (await plain.wait_sent(2))[1] == "echo: still here"
        assert runner.account is None
        assert plain.account == Account(platform="fake", id="T1", name="Fake Bot")


async def test_deleting_the_agent_takes_the_app_and_its_accounts_away(tmp_path: Path) -> None:
    async with works(tmp_path) as at:
        one = await at.app.install("T1")
        await at.host.delete_agents([at.runner.agent_id])
        assert at.names == []
        assert one.closed
        assert at.app.closed
