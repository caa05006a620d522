"""What an agent is to know is read from files, folders, addresses and texts, again when it changes."""

import os
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from bot_host.kit.clock import utc_now
from bot_host.kit.fetch import SafeFetcher
from bot_host.runtime.config import KnowledgeOptions
from bot_host.runtime.given_knowledge import given_knowledge, missing, shared_knowledge
from bot_host.runtime.knowledge_reader import KnowledgeReader
from bot_host.store import Database, make_store
from bot_host.types.character import Character
from bot_host.types.hearing import Hearing
from bot_host.types.ids import new_id
from bot_host.types.knowledge import Audience
from bot_host.types.memory import Memory, MemoryType
from bot_host.types.sources import KnowledgeSource, SourceKind, SourceOrigin, SourceState
from tests import documents
from tests.kit.fetching import Site
from tests.store.samples import AGENT, CHARACTER, make_admission, make_id

OPTIONS = KnowledgeOptions(check_seconds=0, url_hours=0)
"""Due again at once."""


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Database]:
    async with make_store("sqlite:///bot.db", base=tmp_path) as store:
        await store.ensure_agent(AGENT, CHARACTER)
        yield store


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    folder.mkdir()
    return folder


class Shelf:
    """A reader, and what is known."""

    def __init__(self, store: Database, **options: Any) -> None:
        self.store = store
        fetcher = options.pop("fetcher", None)
        given = {"check_seconds": 0, "url_hours": 0, **options}
        self.reader = KnowledgeReader(store, AGENT, KnowledgeOptions(**given), fetcher=fetcher)

    async def add(self, location: Any, kind: SourceKind = SourceKind.FILE, **more: Any) -> KnowledgeSource:
        known = await self.store.add_source(
            KnowledgeSource(agent_id=AGENT, kind=kind, location=str(location), **more)
        )
        return await self.again(known)

    async def again(self, known: KnowledgeSource) -> KnowledgeSource:
        found = await self.reader.read(known.id)
        assert found is not None
        return found

    async def fragments(self) -> list[Memory]:
        found = await self.store.list_memories(AGENT, type=MemoryType.FRAGMENT, count=100)
        return sorted(found, key=lambda each: (each.metadata["knowledge_source"], each.metadata["position"]))

    async def texts(self) -> list[str]:
        return sorted(each.content.text for each in await self.fragments())


@pytest.fixture
def shelf(store: Database) -> Shelf:
    return Shelf(store)


async def test_a_file_becomes_fragments_that_are_found_by_their_words(shelf: Shelf, docs: Path) -> None:
    file = docs / "handbook.docx"
    file.write_bytes(documents.docx(("Heading1", "Handbook"), ("", "We open at nine.")))
    known = await shelf.add(file)
    assert (known.state, known.title, known.fragments, known.remark) == (SourceState.READY, "Handbook", 1, "")
    assert known.size == file.stat().st_size
    [fragment] = await shelf.fragments()
    assert fragment.content.text == "Handbook\n# Handbook\n\nWe open at nine."
    assert (fragment.audience, fragment.world_id, fragment.source_memory_id) == (
        Audience.AGENT, None, known.document_id,
    )  # fmt: skip
    assert fragment.metadata == {
        "knowledge_source": known.id, "headings": ["Handbook"], "position": 0,
    }  # fmt: skip
    nobody = Hearing(room_ids=(new_id(),), persons=(new_id(),))
    hits = await shelf.store.search_memories(AGENT, text="when do you open", hearing=nobody)
    assert [hit.memory.id for hit in hits] == [fragment.id]


async def test_a_changed_file_is_read_again_and_an_unchanged_one_is_not(shelf: Shelf, docs: Path) -> None:
    file = docs / "a.md"
    file.write_text("We open at nine.")
    first = await shelf.add(file)
    os.utime(file, ns=(1, 1))  # touched, and the same
    second = await shelf.again(first)
    assert (second.document_id, second.read_at) == (first.document_id, first.read_at)
    assert second.modified == f"1:{file.stat().st_size}"
    # What has neither another time nor another size is not even opened.
    file.write_text("We open at ten!!")
    os.utime(file, ns=(1, 1))
    assert (await shelf.again(second)).document_id == first.document_id
    os.utime(file, ns=(2, 2))
    third = await shelf.again(second)
    assert third.document_id != first.document_id
    assert await shelf.texts() == ["We open at ten!!"]
    assert await shelf.store.find_memory(first.document_id or "") is None


