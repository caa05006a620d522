"""Tables that plugins bring: made, extended, worked on, and without a person once they are erased."""

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import (
    Boolean,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    bindparam,
    delete,
    false,
    func,
    insert,
    inspect,
    literal,
    select,
    table,
    text,
    union,
    update,
)
from sqlalchemy.engine import Connection
from sqlalchemy.ext.asyncio import create_async_engine

from bot_host.contracts.tables import Schema, Work, table_prefix
from bot_host.runtime.plugins import find_plugin, known_plugins
from bot_host.store import Database, make_store
from bot_host.store.plugin_people import erase_gaps
from bot_host.store.plugin_schemas import fingerprint
from bot_host.types.columns import EntityId, Id, Json, MemoryId, Moment, OnErase, RoomId, Words
from bot_host.types.content import ChannelType
from bot_host.types.errors import PluginError, StateError, StoreError
from bot_host.types.ids import new_id
from bot_host.types.turn import Admission
from tests.store.samples import AGENT, CHARACTER, NOON, make_admission, make_id

BEN, ZOE, ROOM = (make_id(key) for key in ("ben", "zoe", "room"))

GAMES = MetaData()
games = Table(
    "plugin_games_games",
    GAMES,
    Column("id", Id, primary_key=True, default=new_id),
    Column("room_id", RoomId, nullable=False, index=True),
    Column("state", Json, nullable=False, default=dict),
    Column("begun_at", Moment),
    Column("changes", Integer, nullable=False, default=0, onupdate=1),
)
moves = Table(
    "plugin_games_moves",
    GAMES,
    Column("id", Integer, primary_key=True),
    Column("game_id", ForeignKey(games.c.id, ondelete="CASCADE"), nullable=False),
    Column("player", EntityId, nullable=False),
    Column("watched_by", EntityId(OnErase.CLEAR)),
    Column("said_in", MemoryId(OnErase.CLEAR)),
    Column("words", Words, nullable=False, server_default=""),
)
SCHEMA = Schema(tables=GAMES)
ONE = select(games).where(games.c.id == bindparam("game"))


def fresh(*columns: Column[Any], name: str = "plugin_x_t", **more: Any) -> Schema:
    """A schema of one table."""
    tables = MetaData()
    Table(name, tables, Column("id", Integer, primary_key=True), *columns)
    return Schema(tables=tables, **more)


@pytest.fixture
async def ready(store: Database) -> Database:
    """With the tables of a plugin `games`, and a few people."""
    await store.migrate_schema("games", SCHEMA)
    await store.admit([make_admission("m1"), make_admission("m2", person="zoe")])
    return store


async def change(store: Database, statement: Any, schema: Schema = SCHEMA, **values: Any) -> Any:
    def once() -> Work[Any]:
        return (yield statement, values)

    return await store.transact_rows(schema, once)


async def fetch(store: Database, query: Any, schema: Schema = SCHEMA, **values: Any) -> Any:
    return await store.fetch_rows(schema, query, values)


async def new_game(store: Database, **more: Any) -> str:
    given = insert(games).values(room_id=ROOM, **more).returning(games.c.id)
    [row] = await change(store, given)
    return str(row["id"])


async def shape(url: str, base: Path) -> dict[str, Any]:
    """Of the plugins' tables: columns and indexes, as SQLAlchemy finds them."""
    if url.startswith("sqlite"):
        engine = create_async_engine(f"sqlite+aiosqlite:///{base / url.removeprefix('sqlite:///')}")
    else:
        engine = create_async_engine(url.replace("postgresql:", "postgresql+asyncpg:"))
    try:
        async with engine.connect() as connection:
            return await connection.run_sync(_shape)
    finally:
        await engine.dispose()


def _shape(connection: Connection) -> dict[str, Any]:
    found = inspect(connection)
    return {
        name: (
            {each["name"]: each["nullable"] for each in found.get_columns(name)},
            sorted(str(each["name"]) for each in found.get_indexes(name)),
        )
        for name in found.get_table_names()
        if name.startswith("plugin_") and name != "plugin_schemas"
    }


Look = Callable[[], Awaitable[dict[str, Any]]]


