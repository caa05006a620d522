"""elizaOS's ids are found again by our connectors; where its plugins' differ, they are mapped."""

import pytest
from telegram import Chat, User

from bot_host.host.refs import person_of, room_of, world_of
from bot_host.types.content import ChannelType
from bot_host.types.ids import create_unique_uuid, string_to_uuid
from bot_host.types.inbound import Account, PersonRef, RoomRef, WorldRef
from connectors.discord.places import Book, Place
from connectors.discord.places import person as discord_person
from connectors.slack.config import person_key as slack_person
from connectors.slack.events import room_key as slack_room
from connectors.telegram.content import Me
from connectors.telegram.places import person_of as telegram_person
from connectors.telegram.places import room_of as telegram_room
from connectors.telegram.places import world_of as telegram_world
from tests.app.elizaos.conftest import Here
from tests.elizaos import NEW, OLD, Eliza, elizaos

AGENT = string_to_uuid("Eliza")
DISCORD = Account(platform="discord", id="1")
TELEGRAM = Account(platform="telegram", id="1")
SLACK = Account(platform="slack", id="T1")
ME = Me(id=1, username="bot")
FORUM = Chat(id=-1001234567890, type="supergroup", title="Forum", is_forum=True)


def test_ids_as_elizaos_computes_them() -> None:
    """The examples of elizaos.md 3.6, made by elizaOS's own package; here by way of our connectors."""
    user = discord_person({"id": "1253563208833433701", "username": "ada"})
    assert person_of(AGENT, DISCORD, user).id == "17f1c41a-d2c7-0328-b6ea-99a18cd56b69"
    world = telegram_world(FORUM, ME)
    assert world_of(AGENT, TELEGRAM, world).id == "748989b6-305b-04ae-80b5-a70d3851cafa"
    main, topic = telegram_room(FORUM, None), telegram_room(FORUM, 7, "Roses")
    assert room_of(AGENT, TELEGRAM, main, None).id == "748989b6-305b-04ae-80b5-a70d3851cafa"
    assert room_of(AGENT, TELEGRAM, topic, None).id == "b48d45ae-0dc2-0ec3-91b4-3312052ed2fa"
    channel = RoomRef(key=slack_room("C012ABCDEF"), type=ChannelType.GROUP, channel_id="C012ABCDEF")
    assert room_of(AGENT, SLACK, channel, None).id == "d140f582-316f-05d9-8c4e-aa97672a4d94"


async def test_discord(eliza: Eliza, here: Here) -> None:
    """Ids made by elizaOS 1.7.2 itself (ensureConnection of its Discord plugin), for guild 111."""
    world = await eliza.world("111", id="5f3c9f64-e90f-008c-ba65-e800061eaeaa")
    room = await eliza.room("222", world_id=world)
    ada = await eliza.person("1253563208833433701", "Ada", id="17f1c41a-d2c7-0328-b6ea-99a18cd56b69")
    said = await eliza.say(room, ada, "hello", key="333")
    report = await here.take(eliza)
    assert dict(report.matches["discord"]) == {"rooms": 1, "rooms found": 1, "people": 1, "people found": 1}
    place = Place(id="222", type=0, guild_id="111", name="general")
    ours = room_of(AGENT, DISCORD, place.room(), world_of(AGENT, DISCORD, Book().world("111")).id)
    assert (
        (ours.id, ours.world_id)
        == (room, world)
        == (
            "e79caf29-1635-0c9f-a3bc-cdceb074ab04",
            "5f3c9f64-e90f-008c-ba65-e800061eaeaa",
        )
    )
    user = discord_person({"id": "1253563208833433701", "username": "ada"})
    assert person_of(AGENT, DISCORD, user).id == ada
    # A Discord message is known by its id alone, there and here: replies to old messages find them.
    assert said == "9d4b173c-e60e-0b46-94fa-44dfd049f4c8"


async def test_worlds_of_discords_private_chats_are_left_to_the_connector(eliza: Eliza, here: Here) -> None:
    world = await eliza.world("900", metadata={"ownership": {"ownerId": eliza.id("77")}})
    room = await eliza.room("900", type="DM", world_id=world)
    ada = await eliza.person("77", "Ada")
    said = await eliza.say(room, ada, "psst")
    report = await here.take(eliza)
    assert report.tally("worlds").left_out == 1
    async with here.store() as store:
        assert await store.get_worlds(AGENT) == []
        found, memory = await store.find_room(room), await store.find_memory(said)
    assert found is not None
    assert memory is not None
    assert (found.world_id, memory.world_id, found.type) == (None, None, ChannelType.DM)


