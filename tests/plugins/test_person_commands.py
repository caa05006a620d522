"""/link, /unlink, /whoami: two accounts become one person's by a code, in private alone."""

import asyncio
import re
from dataclasses import replace
from typing import Any

import pytest

from bot_host.connector import ConnectorConfig
from bot_host.kit.clock import utc_now
from bot_host.plugins.commands import person as told
from bot_host.runtime import AgentOptions, Limits
from bot_host.types.content import ChannelType
from bot_host.types.ids import create_unique_uuid
from bot_host.types.links import LINK_CODES_AT_MOST, LINK_TRIES_AT_MOST, LinkEnd, new_link_code
from bot_host.types.places import Role
from tests.host.conftest import House, Houses, house, house_at

__all__ = ["house", "house_at"]

CODE = re.compile(r"[A-HJ-NP-Z2-9]{4}(?:-[A-HJ-NP-Z2-9]{4}){2}")
ADA, BEN = {"person": "ada", "room": "ada"}, {"person": "ben", "room": "ben"}


def entity(house: House, key: str) -> str:
    return create_unique_uuid(house.agent_id, key)


async def ask(house: House, text: str, **how: Any) -> str:
    """What is said last, once all is said."""
    before = len(house.platform.sent)
    await house.platform.say(text, **how)
    await house.platform.wait_sent(before + 1)
    await house.host.finish_pending()
    return next(text for target, text, _ in house.platform.sent[before:] if target.channel_id == how["room"])


async def code_for(house: House, **how: Any) -> str:
    found = CODE.search(await ask(house, "/link", **how))
    assert found
    return found[0]


async def link(house: House, one: dict[str, str] = ADA, other: dict[str, str] = BEN) -> None:
    assert (await ask(house, f"/link {await code_for(house, **one)}", **other)).startswith("Linked with ")


async def test_a_code_of_the_one_entered_on_the_other_joins_them_and_both_are_told(house: House) -> None:
    code = await code_for(house, **ADA)
    assert await ask(house, f"/link {code.lower()}", **BEN) == told.LINKED.format(other="Ada (fake ada)")
    assert set(await house.store.linked_entities(entity(house, "ada"))) == {
        entity(house, "ada"),
        entity(house, "ben"),
    }
    to_ada = [text for target, text, _ in house.platform.sent if target.channel_id == "ada"]
    assert to_ada[-1] == told.TOLD.format(other="Ben (fake ben)")
    assert await ask(house, "/whoami", **ADA) == "You are Ada (fake ada).\nLinked with Ben (fake ben)."
    assert house.model.requests == []


async def test_a_third_joins_and_the_others_are_told(house: House) -> None:
    await link(house)
    await link(house, BEN, {"person": "zoe", "room": "zoe"})
    said = [(target.channel_id, text) for target, text, _ in house.platform.sent]
    assert ("ada", told.JOINED.format(other="Zoe (fake zoe)")) in said
    assert ("ben", told.TOLD.format(other="Zoe (fake zoe)")) in said
    assert len(await house.store.linked_entities(entity(house, "zoe"))) == 3


@pytest.mark.parametrize("words", ["/unlink", "/unlink all"])
async def test_unlink_parts_them_and_both_are_told(house: House, words: str) -> None:
    await link(house)
    assert await ask(house, words, **ADA) == told.PARTED.format(others="Ben (fake ben)")
    to_ben = [text for target, text, _ in house.platform.sent if target.channel_id == "ben"]
    assert to_ben[-1] == told.TOLD_PARTED.format(other="Ada (fake ada)")
    assert await ask(house, "/whoami", **BEN) == f"You are Ben (fake ben).\n{told.ALONE}"
    assert await ask(house, "/unlink", **BEN) == told.ALONE


@pytest.mark.parametrize("words", ["/link", "/link ABCD"])
async def test_among_others_no_code_is_given_and_none_is_taken(house: House, words: str) -> None:
    shared = {"person": "ben", "room": "general", "type": ChannelType.GROUP, "mention": True}
    assert await ask(house, words, **shared) == told.IN_PUBLIC


async def test_a_code_that_is_written_where_others_read_it_is_good_no_more(house: House) -> None:
    code = await code_for(house, **ADA)
    shared = {"person": "ben", "room": "general", "type": ChannelType.GROUP, "mention": True}
    assert await ask(house, f"/link {code}", **shared) == told.READ
    assert await ask(house, f"/link {code}", **BEN) == told.ENDS[LinkEnd.UNKNOWN]


