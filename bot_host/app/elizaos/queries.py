"""What is asked of an elizaOS database, in the column names of its version.

Two spellings are about: until plugin-sql 1.6.4 most columns are in camelCase (`"roomId"`), from 1.6.5 on all
are in snake_case, and its migration leaves either behind. So each column is looked up.
"""

from collections.abc import Mapping
from typing import Final

from bot_host.app.elizaos.ids import PRIVATE_TYPES

NEEDED: Final[dict[str, tuple[str, ...]]] = {
    "agents": ("id", "name"),
    "worlds": ("id", "agent_id"),
    "rooms": ("id", "agent_id", "source", "type", "channel_id", "world_id"),
    "entities": ("id", "agent_id", "names", "metadata"),
    "participants": ("id", "entity_id", "room_id"),
    "memories": ("id", "type", "created_at", "content", "entity_id", "agent_id", "room_id"),
}
"""Tables and columns without which it is no elizaOS 1.x database."""
OPTIONAL: Final[dict[str, tuple[str, ...]]] = {
    "components": ("id", "entity_id", "agent_id", "room_id", "type", "data"),
    "relationships": ("id", "source_entity_id", "target_entity_id", "agent_id"),
    "embeddings": ("memory_id",),
    "tasks": ("id", "name", "agent_id"),
}
CHARACTER: Final = (
    "id",
    "name",
    "username",
    "system",
    "bio",
    "message_examples",
    "post_examples",
    "topics",
    "adjectives",
    "knowledge",
    "plugins",
    "settings",
    "style",
)
OTHER_SPELLINGS: Final = {"message_server_id": ("serverId", "server_id")}
_PRIVATE: Final = ", ".join(f"'{name}'" for name in sorted(PRIVATE_TYPES))


class Column(str):
    """A column's name, with its type on the side."""

    type: str = ""


