"""An elizaOS database, as plugin-sql makes it: tables of both generations of names, rows with its ids.

Written after the schemas of @elizaos/plugin-sql 1.2.0, 1.4.2 and 1.6.1 (which are the same) and 1.7.2.
"""

import json
import re
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg

from bot_host.types.ids import UUID, create_unique_uuid, string_to_uuid
from tests.postgres import drop_database, make_database

OLD, NEW = "1.2", "1.7"
VERSIONS = (OLD, NEW)
NOON = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)

# <name> is in camelCase in the older one. Vectors are of pgvector's type there; what they hold is never read.
TABLES = """
CREATE TABLE agents (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(), enabled boolean NOT NULL DEFAULT true, {agents}
    created_at timestamptz NOT NULL DEFAULT now(), updated_at timestamptz NOT NULL DEFAULT now(),
    name text NOT NULL, username text, system text DEFAULT '', bio jsonb DEFAULT '[]',
    message_examples jsonb NOT NULL DEFAULT '[]', post_examples jsonb NOT NULL DEFAULT '[]',
    topics jsonb NOT NULL DEFAULT '[]', adjectives jsonb NOT NULL DEFAULT '[]',
    knowledge jsonb NOT NULL DEFAULT '[]', plugins jsonb NOT NULL DEFAULT '[]',
    settings jsonb NOT NULL DEFAULT '{{}}', style jsonb NOT NULL DEFAULT '{{}}'
);
CREATE TABLE entities (
    id uuid PRIMARY KEY, agent_id uuid NOT NULL REFERENCES agents ON DELETE CASCADE,
    created_at timestamp NOT NULL DEFAULT now(), names text[] NOT NULL DEFAULT '{{}}',
    metadata jsonb NOT NULL DEFAULT '{{}}', CONSTRAINT id_agent_id_unique UNIQUE (id, agent_id)
);
CREATE TABLE worlds (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    <agent_id> uuid NOT NULL REFERENCES agents ON DELETE CASCADE,
    name text NOT NULL, metadata jsonb, {server}, <created_at> timestamp NOT NULL DEFAULT now()
);
CREATE TABLE rooms (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(), <agent_id> uuid REFERENCES agents ON DELETE CASCADE,
    source text NOT NULL, type text NOT NULL, {server}, <world_id> uuid, name text, metadata jsonb,
    <channel_id> text, <created_at> timestamp NOT NULL DEFAULT now()
);
CREATE TABLE participants (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(), created_at timestamptz NOT NULL DEFAULT now(),
    <entity_id> uuid REFERENCES entities ON DELETE CASCADE, <room_id> uuid REFERENCES rooms ON DELETE CASCADE,
    <agent_id> uuid REFERENCES agents ON DELETE CASCADE, <room_state> text
);
CREATE TABLE memories (
    id uuid PRIMARY KEY, type text NOT NULL, <created_at> timestamp NOT NULL DEFAULT now(),
    content jsonb NOT NULL, <entity_id> uuid REFERENCES entities ON DELETE CASCADE,
    <agent_id> uuid NOT NULL REFERENCES agents ON DELETE CASCADE,
    <room_id> uuid REFERENCES rooms ON DELETE CASCADE, <world_id> uuid,
    "unique" boolean NOT NULL DEFAULT true, metadata jsonb NOT NULL DEFAULT '{{}}',
    CHECK (CASE WHEN metadata->>'type' = 'fragment' THEN metadata ? 'documentId' AND metadata ? 'position'
           ELSE true END),
    CHECK (CASE WHEN metadata->>'type' = 'document' THEN metadata ? 'timestamp' ELSE true END)
);
CREATE TABLE embeddings (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(), memory_id uuid REFERENCES memories ON DELETE CASCADE,
    created_at timestamp NOT NULL DEFAULT now(), dim_384 real[], dim_512 real[], dim_768 real[],
    dim_1024 real[], dim_1536 real[], dim_3072 real[], CHECK (memory_id IS NOT NULL)
);
CREATE TABLE components (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    <entity_id> uuid NOT NULL REFERENCES entities ON DELETE CASCADE,
    <agent_id> uuid NOT NULL REFERENCES agents ON DELETE CASCADE,
    <room_id> uuid NOT NULL REFERENCES rooms ON DELETE CASCADE,
    <world_id> uuid REFERENCES worlds ON DELETE CASCADE,
    <source_entity_id> uuid REFERENCES entities ON DELETE CASCADE, type text NOT NULL,
    data jsonb DEFAULT '{{}}', <created_at> timestamp NOT NULL DEFAULT now()
);
CREATE TABLE relationships (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(), created_at timestamptz NOT NULL DEFAULT now(),
    <source_entity_id> uuid NOT NULL REFERENCES entities ON DELETE CASCADE,
    <target_entity_id> uuid NOT NULL REFERENCES entities ON DELETE CASCADE,
    <agent_id> uuid NOT NULL REFERENCES agents ON DELETE CASCADE, tags text[], metadata jsonb,
    UNIQUE (<source_entity_id>, <target_entity_id>, <agent_id>)
);
CREATE TABLE tasks (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(), name text NOT NULL, description text, <room_id> uuid,
    <world_id> uuid, <entity_id> uuid, agent_id uuid NOT NULL REFERENCES agents ON DELETE CASCADE,
    tags text[] DEFAULT '{{}}', metadata jsonb DEFAULT '{{}}', created_at timestamptz DEFAULT now(),
    updated_at timestamptz DEFAULT now()
);
"""
_FREE: dict[str, list[str]] = {version: [] for version in VERSIONS}