async def test_a_file_that_is_gone_is_known_no_more_and_comes_back(shelf: Shelf, docs: Path) -> None:
    file = docs / "a.md"
    file.write_text("We open at nine.")
    known = await shelf.add(file)
    file.unlink()
    gone = await shelf.again(known)
    assert (gone.state, gone.remark) == (SourceState.FAILED, "there is no such file")
    assert await shelf.texts() == []
    file.write_text("We open at nine.")
    back = await shelf.again(gone)
    assert (back.state, back.remark, await shelf.texts()) == (SourceState.READY, "", ["We open at nine."])


async def test_a_file_that_cannot_be_read_any_more_keeps_what_was_read(shelf: Shelf, docs: Path) -> None:
    file = docs / "a.pdf"
    file.write_bytes(documents.pdf("We open at nine."))
    known = await shelf.add(file)
    assert known.title == "a"
    file.write_bytes(b"%PDF-1.7 half")
    broken = await shelf.again(known)
    assert broken.state is SourceState.READY
    assert broken.remark.startswith("not read again, what was read on 2")
    assert "UTC stays: it is broken" in broken.remark
    assert await shelf.texts() == ["Page 1\nWe open at nine."]
    file.write_bytes(documents.pdf("We open at nine."))
    assert (await shelf.again(broken)).remark == ""


async def test_what_fails_is_not_tried_before_it_has_changed(shelf: Shelf, docs: Path) -> None:
    file = docs / "a.pdf"
    file.write_bytes(b"\x89PNG\r\n\x1a\n")
    failed = await shelf.add(file)
    assert (failed.state, failed.fragments) == (SourceState.FAILED, 0)
    assert failed.remark == "it is image/png, which is not read as knowledge"
    before = failed.modified
    file.chmod(0)  # of no use to root, so the content says it too
    file.write_bytes(documents.pdf("ok"))
    os.utime(file, ns=(1, 1))
    assert before != "1:0"
    assert (await shelf.again(failed)).state is SourceState.READY


@pytest.mark.parametrize("text", ["", "  \n\n "])
async def test_nothing_in_it_is_said(shelf: Shelf, docs: Path, text: str) -> None:
    (docs / "a.txt").write_text(text)
    known = await shelf.add(docs / "a.txt")
    assert (known.state, known.remark in ("it is empty", "there is no text in it")) == (
        SourceState.FAILED, True,
    )  # fmt: skip
    assert await shelf.store.list_memories(AGENT, type=MemoryType.DOCUMENT) == []


async def test_only_plain_files_of_a_bearable_size_are_opened(store: Database, docs: Path) -> None:
    shelf = Shelf(store, max_bytes=10)
    os.mkfifo(docs / "pipe.txt")
    assert (await shelf.add(docs / "pipe.txt")).remark == "it is no file"
    (docs / "large.txt").write_text("x" * 11)
    assert (await shelf.add(docs / "large.txt")).remark == "it has 11 bytes, and 10 are read at the most"
    assert "it is no file" in (await shelf.add(docs)).remark


async def test_a_folder_is_followed(store: Database, docs: Path) -> None:
    shelf = Shelf(store, max_files=3)
    (docs / "in").mkdir()
    (docs / "b.md").write_text("Two.")
    (docs / "in" / "c.txt").write_text("Three.")
    (docs / ".hidden.md").write_text("no")
    (docs / "picture.png").write_bytes(b"\x89PNG")
    (docs / "link.md").symlink_to(docs / "b.md")
    folder = await shelf.add(docs, SourceKind.FOLDER)
    assert (folder.state, folder.remark) == (
        SourceState.READY, "1 file is left out: of kinds that are not read, or beyond 3",
    )  # fmt: skip
    assert await shelf.reader.read_due() >= 2
    assert await shelf.texts() == ["Three.", "Two."]
    (docs / "b.md").unlink()
    (docs / "d.md").write_text("Four.")
    (docs / "e.md").write_text("Five.")
    (docs / "f.md").write_text("Six.")
    folder = await shelf.again(folder)
    assert folder.remark.startswith("2 files are left out")
    for each in await shelf.store.get_sources(AGENT):
        await shelf.reader.read(each.id)
    assert await shelf.texts() == ["Five.", "Four.", "Six."]
    await shelf.store.remove_sources([folder.id])
    assert await shelf.texts() == []


