"""Strangers at the door: a code and nothing else, until somebody lets them in."""

import asyncio
import logging
import re
import sqlite3
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot_host.connector import ConnectorConfig
from bot_host.host import pairing as pairing_module
from bot_host.kit.clock import utc_now
from bot_host.runtime.pairing import pair
from bot_host.store import make_store
from bot_host.testing import FakePlatform
from bot_host.types.character import Character
from bot_host.types.content import ChannelType, Content
from bot_host.types.errors import StoreError
from bot_host.types.events import EventType
from bot_host.types.ids import create_unique_uuid
from bot_host.types.inbound import InboundEdit, InboundMessage, InboundReaction
from bot_host.types.pairing import CODE_ALPHABET
from tests.host.conftest import House, Houses
from tests.host.test_host import inbox_of

PAIRING = ConnectorConfig(dm_policy="pairing")
ACCOUNT = "fake:1"


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pairing_module, "LOOK_SECONDS", 0.02)


async def knock(house: House, text: str, person: str = "ada", **more: Any) -> InboundMessage:
    """Somebody writes whom the connector does not know."""
    message = replace(house.platform.message(text, person=person, room=person), pairing_id=person, **more)
    await house.platform.accept(message)
    return message


async def code_of(house: House, count: int = 1) -> str:
    """The code that the newest of `count` messages has."""
    said = (await house.platform.wait_sent(count))[-1]
    found = re.search(f"`([{CODE_ALPHABET}]{{8}})`", said)
    assert found, said
    return found[1]


async def beside(folder: Path, *words: str) -> str:
    """What the command says, on a connection of its own."""
    async with make_store("sqlite:///bot.db", base=folder) as store:
        answer = await pair(store, words, by="command line")
    return answer.text


def skipped(house: House) -> dict[str, int]:
    return dict(house.host._main.inbox.skips.by_reason)


