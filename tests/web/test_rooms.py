"""Rooms, worlds and people by their addresses."""

import asyncio
import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot_host.types.content import ChannelType, Content, Media, Quote
from bot_host.types.ids import UUID, create_unique_uuid, new_id
from bot_host.types.inbound import Mark
from bot_host.types.knowledge import Audience
from bot_host.types.memory import Memory, MemoryType
from bot_host.types.outbound import Target
from bot_host.types.places import Entity, ParticipantState, Room, World
from bot_host.types.turn import Admission
from tests.web.conftest import Site

ACCOUNT = "discord:99"
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


class Places:
    """Puts things into the database as a platform would."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.agent = site.agent_id

    def id(self, key: str) -> UUID:
        return create_unique_uuid(self.agent, key)

    def world(self, key: str = "guild", **more: Any) -> World:
        fields = {"name": "The guild", "platform": "discord", "platform_id": key, **more}
        return World(id=self.id(key), agent_id=self.agent, **fields)

    def room(self, key: str, **more: Any) -> Room:
        fields: dict[str, Any] = {
            "name": key,
            "world_id": self.id("guild"),
            "source": "discord",
            "type": ChannelType.GROUP,
            "channel_id": f"c-{key}",
            **more,
        }
        return Room(id=self.id(key), agent_id=self.agent, **fields)

    def person(self, key: str) -> Entity:
        about = {"id": f"u-{key}", "name": key.title(), "user_name": key}
        return Entity(
            id=self.id(key), agent_id=self.agent, names=(key.title(), key), metadata={"discord": about}
        )

    async def say(
        self,
        text: str,
        *,
        room: str = "general",
        person: str = "ben",
        minutes: float = 0.0,
        mark: Mark | None = None,
        world: World | None = None,
        memory: dict[str, Any] | None = None,
        metadata: dict[str, Any] | None = None,
        place: dict[str, Any] | None = None,
        **content: Any,
    ) -> UUID:
        """Somebody says something; the id of the message."""
        key = new_id()
        at = NOON + timedelta(minutes=minutes)
        said = Memory(
            agent_id=self.agent,
            entity_id=self.id(person),
            room_id=self.id(room),
            content=Content(text=text, **content),
            created_at=at,
            metadata=metadata or {},
            **(memory or {}),
        )
        admission = Admission(
            agent_id=self.agent,
            account=ACCOUNT,
            event_key=key,
            message_id=f"m-{text[:20]}",
            world=world or self.world(),
            room=self.room(room, **(place or {})),
            sender=self.person(person),
            memory=said,
            target=Target(source="discord", account=ACCOUNT, channel_id=f"c-{room}"),
            sent_at=at,
            mark=mark,
        )
        await self.site.host.store.admit([admission])
        return said.id


@pytest.fixture
async def places(site: Site) -> Places:
    return Places(site)


async def items(site: Site, path: str, **params: Any) -> list[dict[str, Any]]:
    """All items of a list, read in pages of two."""
    found: list[dict[str, Any]] = []
    after = ""
    while True:
        status, body, _ = await site.get(path, params={**params, "count": 2, "after": after})
        assert status == 200, body
        found += body["items"]
        if body["next"] is None:
            return found
        assert len(body["items"]) == 2
        after = body["next"]


async def test_rooms_and_worlds_are_listed(site: Site, places: Places) -> None:
    for i, key in enumerate(("general", "help", "random")):
        await places.say(f"in {key}", room=key, minutes=i)
    await places.say(
        "psst",
        room="dm",
        person="zoe",
        minutes=9,
        place={"type": ChannelType.DM, "name": "", "world_id": None},
    )
    found = await items(site, "/api/v1/rooms")
    assert [each["title"] for each in found] == ["Zoe", "random", "help", "general"]
    assert found[0] == {
        "id": places.id("dm"),
        "name": "",
        "title": "Zoe",
        "source": "discord",
        "type": "DM",
        "private": True,
        "open": None,
        "channel_id": "c-dm",
        "thread_id": "",
        "agent": {"id": site.agent_id, "name": "Eliza"},
        "world": None,
        "closed": "",
        "people": 1,
        "state": None,
        "last": {"text": "psst", "at": (NOON + timedelta(minutes=9)).isoformat(), "name": "Zoe"},
    }
    assert [each["title"] for each in await items(site, "/api/v1/rooms", text="HEL")] == ["help"]
    assert len(await items(site, "/api/v1/rooms", world=places.id("guild"), agent="Eliza")) == 3
    assert await items(site, "/api/v1/rooms", platform="slack") == []
    (world,) = await items(site, "/api/v1/worlds", platform="discord", agent=site.agent_id)
    assert (world["name"], world["rooms"], world["platform_id"]) == ("The guild", 3, "guild")


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/api/v1/rooms?agent=Elisa", 404, "Eliza"),
        ("/api/v1/rooms?world=guild", 400, "world"),
        ("/api/v1/rooms?after=xyz", 400, "after"),
        ("/api/v1/rooms?after=WyJhIiwiYiJd", 400, "after"),
        ("/api/v1/rooms/general", 404, "no such room"),
        ("/api/v1/rooms/general/messages", 404, "no such room"),
        ("/api/v1/rooms/general/participants", 404, "no such room"),
        ("/api/v1/entities/ben", 404, "nobody"),
        ("/api/v1/entities/00000000-0000-0000-0000-000000000000", 404, "nobody"),
    ],
)
async def test_what_there_is_not_is_told_in_words(site: Site, path: str, status: int, words: str) -> None:
    got, body, headers = await site.get(path)
    assert (got, headers["Content-Type"]) == (status, "application/problem+json")
    assert words in body["detail"]


async def test_cursors_of_another_kind_are_refused(site: Site, places: Places) -> None:
    await places.say("hello")
    room = places.id("general")
    for place in (
        '["2026-11-23",1]',
        '["2026-11-23T12:00:00+00:00",-1]',
        '["2026-11-23T12:00:00+00:00","x"]',
    ):
        status, body, _ = await site.get(f"/api/v1/rooms/{room}/messages", params={"after": encoded(place)})
        assert (status, body["code"]) == (400, "bad_request")


def encoded(place: str) -> str:
    return base64.urlsafe_b64encode(place.encode()).rstrip(b"=").decode()


async def test_a_conversation_as_it_stands(site: Site, places: Places) -> None:
    first = await places.say("hello <b>all</b>", metadata={"reactions": {"👍": 2}})
    await places.say(
        "look",
        person="zoe",
        minutes=1,
        in_reply_to=first,
        quotes=[Quote(kind="forward", author="Kim", text="forwarded words")],
        attachments=[Media(id="1", url="https://example.org/cat.png", title="cat.png", description="a cat")],
    )
    await places.say(
        "only for the agent",
        minutes=2,
        memory={"type": MemoryType.CUSTOM, "audience": Audience.ENTITY},
    )
    gone = await places.say("deleted", minutes=3)
    await site.host.store.delete_memories([gone])
    found = await items(site, f"/api/v1/rooms/{places.id('general')}/messages")
    assert [each["text"] for each in found] == ["only for the agent", "look", "hello <b>all</b>"]
    _, body, _ = await site.get(f"/api/v1/rooms/{places.id('general')}/messages")
    assert [(each["name"], each["outcome"]) for each in body["gone"]] == [("Ben", None)]
    aside, look, hello = found
    assert (aside["private"], look["private"]) == (True, False)
    assert look["reply_to"] == {"id": first, "name": "Ben", "text": "hello <b>all</b>"}
    assert look["quotes"] == [{"kind": "forward", "author": "Kim", "text": "forwarded words"}]
    assert look["attachments"][0]["name"] == "cat.png"
    assert look["attachments"][0]["seen"] == "a cat"
    assert hello["reactions"] == {"👍": 2}
    assert (hello["entity"]["name"], hello["platform_id"], hello["account"]) == (
        "Ben",
        "m-hello <b>all</b>",
        ACCOUNT,
    )
    assert (hello["done"], hello["from"], hello["tree"]) == (False, "person", None)


async def test_a_room_tells_who_may_hear_of_it(site: Site, places: Places) -> None:
    await places.say("hello", place={"open": True})
    await places.say("psst", room="dm", place={"type": ChannelType.DM, "name": "", "world_id": None})
    await places.say("among us", room="closed", place={"open": False})
    await places.say("who knows", room="unknown")
    told = {}
    for key in ("general", "dm", "closed", "unknown"):
        _, body, _ = await site.get(f"/api/v1/rooms/{places.id(key)}")
        told[key] = (body["hearing"]["told"], body["hearing"]["recalled"])
        assert (body["waiting"], body["unsent"], body["account"]) == (1, 0, ACCOUNT)
    assert "Everybody in The guild may hear" in told["general"][0]
    assert "in rooms that all of The guild can read" in told["general"][1]
    assert told["dm"][0] == "Only the person who is here may hear of what is said here."
    assert "said of themselves" in told["dm"][1]
    assert "not all of The guild can read it" in told["closed"][0]
    assert "did not say" in told["unknown"][0]


async def test_people_of_a_room_and_one_of_them(site: Site, places: Places) -> None:
    world = places.world(metadata={"roles": {places.id("zoe"): "ADMIN"}})
    for i, key in enumerate(("ben", "zoe", "kim")):
        await places.say("hello", person=key, minutes=i, world=world)
    await site.host.store.create_memory(
        Memory(
            agent_id=site.agent_id,
            entity_id=places.id("zoe"),
            room_id=places.id("general"),
            type=MemoryType.FACT,
            content=Content(text="likes tea"),
            audience=Audience.ROOM,
        )
    )
    there = await items(site, f"/api/v1/rooms/{places.id('general')}/participants")
    assert {each["name"]: each["role"] for each in there if not each["agent"]} == {
        "Ben": None,
        "Zoe": "ADMIN",
        "Kim": None,
    }
    (found,) = await items(site, "/api/v1/entities", name="ZO", agent="Eliza")
    assert found["accounts"] == [
        {"platform": "discord", "id": "u-zoe", "name": "Zoe", "user_name": "zoe", "bot": False}
    ]
    status, zoe, _ = await site.get(f"/api/v1/entities/{found['id']}")
    assert status == 200
    assert [(each["name"], each["role"]) for each in zoe["rooms"]] == [("general", "ADMIN")]
    assert [each["text"] for each in zoe["facts"]] == ["likes tea"]
    assert (zoe["linked"], zoe["contacts"], zoe["agent"]["name"]) == ([], [], "Eliza")


class TestChanging:
    async def test_a_room_is_muted_and_gets_a_language(self, site: Site, places: Places) -> None:
        await places.say("hello", place={"metadata": {"topic": "all"}})
        room = places.id("general")
        path = f"/api/v1/rooms/{room}"
        status, body, _ = await site.ask(
            "PATCH", path, json={"state": "MUTED", "language": " Pirate\nEnglish ", "mention_only": True}
        )
        assert status == 200
        assert body["state"] == "MUTED"
        assert body["settings"] == {"language": "Pirate English", "mention_only": True}
        status, body, _ = await site.ask("PATCH", path, json={"language": None})
        assert (body["state"], body["settings"]) == ("MUTED", {"language": None, "mention_only": True})
        status, body, _ = await site.ask("PATCH", path, json={"state": None, "mention_only": None})
        assert (body["state"], body["settings"]) == (None, {"language": None, "mention_only": None})
        now = await site.host.store.find_room(room)
        assert now is not None
        assert now.metadata == {"topic": "all", "settings": {}}
        state = await site.host.store.get_participant_state(room, site.agent_id)
        assert state is None
        audit = await site.host.store.get_audit(site.agent_id)
        changes = [each for each in audit if each.action == "room settings changed"]
        assert {each.actor for each in changes} == {"console"}
        assert len(changes) == 3

    async def test_a_private_room_has_a_language_alone(self, site: Site, places: Places) -> None:
        await places.say("psst", place={"type": ChannelType.DM})
        path = f"/api/v1/rooms/{places.id('general')}"
        status, body, _ = await site.ask("PATCH", path, json={"state": "MUTED", "language": "de"})
        assert (status, "several people" in body["detail"]) == (409, True)
        status, body, _ = await site.ask("PATCH", path, json={"state": None, "language": "de"})
        assert (status, body["settings"]["language"]) == (200, "de")

    @pytest.mark.parametrize(
        ("given", "word"),
        [
            ({"state": "LOUD"}, "state"),
            ({"langage": "de"}, "langage"),
            ({"mention_only": "x"}, "mention_only"),
        ],
    )
    async def test_what_is_no_setting_is_named(
        self, site: Site, places: Places, given: dict[str, Any], word: str
    ) -> None:
        await places.say("hello")
        status, body, _ = await site.ask("PATCH", f"/api/v1/rooms/{places.id('general')}", json=given)
        assert (status, word in body["detail"]) == (400, True)
        state = await site.host.store.get_participant_state(places.id("general"), site.agent_id)
        assert state is not ParticipantState.MUTED


class TestSending:
    @pytest.fixture
    async def talk(self, site: Site) -> str:
        """A conversation of the console's chat, which is a platform like others."""
        site.host.start_connectors()
        async with asyncio.timeout(10):
            while not any(runner.state == "connected" for runner in site.host.connectors):
                await asyncio.sleep(0.01)
        site.model.answers.append("hi")
        talks = "/api/v1/agents/Eliza/conversations"
        await site.ask("POST", f"{talks}/one/messages", json={"text": "Hello"})
        await site.host.finish_pending()
        _, body, _ = await site.get(talks)
        room: str = body["items"][0]["room_id"]
        return room

    async def test_the_agent_says_it_there_once(self, site: Site, talk: str) -> None:
        path = f"/api/v1/agents/Eliza/rooms/{talk}/send"
        wanted = {"text": "News for **you**", "id": new_id()}
        for _ in range(2):
            status, body, _ = await site.ask("POST", path, json=wanted)
            assert (status, body) == (202, {"id": wanted["id"], "room_id": talk})
        await site.host.finish_pending()
        said = await items(site, f"/api/v1/rooms/{talk}/messages")
        assert [each["text"] for each in said] == ["News for **you**", "hi", "Hello"]
        news, answer, asked = said
        assert (news["from"], news["by_console"], news["run_id"]) == ("agent", True, None)
        assert [(part["state"], part["operation"]) for part in news["parts"]] == [("sent", "send")]
        assert news["tree"] == [["p", {}, "News for ", ["strong", {}, "you"]]]
        assert answer["run_id"] == asked["run_id"] is not None
        assert (asked["outcome"], answer["by_console"]) == ("answered", False)

    async def test_it_is_refused_where_it_would_not_arrive(self, site: Site, places: Places) -> None:
        await places.say("hello")
        room = places.id("general")
        for path, body, expected, word in [
            (f"/api/v1/agents/Eliza/rooms/{room}/send", {"text": "x"}, 409, ACCOUNT),
            (f"/api/v1/agents/Eliza/rooms/{room}/send", {"text": "  "}, 400, "text"),
            (f"/api/v1/agents/Eliza/rooms/{room}/send", {"text": "x", "id": "1"}, 400, "id"),
            (f"/api/v1/agents/Eliza/rooms/{new_id()}/send", {"text": "x"}, 404, "room"),
            (f"/api/v1/agents/Nobody/rooms/{room}/send", {"text": "x"}, 404, "Nobody"),
        ]:
            status, told, _ = await site.ask("POST", path, json=body)
            assert (status, word in told["detail"]) == (expected, True), told

    async def test_another_agents_room_is_none_of_its_rooms(self, site_at: Any) -> None:
        async with site_at(names=("Eliza", "Bob")) as site:
            places = Places(site)
            await places.say("hello")
            path = f"/api/v1/agents/Bob/rooms/{places.id('general')}/send"
            status, told, _ = await site.ask("POST", path, json={"text": "x"})
            assert (status, told["detail"]) == (404, "Bob has no such room")
