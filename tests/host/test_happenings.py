"""Reactions, people and worlds that come and go: plugins hear of them."""

import logging
from typing import Any

import pytest

from bot_host.types.events import Event, EventType, MessageEvent
from bot_host.types.inbound import InboundMembership, InboundReaction, PersonRef, WorldRef
from tests.host.conftest import House


async def test_a_reaction_reaches_plugins_and_the_next_prompt(house: House) -> None:
    heard: list[MessageEvent] = []
    agent = house.host.get_agent(house.agent_id)
    agent.register_event(EventType.REACTION_RECEIVED, heard.append)
    message = house.platform.message("hello")
    await house.platform.accept(message)
    await house.host.finish_pending()
    await house.platform.accept(
        InboundReaction(
            event_key=message.event_key,
            message_id=message.message_id,
            channel_id=message.target.channel_id,
            world=message.world,
            room=message.room,
            sender=message.sender,
            reaction="👍",
            added=True,
        )
    )
    await house.platform.say("again")
    await house.host.finish_pending()
    [event] = heard
    assert event.message.content.text == "👍"
    assert event.message.metadata == {"reaction": "👍", "added": True}
    said = [each.content for each in house.model.requests[-1].messages]
    assert any("hello\n[reactions: 👍 1]" in text for text in said)


@pytest.mark.parametrize(
    ("person", "joined", "kind"),
    [
        ("Ben", True, EventType.ENTITY_JOINED),
        ("Ben", False, EventType.ENTITY_LEFT),
        ("", True, EventType.WORLD_JOINED),
        ("", False, EventType.WORLD_LEFT),
    ],
)
async def test_who_comes_and_goes(
    house: House, caplog: pytest.LogCaptureFixture, person: str, joined: bool, kind: EventType
) -> None:
    caplog.set_level(logging.INFO)
    heard: list[Event] = []
    agent = house.host.get_agent(house.agent_id)
    agent.register_event(kind, heard.append)
    who = PersonRef(key="ben", platform_id="7", name=person) if person else None
    world = WorldRef(key="w", name="Workshop", platform_id="w")
    await house.platform.accept(InboundMembership(world=world, person=who, joined=joined))
    await house.platform.say("hello")
    await house.host.finish_pending()
    [event] = heard
    about: dict[str, Any] = event.data
    found = await house.store.find_world(about["world_id"])
    assert found is not None
    assert found.name == "Workshop"
    assert ("entity_id" in about) is bool(person)
    told = [record.message for record in caplog.records if "Workshop" in record.message]
    words = "added to" if joined else "removed from"
    assert told == ([] if person else [f"fake: the bot was {words} Workshop"])


async def test_who_came_a_moment_ago_does_not_come_again(house: House) -> None:
    heard: list[Event] = []
    agent = house.host.get_agent(house.agent_id)
    for kind in (EventType.ENTITY_JOINED, EventType.ENTITY_LEFT):
        agent.register_event(kind, heard.append)
    world = WorldRef(key="w", name="Workshop", platform_id="w")
    ben, ada = (PersonRef(key=name, platform_id=name, name=name) for name in ("ben", "ada"))
    for person, joined in ((ben, True), (ben, True), (ada, True), (ben, False), (ben, False), (ben, True)):
        await house.platform.accept(InboundMembership(world=world, person=person, joined=joined))
    await house.platform.say("hello")
    await house.host.finish_pending()
    assert [event.type for event in heard] == [
        EventType.ENTITY_JOINED,
        EventType.ENTITY_JOINED,
        EventType.ENTITY_LEFT,
        EventType.ENTITY_JOINED,
    ]
