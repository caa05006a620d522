"""What a person is handed over: whole zip files, within the bounds of a message, without others' words."""

import io
import json
import random
import zipfile
from collections.abc import Mapping
from typing import Any

import pytest

from bot_host.host.archive import BULKY, Rows, _folder, _Held, collect, pack, summary
from bot_host.types.archive import Archive
from bot_host.types.content import ChannelType, Content, Media, Quote
from bot_host.types.ids import create_unique_uuid
from bot_host.types.memory import Memory, MemoryType
from bot_host.types.places import Entity
from bot_host.types.task import Task
from tests.host.conftest import House, house, house_at

__all__ = ["house", "house_at"]

ADA = Entity(id="00000000-0000-0000-0000-00000000000a", agent_id="x", names=("Ada",), metadata={"fake": {}})


def opened(archive: Archive) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    for part in archive.parts:
        with zipfile.ZipFile(io.BytesIO(part)) as each:
            assert each.testzip() is None
            found = {name: each.read(name) for name in each.namelist()}
            assert not found.keys() & files.keys()
            files |= found
    return files


def packed(rows: Rows, media: Mapping[str, bytes] | None = None, **how: Any) -> Archive:
    held = _Held(entity=ADA, rows=rows, folder="fake-ada", media=media or {})
    return pack([held], agent="Eliza", mask=lambda text: text.replace("hunter2", "***"), **how)


def noise(count: int) -> str:
    """Text that no packing makes much smaller."""
    return random.Random(7).randbytes(count).hex()


def test_of_nobody_there_is_nothing() -> None:
    assert pack([], agent="Eliza", mask=str) == Archive()


def test_all_rows_are_in_it_and_the_hosts_secrets_are_not() -> None:
    rows: Rows = {"memories": [{"id": n, "content": {"text": f"hunter2 {n}"}} for n in range(5)]}
    archive = packed(rows, {"1-cat.png": b"\x89PNG"})
    files = opened(archive)
    assert archive.file_name(0) == "mydata.zip"
    assert archive.counts == {"memories": 5}
    assert files.keys() == {"summary.md", "fake-ada/memories.json", "fake-ada/media/1-cat.png"}
    told = json.loads(files["fake-ada/memories.json"])
    assert [row["content"]["text"] for row in told] == [f"*** {n}" for n in range(5)]


def test_what_is_too_much_for_one_file_comes_in_several_that_open_by_themselves() -> None:
    rows: Rows = {f"table{n}": [{"x": noise(20_000)}] for n in range(4)}
    archive = packed(rows, part_bytes=60_000)
    assert [archive.file_name(n) for n in range(len(archive.parts))] == ["mydata-1.zip", "mydata-2.zip"]
    assert all(len(part) <= 60_000 for part in archive.parts)
    assert len(opened(archive)) == 5
    assert archive.left_out == ()


def test_a_large_table_has_several_files_of_whole_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot_host.host.archive.JSON_BYTES", 1000)
    rows: Rows = {"memories": [{"id": n, "text": "x" * 300} for n in range(10)]}
    files = opened(packed(rows))
    names = [name for name in files if name.startswith("fake-ada/memories-")]
    assert len(names) > 2
    assert [row["id"] for name in names for row in json.loads(files[name])] == list(range(10))


def test_what_is_bulky_goes_first_and_is_named() -> None:
    rows: Rows = {"memories": [{"x": noise(5000)}], "embeddings": [{"x": noise(30_000)}], "steps": [{}]}
    archive = packed(
        rows, {"1-film.mp4": random.Random(1).randbytes(90_000)}, part_bytes=40_000, parts_at_most=1
    )
    assert archive.left_out == ("media", "embeddings") == BULKY[:2]
    assert opened(archive).keys() == {"summary.md", "fake-ada/memories.json", "fake-ada/steps.json"}
    assert b"too much: media, embeddings" in opened(archive)["summary.md"]


def test_what_is_too_much_all_the_same_is_none_and_is_counted() -> None:
    archive = packed({"memories": [{"x": noise(50_000)}]}, part_bytes=40_000)
    assert (archive.parts, archive.counts, archive.left_out) == ((), {"memories": 1}, ("memories",))


