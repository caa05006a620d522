"""Accounts of one person: joined by a code alone, read in private alone, and parted again."""

import asyncio
import itertools
import random
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot_host.store import Database
from bot_host.types.character import Character
from bot_host.types.content import ChannelType
from bot_host.types.ids import UUID, create_unique_uuid, new_id
from bot_host.types.links import (
    LINK_CODE_LASTS,
    LINK_CODES_AT_MOST,
    LINK_TRIES_AT_MOST,
    LINK_WINDOW,
    LINKED_AT_MOST,
    LinkEnd,
    new_link_code,
    shown_code,
)
from bot_host.types.places import Entity, Role
from tests.store.raw import dump
from tests.store.samples import AGENT, NOON, make_admission, make_id, make_person, make_world

BEN, ZOE, MAX, TIM = (make_id(key) for key in ("ben", "zoe", "max", "tim"))
MINUTE = timedelta(minutes=1)
HOURS = itertools.count(1)


def dm(person: str) -> UUID:
    return make_id(f"dm-{person}")


@pytest.fixture(autouse=True)
async def people(store: Database) -> None:
    for person in ("ben", "zoe", "max", "tim"):
        made = make_admission(f"p-{person}", room=f"dm-{person}", person=person)
        await store.admit([replace(made, room=replace(made.room, type=ChannelType.DM))])
    await store.admit([make_admission("m1")])


async def code_of(store: Database, entity_id: UUID = BEN, *, at: timedelta = MINUTE * 0) -> str:
    code = new_link_code()
    room = next(dm(name) for name in ("ben", "zoe", "max", "tim", "x") if make_id(name) == entity_id)
    assert await store.put_link_code(entity_id, room, code, now=NOON + at)
    return code


async def use(
    store: Database, entity_id: UUID, code: str, *, at: timedelta = MINUTE, by: str = ""
) -> LinkEnd:
    return (await store.use_link_code(entity_id, code, by=by or new_id(), now=NOON + at)).end


async def link(store: Database, one: UUID, other: UUID) -> None:
    assert await use(store, other, await code_of(store, one)) is LinkEnd.LINKED


async def test_a_code_of_one_entered_by_the_other_makes_them_one(store: Database) -> None:
    code = await code_of(store)
    used = await store.use_link_code(ZOE, shown_code(code).lower(), by=new_id(), now=NOON + MINUTE)
    assert (used.end, used.other, used.room_id) == (LinkEnd.LINKED, BEN, dm("ben"))
    for one, other in ((BEN, ZOE), (ZOE, BEN)):
        person = await store.linked_person(one)
        assert person.entity_ids == (one, other)
        assert set(person.room_ids) == {dm("ben"), dm("zoe")}
        assert await store.linked_entities(one) == [one, other]
    assert await store.linked_entities(MAX) == [MAX]
    assert (await store.linked_person(MAX)).room_ids == (dm("max"),)
    linked = await store.linked_accounts()
    assert {each.entity_id for each in linked} == {BEN, ZOE}
    assert len({each.person_id for each in linked}) == 1


async def test_more_join_and_one_leaves(store: Database) -> None:
    await link(store, BEN, ZOE)
    await link(store, MAX, TIM)
    await link(store, ZOE, MAX)
    assert set(await store.linked_entities(TIM)) == {BEN, ZOE, MAX, TIM}
    assert len({each.person_id for each in await store.linked_accounts(AGENT)}) == 1
    assert set(await store.unlink(ZOE, by=ZOE)) == {BEN, MAX, TIM}
    assert await store.linked_entities(ZOE) == [ZOE]
    assert (await store.linked_person(ZOE)).room_ids == (dm("zoe"),)
    assert set(await store.linked_entities(BEN)) == {BEN, MAX, TIM}
    assert set(await store.unlink(BEN, everything=True, by=BEN)) == {MAX, TIM}
    assert await store.linked_accounts() == []


async def test_of_two_nobody_is_left_alone_with_themselves(store: Database) -> None:
    await link(store, BEN, ZOE)
    assert await store.unlink(BEN, by=BEN) == [ZOE]
    assert await store.linked_accounts() == []
    assert await store.unlink(BEN, by=BEN) == []


