"""Moments at which messages could be lost, doubled or stuck. Each of these once was."""

import asyncio
import contextlib
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from bot_host.app.run import _until_all_ended
from bot_host.connector import ConnectorConfig, ConnectorHost
from bot_host.contracts.plugin import Evaluator, Plugin
from bot_host.host import BotHost
from bot_host.host import agents as agents_module
from bot_host.host import turns as turns_module
from bot_host.pipeline import evaluate as evaluate_module
from bot_host.runtime import AgentOptions
from bot_host.store import make_store
from bot_host.testing import FakePlatform, ScriptedModel
from bot_host.types.content import ChannelType, Content
from bot_host.types.errors import StateError, StoreError
from bot_host.types.ids import new_id
from bot_host.types.models import TextRequest, TextResult
from bot_host.types.outbound import Payload, Sent, Target
from tests.host.conftest import House, Houses
from tests.host.test_host import inbox_of


async def until(true: Any) -> None:
    """Wait for something that nothing tells of."""
    async with asyncio.timeout(20):
        while not true():
            await asyncio.sleep(0.005)


class SlowLogin(FakePlatform):
    def __init__(self) -> None:
        super().__init__()
        self.may_log_in = asyncio.Event()

    async def run(self, host: ConnectorHost) -> None:
        await self.may_log_in.wait()
        await super().run(host)


async def test_what_waits_is_answered_only_when_its_account_is_connected(
    house_at: Houses, tmp_path: Path
) -> None:
    async with house_at() as house:
        house.model.hold.clear()
        await house.platform.say("Hello")
        await house.model.wait_asked()
        await house.platform.say("chatter", room="general", type=ChannelType.GROUP)
        await house.host.stop(0.0)
    model, platform = ScriptedModel(), SlowLogin()
    host = BotHost(store=make_store("sqlite:///bot.db", base=tmp_path), data_dir=tmp_path)
    try:
        [agent_id] = await host.add_agents(
            [{"character": {"name": "Eliza"}, "plugins": ["basics", model.plugin]}]
        )
        await host.start_agents()
        host.add_connector(platform, ConnectorConfig(), name="fake", agent_id=agent_id)
        host.start_connectors()
        await host.finish_pending()
        assert model.requests == []
        platform.may_log_in.set()
        assert await platform.wait_sent() == ["echo: Hello"]
        await host.finish_pending()
    finally:
        await host.stop()
    assert ("done", "ignored", "not addressed") in inbox_of(tmp_path)


async def test_edits_and_restarts_do_not_count_as_failures(house_at: Houses) -> None:
    async with house_at() as house:
        house.model.hold.clear()
        said = await house.platform.say("draft")
        for n in range(7):
            await house.model.wait_asked(n + 1)
            await house.platform.rewrite(said, f"draft {n}")
        await house.model.wait_asked(8)
        await house.host.stop(0.0)
    for _ in range(6):
        async with house_at() as house:
            house.model.hold.clear()
            await house.model.wait_asked()
            await house.host.stop(0.0)
    async with house_at() as house:
        assert await house.platform.wait_sent() == ["echo: draft 6"]


async def test_a_poisonous_message_does_not_take_its_neighbours_along(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns_module, "backoff", lambda attempt: 0.0)
    real = turns_module.handle_turn

    async def breaks(agent: Any, turn: Any, given: Any, outbox: Any) -> Any:
        if any(memory.content.text == "poison" for memory in given.messages):
            raise RuntimeError("a bug in the house")
        return await real(agent, turn, given, outbox)

    monkeypatch.setattr(turns_module, "handle_turn", breaks)
    await house.platform.accept(*(house.platform.message(text) for text in ("poison", "good", "better")))
    await house.platform.wait_sent(3)
    await house.host.finish_pending()
    assert inbox_of(tmp_path) == [
        ("done", "failed", "given up after 5 attempts"),
        ("done", "answered", "direct message"),
        ("done", "answered", "direct message"),
    ]