def camel(name: str) -> str:
    """`roomId` for `room_id`."""
    return re.sub(r"_(\w)", lambda found: found[1].upper(), name)


def tables(version: str) -> str:
    """The statements that make them."""
    old = version == OLD
    made = TABLES.format(
        agents="" if old else "server_id uuid,", server='"serverId" text' if old else "message_server_id uuid"
    )
    return re.sub(r"<(\w+)>", lambda found: f'"{camel(found[1])}"' if old else found[1], made)


class Eliza:
    """One agent of elizaOS, which writes rows as its plugins do."""

    def __init__(self, connection: asyncpg.Connection, url: str, name: str, agent_id: UUID) -> None:
        self.connection = connection
        self.url = url
        self.name = name
        self.agent_id = agent_id
        self._said = 0
        self.is_spoilt = False

    def spoil(self) -> None:
        """Its tables are not what they were: no other test gets this database."""
        self.is_spoilt = True

    def id(self, key: str) -> UUID:
        """`createUniqueUuid(runtime, key)`."""
        return create_unique_uuid(self.agent_id, key)

    async def put(self, table: str, **values: Any) -> None:
        """One row; the columns in snake_case."""
        there = await self.connection.fetch(
            "SELECT attname::text FROM pg_attribute WHERE attrelid = to_regclass($1)", table
        )
        names = {row[0] for row in there}
        columns = ", ".join(f'"{name if name in names else camel(name)}"' for name in values)
        places = ", ".join(f"${number}" for number in range(1, len(values) + 1))
        given = [json.dumps(value) if isinstance(value, dict) else value for value in values.values()]
        await self.connection.execute(f"INSERT INTO {table} ({columns}) VALUES ({places})", *given)

    async def world(self, key: str, *, id: UUID | None = None, **values: Any) -> UUID:
        """A world; its id is made of `key`."""
        made = id or self.id(key)
        await self.put("worlds", id=made, agent_id=self.agent_id, **{"name": f"World {key}", **values})
        return made

    async def room(
        self,
        key: str,
        *,
        source: str = "discord",
        type: str = "GROUP",
        channel: str | None = None,
        **values: Any,
    ) -> UUID:
        """A room; its id is made of `key`, which is its channel too."""
        made = self.id(key)
        fixed = {"id": made, "agent_id": self.agent_id, "source": source, "type": type}
        await self.put("rooms", **fixed, channel_id=channel or key, **{"name": "default", **values})
        return made

    async def person(
        self, key: str, name: str, *, source: str = "discord", id: UUID | None = None, **values: Any
    ) -> UUID:
        """An entity, as `ensureConnection` makes it."""
        made = id or self.id(key)
        about = {source: {"id": key, "name": name, "userName": name.lower()}}
        values = {"names": [name], "metadata": about, **values}
        await self.put("entities", id=made, agent_id=self.agent_id, **values)
        return made

    async def join(self, room: UUID, *people: UUID, state: str | None = None) -> None:
        """Put people into a room."""
        for person in people:
            values = {"entity_id": person, "room_id": room, "agent_id": self.agent_id}
            await self.put("participants", **values, room_state=state)

    async def say(
        self,
        room: UUID,
        who: UUID,
        text: str,
        *,
        key: str = "",
        table: str = "messages",
        content: dict[str, Any] | None = None,
        metadata: dict[str, Any] | None = None,
        vector: bool = False,
        **values: Any,
    ) -> UUID:
        """A memory, each a minute after the one before."""
        self._said += 1
        made = self.id(key) if key else str(uuid.uuid4())
        fixed = {
            "id": made,
            "type": table,
            "created_at": (NOON + timedelta(minutes=self._said)).replace(tzinfo=None),
            "content": {"text": text, "source": "discord", **(content or {})},
            "metadata": metadata or {},
            "entity_id": who,
            "agent_id": self.agent_id,
            "room_id": room,
        }
        await self.put("memories", **{**fixed, **values})
        if vector:
            await self.put("embeddings", memory_id=made, dim_384=[0.1] * 384)
        return made


@asynccontextmanager
async def elizaos(version: str = NEW, name: str = "Eliza", **character: Any) -> AsyncIterator[Eliza]:
    """A database of elizaOS with one agent in it."""
    if not _FREE[version]:
        made = await make_database()
        connection = await asyncpg.connect(made)
        try:
            await connection.execute(tables(version))
        finally:
            await connection.close()
        _FREE[version].append(made)
    url = _FREE[version].pop()
    connection = await asyncpg.connect(url)
    try:
        made_agent = await agent(connection, url, name, **character)
        yield made_agent
        if not made_agent.is_spoilt:
            await connection.execute("TRUNCATE agents CASCADE; TRUNCATE rooms CASCADE")
    finally:
        await connection.close()
    if made_agent.is_spoilt:
        await drop_database(url)
    else:
        _FREE[version].append(url)


async def agent(connection: asyncpg.Connection, url: str, name: str, **character: Any) -> Eliza:
    """One more agent, with the room and entity of its own that elizaOS makes."""
    eliza = Eliza(connection, url, name, string_to_uuid(name))
    given = {key: json.dumps(v) if isinstance(v, dict | list) else v for key, v in character.items()}
    await eliza.put("agents", id=eliza.agent_id, name=name, **given)
    await eliza.person("", name, id=eliza.agent_id, metadata={})
    fixed = {"id": eliza.agent_id, "agent_id": eliza.agent_id, "name": name}
    await eliza.put("rooms", **fixed, source="elizaos", type="SELF", world_id=eliza.agent_id)
    await eliza.join(eliza.agent_id, eliza.agent_id)
    return eliza