async def test_a_private_room_with_somebody_else_in_it_is_nobodys_own(store: Database) -> None:
    await store.add_participants(AGENT, dm("ben"), [MAX])
    await link(store, BEN, ZOE)
    assert (await store.linked_person(ZOE)).room_ids == (dm("zoe"),)


async def test_a_code_is_good_once(store: Database) -> None:
    code = await code_of(store)
    assert await use(store, ZOE, code) is LinkEnd.LINKED
    assert await use(store, MAX, code) is LinkEnd.UNKNOWN
    assert await use(store, ZOE, code) is LinkEnd.UNKNOWN
    assert await store.linked_entities(MAX) == [MAX]


async def test_the_same_message_again_is_told_the_same_and_joins_nothing_anew(store: Database) -> None:
    """After a kill between the joining and the answer."""
    code, by = await code_of(store), new_id()
    assert await use(store, ZOE, code, by=by) is LinkEnd.LINKED
    await store.unlink(ZOE, by=ZOE)
    assert await use(store, ZOE, await code_of(store), by=by) is LinkEnd.LINKED
    await store.unlink(ZOE, by=ZOE)
    code, by = await code_of(store, MAX), new_id()
    for _ in range(2):
        assert await use(store, ZOE, code, by=by) is LinkEnd.LINKED
    assert len([e for e in await store.get_audit(AGENT) if e.action == "accounts linked"]) == 3


async def test_by_the_account_that_got_it_a_code_is_not_used_up(store: Database) -> None:
    code = await code_of(store)
    assert await use(store, BEN, code) is LinkEnd.OWN
    assert await use(store, ZOE, code) is LinkEnd.LINKED


async def test_a_code_is_over_after_ten_minutes(store: Database) -> None:
    code = await code_of(store)
    assert await use(store, ZOE, code, at=LINK_CODE_LASTS) is LinkEnd.UNKNOWN
    assert await use(store, ZOE, code, at=LINK_CODE_LASTS - timedelta(seconds=1)) is LinkEnd.LINKED


async def test_a_new_code_takes_the_place_of_the_one_before(store: Database) -> None:
    old, new = await code_of(store), await code_of(store)
    assert await use(store, ZOE, old) is LinkEnd.UNKNOWN
    assert await use(store, ZOE, new) is LinkEnd.LINKED


async def test_a_code_of_another_agent_is_none(store: Database) -> None:
    bob = Character(name="Bob")
    await store.ensure_agent(bob.agent_id, bob)
    stranger = Entity(id=create_unique_uuid(bob.agent_id, "ben"), agent_id=bob.agent_id, names=("Ben",))
    await store.create_entities([stranger])
    assert await use(store, stranger.id, await code_of(store)) is LinkEnd.UNKNOWN
    assert await store.linked_accounts(bob.agent_id) == []


async def test_the_agent_itself_and_the_unknown_get_no_code_and_use_none(store: Database) -> None:
    for nobody in (AGENT, new_id()):
        assert not await store.put_link_code(nobody, dm("ben"), new_link_code(), now=NOON)
        assert await use(store, nobody, await code_of(store)) is LinkEnd.UNKNOWN
        assert await store.unlink(nobody, by="x") == []


async def test_after_a_few_wrong_ones_nothing_is_compared_for_an_hour(store: Database) -> None:
    code = await code_of(store)
    for _ in range(LINK_TRIES_AT_MOST):
        assert await use(store, ZOE, new_link_code()) is LinkEnd.UNKNOWN
    assert await use(store, ZOE, code) is LinkEnd.WAIT
    assert await use(store, MAX, code) is LinkEnd.LINKED  # Others are not held up by it.
    later = MINUTE + LINK_WINDOW
    assert await use(store, ZOE, await code_of(store, TIM, at=later), at=later) is LinkEnd.LINKED


async def test_an_account_gets_a_few_codes_an_hour(store: Database) -> None:
    for _ in range(LINK_CODES_AT_MOST):
        await code_of(store)
    assert not await store.put_link_code(BEN, dm("ben"), new_link_code(), now=NOON)
    assert await store.put_link_code(BEN, dm("ben"), new_link_code(), now=NOON + LINK_WINDOW)