@pytest.fixture
def look(url: str, tmp_path: Path) -> Look:
    """The shape of what is there."""
    return lambda: shape(url, tmp_path)


class TestMaking:
    async def test_they_are_made_once(self, store: Database, look: Look) -> None:
        assert await store.migrate_schema("games", SCHEMA)
        made = await look()
        assert set(made["plugin_games_games"][0]) == set(games.c.keys())
        assert made["plugin_games_games"][1] == ["ix_plugin_games_games_room_id"]
        assert not await store.migrate_schema("games", SCHEMA)
        assert await look() == made

    async def test_what_is_new_is_added_and_rows_stay(self, store: Database, look: Look) -> None:
        await store.migrate_schema("x", fresh())
        before = fresh()
        await change(store, insert(before.tables.tables["plugin_x_t"]).values(id=7), before)
        later = fresh(
            Column("note", Text, index=True),
            Column("done", Boolean, nullable=False, server_default=false()),
        )
        Table("plugin_x_more", later.tables, Column("id", Integer, primary_key=True))
        assert await store.migrate_schema("x", later)
        t = later.tables.tables["plugin_x_t"]
        assert await fetch(store, select(t), later) == [{"id": 7, "note": None, "done": False}]
        assert (await look())["plugin_x_t"][1] == ["ix_plugin_x_t_note"]
        assert "plugin_x_more" in await look()

    async def test_migrations_run_once_each_and_not_on_a_new_database(self, store: Database) -> None:
        rename = "ALTER TABLE plugin_x_t RENAME COLUMN old TO new"
        old = fresh(Column("old", Text))
        await store.migrate_schema("x", old)
        await change(store, insert(old.tables.tables["plugin_x_t"]).values(old="a"), old)
        new = fresh(Column("new", Text))
        t = new.tables.tables["plugin_x_t"]
        new = Schema(tables=new.tables, migrations=(rename, update(t).values(new=func.upper(t.c.new))))
        for done in (True, False):
            assert await store.migrate_schema("x", new) is done
            assert await fetch(store, select(t.c.new), new) == [{"new": "A"}]
        more = Schema(tables=new.tables, migrations=(*new.migrations, update(t).values(new=t.c.new + "b")))
        assert await store.migrate_schema("x", more)
        assert await fetch(store, select(t.c.new), more) == [{"new": "Ab"}]
        async with make_store("sqlite://", base=Path()) as other:
            assert await other.migrate_schema("x", more)
            assert await fetch(other, select(t), more) == []

    async def test_a_failing_migration_changes_nothing(self, store: Database, look: Look) -> None:
        await store.migrate_schema("x", fresh())
        before = await look()
        wrong = fresh(
            Column("a", Text),
            migrations=("CREATE TABLE plugin_x_half (id INTEGER)", "ALTER TABLE no_such ADD COLUMN b TEXT"),
        )
        with pytest.raises(StoreError, match="no_such"):
            await store.migrate_schema("x", wrong)
        assert await look() == before
        assert await store.migrate_schema("x", fresh(Column("a", Text)))

    async def test_a_table_that_is_not_wanted_any_more_stays(self, store: Database, look: Look) -> None:
        await store.migrate_schema("x", fresh(name="plugin_x_old"))
        await store.migrate_schema("x", fresh())
        assert set(await look()) == {"plugin_x_old", "plugin_x_t"}

    async def test_a_column_that_needs_a_value_and_is_forgotten_is_refused(self, store: Database) -> None:
        await store.migrate_schema("x", fresh(Column("must", Text, nullable=False)))
        with pytest.raises(PluginError, match="must that needs a value"):
            await store.migrate_schema("x", fresh())
        dropped = fresh(migrations=("ALTER TABLE plugin_x_t DROP COLUMN must",))
        assert await store.migrate_schema("x", dropped)

    @pytest.mark.parametrize(
        "make",
        [
            partial(Column, "a", Integer, nullable=False),
            lambda: Column("a", ForeignKey("plugin_x_t.id", ondelete="CASCADE")),
            partial(Column, "a", Integer, unique=True),
        ],
    )
    async def test_what_cannot_be_added_to_rows_is_refused(
        self, store: Database, make: Callable[[], Column[Any]]
    ) -> None:
        await store.migrate_schema("x", fresh())
        with pytest.raises(PluginError, match=r"plugin_x_t\.a cannot be added"):
            await store.migrate_schema("x", fresh(make()))

    @pytest.mark.parametrize("type_", [{"type_": Integer}, {"type_": Text, "nullable": False}])
    async def test_another_kind_of_column_needs_a_migration(
        self, store: Database, type_: dict[str, Any]
    ) -> None:
        await store.migrate_schema("x", fresh(Column("a", Text)))
        with pytest.raises(PluginError, match=r"plugin_x_t\.a is another kind"):
            await store.migrate_schema("x", fresh(Column("a", **type_)))

    async def test_tables_of_a_newer_version_of_the_plugin_are_left_alone(self, store: Database) -> None:
        await store.migrate_schema("x", fresh())
        await store.migrate_schema("x", fresh(migrations=("SELECT 1", "SELECT 1")))
        with pytest.raises(PluginError, match=r"newer version of it \(2 migrations, this one has 1\)"):
            await store.migrate_schema("x", fresh(migrations=("SELECT 1",)))

    async def test_two_plugins_never_share_a_table(self, store: Database) -> None:
        await store.migrate_schema("a", fresh(name="plugin_a_b_c"))
        with pytest.raises(PluginError, match="plugin_a_b_c belongs to the plugin a"):
            await store.migrate_schema("a_b", fresh(name="plugin_a_b_c"))

    @pytest.mark.parametrize(
        ("given", "words"),
        [
            (fresh(name="games"), "begins with plugin_x_"),
            (fresh(name="plugin_y_t"), "begins with plugin_x_"),
            (fresh(Column("a", EntityId(OnErase.CLEAR), nullable=False)), "must be nullable"),
            (fresh(Column("a", ForeignKey("plugin_x_t.id"))), "needs ondelete"),
            (Schema(tables=MetaData()), ""),
        ],
    )
    async def test_what_cannot_live_beside_our_tables_is_refused(
        self, store: Database, given: Schema, words: str
    ) -> None:
        if words:
            with pytest.raises(PluginError, match=f"^x: .*{words}"):
                await store.migrate_schema("x", given)
        else:
            assert await store.migrate_schema("x", given)

    async def test_a_key_is_needed_and_other_peoples_tables_are_no_targets(self, store: Database) -> None:
        keyless = MetaData()
        Table("plugin_x_t", keyless, Column("a", Integer))
        with pytest.raises(PluginError, match="needs a primary key"):
            await store.migrate_schema("x", Schema(tables=keyless))
        foreign = ForeignKey(games.c.id, ondelete="CASCADE")
        with pytest.raises(PluginError, match="tables of its schema only"):
            await store.migrate_schema("x", fresh(Column("a", foreign)))

    def test_the_prefix(self) -> None:
        assert table_prefix("Bot-Host Dice") == "plugin_bot_host_dice_"