async def test_a_folder_that_is_gone_takes_its_files_along_one_by_one(shelf: Shelf, docs: Path) -> None:
    (docs / "a.md").write_text("One.")
    folder = await shelf.add(docs, SourceKind.FOLDER)
    for each in await shelf.store.get_sources(AGENT):
        await shelf.reader.read(each.id)
    docs.rename(docs.with_name("elsewhere"))
    for each in await shelf.store.get_sources(AGENT):
        await shelf.reader.read(each.id)
    assert await shelf.texts() == []
    assert (await shelf.again(folder)).remark == "there is no such folder"


async def test_a_text_is_read_once(shelf: Shelf) -> None:
    known = await shelf.add("notes", SourceKind.TEXT, text="# Tea\n\nWe like it.", title="Notes")
    assert (known.title, known.due_at) == ("Notes", None)
    assert await shelf.texts() == ["Tea\n# Tea\n\nWe like it."]
    again = await shelf.add("notes", SourceKind.TEXT, text="Coffee.")
    assert (again.id, await shelf.texts()) == (known.id, ["Coffee."])


async def test_what_is_due_is_read_and_then_waits(store: Database, docs: Path) -> None:
    (docs / "a.md").write_text("One.")
    shelf = Shelf(store, check_seconds=300)
    await store.add_source(
        KnowledgeSource(agent_id=AGENT, kind=SourceKind.FOLDER, location=str(docs))
    )  # fmt: skip
    assert await shelf.reader.read_due() == 2
    assert await shelf.reader.read_due() == 0
    for each in await store.get_sources(AGENT):
        assert each.due_at is not None
        assert timedelta(minutes=4) < each.due_at - utc_now() <= timedelta(minutes=5)


