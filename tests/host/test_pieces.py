"""A message that comes in pieces gets one turn and one answer, whenever the pieces come."""

import asyncio
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot_host.connector import ConnectorConfig
from bot_host.host import BotHost
from bot_host.runtime import AgentOptions
from bot_host.store import make_store
from bot_host.testing import FakePlatform, ScriptedModel
from bot_host.types.character import Character
from bot_host.types.content import ChannelType, Content, Media, MediaType
from bot_host.types.inbound import InboundEdit, InboundMessage, Joins
from tests.host.conftest import House, Houses
from tests.host.test_revisions import settled

SETTLE_S = 0.02


def piece(
    platform: FakePlatform,
    place: int,
    text: str = "",
    *,
    settle_s: float = SETTLE_S,
    file: bool = False,
    **how: Any,
) -> InboundMessage:
    message = platform.message(text, message_id=f"p{place}", **how)
    room = message.room.key
    files = [Media(id=f"file {place}", content_type=MediaType.VIDEO, silent=True)] if file else []
    return replace(
        message,
        memory_key=f"{room}:album",
        content=message.content.model_copy(update={"attachments": files}),
        joins=Joins(key=f"{room}/album", place=place, settle_s=settle_s),
    )


async def test_all_pieces_have_one_turn_and_one_answer(house: House) -> None:
    p = house.platform
    for place, text in ((2, ""), (1, "what is on these?"), (3, "")):
        await p.accept(piece(p, place, text, file=True))
    await p.wait_sent()
    await settled(house)
    assert len(p.sent) == 1
    assert p.changes == []
    assert len(house.model.requests) == 1
    [memory] = [
        m
        for m in await house.store.get_memories((await house.store.get_rooms(house.agent_id))[0].id)
        if m.entity_id != house.agent_id
    ]
    assert [media.id for media in memory.content.attachments] == ["file 1", "file 2", "file 3"]


async def test_a_piece_during_the_turn_begins_it_again(house_at: Houses) -> None:
    model = ScriptedModel()
    async with house_at(model=model) as house:
        model.hold.clear()
        p = house.platform
        await p.accept(piece(p, 1, "one", settle_s=0.0))
        await model.wait_asked()
        await p.accept(piece(p, 2, "two", settle_s=0.0))
        model.hold.set()
        assert await p.wait_sent() == ["echo: one\ntwo"]
        await settled(house)
        assert len(p.sent) == 1


async def test_a_late_piece_changes_the_answer_where_it_stands(house: House) -> None:
    p = house.platform
    await p.accept(piece(p, 1, "one"))
    await p.wait_sent()
    await settled(house)
    await p.accept(piece(p, 2, "two"))
    await p.wait_until(lambda: bool(p.changes))
    await settled(house)
    assert p.shown == ["echo: one\ntwo"]


async def test_where_answers_stay_a_late_piece_is_remembered_only(house_at: Houses) -> None:
    async with house_at(config=ConnectorConfig(edited_answer="ignore")) as house:
        p = house.platform
        await p.accept(piece(p, 1, "one"))
        await p.wait_sent()
        await settled(house)
        await p.accept(piece(p, 2, "two"))
        await settled(house)
        assert p.shown == ["echo: one"]
        assert len(house.model.requests) == 1


async def test_other_rooms_do_not_wait_for_it(house: House) -> None:
    p = house.platform
    await p.accept(piece(p, 1, "one", settle_s=600, room="slow", person="ben"))
    await p.say("hello")
    assert await p.wait_sent() == ["echo: hello"]


async def test_it_settles_by_its_own_time_after_a_restart(house_at: Houses) -> None:
    async with house_at(grace=0.0) as house:
        p = house.platform
        await p.accept(piece(p, 1, "one", settle_s=0.3))
        assert p.sent == []
    async with house_at() as house:
        await house.platform.accept(piece(house.platform, 2, "two", settle_s=0.3))
        assert await house.platform.wait_sent() == ["echo: one\ntwo"]
        await settled(house)


async def test_with_each_message_alone_an_album_is_still_one(house_at: Houses) -> None:
    async with house_at(options=AgentOptions(busy_mode="each", debounce_ms=30)) as house:
        p = house.platform
        await p.accept(piece(p, 1, "one"), p.message("and?"), piece(p, 2, "two"))
        assert await p.wait_sent(2) == ["echo: one\ntwo", "echo: and?"]
        await settled(house)