async def test_an_accept_that_is_cancelled_in_mid_commit_is_still_answered(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    admitted = house.store.admit
    reached, go_on = asyncio.Event(), asyncio.Event()

    async def slow(admissions: Sequence[Any]) -> Any:
        done = await admitted(admissions)
        reached.set()
        await go_on.wait()
        return done

    await house.platform.say("warm up")
    await house.platform.wait_sent()
    monkeypatch.setattr(house.store, "admit", slow)
    taking = asyncio.ensure_future(house.platform.say("important"))
    await reached.wait()
    taking.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await taking
    go_on.set()
    assert (await house.platform.wait_sent(2))[1] == "echo: important"


async def test_a_decision_and_an_evaluator_that_hang_do_not_stop_the_room(
    house_at: Houses, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluate_module, "EVALUATOR_SECONDS", 0.05)

    async def hang(*_: object) -> None:
        await asyncio.Event().wait()

    evaluator = Evaluator(name="hangs", handler=hang)
    model = ScriptedModel()

    async def hang_small(agent: object, request: TextRequest) -> TextResult:
        await asyncio.Event().wait()
        raise AssertionError

    monkeypatch.setattr(model, "_small", hang_small)
    async with house_at(
        model=model, options=AgentOptions(turn_timeout=0.2), config=ConnectorConfig(mention_only=False)
    ) as house:
        house.host.get_agent(house.agent_id).evaluators.append(evaluator)
        room = {"room": "general", "type": ChannelType.GROUP}
        await house.platform.say("chatter", **room)
        await house.platform.say("hello?", mention=True, **room)
        await house.platform.wait_sent()
        await house.platform.say("and again", mention=True, **room)
        await house.platform.wait_sent(2)


async def test_a_database_that_is_away_for_a_while_strands_nothing(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns_module, "STORE_SECONDS", 0.05)
    commit, put_back = house.store.commit_turn, house.store.put_back
    away = True

    async def no_commit(turn: Any) -> Any:
        if away:
            raise StoreError("disk full")
        return await commit(turn)

    async def no_put_back(seqs: Sequence[int], *, blameless: bool) -> None:
        if away:
            raise StoreError("disk full")
        await put_back(seqs, blameless=blameless)

    monkeypatch.setattr(house.store, "commit_turn", no_commit)
    monkeypatch.setattr(house.store, "put_back", no_put_back)
    await house.platform.say("Hello")
    await house.model.wait_asked()
    await asyncio.sleep(0.2)
    away = False
    assert await house.platform.wait_sent() == ["echo: Hello"]


async def test_a_part_that_a_connector_fails_on_does_not_block_its_channel(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot_host.host.sender.backoff", lambda attempt: 0.0)
    house.platform.faults = [KeyError("a bug")] * 5
    await house.platform.say("one")
    await until(lambda: not house.platform.faults)
    await house.platform.say("two")
    assert await house.platform.wait_sent() == ["echo: two"]


async def test_a_reply_that_cannot_be_encoded_is_a_failure_that_is_told(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encode = house.platform.encode

    def breaks(content: Content, target: Target) -> list[Payload]:
        if content.text.startswith("echo"):
            raise KeyError("a bug")
        return encode(content, target)

    monkeypatch.setattr(house.platform, "encode", breaks)
    await house.platform.say("Hello")
    [text] = await house.platform.wait_sent()
    assert text.startswith("Sorry")
    await house.host.finish_pending()
    assert len(house.model.requests) == 1
    assert inbox_of(tmp_path) == [("done", "failed", "the reply could not be encoded")]


async def test_what_comes_in_while_an_agent_starts_is_answered(house: House) -> None:
    await house.host.stop_agents()
    starting = asyncio.Event()
    go_on = asyncio.Event()
    agent = house.host.get_agent(house.agent_id)
    start = agent.start

    async def slow() -> None:
        starting.set()
        await go_on.wait()
        await start()

    agent.start = slow  # type: ignore[method-assign]
    again = asyncio.ensure_future(house.host.start_agents())
    await starting.wait()
    await house.platform.say("in between")
    go_on.set()
    await again
    assert await house.platform.wait_sent() == ["echo: in between"]


async def test_stopping_an_agent_in_mid_turn_keeps_its_message(house: House, tmp_path: Path) -> None:
    house.model.hold.clear()
    await house.platform.say("Hello")
    await house.model.wait_asked()
    message = {"entity_id": new_id(), "room_id": new_id(), "content": {"text": "from code"}}
    caller = asyncio.ensure_future(house.host.handle_message(house.agent_id, message))
    await house.model.wait_asked(2)
    await house.host.stop_agents()
    with pytest.raises(StateError, match="stopped"):
        await caller
    assert [state for state, _, _ in inbox_of(tmp_path)] == ["pending", "pending"]
    house.model.hold.set()
    await house.host.start_agents()
    assert await house.platform.wait_sent() == ["echo: Hello"]


async def test_one_agents_fault_does_not_keep_the_others_from_stopping(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agents_module, "AGENT_SECONDS", 0.1)
    closed: list[str] = []

    def plugin(name: str, fault: str) -> Plugin:
        async def init(config: object, agent: Any) -> None:
            async def close() -> None:
                if fault == "raise":
                    raise ValueError("a bug")
                if fault == "hang":
                    await asyncio.Event().wait()
                closed.append(name)

            agent.exit_stack.push_async_callback(close)

        return Plugin(name=name, init=init)

    host = BotHost()
    for name, fault in (("raises", "raise"), ("hangs", "hang"), ("fine", "")):
        await host.add_agents([{"character": {"name": name}, "plugins": [plugin(name, fault)]}])
    await host.start_agents()
    await asyncio.gather(host.stop(0.1), host.stop(0.1))
    assert closed == ["fine"]
    assert "raises failed while stopping" in caplog.text
    assert "hangs did not stop" in caplog.text


async def test_a_start_that_failed_can_be_made_again(tmp_path: Path) -> None:
    host = BotHost(store=make_store("sqlite:///bot.db", base=tmp_path))
    recover = host.store.recover
    calls = 0

    async def fails_once() -> Any:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise StoreError("locked by another process")
        return await recover()

    host.store.recover = fails_once  # type: ignore[method-assign]
    await host.add_agents([{"character": {"name": "Eliza"}, "plugins": ["basics", "offline"]}])
    with pytest.raises(StoreError):
        await host.start_agents()
    await host.start_agents()
    assert calls == 2
    await host.stop()


async def test_a_slow_record_of_a_sent_part_outlives_a_polite_stop(
    house_at: Houses, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with house_at() as house:
        mark_sent = house.store.mark_sent

        async def slow(*given: Any, **more: Any) -> Any:
            await asyncio.sleep(0.5)
            return await mark_sent(*given, **more)

        monkeypatch.setattr(house.store, "mark_sent", slow)
        await house.platform.say("Hello")
        await house.platform.wait_sent()
        await house.host.stop(0.1)
    with sqlite3.connect(tmp_path / "bot.db") as database:
        states = database.execute("SELECT state FROM outbox").fetchall()
    database.close()
    assert states == [("sent",)]


async def test_a_library_that_cancels_its_own_task_ends_neither_host_nor_connector(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot_host.host.runner.backoff", lambda attempt: 0.0)
    runs = 0

    class Cancels(FakePlatform):
        async def run(self, host: ConnectorHost) -> None:
            nonlocal runs
            runs += 1
            if runs == 1:
                inner = asyncio.ensure_future(asyncio.Event().wait())
                asyncio.get_running_loop().call_soon(inner.cancel)
                await inner

    runner = house.host.add_connector(
        Cancels(account_id="2"), ConnectorConfig(), name="fake[1]", agent_id=house.agent_id
    )
    await runner.supervise()
    assert runs == 2


async def test_two_who_wait_for_one_delivery_do_not_disturb_each_other(house: House) -> None:
    house.platform.hold_sends.clear()
    delivery = await house.host.send_message_to_target(
        house.agent_id, Target(source="fake", channel_id="x"), Content(text="hi")
    )
    patient = asyncio.ensure_future(delivery.sent(20))
    with pytest.raises(TimeoutError):
        await delivery.sent(0.05)
    house.platform.hold_sends.set()
    assert await patient == ["sent-1"]


async def test_a_sent_part_whose_record_failed_is_not_sent_again(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    mark_sent = house.store.mark_sent
    calls = 0

    async def fails_once(*given: Any, **more: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise StoreError("disk full")
        return await mark_sent(*given, **more)

    monkeypatch.setattr(house.store, "mark_sent", fails_once)
    monkeypatch.setattr("bot_host.host.lanes.FAILED_SECONDS", 0.05)
    await house.platform.say("Hello")
    await until(lambda: calls == 2)
    await house.host.finish_pending()
    assert len(house.platform.sent) == 1


class Streams(FakePlatform):
    """A platform that shows replies while they are written."""

    def __init__(self) -> None:
        super().__init__()
        self.open = 0
        self.abandoned = 0

    def open_stream(self, target: Target, *, memory_id: str) -> "Streams":
        self.open += 1
        return self

    async def write(self, chunk: str) -> None: ...

    async def abandon(self) -> None:
        self.abandoned += 1

    async def send(self, payload: Payload, target: Target, *, key: str) -> Sent:
        return await super().send(payload, target, key=key)


async def test_a_stream_whose_reply_is_not_committed_is_abandoned(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns_module, "STORE_SECONDS", 0.02)
    platform = Streams()
    platform.account = type(platform.account)(platform="fake", id="2")
    house.host.add_connector(platform, ConnectorConfig(), name="fake[1]", agent_id=house.agent_id)
    house.host._tasks.spawn("second", house.host.connectors[-1].supervise())
    commit = house.store.commit_turn
    calls = 0

    async def fails_once(turn: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise StoreError("disk full")
        return await commit(turn)

    monkeypatch.setattr(house.store, "commit_turn", fails_once)
    await platform.say("Hello")
    await platform.wait_sent()
    assert (platform.open, platform.abandoned) == (2, 1)
    await platform.stop_intake()


class Stores(FakePlatform):
    """A connector that has received a message and not stored it yet when it is told to stop."""

    cancelled = False

    async def run(self, host: ConnectorHost) -> None:
        try:
            await super().run(host)
            await asyncio.sleep(0.1)
            await host.accept(self.message("received, not stored"))
        except asyncio.CancelledError:
            self.cancelled = True
            raise


async def test_what_a_connector_has_received_is_stored_before_the_end(house: House, tmp_path: Path) -> None:
    platform = Stores(account_id="2")
    host = house.host
    host.add_connector(platform, ConnectorConfig(), name="fake[1]", agent_id=house.agent_id)
    host._connectors = host._connectors[1:]  # the first one is under way already
    # As the process does it: a signal ends this wait, and then the host is stopped.
    waiting = asyncio.ensure_future(_until_all_ended(host))
    await until(lambda: platform._host is not None)
    waiting.cancel()
    await asyncio.wait([waiting])
    await host.stop(5.0)
    await house.platform.stop_intake()
    assert not platform.cancelled
    assert len(inbox_of(tmp_path)) == 1