class Queries:
    """The queries for one database; `columns`: of each table, its columns by their name in snake_case."""

    def __init__(self, columns: Mapping[str, Mapping[str, Column]]) -> None:
        self._columns = columns

    def has(self, table: str) -> bool:
        """Whether there is that table, with what is needed of it."""
        return table in self._columns

    def _column(self, table: str, alias: str, name: str, *, cast: str = "text") -> str:
        found = self._columns.get(table, {}).get(name)
        return f'{alias}."{found}"::{cast}' if found else f"NULL::{cast}"

    def _raw(self, table: str, alias: str, name: str) -> str:
        return f'{alias}."{self._columns[table][name]}"'

    def _moment(self, table: str, alias: str, name: str = "created_at") -> str:
        """Microseconds since 1970. elizaOS writes UTC, with or without a zone in the column's type."""
        found = self._columns.get(table, {}).get(name)
        if found is None:
            return "NULL::numeric"
        if "int" in found.type:
            return f'{alias}."{found}"::numeric * 1000'
        full = f'{alias}."{found}"'
        return f"CASE WHEN isfinite({full}) THEN trunc(extract(epoch FROM {full})::numeric * 1000000) END"

    def _slack(self, alias: str) -> str:
        metadata = self._raw("entities", alias, "metadata")
        return f"{metadata}::jsonb -> 'slack' ->> 'id'"

    def _person(self, alias: str, name: str) -> str:
        """What tells whose row an entity is, and which id it has here."""
        owner = self._column("entities", alias, "agent_id")
        return f"{alias}.id::text AS {name}_id, {owner} AS {name}_owner, {self._slack(alias)} AS {name}_slack"

    def _room(self) -> str:
        """The room `r` and its world `w`, as other rows need them."""
        return ", ".join(
            (
                "r.id::text AS room_id",
                f"{self._column('rooms', 'r', 'agent_id')} AS room_agent",
                f"{self._column('rooms', 'r', 'source')} AS room_source",
                f"{self._column('rooms', 'r', 'type')} AS room_type",
                f"{self._column('rooms', 'r', 'channel_id')} AS room_channel",
                "w.id::text AS world_id",
                f"{self._column('worlds', 'w', 'agent_id')} AS world_agent",
            )
        )

    def _join_room(self, table: str, alias: str) -> str:
        return (
            f"LEFT JOIN rooms r ON r.id = {self._raw(table, alias, 'room_id')} "
            f"LEFT JOIN worlds w ON w.id = {self._raw('rooms', 'r', 'world_id')}"
        )

    def _mine(self, table: str, alias: str) -> str:
        return f"{self._raw(table, alias, 'agent_id')} = ANY ($1::uuid[])"

    def agents(self) -> str:
        """All agents, with their characters."""
        columns = ", ".join(f"{self._column('agents', 'a', name)} AS {name}" for name in CHARACTER)
        return f"SELECT {columns} FROM agents a ORDER BY a.name, a.id"

    def worlds(self) -> str:
        """Worlds; of each the room that says most of what it is."""
        world = self._raw("rooms", "x", "world_id")
        kind, channel = self._raw("rooms", "x", "type"), self._raw("rooms", "x", "channel_id")
        return (
            f"SELECT w.id::text AS id, {self._column('worlds', 'w', 'agent_id')} AS agent_id, "
            f"{self._column('worlds', 'w', 'name')} AS name, "
            f"{self._column('worlds', 'w', 'metadata')} AS metadata, "
            f"{self._column('worlds', 'w', 'message_server_id')} AS server_id, "
            f"{self._moment('worlds', 'w')} AS created_at, "
            "r.source AS room_source, r.type AS room_type, r.channel AS room_channel "
            f"FROM worlds w LEFT JOIN (SELECT DISTINCT ON ({world}) {world} AS world_id, "
            f"{self._raw('rooms', 'x', 'source')} AS source, {kind} AS type, {channel} AS channel "
            f"FROM rooms x ORDER BY {world}, upper({kind}) IN ({_PRIVATE}), {channel} IS NULL, x.id) r "
            f"ON r.world_id = w.id WHERE {self._mine('worlds', 'w')} ORDER BY w.id"
        )

    def rooms(self) -> str:
        """Rooms; those of no agent too, to be told of."""
        agent = self._raw("rooms", "r", "agent_id")
        return (
            f"SELECT {self._room()}, {self._column('rooms', 'r', 'name')} AS name, "
            f"{self._column('rooms', 'r', 'metadata')} AS metadata, "
            f"{self._moment('rooms', 'r')} AS created_at FROM rooms r "
            f"LEFT JOIN worlds w ON w.id = {self._raw('rooms', 'r', 'world_id')} "
            f"WHERE {self._mine('rooms', 'r')} OR {agent} IS NULL ORDER BY r.id"
        )

    def entities(self) -> str:
        """People, each as the agent's that they belong to; the agents themselves come with their rows."""
        return (
            f"SELECT e.id::text AS id, {self._column('entities', 'e', 'agent_id')} AS agent_id, "
            f"{self._person('e', 'entity')}, to_json({self._raw('entities', 'e', 'names')})::text AS names, "
            f"{self._column('entities', 'e', 'metadata')} AS metadata, "
            f"{self._moment('entities', 'e')} AS created_at "
            f"FROM entities e WHERE {self._mine('entities', 'e')} "
            f"AND e.id <> {self._raw('entities', 'e', 'agent_id')} ORDER BY e.id"
        )

    def shared_entities(self) -> str:
        """People of another agent's whom an agent's rows name: their ids count for all agents there."""
        pairs = []
        for table, columns in (
            ("memories", ("entity_id",)),
            ("participants", ("entity_id",)),
            ("components", ("entity_id", "source_entity_id")),
            ("relationships", ("source_entity_id", "target_entity_id")),
        ):
            if not (self.has(table) and "agent_id" in self._columns[table]):
                continue
            pairs += [
                f"SELECT {self._raw(table, 't', 'agent_id')} AS agent_id, "
                f"{self._raw(table, 't', column)} AS entity_id FROM {table} t "
                f"WHERE {self._mine(table, 't')}"
                for column in columns
                if column in self._columns[table]
            ]
        return (
            f"SELECT e.id::text AS id, s.agent_id::text AS agent_id, {self._person('e', 'entity')}, "
            f"to_json({self._raw('entities', 'e', 'names')})::text AS names, "
            f"{self._column('entities', 'e', 'metadata')} AS metadata, "
            f"{self._moment('entities', 'e')} AS created_at "
            f"FROM ({' UNION '.join(pairs)}) s JOIN entities e ON e.id = s.entity_id "
            f"WHERE {self._raw('entities', 'e', 'agent_id')} <> s.agent_id ORDER BY s.agent_id, e.id"
        )

    def participants(self) -> str:
        """Who is in which room. Where a pair stands there several times, the one that has a state."""
        state = self._column("participants", "p", "room_state")
        pair = f"{self._raw('participants', 'p', 'room_id')}, {self._raw('participants', 'p', 'entity_id')}"
        return (
            f"SELECT DISTINCT ON ({pair}) p.id::text AS id, "
            f"{self._column('participants', 'p', 'agent_id')} AS agent_id, "
            f"{self._person('e', 'entity')}, {self._room()}, {state} AS state, "
            f"{self._moment('participants', 'p')} AS created_at FROM participants p "
            f"{self._join_room('participants', 'p')} "
            f"LEFT JOIN entities e ON e.id = {self._raw('participants', 'p', 'entity_id')} "
            f"WHERE {self._raw('rooms', 'r', 'agent_id')} = ANY ($1::uuid[]) "
            f"ORDER BY {pair}, {state} IS NULL, p.id"
        )

    def memory_ids(self) -> str:
        """All memories, in the order in which they are to be put in: fragments need their documents."""
        kind, at = self._raw("memories", "m", "type"), self._raw("memories", "m", "created_at")
        return (
            f"SELECT m.id FROM memories m WHERE {self._mine('memories', 'm')} "
            f"ORDER BY {kind} <> 'documents', {at}, m.id"
        )

    def memories(self) -> str:
        """Memories by their ids."""
        kind = self._raw("memories", "m", "type")
        room, agent = self._raw("memories", "m", "room_id"), self._raw("memories", "m", "agent_id")
        has_vector = (
            f"EXISTS (SELECT 1 FROM embeddings v WHERE {self._raw('embeddings', 'v', 'memory_id')} = m.id)"
            if self.has("embeddings")
            else "false"
        )
        others = (
            "LEFT JOIN LATERAL (SELECT min(o.id::text) AS other_id, "
            f"min({self._column('entities', 'o', 'agent_id')}) AS other_owner, "
            f"min({self._slack('o')}) AS other_slack FROM participants p "
            f"JOIN entities o ON o.id = {self._raw('participants', 'p', 'entity_id')} "
            f"WHERE {kind} = 'facts' AND {self._raw('participants', 'p', 'room_id')} = {room} "
            f"AND o.id <> {agent} HAVING count(DISTINCT o.id) = 1) others ON true "
        )
        return (
            f"SELECT m.id::text AS id, {agent}::text AS agent_id, {kind} AS type, "
            f"{self._column('memories', 'm', 'content')} AS content, "
            f"{self._column('memories', 'm', 'metadata')} AS metadata, "
            f"{self._column('memories', 'm', 'unique', cast='boolean')} AS is_unique, "
            f"{self._moment('memories', 'm')} AS created_at, {self._person('e', 'entity')}, {self._room()}, "
            f"others.other_id, others.other_owner, others.other_slack, {has_vector} AS has_vector "
            f"FROM memories m {self._join_room('memories', 'm')} "
            f"LEFT JOIN entities e ON e.id = {self._raw('memories', 'm', 'entity_id')} {others}"
            "WHERE m.id = ANY ($1::uuid[])"
        )

    def documents(self) -> str:
        """Which of these memories there are, of whichever agent."""
        return (
            f"SELECT m.id::text AS id, {self._column('memories', 'm', 'agent_id')} AS agent_id "
            "FROM memories m WHERE m.id = ANY ($1::uuid[])"
        )

    def components(self) -> str:
        """Further data about people."""
        source = (
            f"LEFT JOIN entities s ON s.id = {self._raw('components', 'c', 'source_entity_id')}"
            if "source_entity_id" in self._columns["components"]
            else "LEFT JOIN entities s ON false"
        )
        return (
            f"SELECT c.id::text AS id, {self._column('components', 'c', 'agent_id')} AS agent_id, "
            f"{self._raw('components', 'c', 'type')} AS type, "
            f"{self._column('components', 'c', 'data')} AS data, "
            f"{self._moment('components', 'c')} AS created_at, "
            f"{self._person('e', 'entity')}, {self._person('s', 'source')}, {self._room()} "
            f"FROM components c {self._join_room('components', 'c')} "
            f"LEFT JOIN entities e ON e.id = {self._raw('components', 'c', 'entity_id')} {source} "
            f"WHERE {self._mine('components', 'c')} ORDER BY c.id"
        )

    def relationships(self) -> str:
        """Who stands how to whom."""
        columns = self._columns["relationships"]
        tags = f"to_json({self._raw('relationships', 'c', 'tags')})::text" if "tags" in columns else "NULL"
        return (
            f"SELECT c.id::text AS id, {self._column('relationships', 'c', 'agent_id')} AS agent_id, "
            f"{tags} AS tags, {self._column('relationships', 'c', 'metadata')} AS metadata, "
            f"{self._moment('relationships', 'c')} AS created_at, "
            f"{self._person('e', 'entity')}, {self._person('s', 'target')} FROM relationships c "
            f"LEFT JOIN entities e ON e.id = {self._raw('relationships', 'c', 'source_entity_id')} "
            f"LEFT JOIN entities s ON s.id = {self._raw('relationships', 'c', 'target_entity_id')} "
            f"WHERE {self._mine('relationships', 'c')} ORDER BY c.id"
        )

    def count(self, table: str) -> str:
        """How many rows of a table are these agents'."""
        return f"SELECT count(*) FROM {table} t WHERE {self._mine(table, 't')}"