async def test_a_piece_is_no_newer_message_for_the_newest_alone(house_at: Houses) -> None:
    async with house_at(options=AgentOptions(busy_mode="latest")) as house:
        p = house.platform
        for place in (1, 2, 3):
            await p.accept(piece(p, place, f"{place}"))
        assert await p.wait_sent() == ["echo: 1\n2\n3"]
        await settled(house)
        assert (await house.store.audit_rows(host_runs=True)).balance.superseded == 0


async def test_in_a_group_any_piece_may_name_the_agent(house: House) -> None:
    p = house.platform
    group: dict[str, Any] = {"room": "general", "type": ChannelType.GROUP}
    await p.accept(piece(p, 1, **group))
    await p.accept(piece(p, 2, "look", mention=True, **group))
    await p.wait_sent()
    await settled(house)
    balance = (await house.store.audit_rows(host_runs=True)).balance
    assert (balance.received, balance.answered) == (1, 1)


@pytest.mark.parametrize("file", [False, True])
async def test_the_piece_that_names_the_agent_may_come_when_the_others_were_let_pass(
    house: House, file: bool
) -> None:
    p = house.platform
    group: dict[str, Any] = {"room": "general", "type": ChannelType.GROUP, "settle_s": 0.0}
    await p.accept(piece(p, 1, file=file, **group))
    await settled(house)
    assert (await house.store.audit_rows(host_runs=True)).balance.ignored == 1
    await p.accept(piece(p, 2, "look", mention=True, **group))
    await p.wait_sent()
    await settled(house)
    balance = (await house.store.audit_rows(host_runs=True)).balance
    assert (balance.received, balance.answered) == (1, 1)


STORIES = st.integers(1, 4).flatmap(
    lambda count: st.tuples(
        st.just(count),
        # Each piece at least once, in some order, some of them again, some together; 0: the host ends there.
        st.permutations(range(1, count + 1)),
        st.lists(st.tuples(st.integers(0, 2 * count), st.integers(0, count)), max_size=4),
        st.lists(st.booleans(), min_size=3 * count, max_size=3 * count),
        st.sampled_from([0.0, 0.005]),
        st.none() | st.integers(1, count),
    )
)
Story = tuple[int, list[int], list[tuple[int, int]], list[bool], float, int | None]


async def tell(story: Story, folder: Path) -> None:
    """Deliveries with restarts between; what people see in the end is one answer to all of it."""
    count, order, more, waits, settle_s, edited = story
    events = list(order)
    for at, what in more:
        events.insert(at, what)
    platform = FakePlatform()
    model = ScriptedModel()
    events.append(0)
    for number, what in enumerate(events):
        if number == 0 or what == 0:
            host, platform = await open_host(folder, model, platform)
        if what:
            await platform.accept(piece(platform, what, f"{what}", settle_s=settle_s, file=True))
        if waits[number % len(waits)]:
            await host.finish_pending()
        if number + 1 < len(events) and events[number + 1] == 0:
            await host.stop(0)
    if edited is not None:
        content = Content(text="edited", attachments=piece(platform, edited, file=True).content.attachments)
        at = platform.message("").sent_at
        await platform.accept(InboundEdit(event_key=f"ada/p{edited}", content=content, edited_at=at))
    await host.finish_pending()
    try:
        texts = ["edited" if place == edited else f"{place}" for place in range(1, count + 1)]
        assert platform.shown == [
            "\n".join(["echo: " + texts[0], *texts[1:], *(["[attached video]"] * count)])
        ]
        audited = await host.store.audit_rows(host_runs=False)
        assert audited.violations == ()
        assert (audited.balance.received, audited.balance.answered) == (1, 1)
    finally:
        await host.stop(5.0)


async def open_host(folder: Path, model: ScriptedModel, before: FakePlatform) -> tuple[BotHost, FakePlatform]:
    platform = FakePlatform()
    platform.sent, platform.changes = before.sent, before.changes
    host = BotHost(store=make_store("sqlite:///bot.db", base=folder), data_dir=folder)
    agent = {"character": Character(name="Eliza", bio=["Helps."]), "plugins": ["basics", model.plugin]}
    [agent_id] = await host.add_agents([agent])
    await host.start_agents()
    host.add_connector(platform, ConnectorConfig(), name="fake", agent_id=agent_id)
    host.start_connectors()
    await platform.accept()  # until it is connected
    return host, platform


@example((2, [2, 1], [(1, 0)], [True] * 6, 0.0, 1))
@example((3, [1, 2, 3], [], [False] * 9, 0.0, None))
@settings(max_examples=25, deadline=None)
@given(STORIES)
def test_whatever_the_order_there_is_one_answer_to_all_pieces(story: Story) -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(tell(story, Path(folder)))