class TestWork:
    async def test_values_come_back_as_they_went_in(self, ready: Database) -> None:
        game = await new_game(ready, state={"board": ["x", None]}, begun_at=NOON)
        [row] = await fetch(ready, ONE, game=game)
        assert row == {
            "id": game,
            "room_id": ROOM,
            "state": {"board": ["x", None]},
            "begun_at": NOON,
            "changes": 0,
        }

    async def test_defaults_lists_and_many_rows(self, ready: Database) -> None:
        one, other = await new_game(ready), await new_game(ready)
        rows = [{"game_id": one, "player": BEN}, {"game_id": other, "player": ZOE}]
        await change(ready, insert(moves).values(rows))
        await change(ready, insert(moves), game_id=one, player=ZOE)
        query = select(moves.c.player, games.c.id, moves.c.id, func.count().over().label("of"))
        query = query.join(games).where(games.c.id.in_([one, other])).order_by(moves.c.id).limit(2)
        found = await fetch(ready, query)
        assert [(row["player"], row["id_1"], row["of"]) for row in found] == [(BEN, 1, 3), (ZOE, 2, 3)]
        by_id = select(games.c.id).where(games.c.id.in_(bindparam("ids", expanding=True)))
        assert await fetch(ready, by_id, ids=[one, new_id()]) == [{"id": one}]
        assert await fetch(ready, by_id, ids=[]) == []
        both = union(select(games.c.id), select(moves.c.player))
        assert len(await fetch(ready, both)) == 4
        assert await change(
            ready, update(games).where(games.c.id == one).values(state=[1]).returning(games.c.changes)
        ) == [{"changes": 1}]

    async def test_a_transaction_is_all_or_nothing(self, ready: Database) -> None:
        game = await new_game(ready)

        def play(fail: bool) -> Work[int]:
            [row] = yield ONE, {"game": game}
            yield update(games).where(games.c.id == game).values(state={"n": row["state"].get("n", 0) + 1})
            if fail:
                raise KeyError("mine")
            rows = yield ONE, {"game": game}
            return int(rows[0]["state"]["n"])

        assert await ready.transact_rows(SCHEMA, partial(play, fail=False)) == 1
        with pytest.raises(KeyError, match="mine"):
            await ready.transact_rows(SCHEMA, partial(play, fail=True))
        assert await ready.transact_rows(SCHEMA, partial(play, fail=False)) == 2

    async def test_a_statement_that_the_database_refuses_undoes_the_rest(self, ready: Database) -> None:
        def wrong() -> Work[None]:
            yield insert(games).values(room_id=ROOM)
            yield insert(moves).values(game_id=new_id(), player=BEN)

        with pytest.raises(StoreError):
            await ready.transact_rows(SCHEMA, wrong)
        assert await fetch(ready, select(games)) == []

    @pytest.mark.parametrize(
        "statement",
        [
            select(table("agents", Column("id"))),
            select(games.c.id).where(games.c.id.in_(select(table("memories", Column("id")).c.id))),
            insert(games).from_select(["id"], select(table("entities", Column("id")))),
            delete(table("cache")),
            select(Table("plugin_games_games", MetaData(), Column("id", Integer))),
            text("SELECT 1"),
            "SELECT 1",
        ],
    )
    async def test_others_tables_and_bare_sql_are_refused(self, ready: Database, statement: Any) -> None:
        with pytest.raises(StateError, match="a plugin's statement"):
            await change(ready, statement)

    @pytest.mark.parametrize(
        ("statement", "values", "words"),
        [
            (ONE, {}, "needs a value for game"),
            (ONE, {"game": BEN, "gme": 1}, "no parameter gme"),
            (insert(games), {"colour": 1}, "no parameter colour"),
            (insert(games).values(id=literal(None)), {}, "(?i)not.null"),
        ],
    )
    async def test_a_wrong_call_says_what_is_wrong(
        self, ready: Database, statement: Any, values: dict[str, Any], words: str
    ) -> None:
        with pytest.raises((StateError, StoreError), match=words):
            await change(ready, statement, **values)

    async def test_a_query_changes_nothing(self, ready: Database) -> None:
        game = await new_game(ready)
        with pytest.raises(StoreError):
            await fetch(ready, delete(games).returning(games.c.id))
        assert len(await fetch(ready, ONE, game=game)) == 1


