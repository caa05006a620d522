"""Rows of agents, what was changed of them, vectors of like texts, and runs in short."""

from datetime import timedelta

import pytest

from bot_host.store import Database, vectors
from bot_host.store.vectors import distance
from bot_host.types.character import Character, Style
from bot_host.types.content import Content
from bot_host.types.errors import StateError
from bot_host.types.ids import new_id
from bot_host.types.memory import Memory, MemoryType
from bot_host.types.turn import InboxEnd, Outcome, TurnCommit
from tests.store.samples import AGENT, NOON, make_admission, make_id, make_run

ADA, BEN, ROOM = AGENT, make_id("ben"), make_id("room")
BOB = Character(
    name="Bob", bio=["Builds."], secrets={"KEY": "hunter2"}, settings={"secrets": {"O": "hunter3"}}
)


class TestRows:
    async def test_they_are_found_listed_and_deleted(self, store: Database) -> None:
        await store.ensure_agent(BOB.agent_id, BOB)
        found = await store.find_agent(BOB.agent_id)
        assert found is not None
        assert (found.character.name, found.character.bio, found.character.secrets) == (
            "Bob",
            ["Builds."],
            {},
        )
        assert found.character.settings == {}
        assert found.created_at <= found.updated_at
        assert [record.id for record in await store.get_agents()] == [ADA, BOB.agent_id]
        assert await store.delete_agent(BOB.agent_id)
        assert not await store.delete_agent(BOB.agent_id)
        assert await store.find_agent(BOB.agent_id) is None

    async def test_a_deleted_agent_takes_what_it_knows_along(self, store: Database) -> None:
        await store.admit([make_admission("m1")])
        await store.delete_agent(ADA)
        assert await store.find_room(ROOM) is None
        assert await store.find_entity(BEN) is None


class TestEdits:
    async def test_they_hold_on_as_long_as_the_same_character_is_given(self, store: Database) -> None:
        style = Style(all=["short"])
        changed = BOB.model_copy(update={"bio": ["Paints."], "style": style})
        assert not await store.edit_agent(BOB.agent_id, changed, ["bio"])
        assert (await store.ensure_agent(BOB.agent_id, BOB)).kept == {}
        assert await store.edit_agent(BOB.agent_id, changed, ["bio", "style", "secrets"])
        for _ in range(2):
            edits = await store.ensure_agent(BOB.agent_id, BOB)
            assert edits.kept == {"bio": ["Paints."], "style": {"all": ["short"], "chat": [], "post": []}}
            found = await store.find_agent(BOB.agent_id)
            assert found is not None
            assert (found.character.bio, found.character.style) == (["Paints."], style)
        again = BOB.with_edits(edits.kept)
        assert (again.bio, again.style, again.secrets) == (["Paints."], style, BOB.secrets)

    async def test_another_character_drops_them(self, store: Database) -> None:
        await store.ensure_agent(BOB.agent_id, BOB)
        await store.edit_agent(BOB.agent_id, BOB.model_copy(update={"bio": ["Paints."]}), ["bio"])
        other = BOB.model_copy(update={"topics": ["tea"]})
        edits = await store.ensure_agent(BOB.agent_id, other)
        assert (edits.kept, edits.dropped) == ({}, ("bio",))
        assert (await store.ensure_agent(BOB.agent_id, other)).dropped == ()
        found = await store.find_agent(BOB.agent_id)
        assert found is not None
        assert (found.character.bio, found.character.topics) == (["Builds."], ["tea"])

    async def test_other_secrets_are_no_other_character(self, store: Database) -> None:
        await store.ensure_agent(BOB.agent_id, BOB)
        await store.edit_agent(BOB.agent_id, BOB.model_copy(update={"bio": ["Paints."]}), ["bio"])
        rotated = BOB.model_copy(update={"secrets": {"KEY": "new"}, "settings": {"secrets": {"O": "new"}}})
        assert (await store.ensure_agent(BOB.agent_id, rotated)).kept == {"bio": ["Paints."]}

    def test_changed_settings_keep_the_secrets_that_were_given(self) -> None:
        changed = BOB.with_edits({"settings": {"mood": "fine"}, "name": "Robert"})
        assert changed.settings == {"mood": "fine", "secrets": {"O": "hunter3"}}
        assert (changed.name, changed.agent_id) == ("Robert", BOB.agent_id)


async def remember(store: Database, text: str, vector: list[float] | None = None) -> Memory:
    memory = Memory(
        agent_id=ADA, entity_id=BEN, room_id=ROOM, type=MemoryType.FACT, content=Content(text=text)
    )
    await store.create_memory(memory)
    if vector:
        await store.set_embedding(memory.id, vector, model=f"m{len(vector)}")
    return memory


