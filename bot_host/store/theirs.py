"""What a person is given of the rows that are theirs: without others' words, without keys and secrets.

Rows of turns and parts may hold what others said, in a result of an action or a quote. What names a person in
others' values is shown by itself (`names_them`).
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from bot_host.store.persons import Person, prune

Shown = dict[str, Any]
FIGURES: Final = ("type", "provider", "model")
"""Of a model call, besides its numbers."""


def difference(before: Any, after: Any) -> Any:
    """What of `before` is not in `after`, its pruned form."""
    if isinstance(before, dict):
        gone = {
            key: value if key not in after else difference(value, after[key]) for key, value in before.items()
        }
        return {key: value for key, value in gone.items() if value or key not in after}
    if isinstance(before, list):
        return [item for item in before if item not in after]
    return None


def _without(row: Shown, *names: str) -> Shown:
    return {key: value for key, value in row.items() if key not in names}


def _memory(row: Shown, person: Person) -> Shown:
    """A message without what it quotes of others."""
    content = row.get("content")
    if not isinstance(content, Mapping):
        return row
    shown = dict(content)
    if shown.get("quotes"):
        shown["quotes"] = [{"kind": str(each.get("kind", "reply"))} for each in shown["quotes"] if each]
    if shown.get("attachments"):
        shown["attachments"] = [each for each in shown["attachments"] if not each.get("quoted")]
    return {**row, "content": shown}


def _step(row: Shown, person: Person) -> Shown:
    result = row.get("result")
    succeeded = {"success": result["success"]} if isinstance(result, Mapping) and "success" in result else {}
    return {**_without(row, "data", "result"), "result": succeeded}


def _run(row: Shown, person: Person) -> Shown:
    calls = [
        {key: value for key, value in call.items() if key in FIGURES or isinstance(value, int | float)}
        for call in row.get("model_calls") or ()
    ]
    return {**_without(row, "steps", "error"), "model_calls": calls}


def _relationship(row: Shown, person: Person) -> Shown:
    # Who says how they stand to this person says it for other ears.
    own = row.get("source_entity_id") == person.entity.id
    return row if own else _without(row, "tags", "metadata", "source_memory_id")


def _component(row: Shown, person: Person) -> Shown:
    told_by = row.get("source_entity_id")
    return row if told_by in (None, person.entity.id) else _without(row, "data")


def _log(row: Shown, person: Person) -> Shown:
    # What is kept of a room may tell what somebody else said there.
    return row if row.get("entity_id") == person.entity.id else _without(row, "body")


def _cached(row: Shown, person: Person) -> Shown:
    value = row.get("value")
    if person.entity.id in str(row.get("key")):
        return row
    return {**row, "value": difference(value, prune(value, frozenset({person.entity.id})))}


def _pairing(row: Shown, person: Person) -> Shown:
    if row.get("entity_id") == person.entity.id:
        return row
    kept = ("account", "agent_id", "state", "decided_at", "decided_by")
    return {key: row[key] for key in kept if key in row}


def _link_code(row: Shown, person: Person) -> Shown:
    if row.get("entity_id") == person.entity.id:
        return _without(row, "code")
    return {key: row[key] for key in ("agent_id", "used_by_memory_id") if key in row}


_RULES: Final[Mapping[str, Callable[[Shown, Person], Shown]]] = {
    "memories": _memory,
    "relationships": _relationship,
    "components": _component,
    "steps": _step,
    "runs": _run,
    "logs": _log,
    "cache": _cached,
    "pairings": _pairing,
    "link_codes": _link_code,
    "choices": lambda row, person: _without(row, "key"),
    "outbox": lambda row, person: _without(row, "payload"),
}


def shown(table: str, row: Shown, person: Person) -> Shown:
    """A row as its person is given it. JSON values."""
    target = row.get("target")
    if isinstance(target, Mapping) and "token" in target.get("extra", {}):
        # The key to answer a platform's command: a secret, for the quarter of an hour that it lasts.
        extra = {key: value for key, value in target["extra"].items() if key != "token"}
        row["target"] = {**target, "extra": extra}
    rule = _RULES.get(table)
    return row if rule is None else rule(row, person)