async def test_what_is_taken_away_meanwhile_leaves_nothing(
    shelf: Shelf, docs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (docs / "a.md").write_text("One.")
    known = await shelf.store.add_source(
        KnowledgeSource(agent_id=AGENT, kind=SourceKind.FILE, location=str(docs / "a.md"))
    )
    begin = shelf.store.begin_document

    async def taken_away(source_id: str, document: Memory) -> bool:
        begun = await begin(source_id, document)
        await shelf.store.remove_sources([source_id])
        return begun

    monkeypatch.setattr(shelf.store, "begin_document", taken_away)
    assert await shelf.reader.read(known.id) is None
    assert await shelf.texts() == []
    assert await shelf.store.list_memories(AGENT, type=MemoryType.DOCUMENT) == []


async def test_a_worlds_knowledge_is_marked_as_such(shelf: Shelf, docs: Path) -> None:
    await shelf.store.admit([make_admission("m1")])
    (docs / "a.md").write_text("One.")
    await shelf.add(docs, SourceKind.FOLDER, world_id=make_id("guild"))
    await shelf.reader.read_due()
    [fragment] = await shelf.fragments()
    assert (fragment.audience, fragment.world_id) == (Audience.WORLD, make_id("guild"))


# -- addresses ----------------------------------------------------------------------------------------------


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with Site() as site:
        yield site


@pytest.fixture
def online(store: Database, site: Site) -> Shelf:
    return Shelf(store, allow_hosts=(f"127.0.0.1:{site.port}",))


PAGE = "<html><head><title>The shop</title></head><body><h1>Hours</h1><p>We open at nine.</p></body></html>"


async def test_an_address_is_read_by_what_is_there(online: Shelf, site: Site) -> None:
    site.page("/hours.pdf", text=PAGE, content_type="text/html")
    known = await online.add(f"http://127.0.0.1:{site.port}/hours.pdf", SourceKind.URL)
    assert (known.state, known.title) == (SourceState.READY, "The shop")
    assert await online.texts() == ["Hours\n# Hours\n\nWe open at nine."]


async def test_what_has_not_changed_is_not_sent_again(online: Shelf, site: Site) -> None:
    async def page(request: web.Request) -> web.StreamResponse:
        if request.headers.get("If-None-Match") == '"1"':
            return web.Response(status=304)
        return web.Response(text="We open at nine.", headers={"ETag": '"1"', "Last-Modified": "yesterday"})

    site.pages["/a.txt"] = page
    known = await online.add(f"http://127.0.0.1:{site.port}/a.txt", SourceKind.URL)
    assert (known.etag, known.modified) == ('"1"', "yesterday")
    again = await online.again(known)
    assert (again.document_id, again.remark) == (known.document_id, "")
    assert site.requests[-1].headers["If-Modified-Since"] == "yesterday"
    assert again.checked_at != known.checked_at


async def test_what_is_gone_is_forgotten_and_what_does_not_answer_is_not(online: Shelf, site: Site) -> None:
    site.page("/a.txt", text="We open at nine.")
    known = await online.add(f"http://127.0.0.1:{site.port}/a.txt", SourceKind.URL)
    site.page("/a.txt", status=503)
    down = await online.again(known)
    assert down.state is SourceState.READY
    assert down.remark.endswith("stays: 127.0.0.1 answers with HTTP status 503")
    assert await online.texts() == ["We open at nine."]
    site.page("/a.txt", text="We open at nine.")
    assert (await online.again(down)).remark == ""
    site.page("/a.txt", status=410)
    gone = await online.again(down)
    assert (gone.state, gone.remark) == (SourceState.FAILED, "127.0.0.1 answers with HTTP status 410")
    assert await online.texts() == []


async def test_no_internal_address_is_asked(store: Database, site: Site) -> None:
    site.page("/a.txt", text="secret")
    site.redirect("/away", "http://localhost/a.txt")
    known = await Shelf(store).add(f"http://127.0.0.1:{site.port}/a.txt", SourceKind.URL)
    assert (known.state, known.remark) == (SourceState.FAILED, "127.0.0.1 is not on the public internet")
    allowed = Shelf(store, allow_hosts=(f"127.0.0.1:{site.port}",))
    known = await allowed.add(f"http://127.0.0.1:{site.port}/away", SourceKind.URL)
    assert known.remark == "localhost is not on the public internet"
    assert [request.path for request in site.requests] == ["/away"]


async def test_what_a_chat_names_never_reaches_hosts_that_the_config_allows(
    online: Shelf, site: Site
) -> None:
    site.page("/a.txt", text="secret")
    address = f"http://127.0.0.1:{site.port}/a.txt"
    known = await online.add(address, SourceKind.URL, origin=SourceOrigin.CHAT)
    assert (known.state, site.requests) == (SourceState.FAILED, [])


async def test_a_page_that_is_too_large_is_refused(store: Database, site: Site) -> None:
    site.page("/a.txt", text="x" * 100)
    fetcher = SafeFetcher(allow_private=True)
    known = await Shelf(store, max_bytes=50, fetcher=fetcher).add(
        f"http://127.0.0.1:{site.port}/a.txt", SourceKind.URL
    )
    assert known.remark == "what 127.0.0.1 has there is larger than 50 bytes"


# -- the character ------------------------------------------------------------------------------------------


def test_what_a_character_knows(docs: Path) -> None:
    (docs / "a.md").write_text("One.")
    character = Character.model_validate(
        {
            "name": "Ada",
            "knowledge": [
                "Tea is at four.",
                {"path": "a.md", "shared": True},
                {"directory": "."},
                {"path": "https://a.example/x"},
                {"path": "none.md"},
                "Cake is at five.",
            ],
        }
    )
    given = given_knowledge(character, docs)
    assert [(each.kind.value, each.location) for each in given] == [
        ("text", "character"),
        ("file", str(docs / "a.md")),
        ("folder", str(docs)),
        ("url", "https://a.example/x"),
        ("file", str(docs / "none.md")),
    ]
    assert (given[0].title, given[0].text) == ("Ada", "Tea is at four.\n\nCake is at five.")
    assert [each.location for each in shared_knowledge(character, docs)] == [str(docs / "a.md")]
    assert missing(given) == [str(docs / "none.md")]
    assert given_knowledge(Character(name="Ada"), docs) == []