class TestPeople:
    @pytest.fixture
    async def played(self, ready: Database) -> Database:
        """Ben and Zoe in a game, and Ben alone in private."""
        private = make_admission("p1", room="dm")
        await ready.admit([_private(private)])
        game = await new_game(ready, state={"turn": BEN, "scores": {BEN: 3, ZOE: 4}})
        solo = insert(games).values(room_id=make_id("dm"), state={"solo": True}).returning(games.c.id)
        [alone] = await change(ready, solo)
        await change(ready, insert(moves).values(game_id=alone["id"], player=BEN, words="alone"))
        rows: list[dict[str, Any]] = [
            {"player": BEN, "words": "mine"},
            {"player": ZOE, "words": "hers", "watched_by": BEN, "said_in": make_id("memory m1")},
            {"player": ZOE, "words": "hers too", "watched_by": ZOE, "said_in": make_id("memory m2")},
        ]
        for row in rows:
            await change(ready, insert(moves).values(game_id=game, **row))
        return ready

    async def test_an_erased_persons_rows_go(self, played: Database) -> None:
        receipt = await played.erase_entity(BEN)
        assert (receipt["plugin_games_games"], receipt["plugin_games_moves"]) == (2, 3)
        [game] = await fetch(played, select(games.c.state))
        assert game["state"] == {"scores": {ZOE: 4}}
        left = await fetch(
            played, select(moves.c.words, moves.c.watched_by, moves.c.said_in).order_by(moves.c.words)
        )
        assert [tuple(row.values()) for row in left] == [
            ("hers", None, None),
            ("hers too", ZOE, make_id("memory m2")),
        ]

    async def test_also_when_the_plugin_is_not_there_any_more(
        self, played: Database, url: str, tmp_path: Path
    ) -> None:
        await played.migrate_schema("games", fresh(name="plugin_games_other"))
        async with make_store(url, base=tmp_path) as again:
            assert (await again.erase_entity(BEN))["plugin_games_moves"] == 3

    async def test_an_export_has_them(self, played: Database) -> None:
        exported = await played.export_entity(BEN)
        assert [row["words"] for row in exported["plugin_games_moves"]] == ["alone", "mine", "hers"]
        assert exported["plugin_games_games"][0]["state"] == {"solo": True}

    async def test_a_row_with_a_foreign_key_is_no_obstacle(self, ready: Database) -> None:
        """The game goes with Ben, and Zoe's move in it too."""
        tables = MetaData()
        of = Table(
            "plugin_y_of", tables, Column("id", Integer, primary_key=True), Column("entity_id", EntityId)
        )
        child = Table(
            "plugin_y_child",
            tables,
            Column("id", Integer, primary_key=True),
            Column("of", ForeignKey(of.c.id, ondelete="CASCADE")),
        )
        schema = Schema(tables=tables)
        await ready.migrate_schema("y", schema)
        await change(ready, insert(of).values(id=1, entity_id=BEN), schema)
        await change(ready, insert(child).values(id=1, of=1), schema)
        await ready.erase_entity(BEN)
        assert await fetch(ready, select(child), schema) == []

    def test_gaps_are_columns_of_words_that_nobody_would_find(self) -> None:
        assert erase_gaps(SCHEMA) == []
        text_only = fresh(
            Column("note", Text),
            Column("name", Words),
            Column("code", String(3), info={"about_nobody": "a country"}),
            Column("extra", Json),
            Column("at", DateTime),
            Column("who", EntityId(OnErase.CLEAR)),
        )
        assert erase_gaps(text_only) == ["plugin_x_t.note", "plugin_x_t.name"]


