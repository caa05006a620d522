"""What the hosted agents are to know, and what the command line does about it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot_host.app.agents import hosted_agents
from bot_host.app.build import load
from bot_host.app.knowledge import (
    Knower,
    NotKnown,
    add,
    find_world,
    given_to_each,
    knower,
    missing_files,
    remove,
)
from bot_host.config.schema import Loaded
from bot_host.runtime.config import KnowledgeOptions
from bot_host.store import Database, make_store
from bot_host.types.places import World
from bot_host.types.sources import KnowledgeSource, SourceKind, SourceOrigin, SourceState
from tests.store.samples import ACCOUNT, AGENT, CHARACTER, make_id

ADA = Knower(AGENT, "Ada", KnowledgeOptions())


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Database]:
    async with make_store("sqlite:///bot.db", base=tmp_path) as store:
        await store.ensure_agent(AGENT, CHARACTER)
        yield store


@pytest.fixture
def loaded(tmp_path: Path) -> Loaded:
    folder = tmp_path / "characters"
    folder.mkdir()
    (folder / "ada.toml").write_text(
        'name = "Ada"\nknowledge = ["Tea.", {path = "own.md"}, {path = "all.md", shared = true}]\n'
    )
    (folder / "bob.toml").write_text('name = "Bob"\nknowledge = [{path = "all.md"}, {directory = "none"}]\n')
    (folder / "cy.toml").write_text('name = "Cy"\n')
    for name in ("own.md", "all.md"):
        (folder / name).write_text("text")
    agents = "".join(f'[[agents]]\ncharacter = "characters/{name}.toml"\n' for name in ("ada", "bob", "cy"))
    (tmp_path / "config.toml").write_text(f"{agents}[agents.knowledge]\nresults = 3\n")
    return load(tmp_path / "config.toml", {}, {})


def test_paths_count_from_the_characters_folder_and_what_is_shared_is_everybodys(loaded: Loaded) -> None:
    folder = loaded.folder / "characters"
    given = [[each.location for each in own] for own in given_to_each(list(hosted_agents(loaded)))]
    assert given == [
        ["character", str(folder / "own.md"), str(folder / "all.md")],
        [str(folder / "all.md"), str(folder / "none")],
        [str(folder / "all.md")],
    ]


def test_what_is_not_there_is_said(loaded: Loaded) -> None:
    [line] = missing_files(list(hosted_agents(loaded)))
    assert (line.name, line.ok) == ("agent Bob", False)
    assert line.detail == f"knowledge: there is no {loaded.folder / 'characters' / 'none'}"


def test_an_agent_by_its_name(loaded: Loaded) -> None:
    assert knower(loaded, "").name == "Ada"
    assert knower(loaded, "cy").options.results == 3
    with pytest.raises(NotKnown, match=r'no agent "Bobb" \(did you mean "Bob"\?\); there is Ada, Bob, Cy'):
        knower(loaded, "Bobb")


async def test_a_world_by_id_or_name(store: Database) -> None:
    worlds = [
        World(id=make_id(key), agent_id=AGENT, name=name, platform="discord", platform_id=key)
        for key, name in (("1", "Shop"), ("2", "Club"), ("3", "Club"))
    ]
    await store.apply_places(ACCOUNT, worlds, [], [], None)
    for asked in (make_id("1"), "1", "shop"):
        found = await find_world(store, AGENT, asked)
        assert found is not None
        assert found.name == "Shop"
    assert await find_world(store, AGENT, "") is None
    with pytest.raises(NotKnown, match="several worlds"):
        await find_world(store, AGENT, "club")
    with pytest.raises(NotKnown, match='no world "pub"; there is: Club'):
        await find_world(store, AGENT, "pub")


async def test_a_folder_is_read_with_its_files_and_forgotten_with_them(
    store: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "a.md").write_text("# One")
    (docs / "b.pdf").write_text("none")
    monkeypatch.chdir(tmp_path)
    found = [each async for each in add(store, ADA, ["docs"])]
    assert [(Path(each.location).name, each.state) for each in found] == [
        ("docs", SourceState.READY),
        ("a.md", SourceState.READY),
        ("b.pdf", SourceState.FAILED),
    ]
    with pytest.raises(NotKnown, match="it would come back with its folder"):
        await remove(store, ADA, "docs/a.md")
    gone, count = await remove(store, ADA, found[0].id[:8])
    assert (gone.id, count) == (found[0].id, 3)
    with pytest.raises(NotKnown, match="no such source"):
        await remove(store, ADA, "docs")


async def test_what_the_character_names_is_taken_out_there(store: Database) -> None:
    text = KnowledgeSource(
        agent_id=AGENT, kind=SourceKind.TEXT, location="character", origin=SourceOrigin.CHARACTER
    )
    known = await store.add_source(text)
    with pytest.raises(NotKnown, match="take it out of the character file"):
        await remove(store, ADA, known.id)


async def test_nothing_is_added_where_the_host_never_was_or_nothing_is_there(
    store: Database, tmp_path: Path
) -> None:
    with pytest.raises(NotKnown, match="there is no /none/a"):
        [each async for each in add(store, ADA, ["/none/a"])]
    with pytest.raises(NotKnown, match="Bob was never started on this database"):
        [
            each
            async for each in add(store, Knower(make_id("bob"), "Bob", KnowledgeOptions()), [str(tmp_path)])
        ]
    assert await store.get_sources(AGENT) == []
