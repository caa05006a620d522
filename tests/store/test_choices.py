"""What messages offer to choose from: with the message, once, and until it is over."""

from datetime import timedelta

from bot_host.kit.clock import utc_now
from bot_host.store import Database
from bot_host.store.choices import KEPT
from bot_host.types.choices import Choices, Pick
from bot_host.types.content import Content
from bot_host.types.memory import Memory
from tests.store.samples import AGENT, make_admission, make_id

ROOM, BEN = make_id("room"), make_id("ben")


async def offer(store: Database, key: str, *, owner: str | None = BEN, lasts: float = 60.0) -> Memory:
    """A message of the agent's with something to choose."""
    choices = Choices(
        picks=[Pick(label="Tea"), Pick(label="Coffee")],
        key=key,
        owner=owner,
        expires_at=utc_now() + timedelta(seconds=lasts),
    )
    content = Content(text="Which one?", choices=choices)
    memory = Memory(agent_id=AGENT, entity_id=AGENT, room_id=ROOM, content=content)
    assert await store.create_memory(memory)
    return memory


async def test_it_comes_with_the_message_and_goes_with_it(store: Database) -> None:
    await store.admit([make_admission("m1")])
    memory = await offer(store, "k")
    found = await store.find_choice("k")
    assert found is not None
    assert (found.memory_id, found.entity_id, found.used_at) == (memory.id, BEN, None)
    assert found.choices == memory.content.choices
    await store.delete_memories([memory.id])
    assert await store.find_choice("k") is None


async def test_it_is_used_once_and_the_same_message_may_try_again(store: Database) -> None:
    await store.admit([make_admission("m1")])
    await offer(store, "k")
    assert await store.use_choice("k", make_id("one"))
    assert await store.use_choice("k", make_id("one"))
    assert not await store.use_choice("k", make_id("two"))
    assert not await store.use_choice("nonsense", make_id("one"))
    found = await store.find_choice("k")
    assert found is not None
    assert found.used_by == make_id("one")


async def test_what_is_over_cannot_be_used_but_what_was_begun_can_be_ended(store: Database) -> None:
    await store.admit([make_admission("m1")])
    await offer(store, "late", lasts=-1)
    assert not await store.use_choice("late", make_id("one"))


async def test_a_room_knows_what_is_open_in_it(store: Database) -> None:
    await store.admit([make_admission("m1")])
    for key, lasts in (("short", 60.0), ("long", 600.0), ("over", -1.0), ("used", 60.0)):
        await offer(store, key, lasts=lasts)
    await store.use_choice("used", make_id("one"))
    assert [each.key for each in await store.open_choices(ROOM, utc_now())] == ["long", "short"]
    assert await store.open_choices(make_id("elsewhere"), utc_now()) == []


async def test_others_cannot_offer_in_the_agents_name(store: Database) -> None:
    made = make_admission("m1")
    choices = Choices(picks=[Pick(label="a")], key="k", expires_at=utc_now() + timedelta(hours=1))
    made.memory.content.choices = choices
    await store.admit([made])
    assert await store.find_choice("k") is None


async def test_old_ones_are_swept(store: Database) -> None:
    await store.admit([make_admission("m1")])
    await offer(store, "old", lasts=-KEPT.total_seconds() - 1)
    await offer(store, "late", lasts=-KEPT.total_seconds() + 60)
    await offer(store, "new")
    assert await store.find_choice("old") is None
    assert await store.find_choice("late") is not None