async def test_among_others_nobody_is_told_which_accounts_are_whose(house: House) -> None:
    await link(house)
    shared = {"person": "ben", "room": "general", "type": ChannelType.GROUP, "mention": True}
    assert await ask(house, "/whoami", **shared) == "You are Ben (fake ben)."


async def test_codes_that_do_not_do(house: House) -> None:
    code = await code_for(house, **ADA)
    assert await ask(house, f"/link {code}", **ADA) == told.ENDS[LinkEnd.OWN]
    for _ in range(LINK_TRIES_AT_MOST):
        assert await ask(house, f"/link {new_link_code()}", **BEN) == told.ENDS[LinkEnd.UNKNOWN]
    assert await ask(house, f"/link {code}", **BEN) == told.ENDS[LinkEnd.WAIT]
    for _ in range(LINK_CODES_AT_MOST - 1):
        await code_for(house, **ADA)
    assert await ask(house, "/link", **ADA) == told.NO_MORE_CODES


async def test_who_is_an_owner_or_admin_here_is_none_there(house: House) -> None:
    """Nobody gets more rights by linking: roles, owners and commands go by the account alone."""
    agent = house.host.get_agent(house.agent_id)
    world = create_unique_uuid(house.agent_id, "world")
    await ask(house, "hello", **ADA)
    agent.owners.add(entity(house, "ada"))
    await agent.set_role(world, entity(house, "ada"), Role.ADMIN)
    await link(house)
    shared: dict[str, Any] = {"room": "general", "type": ChannelType.GROUP, "mention": True}
    assert await ask(house, "/reset", person="ben", **shared) == "/reset needs the role ADMIN here."
    assert (await ask(house, "/reset", person="ada", **shared)).startswith("We begin anew")
    assert await agent.get_user_server_role(entity(house, "ben"), world) is Role.NONE
    assert entity(house, "ben") not in agent.owners


@pytest.mark.parametrize("after", ["use_link_code", "linked_entities"])
async def test_killed_after_the_joining_or_the_telling_each_is_told_once(
    house_at: Houses, monkeypatch: pytest.MonkeyPatch, after: str
) -> None:
    """The turn begins again: the code is used up by this very message, so that it is told the same."""
    reached = asyncio.Event()
    async with house_at(grace=0.0) as house:
        await ask(house, "hello", **BEN)
        code = await code_for(house, **ADA)
        verb = getattr(house.store, after)

        async def hang(*args: Any, **more: Any) -> Any:
            found = await verb(*args, **more)
            reached.set()
            await asyncio.Event().wait()
            return found

        monkeypatch.setattr(house.store, after, hang)
        await house.platform.say(f"/link {code}", **BEN)
        await reached.wait()
        before = [(target.channel_id, text) for target, text, _ in house.platform.sent]
    async with house_at() as house:
        await house.platform.wait_sent(1)
        await house.host.finish_pending()
        after_it = [(target.channel_id, text) for target, text, _ in house.platform.sent]
        said = before + after_it
        assert said.count(("ben", told.LINKED.format(other="Ada (fake ada)"))) == 1
        assert said.count(("ada", told.TOLD.format(other="Ben (fake ben)"))) == 1
        assert len(await house.store.linked_entities(entity(house, "ada"))) == 2


async def test_limits_go_by_the_account(house_at: Houses) -> None:
    """The one who is over their limit is not let go on by the other, nor is the other held up."""
    options = AgentOptions(limits=Limits(entity_messages_per_minute=3))
    async with house_at(options=options) as house:
        await link(house)  # one message of each, and one more of Ada's below
        for text in ("one", "two"):
            await ask(house, text, **ADA)
        before = len(house.model.requests)
        await house.platform.say("three", **ADA)
        await house.host.finish_pending()
        assert len(house.model.requests) == before
        assert await ask(house, "hello", **BEN) == "echo: hello"


async def test_whoever_is_let_in_lets_in_none_of_their_accounts(house_at: Houses) -> None:
    async with house_at() as house:
        await link(house)
    async with house_at(config=ConnectorConfig(dm_policy="pairing")) as house:

        async def knock(person: str) -> str:
            message = replace(house.platform.message("hello", person=person, room=person), pairing_id=person)
            before = len(house.platform.sent)
            await house.platform.accept(message)
            await house.platform.wait_sent(before + 1)
            return house.platform.sent[before][1]

        assert "I don't know you yet" in await knock("ada")
        [request] = await house.store.pairings()
        await house.store.decide_pairing(request.code, approve=True, by="test", now=utc_now())
        assert "I don't know you yet" in await knock("ben")
        assert len(await house.store.linked_entities(entity(house, "ben"))) == 2
