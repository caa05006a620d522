"""Text that would do something if a page took it for anything but text, and where it is put."""

import json
import sqlite3
import uuid
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from bot_host.store.plugin_catalogue import metadata

MARKUP: Final = (
    '"><img src=x onerror="window.bitten=1" data-bite>',
    "'></title></textarea></style></script><script data-bite>window.bitten=1</script>",
    "<svg/onload=window.bitten=1 data-bite><iframe srcdoc='<script>parent.bitten=1</script>' data-bite>",
)
LINKS: Final = (
    "[bite](javascript:window.bitten=1) ![bite](javascript:window.bitten=1) <javascript:window.bitten=1>",
    "[bite](data:text/html,<script>window.bitten=1</script>) [bite](JaVaScRiPt&colon;window.bitten=1)",
    '[bite](https://example.org/"onmouseover="window.bitten=1) javascript:window.bitten=1//',
)
ODD: Final = (
    "{{constructor.constructor('window.bitten=1')()}} ${window.bitten=1} #{7*7} %3Cscript%3E \\u003cb",
    "\u202eright to left\u202c \u2066\u0627\u0644\u0639\u0631\u0628\u064a\u0629\u2069 \u200b\u2028\u2029",
    "Z"
    + "\u0300\u0301\u0302\u0334\u0353" * 20
    + "algo \uff1cscript\uff1ewindow.bitten=1\uff1c/script\uff1e \U0001f9d1\u200d\U0001f680",
)
NAME: Final = MARKUP[0]
"""Short enough for a name on any platform."""
TEXT: Final = "\n\n".join((*MARKUP, *LINKS, *ODD, "long" * 1500))
"""All of it."""
_WORDS: Final = " ".join(MARKUP)
_PLACES: Final = frozenset(
    [
        "caption",
        "description",
        "error",
        "file_name",
        "label",
        "model",
        "names",
        "provider",
        "reason",
        "remark",
        "result",
        "summary",
        "text",
        "title",
        "topic",
        "user_name",
        "username",
    ]
)
"""Keys within JSON whose value is for people to read."""
_KEPT: Final = {("cache", "key"), ("connector_secrets", "value"), ("entity_names", "name")}
"""Words that the host compares with others."""


def poison(database: Path) -> int:
    """Put them into every text of a SQLite database that people read; how many were changed.

    What was learned is there, too: a fact of each message, and a relationship.
    """
    changed = 0
    with closing(sqlite3.connect(database)) as connection, connection:
        _learn(connection)
        for table in metadata.sorted_tables:
            for column in table.columns:
                if type(column.type).__name__ == "Words" and (table.name, column.name) not in _KEPT:
                    changed += connection.execute(
                        f'UPDATE "{table.name}" SET "{column.name}" = ? || "{column.name}"', (_WORDS,)
                    ).rowcount
                elif type(column.type).__name__ == "Json":
                    changed += _poison_json(connection, table.name, column.name)
    return changed


def _poison_json(connection: sqlite3.Connection, table: str, column: str) -> int:
    changed = 0
    for row, text in connection.execute(f'SELECT rowid, "{column}" FROM "{table}"').fetchall():
        try:
            value = json.loads(text) if text else None
        except ValueError:
            continue
        poisoned = json.dumps(_bitten(value, ""))
        if value is not None and poisoned != json.dumps(value):
            connection.execute(f'UPDATE "{table}" SET "{column}" = ? WHERE rowid = ?', (poisoned, row))
            changed += 1
    return changed


def _bitten(value: Any, key: str) -> Any:
    if isinstance(value, dict):
        return {name: _bitten(each, name) for name, each in value.items()}
    if isinstance(value, list):
        return [_bitten(each, key) for each in value]
    return f"{TEXT}{value}" if isinstance(value, str) and key in _PLACES else value


def _learn(connection: sqlite3.Connection) -> None:
    connection.create_function("new_id", 0, lambda: str(uuid.uuid4()))
    columns = [each.name for each in metadata.tables["memories"].columns if each.name != "seq"]
    instead = {
        "id": "new_id()",
        "type": "'fact'",
        "source_memory_id": "id",
        "confidence": "0.9",
        "audience": "'room'",
    }
    chosen = ", ".join(instead.get(each, f'"{each}"') for each in columns)
    names = ", ".join(f'"{each}"' for each in columns)
    connection.execute(
        f"INSERT INTO memories ({names}) SELECT {chosen} FROM memories WHERE type = 'message' LIMIT 5"
    )
    connection.execute(
        "INSERT INTO relationships (id, agent_id, source_entity_id, target_entity_id, tags, metadata,"
        " created_at, confidence, audience, updated_at)"
        " SELECT new_id(), a.agent_id, a.id, b.id, ?, '{}', a.created_at, 0.5, 'agent', a.created_at"
        " FROM entities a JOIN entities b ON a.agent_id = b.agent_id AND a.id < b.id LIMIT 3",
        (json.dumps([NAME]),),
    )
