"""The console's memory page by its addresses: searched, put right, deleted, handed over, erased."""

import io
import zipfile
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest

from bot_host.kit.clock import utc_now
from bot_host.types.content import ChannelType, Content
from bot_host.types.ids import UUID, create_unique_uuid, new_id
from bot_host.types.knowledge import Audience, Relationship
from bot_host.types.memory import Memory, MemoryType
from bot_host.types.places import Entity, Room, World
from tests.web.conftest import Site, Sites

MEMORIES = "/api/v1/memories"


class Filled:
    """A site whose agent has met Ben and Cleo in an open channel, a closed one and a private chat."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.store = site.host.store
        self.ben, self.cleo = self.id("ben"), self.id("cleo")
        self.hall, self.attic, self.private = self.id("hall"), self.id("attic"), self.id("dm")

    def id(self, base: str) -> UUID:
        return create_unique_uuid(self.site.agent_id, base)

    async def fill(self) -> None:
        agent_id = self.site.agent_id
        world = World(id=self.id("guild"), agent_id=agent_id, name="The guild", platform="discord")
        rooms: list[dict[str, Any]] = [
            {"id": self.hall, "world_id": world.id, "name": "hall", "open": True},
            {"id": self.attic, "world_id": world.id, "name": "attic", "open": False},
            {"id": self.private, "name": "Ben", "type": ChannelType.DM},
        ]
        people = [
            Entity(id=self.ben, agent_id=agent_id, names=("Ben",), metadata={"discord": {"id": "77"}}),
            Entity(id=self.cleo, agent_id=agent_id, names=("Cleo",)),
        ]
        made = [Room(agent_id=agent_id, source="discord", **room) for room in rooms]
        await self.store.apply_places("discord:1", [world], made, people, None)
        for room_id in (self.hall, self.attic, self.private):
            await self.store.add_participants(agent_id, room_id, [agent_id, self.ben])

    async def say(self, text: str, room: UUID = "", *, by: UUID = "", **more: Any) -> Memory:
        memory = Memory(
            agent_id=self.site.agent_id,
            entity_id=by or self.ben,
            room_id=room or self.hall,
            world_id=None if room == self.private else self.id("guild"),
            content=Content(text=text),
            **more,
        )
        assert await self.store.create_memory(memory)
        return memory

    async def learn(self, text: str, source: Memory, **more: Any) -> Memory:
        return await self.say(
            text,
            source.room_id,
            **{
                "by": source.entity_id,
                "type": MemoryType.FACT,
                "source_memory_id": source.id,
                "confidence": 0.6,
                "audience": Audience.ROOM,
                **more,
            },
        )

    async def get(self, path: str, **query: Any) -> Any:
        status, body, _ = await self.site.get(path, params=query)
        assert status == 200, body
        return body

    async def refused(self, method: str, path: str, **how: Any) -> tuple[int, str]:
        status, body, _ = await self.site.ask(method, path, **how)
        assert status >= 400, body
        return status, body["detail"]


@pytest.fixture
async def filled(site: Site) -> Filled:
    one = Filled(site)
    await one.fill()
    return one


async def test_the_search_tells_who_said_it_where_and_who_may_hear_it(filled: Filled) -> None:
    said = await filled.say("The harbour opens at nine")
    fact = await filled.learn("works at the harbour", said, audience=Audience.ENTITY)
    found = await filled.get(MEMORIES, q="harbour")
    by_id = {each["id"]: each for each in found["items"]}
    assert by_id.keys() == {said.id, fact.id}
    told = by_id[said.id]
    assert (told["person"]["name"], told["room"]["name"], told["room"]["world"]) == (
        "Ben",
        "hall",
        "The guild",
    )
    assert told["heard_by"] == "everybody in The guild"
    assert by_id[fact.id]["heard_by"] == "Ben alone, in private"
    assert by_id[fact.id]["source"]["text"] == "The harbour opens at nine"
    assert {each["words"]["place"] for each in found["items"]} == {1, 2}
    assert (told["meaning"], found["model"], found["next"]) == (None, "", None)


async def test_the_search_hears_what_a_room_would_hear(filled: Filled) -> None:
    secret = await filled.say("The harbour password", filled.private)
    closed = await filled.say("The harbour in the attic", filled.attic)
    public = await filled.say("The harbour in the hall")

    async def heard(room_id: UUID) -> set[UUID]:
        found = await filled.get(MEMORIES, q="harbour", heard=room_id)
        return {each["id"] for each in found["items"]}

    assert await heard(filled.hall) == {public.id}
    assert await heard(filled.attic) == {public.id, closed.id}
    assert await heard(filled.private) == {secret.id}
    status, why = await filled.refused("GET", MEMORIES, params={"q": "x", "heard": new_id()})
    assert (status, why) == (404, "heard: Eliza knows no such room")


async def test_the_search_is_narrowed_and_paged(filled: Filled) -> None:
    now = utc_now()
    for n in range(5):
        await filled.say(f"harbour {n}", created_at=now - timedelta(days=n))
    mine = await filled.say("harbour by Cleo", by=filled.cleo)
    first = await filled.get(MEMORIES, q="harbour", count=4)
    rest = await filled.get(MEMORIES, q="harbour", count=4, after=first["next"])
    assert [each["number"] for each in (*first["items"], *rest["items"])] == [1, 2, 3, 4, 5, 6]
    assert rest["next"] is None
    by_cleo = await filled.get(MEMORIES, q="harbour", person=filled.cleo)
    assert [each["id"] for each in by_cleo["items"]] == [mine.id]
    since = (now - timedelta(days=2, hours=1)).isoformat()
    lately = await filled.get(MEMORIES, q="harbour", since=since, room=filled.hall, types="message")
    assert len(lately["items"]) == 4
    assert (await filled.get(MEMORIES, q="harbour", types="fact"))["items"] == []
    for wrong in (
        {"q": ""},
        {"q": "x", "person": "Ben"},
        {"q": "x", "types": "dream"},
        {"q": "x", "after": "?"},
    ):
        assert (await filled.refused("GET", MEMORIES, params=wrong))[0] == 400


async def test_rooms_are_found_for_the_search(filled: Filled) -> None:
    names = [each["name"] for each in (await filled.get(f"{MEMORIES}/rooms", q="GUILD"))["items"]]
    assert sorted(names) == ["attic", "hall"]
    (one,) = (await filled.get(f"{MEMORIES}/rooms", id=filled.private))["items"]
    assert (one["name"], one["private"]) == ("Ben", True)


async def test_a_fact_is_put_right(filled: Filled) -> None:
    fact = await filled.learn("lives in Bern", await filled.say("I live in Basel"))
    path = f"{MEMORIES}/{fact.id}"
    change = {"text": "lives in Basel", "audience": "world", "confidence": 1}
    status, body, _ = await filled.site.ask("PATCH", path, json=change)
    assert (status, body["text"], body["confidence"]) == (200, "lives in Basel", 1.0)
    assert body["heard_by"] == "everybody in The guild, and Ben in private"
    assert (await filled.get(path))["text"] == "lives in Basel"
    audit = await filled.store.get_audit(filled.site.agent_id)
    assert (audit[0].action, audit[0].actor, audit[0].subject) == ("memory corrected", "console", fact.id)
    assert "Basel" not in str(audit[0].details)
    for wrong in ({}, {"text": " "}, {"confidence": 2}, {"audience": "nobody"}, {"mood": "good"}):
        assert (await filled.refused("PATCH", path, json=wrong))[0] == 400


async def test_the_words_of_a_message_stay_but_it_may_be_for_fewer_ears_and_go(filled: Filled) -> None:
    said = await filled.say("I live in Basel")
    fact = await filled.learn("lives in Basel", said)
    path = f"{MEMORIES}/{said.id}"
    assert (await filled.refused("PATCH", path, json={"text": "I live in Bern"}))[0] == 409
    status, body, _ = await filled.site.ask("PATCH", path, json={"audience": "room"})
    assert (status, body["heard_by"]) == (200, "whoever is in hall")
    assert [each["id"] for each in (await filled.get(path))["derived"]] == [fact.id]
    async with filled.site.client.delete(filled.site.web.url + path) as answer:
        assert answer.status == 204
    assert await filled.store.get_memories_by_ids([said.id, fact.id]) == []
    assert (await filled.refused("GET", path))[0] == 404
    assert (await filled.refused("DELETE", f"{MEMORIES}/nothing"))[0] == 404


async def test_facts_are_listed_with_their_sources_by_pages(filled: Filled) -> None:
    said = await filled.say("I live in Basel with Cleo")
    await filled.learn("lives in Basel", said)
    await filled.learn("lives with Ben", said, metadata={"about": filled.cleo})
    await filled.learn("is tidy", said, metadata={"about": "here"}, audience=Audience.AGENT)
    first = await filled.get("/api/v1/facts", count=2)
    rest = await filled.get("/api/v1/facts", count=2, after=first["next"])
    told = [each["about"] and each["about"]["name"] for each in (*first["items"], *rest["items"])]
    assert told == ["the room and its people", "Cleo", None]
    assert {each["source"]["id"] for each in first["items"]} == {said.id}
    only = await filled.get("/api/v1/facts", audience="agent", person=filled.ben, room=filled.hall)
    assert [each["text"] for each in only["items"]] == ["is tidy"]
    assert (await filled.get("/api/v1/facts", person=filled.cleo))["items"] == []


async def test_relationships_are_listed_put_right_and_deleted(filled: Filled) -> None:
    said = await filled.say("Cleo is my boss")
    fields: dict[str, Any] = {
        "agent_id": filled.site.agent_id,
        "source_entity_id": filled.ben,
        "target_entity_id": filled.cleo,
        "tags": ("boss",),
    }
    link = await filled.store.put_relationship(Relationship(**fields, source_memory_id=said.id))
    await filled.store.put_relationship(Relationship(**fields))
    first = await filled.get("/api/v1/relationships", count=1)
    rest = await filled.get("/api/v1/relationships", count=1, after=first["next"], person=filled.cleo)
    told = {each["heard_by"]: each for each in (*first["items"], *rest["items"])}
    assert told.keys() == {"whoever is in hall, and Ben in private", "each of the two in private"}
    shown = told["whoever is in hall, and Ben in private"]
    assert (shown["from"]["name"], shown["to"]["name"], shown["source"]["text"]) == (
        *("Ben", "Cleo"),
        "Cleo is my boss",
    )
    path = f"/api/v1/relationships/{link.id}"
    change = {"tags": ["friend", "friend "], "audience": "agent"}
    status, body, _ = await filled.site.ask("PATCH", path, json=change)
    assert (status, body["tags"], body["heard_by"]) == (
        200,
        ["friend"],
        "everybody whom the agent talks with",
    )
    assert (await filled.refused("PATCH", path, json={}))[0] == 400
    async with filled.site.client.delete(filled.site.web.url + path) as answer:
        assert answer.status == 204
    assert (await filled.refused("DELETE", path))[0] == 404


async def test_people_are_found_by_name_and_by_their_accounts(filled: Filled) -> None:
    await filled.store.create_entities(
        [Entity(id=filled.id("42"), agent_id=filled.site.agent_id, metadata={"discord": {"id": "42"}})]
    )

    async def found(q: str = "", **more: Any) -> list[str]:
        return [each["name"] for each in (await filled.get("/api/v1/people", q=q, **more))["items"]]

    assert await found("be") == ["Ben"]
    assert await found() == ["Ben", "Cleo"]
    assert await found(filled.ben) == ["Ben"]
    assert await found("discord:42") == ["discord 42"] == await found("42")
    assert await found("nobody") == []
    first = await filled.get("/api/v1/people", count=1)
    assert await found(count=1, after=first["next"]) == ["Cleo"]


async def test_a_person_is_handed_over_and_erased_by_name(filled: Filled) -> None:
    said = await filled.say("I live in Basel")
    await filled.learn("lives in Basel", said)
    path = f"/api/v1/entities/{filled.ben}"
    held = await filled.get(f"{path}/held")
    assert (held["held"]["memories"], held["linked"]) == (2, [])
    assert held["person"]["accounts"] == [{"platform": "discord", "id": "77", "name": ""}]
    async with filled.site.client.get(f"{filled.site.web.url}{path}/export") as answer:
        assert answer.content_type == "application/zip"
        with zipfile.ZipFile(io.BytesIO(await answer.read())) as archive:
            assert "lives in Basel" in archive.read("summary.md").decode()
    for confirm in ("", "Cleo"):
        assert await filled.refused("DELETE", f"{path}?confirm={confirm}") == (
            409,
            "confirm: to erase them for good, give their name: Ben",
        )
    assert await filled.store.find_memory(said.id)
    status, body, _ = await filled.site.ask("DELETE", f"{path}?confirm={quote(' ben')}")
    assert status == 200
    (receipt,) = body["erased"]
    assert receipt["id"] == filled.ben
    assert receipt["rows"]["memories"] == 2
    assert await filled.store.find_memory(said.id) is None
    assert (await filled.refused("GET", f"{path}/held"))[0] == 404
    assert "Ben" not in str(await filled.store.get_audit(filled.site.agent_id))


async def test_linked_accounts_are_shown_parted_and_erased_together(filled: Filled) -> None:
    async def link() -> None:
        code = "ABCDEFGHJKMN"
        assert await filled.store.put_link_code(filled.ben, filled.private, code, now=utc_now())
        await filled.store.use_link_code(filled.cleo, code, by=new_id(), now=utc_now())

    await link()
    path = f"/api/v1/entities/{filled.ben}"
    assert [each["name"] for each in (await filled.get(f"{path}/held"))["linked"]] == ["Cleo"]
    status, body, _ = await filled.site.ask("POST", f"{path}/part")
    assert (status, body) == (200, {"parted_from": [filled.cleo]})
    assert (await filled.refused("POST", f"{path}/part"))[0] == 409
    await link()
    _, body, _ = await filled.site.ask("DELETE", f"{path}?confirm=Ben&linked=true")
    assert [each["id"] for each in body["erased"]] == [filled.cleo, filled.ben]


async def test_nobody_erases_the_agent_itself(filled: Filled) -> None:
    path = f"/api/v1/entities/{filled.site.agent_id}"
    assert (await filled.refused("DELETE", f"{path}?confirm=Eliza"))[0] == 409
    assert (await filled.refused("GET", f"/api/v1/entities/{new_id()}/held"))[0] == 404


async def test_the_state_tells_of_vectors_and_of_what_there_is(filled: Filled) -> None:
    await filled.learn("lives in Basel", await filled.say("I live in Basel"))
    state = await filled.get(f"{MEMORIES}/state")
    assert (state["agent"]["name"], state["counts"], state["retention"]) == ("Eliza", {"fact": 1}, None)
    assert (state["embeddings"]["model"], state["embeddings"]["waiting"]) == ("", 0)


async def test_all_of_it_asks_for_the_token(site_at: Sites) -> None:
    async with site_at(token="hunter2-hunter2") as site:
        for method, path in (
            ("GET", f"{MEMORIES}?q=x"),
            ("GET", "/api/v1/facts"),
            ("GET", "/api/v1/people"),
            ("DELETE", f"/api/v1/entities/{new_id()}"),
            ("POST", "/api/v1/knowledge"),
            ("GET", "/api/v1/summaries"),
        ):
            status, _, _ = await site.ask(method, path)
            assert status == 401, path