def test_names_of_people_do_not_lead_out_of_the_archive() -> None:
    names, metadata = ("../../etc/passwd\n# x",), {"../fake": {"id": "1\n# y"}}
    rude = Entity(id=ADA.id, agent_id="x", names=names, metadata=metadata)
    folder = _folder(rude, set())
    assert folder == "fake-.._.._etc_passwd_x"
    told = summary([_Held(entity=rude, rows={"entities": [{}]}, folder=folder, media={})], "Eliza")
    assert "\n# x" not in told
    assert "\n# y" not in told


async def say(house: House, text: str, **how: Any) -> None:
    before = len(house.platform.sent)
    await house.platform.say(text, **how)
    await house.platform.wait_sent(before + 1)
    await house.host.finish_pending()


async def test_others_words_are_not_in_it(house: House) -> None:
    group: dict[str, Any] = {"room": "general", "type": ChannelType.GROUP, "mention": True}
    me, zoe = (create_unique_uuid(house.agent_id, key) for key in ("ada", "zoe"))
    await say(house, "zoes secret is plugh", person="zoe", **group)
    await say(house, "mine is xyzzy", **group)
    room = create_unique_uuid(house.agent_id, "general")
    quoting = Memory(
        agent_id=house.agent_id,
        entity_id=me,
        room_id=room,
        content=Content(
            text="look at this",
            quotes=[Quote(author="Zoe", text="plugh, I said")],
            attachments=[
                Media(id="q", quoted=True, text="plugh in a file"),
                Media(id="m", text="my own file"),
            ],
        ),
    )
    fact = Memory(
        agent_id=house.agent_id,
        entity_id=me,
        room_id=room,
        type=MemoryType.FACT,
        content=Content(text="Ada likes tea"),
    )
    for memory in (quoting, fact):
        await house.store.create_memory(memory)
    await house.store.set_cache(house.agent_id, "pending", {"who": me, "said by zoe": "plugh"})
    await house.store.create_task(
        Task(agent_id=house.agent_id, name="remind", entity_id=me, description="tea")
    )
    archive = await house.host.archive_person(house.agent_id, [me])
    text = "\n".join(data.decode() for data in opened(archive).values())
    assert "plugh" not in text
    assert zoe not in text
    for mine in ("mine is xyzzy", "my own file", "- Ada likes tea", "- tea", "look at this"):
        assert mine in text


async def test_the_files_that_were_made_for_them_are_in_it_and_earlier_archives_are_not(house: House) -> None:
    me = create_unique_uuid(house.agent_id, "ada")
    agent = house.host.get_agent(house.agent_id)
    await say(house, "hello")
    for name in ("cat.txt", "mydata.zip"):
        media = await agent.save_media(b"meow " + name.encode(), file_name=name)
        said = Memory(
            agent_id=house.agent_id,
            entity_id=house.agent_id,
            room_id=create_unique_uuid(house.agent_id, "ada"),
            content=Content(attachments=[media]),
        )
        await house.store.create_memory(said)
    files = opened(await house.host.archive_person(house.agent_id, [me]))
    assert {name: data for name, data in files.items() if "/media/" in name} == {
        "fake-ada/media/1-cat.txt": b"meow cat.txt"
    }


async def test_linked_accounts_have_a_folder_each(house: House) -> None:
    ids = [create_unique_uuid(house.agent_id, key) for key in ("ada", "ben")]
    for key in ("ada", "ben"):
        await say(house, f"I am {key}", person=key, room=key)
    files = opened(await house.host.archive_person(house.agent_id, ids))
    assert b"I am ada" in files["fake-ada/memories.json"]
    assert b"I am ben" in files["fake-ben/memories.json"]
    assert b"## Ben, ben (fake-ben/)" in files["summary.md"]


async def test_the_unknown_are_left_out(house: House) -> None:
    async def nothing(name: str) -> bytes | None:
        raise AssertionError(name)

    assert await collect(house.store, [ADA.id], read_file=nothing) == []
