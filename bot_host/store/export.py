"""All that is kept about a person, as JSON values."""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import select

from bot_host.store import embeddings, plugin_people
from bot_host.store.erase import NAMED
from bot_host.store.persons import ROWS, find_person, prune_column
from bot_host.store.statement import Statement, Unit
from bot_host.store.theirs import difference, shown
from bot_host.types.ids import UUID

EXPORTS: Final = {
    table: Statement(f"export.{table.name}", select(*table.c).where(theirs)) for table, theirs in ROWS.items()
}


def export_entity(entity_id: UUID) -> Unit[dict[str, list[dict[str, Any]]]]:
    """See Records.export_entity. Rows of others that name the person show only what names them."""
    person = yield from find_person(entity_id)
    if person is None:
        return {}
    exported: dict[str, list[dict[str, Any]]] = {}
    seen: set[UUID] = set()
    for table, statement in EXPORTS.items():
        rows = yield statement(**person.values())
        names = table.c.keys()
        told = [_to_json(dict(zip(names, row, strict=True))) for row in rows]
        seen.update(row["id"] for row in told if "id" in row)
        exported[table.name] = [shown(table.name, row, person) for row in told]
    for table, statement in NAMED.items():
        rows = yield statement(**person.values())
        found = [(key, difference(value, prune_column(table, value, person))) for key, value in rows]
        exported.setdefault(table.name, []).extend(
            {"id": key, "names_them": named} for key, named in found if named and key not in seen
        )
    exported.update((yield from plugin_people.export(person)))
    return {name: rows for name, rows in exported.items() if rows}


def _to_json(row: dict[str, Any]) -> dict[str, Any]:
    if "vector" in row:
        row["vector"] = embeddings.unpack(row["vector"]).tolist()
    return {key: value.isoformat() if isinstance(value, datetime) else value for key, value in row.items()}