async def test_making_codes_does_not_forgive_wrong_tries(store: Database) -> None:
    for _ in range(LINK_TRIES_AT_MOST):
        await use(store, ZOE, new_link_code())
    await code_of(store, ZOE, at=MINUTE)
    assert await use(store, ZOE, await code_of(store)) is LinkEnd.WAIT


async def test_who_is_linked_already_uses_the_code_up(store: Database) -> None:
    await link(store, BEN, ZOE)
    code = await code_of(store)
    assert await use(store, ZOE, code) is LinkEnd.ALREADY
    assert await use(store, MAX, code) is LinkEnd.UNKNOWN


async def test_a_person_has_so_many_accounts_and_no_more(store: Database) -> None:
    for number in range(LINKED_AT_MOST - 1):
        await store.create_entities([make_person(f"x{number}")])
        code = new_link_code()
        await store.put_link_code(make_id(f"x{number}"), dm("ben"), code, now=NOON)
        assert await use(store, BEN, code) is LinkEnd.LINKED
    code = await code_of(store, ZOE)
    assert await use(store, BEN, code) is LinkEnd.TOO_MANY
    assert len(await store.linked_entities(BEN)) == LINKED_AT_MOST


async def test_a_code_that_others_have_read_is_good_no_more(store: Database) -> None:
    code = await code_of(store)
    assert await store.burn_link_code(ZOE, code)
    assert not await store.burn_link_code(ZOE, code)
    assert await use(store, ZOE, code) is LinkEnd.UNKNOWN


async def test_a_code_from_before_the_parting_is_good_no_more(store: Database) -> None:
    await link(store, BEN, ZOE)
    code = await code_of(store)
    await store.unlink(BEN, by=BEN)
    assert await use(store, ZOE, code) is LinkEnd.UNKNOWN


@pytest.mark.parametrize("gone", [BEN, ZOE])
async def test_whoever_is_erased_is_out_of_it(store: Database, gone: UUID) -> None:
    await link(store, BEN, ZOE)
    left = ZOE if gone == BEN else BEN
    assert (await store.export_entity(gone))["person_links"]
    assert (await store.erase_entity(gone))["person_links"] == 1
    assert await store.linked_accounts() == []
    assert await store.linked_entities(left) == [left]
    assert {e.action for e in await store.get_audit(AGENT)} == {"accounts linked"}


async def test_of_three_the_two_others_stay_one(store: Database) -> None:
    await link(store, BEN, ZOE)
    await link(store, BEN, MAX)
    await store.erase_entity(ZOE)
    assert set(await store.linked_entities(BEN)) == {BEN, MAX}


async def test_the_code_of_somebody_who_was_erased_is_none(store: Database) -> None:
    code = await code_of(store)
    await store.erase_entity(BEN)
    assert await use(store, ZOE, code) is LinkEnd.UNKNOWN


async def test_no_code_stands_in_the_database(store: Database, url: str, tmp_path: Path) -> None:
    code = await code_of(store)
    tables = await dump(url, tmp_path, ["link_codes", "audit"])
    assert code not in str(tables)
    assert shown_code(code) not in str(tables)
    await use(store, ZOE, code)
    details = [entry.details for entry in await store.get_audit(AGENT)]
    assert details == [{"accounts": 2}]