@pytest.mark.parametrize("version", [OLD, NEW])
async def test_telegram_groups_get_one_world(version: str, here: Here) -> None:
    """elizaOS makes up to three for one (6.9-03)."""
    chat = str(FORUM.id)
    async with elizaos(version) as eliza:
        main = eliza.id(chat)
        await eliza.world(chat)
        by_handler = await eliza.world("", id=create_unique_uuid(AGENT, main))
        general = await eliza.room(chat, source="telegram", world_id=by_handler)
        topic = await eliza.room(f"{chat}-7", source="telegram", world_id=by_handler)
        ada = await eliza.person("42", "Ada", source="telegram")
        said = await eliza.say(topic, ada, "about roses")
        report = await here.take(eliza)
    ours = room_of(AGENT, TELEGRAM, telegram_room(FORUM, 7), None)
    async with here.store() as store:
        [world] = await store.get_worlds(AGENT)
        rooms = {room.id: room for room in await store.get_rooms(AGENT)}
        memory = await store.find_memory(said)
    assert world.id == world_of(AGENT, TELEGRAM, telegram_world(FORUM, ME)).id
    assert world.platform_id in ("", chat)
    assert rooms[general].world_id == rooms[topic].world_id == world.id
    assert topic == ours.id
    assert (rooms[topic].channel_id, rooms[topic].thread_id) == (ours.channel_id, ours.thread_id)
    assert memory is not None
    assert memory.world_id == world.id
    assert dict(report.matches["telegram"]) == {"rooms": 2, "rooms found": 2, "people": 1, "people found": 1}
    assert person_of(AGENT, TELEGRAM, telegram_person(User(id=42, first_name="Ada", is_bot=False))).id == ada


async def test_slack_people_become_the_agents_own(eliza: Eliza, here: Here) -> None:
    """There one id serves all agents (6.12-02); here each agent has its own."""
    key = slack_person("U012ABCDEF")
    world = await eliza.world("slack-workspace-T1")
    room = await eliza.room("slack-room-C012ABCDEF", source="slack", channel="C012ABCDEF", world_id=world)
    thread = await eliza.room(
        "slack-room-C012ABCDEF-17.1", source="slack", channel="C012ABCDEF", world_id=world
    )
    ada = await eliza.person("U012ABCDEF", "Ada", source="slack", id=string_to_uuid(key))
    assert ada == "48ba2fe8-0fd7-0fc8-b0bf-4047ba434a03"
    await eliza.join(room, ada)
    said = await eliza.say(room, ada, "hello")
    about = {"agent_id": eliza.agent_id, "room_id": room, "entity_id": ada}
    await eliza.put("components", **about, type="profile", source_entity_id=ada)
    await eliza.put("relationships", agent_id=AGENT, source_entity_id=ada, target_entity_id=AGENT)
    report = await here.take(eliza)
    assert report.skipped == []
    person = PersonRef(key=key, platform_id="U012ABCDEF", name="Ada")
    ours = person_of(AGENT, SLACK, person)
    async with here.store() as store:
        assert await store.find_entity(ada) is None
        assert await store.find_entity(ours.id) is not None
        memory = await store.find_memory(said)
        assert memory is not None
        assert memory.entity_id == ours.id
        assert [each.entity_id for each in await store.get_participants(room)] == [ours.id]
        [component] = await store.get_components(AGENT, ours.id)
        assert component.source_entity_id == ours.id
        assert len(await store.get_relationships(AGENT, ours.id)) == 1
    channel = RoomRef(key=slack_room("C012ABCDEF"), type=ChannelType.GROUP, channel_id="C012ABCDEF")
    assert room_of(AGENT, SLACK, channel, None).id == room
    root = RoomRef(key=slack_room("C012ABCDEF", "17.1"), type=ChannelType.THREAD, channel_id="C012ABCDEF")
    assert room_of(AGENT, SLACK, root, None).id == thread
    workspace = WorldRef(key="slack-workspace-T1", platform_id="T1")
    assert world_of(AGENT, SLACK, workspace).id == world


async def test_a_room_of_a_kind_or_platform_that_nobody_knows_is_kept(eliza: Eliza, here: Here) -> None:
    room = await eliza.room("r", source="farcaster", type="HOLOGRAM")
    report = await here.take(eliza)
    async with here.store() as store:
        found = await store.find_room(room)
    assert found is not None
    assert (found.source, found.type) == ("farcaster", ChannelType.GROUP)
    assert found.metadata == {"elizaos": {"type": "HOLOGRAM"}}
    assert "farcaster" not in report.matches