async def test_a_stranger_gets_a_code_and_nothing_else_is_done(
    house_at: Houses, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with house_at(config=PAIRING) as house:
        await knock(house, "my secret")
        code = await code_of(house)
        await knock(house, "hello?")
        await house.host.finish_pending()
        assert len(house.platform.sent) == 1
        assert house.platform.sent[0][0].channel_id == "ada"
        assert house.platform.sent[0][0].reply_to == ""
        assert house.model.requests == []
        assert house.platform.typing_shown == 0
    assert inbox_of(tmp_path) == []
    with sqlite3.connect(tmp_path / "bot.db") as database:
        words = "\n".join(database.iterdump())
        assert "my secret" not in words
        assert database.execute("SELECT reason FROM skipped ORDER BY rowid").fetchall() == [
            ("pairing",),
            ("pairing: has a code already",),
        ]
    database.close()
    assert "Ada (fake ada) asks to be let in" in caplog.text
    assert code not in caplog.text


async def test_who_is_approved_of_beside_the_host_is_told_and_heard_from_then_on(
    house_at: Houses, tmp_path: Path
) -> None:
    async with house_at(config=PAIRING) as house:
        first = await knock(house, "one")
        code = await code_of(house)
        text = await beside(tmp_path, "approve", f"{code[:4]}-{code[4:]}".lower())
        assert text == "Ada (fake ada) is let in, and is told so."
        said = await house.platform.wait_sent(2)
        assert said[1].startswith("You have been let in")
        # What was said before is not answered now, nor when the platform delivers it again.
        await knock(house, "two")
        assert (await house.platform.wait_sent(3))[2] == "echo: two"
        await house.platform._host.accept_missed(replace(first, sent_at=first.sent_at))  # type: ignore[union-attr]
        await house.host.finish_pending()
        assert [m.content for m in house.model.requests[0].messages if m.role == "user"] == ["two"]
        assert len(house.platform.sent) == 3
    assert inbox_of(tmp_path) == [("done", "answered", "direct message")]


async def test_an_approval_while_the_host_is_down_is_told_at_its_start(
    house_at: Houses, tmp_path: Path
) -> None:
    async with house_at(config=PAIRING) as house:
        await knock(house, "one")
        code = await code_of(house)
    await beside(tmp_path, "approve", code)
    for sent in (1, 0):
        async with house_at(config=PAIRING) as house:
            await knock(house, f"after {sent}", message_id=f"later-{sent}", event_key=f"later-{sent}")
            said = await house.platform.wait_sent(sent + 1)
            assert sum(text.startswith("You have been let in") for text in said) == sent


async def test_an_owner_approves_in_a_direct_message(house_at: Houses, tmp_path: Path) -> None:
    async with house_at(config=PAIRING) as house:
        agent = house.host.get_agent(house.agent_id)
        agent.owners.add(create_unique_uuid(house.agent_id, "zoe"))
        await knock(house, "let me in")
        code = await code_of(house)
        await house.platform.say("pair list", person="zoe", room="zoe")
        assert (await house.platform.wait_sent(2))[1].startswith(f"{code}  Ada (fake ada) asks, until ")
        await house.platform.say(f"/Pair approve {code}", person="zoe", room="zoe")
        said = set((await house.platform.wait_sent(4))[2:])
        assert said == {"Ada (fake ada) is let in, and is told so.", pairing_module.WELCOME_LINE}
        [known] = await house.store.pairings()
        assert known.decided_by == create_unique_uuid(house.agent_id, "zoe")
        # Not everything that begins like that is a command.
        await house.platform.say("pair programming?", person="zoe", room="zoe")
        await house.platform.say("pair approve of me, will you", person="zoe", room="zoe")
        await house.host.finish_pending()
        assert len(house.model.requests) >= 1
    assert [row[1:] for row in inbox_of(tmp_path)][:2] == [("answered", "owner's command")] * 2


async def test_for_anybody_else_that_is_no_command(house_at: Houses) -> None:
    async with house_at() as house:
        await house.platform.say("pair list")
        assert await house.platform.wait_sent() == ["echo: pair list"]
        agent = house.host.get_agent(house.agent_id)
        agent.owners.add(create_unique_uuid(house.agent_id, "ada"))
        await house.platform.say("pair list", room="general", type=ChannelType.GROUP, mention=True)
        assert (await house.platform.wait_sent(2))[1] == "echo: Ada: pair list"


async def test_who_is_made_a_stranger_again_is_not_heard_any_more(house_at: Houses, tmp_path: Path) -> None:
    async with house_at(config=PAIRING) as house:
        await knock(house, "one")
        await beside(tmp_path, "approve", await code_of(house))
        await house.platform.wait_sent(2)
        asked = await knock(house, "two")
        await house.platform.wait_sent(3)
        assert skipped(house) == {"pairing": 1}
        assert "is a stranger again" in await beside(tmp_path, "revoke", "ada")
        # Nor by an edit of what was answered.
        content = Content(text="two, changed")
        await house.platform.accept(
            InboundEdit(event_key=asked.event_key, content=content, edited_at=utc_now(), pairing_id="ada")
        )
        await knock(house, "three")
        assert await code_of(house, 4)
        await house.host.finish_pending()
        assert len(house.model.requests) == 1
        assert house.platform.changes == []


async def test_who_is_turned_down_is_told_nothing_and_asks_no_more(house_at: Houses, tmp_path: Path) -> None:
    async with house_at(config=PAIRING) as house:
        await knock(house, "one")
        text = await beside(tmp_path, "deny", await code_of(house))
        assert text == "Ada (fake ada) is turned down, and is not told."
        await knock(house, "two")
        await house.host.finish_pending()
        assert skipped(house) == {"pairing": 1, "pairing: turned down": 1}
        assert len(house.platform.sent) == 1


async def test_a_strangers_reactions_are_not_heard_and_bring_no_code(
    house_at: Houses, tmp_path: Path
) -> None:
    async with house_at(config=PAIRING) as house:
        heard: list[Any] = []
        agent = house.host.get_agent(house.agent_id)
        agent.on(EventType.REACTION_RECEIVED, heard.append)
        message = await knock(house, "one")
        code = await code_of(house)
        reaction = InboundReaction(
            event_key=message.event_key,
            message_id=message.message_id,
            channel_id="ada",
            world=message.world,
            room=message.room,
            sender=message.sender,
            reaction="x",
            added=True,
            pairing_id="ada",
        )
        await house.platform.accept(reaction)
        assert skipped(house) == {"pairing": 1, "pairing: has a code already": 1}
        await beside(tmp_path, "approve", code)
        await house.platform.wait_sent(2)
        said = await knock(house, "two")
        await house.platform.accept(replace(reaction, event_key=said.event_key, message_id=said.message_id))
        await house.host.finish_pending()
        assert len(heard) == 1
        assert len(skipped(house)) == 2


async def test_an_approval_holds_on_its_account_alone(house_at: Houses, tmp_path: Path) -> None:
    async with house_at(config=PAIRING) as house:
        await knock(house, "one")
        await beside(tmp_path, "approve", await code_of(house))
        await house.platform.wait_sent(2)
    async with house_at(config=PAIRING, platform=FakePlatform(account_id="2")) as house:
        await knock(house, "hello")
        assert await code_of(house)
        assert house.model.requests == []


async def test_too_many_at_the_door_get_no_code(house_at: Houses) -> None:
    async with house_at(config=PAIRING) as house:
        for person in ("a", "b", "c", "d"):
            await knock(house, "hi", person)
        await house.host.finish_pending()
        assert len(house.platform.sent) == 3
        assert skipped(house) == {"pairing": 3, "pairing: too many open requests": 1}


async def test_what_was_missed_gets_a_code_only_while_it_is_young(house_at: Houses) -> None:
    async with house_at(config=PAIRING) as house:
        message = replace(house.platform.message("old"), pairing_id="ada")
        await knock(house, "first", "bob")
        await code_of(house)
        host = house.platform._host
        assert host is not None
        await host.accept_missed(replace(message, sent_at=utc_now() - timedelta(hours=2)))
        await host.accept_missed(replace(message, event_key="x", sent_at=utc_now() - timedelta(minutes=2)))
        await code_of(house, 2)
        assert skipped(house) == {"pairing": 2, "pairing: missed, no code given": 1}


@pytest.mark.parametrize(
    ("template", "said"),
    [("Parole! {code}", "Parole! CODE"), ("Who are you?", "Who are you? CODE"), ("", " CODE")],
)
async def test_the_character_says_it_its_own_way(house_at: Houses, template: str, said: str) -> None:
    async with house_at(config=PAIRING) as house:
        agent = house.host.get_agent(house.agent_id)
        templates = {"pairingMessage": template, "pairingApprovedMessage": "Come in."}
        agent.use_character(Character(name="Eliza", bio=["Helps."], templates=templates))
        await knock(house, "hi")
        await house.platform.wait_sent()
        [request] = await house.store.pairings()
        assert house.platform.sent[0][1] == said.replace("CODE", request.code)
        await pair(house.store, ["approve", request.code], by="test")
        assert (await house.platform.wait_sent(2))[1] == "Come in."


async def test_a_database_that_cannot_be_read_lets_nobody_in_and_loses_nobody(
    house_at: Houses, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: Any) -> Any:
        raise StoreError("the disk is gone (made so by the test)")

    async with house_at(config=PAIRING) as house:
        await house.platform.accept()  # until it is connected
        monkeypatch.setattr(house.store, "find_pairing", broken)
        with pytest.raises(StoreError):
            await knock(house, "hi")
        monkeypatch.undo()
        monkeypatch.setattr(pairing_module, "LOOK_SECONDS", 0.02)
        await knock(house, "hi")
        assert await code_of(house)


async def test_a_fault_at_the_door_lets_nobody_in(
    house_at: Houses, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(FakePlatform, "encode", lambda *_: 1 / 0)
    async with house_at(config=PAIRING) as house:
        await knock(house, "hi")
        assert skipped(house) == {"malformed: ZeroDivisionError": 1}
        assert house.model.requests == []
    assert "a stranger could not be looked up" in caplog.text


async def test_who_could_not_be_told_is_told_later(
    house_at: Houses, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(pairing_module, "AGAIN_SECONDS", 0.02)
    async with house_at(config=PAIRING) as house:
        await knock(house, "hi")
        code = await code_of(house)
        with monkeypatch.context() as broken:
            broken.setattr(FakePlatform, "encode", lambda *_: 1 / 0)
            await pair(house.store, ["approve", code], by="test")
            while "somebody who was let in could not be told" not in caplog.text:
                await asyncio.sleep(0)
        assert (await house.platform.wait_sent(2))[1] == pairing_module.WELCOME_LINE


async def test_two_messages_at_once_get_one_code(house_at: Houses) -> None:
    async with house_at(config=PAIRING) as house:
        each: list[Callable[[], Awaitable[Any]]] = [lambda: knock(house, "hi") for _ in range(8)]
        await asyncio.gather(*(one() for one in each))
        await house.host.finish_pending()
        assert len(house.platform.sent) == 1


def test_codes_are_of_an_alphabet_that_nobody_misreads() -> None:
    codes = {pairing_module.new_code() for _ in range(500)}
    assert len(codes) == 500
    assert {len(code) for code in codes} == {8}
    assert set("".join(codes)) <= set(CODE_ALPHABET)
    assert not set("01OI") & set(CODE_ALPHABET)