async def test_roles_do_not_join(store: Database) -> None:
    await link(store, BEN, ZOE)
    await store.update_world(make_world(metadata={"roles": {BEN: "ADMIN"}, "ownership": {"owner_id": BEN}}))
    world = await store.find_world(make_id("guild"))
    assert world is not None
    assert (world.role_of(BEN), world.role_of(ZOE)) == (Role.OWNER, Role.NONE)


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(seed=st.integers(0, 2**32))
@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
async def test_by_chance_persons_are_what_was_agreed_on(store: Database, seed: int) -> None:
    """Against a model: whatever is linked, parted and erased in whatever order."""
    chance = random.Random(seed)
    names = ["ben", "zoe", "max", "tim"]
    for entity_id in [make_id(name) for name in names]:
        await store.unlink(entity_id, everything=True, by="test")
    groups = [{make_id(name)} for name in names]
    for _ in range(12):
        one, other = chance.sample([make_id(name) for name in names], 2)
        of_one = next(group for group in groups if one in group)
        of_other = next(group for group in groups if other in group)
        match chance.randrange(4):
            case 0 | 1:
                at = LINK_WINDOW * next(HOURS)
                code = await code_of(store, one, at=at)
                end = await use(store, other, code, at=at + MINUTE)
                assert end is (LinkEnd.ALREADY if of_one is of_other else LinkEnd.LINKED)
                if of_one is not of_other:
                    groups = [group for group in groups if group not in (of_one, of_other)]
                    groups.append(of_one | of_other)
            case 2:
                await store.unlink(one, by=one)
                groups.remove(of_one)
                groups += [{one}, of_one - {one}] if len(of_one) > 1 else [of_one]
            case 3:
                await store.unlink(one, everything=True, by=one)
                groups.remove(of_one)
                groups += [{each} for each in of_one]
        for group in groups:
            for each in group:
                assert set(await store.linked_entities(each)) == group


async def test_of_several_who_enter_a_code_at_once_one_is_linked(store: Database) -> None:
    code = await code_of(store)
    ends = await asyncio.gather(*(use(store, each, code) for each in (ZOE, MAX, TIM)))
    assert sorted(ends) == [LinkEnd.LINKED, LinkEnd.UNKNOWN, LinkEnd.UNKNOWN]
    assert len(await store.linked_accounts()) == 2


async def test_codes_that_cross_each_other_join_all_of_them_into_one(store: Database) -> None:
    codes = {each: await code_of(store, each) for each in (BEN, ZOE, MAX)}
    turns = [(ZOE, codes[BEN]), (MAX, codes[ZOE]), (BEN, codes[MAX])]
    ends = await asyncio.gather(*(use(store, one, code) for one, code in turns))
    assert sorted(ends) == [LinkEnd.ALREADY, LinkEnd.LINKED, LinkEnd.LINKED]
    assert set(await store.linked_entities(BEN)) == {BEN, ZOE, MAX}
    assert len({each.person_id for each in await store.linked_accounts()}) == 1


async def test_a_parting_and_a_joining_at_once_leave_nobody_alone_with_themselves(store: Database) -> None:
    await link(store, BEN, ZOE)
    code = await code_of(store, BEN)
    await asyncio.gather(
        use(store, MAX, code), store.unlink(ZOE, by=ZOE), store.unlink(BEN, everything=True, by=BEN)
    )
    persons = [each.person_id for each in await store.linked_accounts()]
    assert all(persons.count(person) > 1 for person in persons)
    assert await store.linked_entities(ZOE) == [ZOE]


async def test_an_erasure_and_a_joining_at_once_leave_nothing_of_the_erased(store: Database) -> None:
    code = await code_of(store)
    await asyncio.gather(store.erase_entity(BEN), use(store, ZOE, code))
    assert await store.linked_accounts() == []
    assert await store.linked_entities(ZOE) == [ZOE]
    assert await store.find_entity(BEN) is None


async def test_nobody_guesses_a_code(store: Database) -> None:
    """Whatever somebody enters, with many accounts: none of it is near enough."""
    code = await code_of(store)
    other = "A" if code[0] != "A" else "B"
    near = [code[:-1], f"{code}A", other + code[1:], "", "%"]
    near += ["' OR 1=1 --", "\x00", "É" * 12]
    for number, guess in enumerate(near):
        await store.create_entities([make_person(f"guesser{number}")])
        assert await use(store, make_id(f"guesser{number}"), guess) is LinkEnd.UNKNOWN
    assert await store.linked_accounts() == []
    assert await use(store, ZOE, code) is LinkEnd.LINKED


async def test_the_code_of_a_row_that_was_used_is_no_way_in_for_an_empty_one(store: Database) -> None:
    """Rows of those who only tried have no code; an empty one must not find them."""
    await use(store, MAX, new_link_code())
    assert await use(store, ZOE, "") is LinkEnd.UNKNOWN
    assert await use(store, ZOE, "----") is LinkEnd.UNKNOWN
    assert await store.linked_accounts() == []