class TestVectors:
    @pytest.fixture(autouse=True)
    async def _known(self, store: Database) -> None:
        await store.admit([make_admission("m1")])

    async def test_of_texts_that_are_much_alike(self, store: Database) -> None:
        await remember(store, "tea at five", [0.0, 1.0])
        await remember(store, "tea at nine", [1.0, 0.0])
        await remember(store, "tea at five", [0.0, 1.0])
        await remember(store, "coffee", [1.0, 0.0])
        await remember(store, "tea at fife")

        async def near(text: str, threshold: int = 2, **more: int) -> list[tuple[list[float], int]]:
            found = await store.get_cached_embeddings(
                ADA, text, type=MemoryType.FACT, threshold=threshold, **more
            )
            return [(each.embedding, each.levenshtein_score) for each in found]

        assert await near("tea at five") == [([0.0, 1.0], 0), ([1.0, 0.0], 2)]
        assert await near("tea at five", 1) == [([0.0, 1.0], 0)]
        assert await near("tea at five", count=1) == [([0.0, 1.0], 0)]
        assert await near("nothing like it") == []
        other = await store.get_cached_embeddings(AGENT, "coffee", type=MemoryType.DOCUMENT, threshold=9)
        assert other == []

    async def test_more_of_them_than_one_chunk(
        self, store: Database, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(vectors, "CHUNK", 2)
        for number in range(3):
            await remember(store, f"text {number}", [1.0, float(number)])
        found = await store.get_cached_embeddings(ADA, "text 2", type=MemoryType.FACT, threshold=1)
        assert [each.levenshtein_score for each in found] == [0, 1, 1]

    async def test_only_texts_have_letters(self, store: Database) -> None:
        with pytest.raises(StateError, match=r"not in id\.x"):
            await store.get_cached_embeddings(ADA, "x", type=MemoryType.FACT, field="id", key="x")

    async def test_vectors_of_another_length_are_queued_once(self, store: Database) -> None:
        short, long = await remember(store, "short", [1.0, 0.0]), await remember(store, "long", [1.0] * 3)
        assert await store.requeue_embeddings(ADA, 3) == 1
        assert await store.requeue_embeddings(ADA, 3) == 0
        assert [memory.id for memory in await store.next_embedding_jobs(ADA, 9)] == [short.id]
        assert await store.requeue_embeddings(ADA, 2) == 1
        await store.set_embedding(short.id, [1.0] * 3, model="n")
        await store.set_embedding(long.id, [1.0] * 3, model="n")
        assert await store.next_embedding_jobs(ADA, 9) == []


@pytest.mark.parametrize(
    ("one", "other", "limit", "far"),
    [
        ("kitten", "sitting", 3, 3),
        ("kitten", "sitting", 2, None),
        ("", "", 0, 0),
        ("", "abc", 3, 3),
        ("abc", "", 2, None),
        ("abc", "abc", 0, 0),
        ("abc", "abd", 0, None),
        ("abcdef", "bcdefg", 2, 2),
        ("flaw", "lawn", 5, 2),
    ],
)
def test_distance(one: str, other: str, limit: int, far: int | None) -> None:
    assert distance(one, other, limit=limit) == far
    assert distance(other, one, limit=limit) == far


class TestRunSummaries:
    @pytest.fixture(autouse=True)
    async def _runs(self, store: Database) -> None:
        await store.admit(
            [make_admission("m1"), make_admission("m2", person="zoe"), make_admission("d", room="dm")]
        )
        for minutes, room in enumerate(("room", "dm")):
            rows = (await store.take_turn(ADA, make_id(room), 9)).rows
            begun = NOON + timedelta(minutes=minutes)
            run = make_run(
                make_id(room),
                id=new_id(),
                started_at=begun,
                ended_at=begun + timedelta(seconds=2),
                status="failed" if room == "dm" else "completed",
                steps=(
                    {"name": "gate"},
                    {"name": "action ROLL"},
                    {"name": "action ROLL", "error": "no dice"},
                ),
                model_calls=({"model": "m"}, {"model": "m", "error": "busy"}),
                error="too late" if room == "dm" else "",
            )
            ends = tuple(InboxEnd(seq=row.seq, outcome=Outcome.ANSWERED) for row in rows)
            assert await store.commit_turn(TurnCommit(ends=ends, run=run)) is not None

    async def test_what_a_run_did(self, store: Database) -> None:
        page = await store.get_run_summaries(ADA)
        assert (page.total, page.has_more) == (2, False)
        dm, room = page.runs
        assert (dm.room_id, room.room_id) == (make_id("dm"), ROOM)
        assert (room.counts.actions, room.counts.model_calls, room.counts.errors) == (2, 2, 2)
        assert (dm.counts.errors, dm.error, dm.duration_ms) == (3, "too late", 2000.0)
        assert (room.message_id, room.entity_id) == (make_id("memory m2"), make_id("zoe"))

    async def test_each_filter(self, store: Database) -> None:
        async def rooms(**filters: object) -> list[str]:
            page = await store.get_run_summaries(ADA, **filters)  # type: ignore[arg-type]
            assert page.total == len(page.runs)
            return [run.room_id for run in page.runs]

        assert await rooms(room_id=ROOM) == [ROOM]
        assert await rooms(status="failed") == [make_id("dm")]
        assert await rooms(entity_id=make_id("zoe")) == [ROOM]
        assert await rooms(entity_id=BEN) == [make_id("dm"), ROOM]
        assert await rooms(start=NOON + timedelta(seconds=30)) == [make_id("dm")]
        assert await rooms(end=NOON + timedelta(seconds=30)) == [ROOM]
        first = await store.get_run_summaries(ADA, count=1)
        assert (len(first.runs), first.total, first.has_more) == (1, 2, True)
        assert (await store.get_run_summaries(new_id())).total == 0