def _private(admission: Admission) -> Admission:
    return replace(admission, room=replace(admission.room, type=ChannelType.DM))


def test_indexes_and_constraints_belong_to_the_description() -> None:
    plain = fresh(Column("a", Text))
    indexed = fresh(Column("a", Text))
    Index("ix_plugin_x_a", indexed.tables.tables["plugin_x_t"].c.a)
    unique = MetaData()
    Table(
        "plugin_x_t",
        unique,
        Column("id", Integer, primary_key=True),
        Column("a", Text),
        UniqueConstraint("a"),
    )
    prints = [fingerprint(each) for each in (plain, indexed, Schema(tables=unique))]
    assert len(set(prints)) == 3
    assert fingerprint(fresh(Column("a", Text))) == prints[0]


def plugins_with_tables() -> Iterator[tuple[str, Schema]]:
    """Of all plugins that are installed here."""
    for name in known_plugins():
        plugin = find_plugin(name)
        if plugin.schema is not None:
            yield plugin.name, plugin.schema


async def test_our_own_plugins_leave_no_gap(tmp_path: Path) -> None:
    async with make_store("sqlite://", base=tmp_path) as store:
        await store.ensure_agent(AGENT, CHARACTER)
        for name, schema in plugins_with_tables():
            assert erase_gaps(schema) == []
            await store.migrate_schema(name, schema)
