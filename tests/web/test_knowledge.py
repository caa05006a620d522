"""The console's knowledge and summaries by their addresses: added, read, searched, removed; made anew."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot_host.app.build import load
from bot_host.types.content import Content
from bot_host.types.events import EventType
from bot_host.types.ids import UUID, create_unique_uuid, new_id
from bot_host.types.memory import Memory
from bot_host.types.places import Room
from tests.store.samples import make_summary
from tests.web.conftest import Site

KNOWLEDGE = "/api/v1/knowledge"


async def read_all(site: Site) -> list[dict[str, Any]]:
    """The sources, once the agent has looked at all of them."""
    changed = asyncio.Event()
    agent = site.host.get_agent(site.agent_id)
    agent.on(EventType.KNOWLEDGE_CHANGED, lambda _: changed.set())
    async with asyncio.timeout(30):
        while True:
            _, body, _ = await site.get(KNOWLEDGE)
            if all(
                each["state"] in ("ready", "failed") for each in body["items"] if each["kind"] != "folder"
            ):
                items: list[dict[str, Any]] = body["items"]
                return items
            await changed.wait()
            changed.clear()


async def add(site: Site, **given: Any) -> tuple[int, Any]:
    status, body, _ = await site.ask("POST", KNOWLEDGE, json=given)
    return status, body


async def test_a_text_is_known_and_forgotten(site: Site) -> None:
    status, body = await add(site, text="# Opening hours\n\nThe harbour opens at nine.")
    assert (status, body["title"], body["state"]) == (202, "Opening hours", "new")
    (source,) = await read_all(site)
    assert (source["fragments"], source["state"], source["world"]) == (1, "ready", None)
    path = f"{KNOWLEDGE}/{source['id']}"
    _, parts, _ = await site.get(f"{path}/fragments")
    assert ["The harbour opens at nine." in each["text"] for each in parts["items"]] == [True]
    _, found, _ = await site.get("/api/v1/memories", params={"q": "harbour", "types": "fragment"})
    (hit,) = found["items"]
    assert hit["heard_by"] == "everybody whom the agent talks with"
    for method, change in (("PATCH", {"json": {"audience": "room"}}), ("DELETE", {})):
        status, body, _ = await site.ask(method, f"/api/v1/memories/{hit['id']}", **change)
        assert status == 409, body
    assert (await site.ask("POST", f"{path}/read"))[0] == 202
    assert (await site.ask("DELETE", path))[:2] == (200, {"removed": 1})
    assert (await site.ask("DELETE", path))[0] == 404
    _, found, _ = await site.get("/api/v1/memories", params={"q": "harbour"})
    assert found["items"] == []


async def test_a_file_is_uploaded_and_known_by_its_headings(site: Site) -> None:
    html = b"<h1>Harbour</h1><h2>Fees</h2><p>A berth costs five crowns.</p><h2>Dogs</h2><p>Dogs may come.</p>"
    _, file, _ = await site.ask("POST", "/api/v1/files?name=rules.html", data=html)
    status, body = await add(site, file=file["file"], name=file["name"])
    assert (status, body["location"]) == (202, "upload: rules.html")
    (source,) = await read_all(site)
    _, parts, _ = await site.get(f"{KNOWLEDGE}/{source['id']}/fragments")
    (part,) = parts["items"]
    assert part["headings"] == ["Harbour"]
    assert part["text"].split("\n\n")[-4:] == [
        *("## Fees", "A berth costs five crowns."),
        *("## Dogs", "Dogs may come."),
    ]
    _, image, _ = await site.ask("POST", "/api/v1/files?name=a.png", data=b"\x89PNG\r\n\x1a\nnothing")
    status, body = await add(site, file=image["file"], name="a.png")
    assert (status, body["detail"].startswith("a.png: ")) == (422, True)


async def test_a_folder_tells_how_far_it_is_and_keeps_its_files(site: Site, tmp_path: Path) -> None:
    folder = tmp_path / "docs"
    folder.mkdir()
    for name in ("a", "b"):
        (folder / f"{name}.md").write_text(f"About {name}.")
    assert (await add(site, place=str(folder)))[0] == 202
    async with asyncio.timeout(30):
        while len(items := await read_all(site)) < 3:
            await asyncio.sleep(0.01)
    whole, *inner = items
    _, body, _ = await site.get(KNOWLEDGE)
    assert body["items"][0]["inside"] == {"ready": 2}
    assert body["counts"]["fragments"] == 2
    status, refused, _ = await site.ask("DELETE", f"{KNOWLEDGE}/{inner[0]['id']}")
    assert (status, "come back with its folder" in refused["detail"]) == (409, True)
    assert (await site.ask("DELETE", f"{KNOWLEDGE}/{whole['id']}"))[1] == {"removed": 3}
    first = (await site.get(KNOWLEDGE))[1]
    assert (first["items"], first["next"]) == ([], None)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({}, "give one of place, file and text"),
        ({"text": "a", "place": "b"}, "give one of place, file and text"),
        ({"place": "nothing/here.md"}, "place: there is no"),
        ({"place": "~/.ssh/id_rsa"}, "place: hidden files"),
        ({"place": ".env"}, "place: hidden files"),
        ({"file": "nothing"}, "file: there is no such file"),
        ({"text": "a", "world": "Nowhere"}, 'world: there is no world "Nowhere"'),
        ({"text": "a", "mood": "good"}, "mood: there is no such key"),
    ],
)
async def test_what_cannot_be_known_is_said(site: Site, given: dict[str, str], why: str) -> None:
    status, body = await add(site, **given)
    assert status in (400, 404)
    assert body["detail"].startswith(why), body


async def test_a_folder_around_the_host_s_own_files_is_not_read(site: Site, tmp_path: Path) -> None:
    folder = tmp_path / "site"
    (folder / "manuals").mkdir(parents=True)
    (folder / "manuals" / "care.md").write_text("Water it.", encoding="utf-8")
    (folder / "config.toml").write_text('[host]\ndata_dir = "data"\n', encoding="utf-8")
    site.web._api.hub.loaded = load(folder / "config.toml", {}, {})
    for place in (".", str(tmp_path), "config.toml", "data"):
        status, body = await add(site, place=place)
        assert (status, body["detail"].startswith("place: hidden files, and folders")) == (400, True), place
    assert (await add(site, place="manuals"))[0] == 202


async def test_what_cannot_be_read_says_why_without_its_password(site: Site) -> None:
    assert (await add(site, place="http://ben:hunter2@127.0.0.1:9/rules"))[0] == 202
    (source,) = await read_all(site)
    assert (source["state"], source["location"]) == ("failed", "http://ben:***@127.0.0.1:9/rules")
    assert source["remark"]
    assert "hunter2" not in str(source)


async def test_summaries_are_shown_by_room_and_made_anew(site: Site) -> None:
    room_id = await spoken(site)
    store = site.host.store
    said, _ = await store.messages_to_fold(room_id, begins_at=None, count=4, horizon=9)
    made = replace(make_summary(said, "Ben said hello."), agent_id=site.agent_id)
    assert await store.put_summary(made, [each.print for each in said])
    _, body, _ = await site.get("/api/v1/summaries")
    (told,) = body["items"]
    assert (told["room"]["name"], told["parts"], told["messages"], told["stale"]) == ("hall", 1, 4, 0)
    path = f"/api/v1/summaries/{room_id}"
    _, body, _ = await site.get(path)
    assert [(each["text"], each["messages"], each["state"]) for each in body["parts"]] == [
        ("Ben said hello.", 4, "ready")
    ]
    status, body, _ = await site.ask("POST", f"{path}/rebuild")
    assert (status, body) == (202, {"parts": 1})
    await site.host.get_agent(site.agent_id).summaries.finish()
    _, body, _ = await site.get(path)
    assert [each["text"] for each in body["parts"]] == ["They talked."]
    assert (await site.get(f"/api/v1/summaries/{new_id()}"))[0] == 404


async def spoken(site: Site) -> UUID:
    """A room with four messages."""
    room_id = create_unique_uuid(site.agent_id, "hall")
    room = Room(id=room_id, agent_id=site.agent_id, name="hall", source="discord")
    await site.host.store.apply_places("discord:1", [], [room], [], None)
    for n in range(4):
        said = Memory(
            agent_id=site.agent_id,
            entity_id=site.agent_id,
            room_id=room_id,
            content=Content(text=f"hello {n}"),
        )
        assert await site.host.store.create_memory(said)
    return room_id
