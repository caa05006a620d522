"""What `why` has to say of one message, as JSON values and as lines."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from bot_host.app.agents import read_characters
from bot_host.app.rules import explain
from bot_host.config.schema import Loaded
from bot_host.contracts.connector import ConnectorSpec
from bot_host.host.accounts import LOCAL
from bot_host.kit.clean import one_line
from bot_host.types.content import Content
from bot_host.types.errors import BotHostError
from bot_host.types.ids import UUID
from bot_host.types.ledger import AccountNote, Part, Received, SkippedMessage, Story
from bot_host.types.turn import InboxState, Operation, Outcome, StepRow

TEXT_CHARACTERS: Final = 300
ROW: Final = "row:"
OUTBOX: Final = "outbox:"
SAID: Final = "said"
"""The outcome of what nobody had asked for."""

_KINDS: Final = {
    Operation.EDIT: "edit of ",
    Operation.DELETE: "removal of ",
    Operation.REACT: "reaction, ",
}
_DONE: Final = {
    Operation.SEND: "sent as",
    Operation.EDIT: "edited in",
    Operation.DELETE: "took away",
    Operation.REACT: "shown",
}
Report = dict[str, Any]
"""JSON values; what `why --json` prints."""


def when(moment: datetime) -> str:
    """A moment as it stands in reports."""
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


class Reporter:
    """Makes reports by one configuration."""

    def __init__(
        self, loaded: Loaded, specs: Mapping[str, ConnectorSpec], accounts: Sequence[AccountNote]
    ) -> None:
        self._loaded = loaded
        self._specs = specs
        self._accounts = {note.account: note for note in accounts}

    def _table(self, account: str) -> str:
        """The config's table of an account, by the connector that last logged in there; empty: not known."""
        tables = [entry.table for entry in self._loaded.config.connectors]
        note = self._accounts.get(account)
        if note is not None and f"connectors.{note.name}" in tables:
            return f"connectors.{note.name}"
        platform = account.partition(":")[0]
        mine = [table for table in tables if table.partition("[")[0] == f"connectors.{platform}"]
        return mine[0] if len(mine) == 1 else ""

    def _agent(self, agent_id: UUID) -> str:
        """The config's table of an agent; empty: not known."""
        try:
            ids = [character.agent_id for _, character in read_characters(self._loaded)]
        except BotHostError:
            return ""
        return f"agents[{ids.index(agent_id) + 1}]" if agent_id in ids else ""

    def _judgement(self, outcome: str, reason: str, *, account: str, agent_id: UUID) -> Report:
        spec = self._specs.get(account.partition(":")[0])
        told = explain(
            self._loaded,
            outcome=outcome,
            reason=reason,
            table=self._table(account),
            agent=self._agent(agent_id),
            own=spec.reasons if spec is not None else {},
        )
        return {
            "outcome": outcome,
            "reason": one_line(reason, TEXT_CHARACTERS),
            "rule": told.rule,
            "settings": list(told.settings),
            "way_out": told.way_out,
        }

    def skipped(self, skipped: SkippedMessage) -> Report:
        """Of a message that was not let in."""
        note = self._accounts.get(skipped.account)
        channel, _, message = skipped.event_key.rpartition("/")
        return {
            "message": {
                "id": message,
                "event_key": skipped.event_key,
                "text": None,
                "received_at": _iso(skipped.at),
            },
            "where": {
                "account": skipped.account,
                "table": self._table(skipped.account),
                "channel_id": channel.rpartition("/")[2],
            },
            **self._judgement(
                Outcome.IGNORED.value,
                skipped.reason,
                account=skipped.account,
                agent_id=note.agent_id if note is not None else "",
            ),
        }

    def story(self, story: Story) -> Report:
        """Of a message with all that is known."""
        row = story.received
        return self._unasked(story) if row is None else self._received(row, story)

    def _unasked(self, story: Story) -> Report:
        part = story.parts[0]
        return {
            "message": {
                "memory_id": part.memory_id,
                "text": _text(story.memory.content) if story.memory is not None else None,
                "sent_at": _iso(part.created_at),
            },
            "where": {
                **_place(story),
                "account": part.account,
                "table": self._table(part.account),
                "channel_id": part.destination.removeprefix(f"{part.account}/"),
            },
            "outcome": SAID,
            "reason": "nobody had asked: a plugin, a schedule or a caller said it",
            "deliveries": [_delivery(each) for each in story.parts],
        }

    def _received(self, row: Received, story: Story) -> Report:
        return {
            "row": row.seq,
            "message": _message(row, story),
            "where": {
                **_place(story),
                "account": row.account,
                "table": self._table(row.account),
                "channel_id": row.target.channel_id,
                "thread_id": row.target.thread_id,
                "agent": row.agent_name,
                **_caller(row, story),
            },
            **self._judgement(
                (row.outcome or row.state).value,
                row.reason or _waiting(row),
                account=row.account,
                agent_id=row.agent_id,
            ),
            "attempts": row.attempts,
            "finished_at": _iso(row.finished_at),
            **_run(row, story),
            "actions": [_action(step) for step in story.steps],
            "replies": [
                {"memory_id": each.id, "text": _text(each.content), "actions": each.content.actions}
                for each in story.replies
            ],
            "deliveries": [_delivery(part) for part in story.parts],
        }


def _caller(row: Received, story: Story) -> Report:
    """Of a message that no platform brought: by what it came, and how its caller calls person and room."""
    if not row.account.startswith(LOCAL):
        return {}
    given = story.memory.metadata.get("given") if story.memory is not None else None
    source = story.room.source if story.room is not None else ""
    told: Report = {"caller": "HTTP API" if source == "web" else "the library"}
    if isinstance(given, dict):
        told["given"] = {str(key): one_line(str(value), 100) for key, value in given.items()}
    return told


def _waiting(row: Received) -> str:
    """Why there is no outcome yet."""
    if row.state is InboxState.DONE:
        return ""
    if row.state is InboxState.RUNNING:
        return f"its turn is under way, or was when the host ended (attempt {row.attempts})"
    return "it waits for its turn" + (f", after {row.attempts} attempts" if row.attempts else "")


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment is not None else None


def _text(content: Content) -> str:
    names = (one_line(each.file_name or each.content_type or "file", 60) for each in content.attachments)
    return " ".join([one_line(content.text, TEXT_CHARACTERS), *(f"[{name}]" for name in names)]).strip()


def _message(row: Received, story: Story) -> Report:
    names = story.sender.names if story.sender is not None else ()
    return {
        "id": row.message_id,
        "event_key": row.event_key,
        "memory_id": row.memory_id,
        "from": one_line(names[0], 60) if names else "",
        "text": _text(story.memory.content) if story.memory is not None else None,
        "link": (story.memory.content.url or "") if story.memory is not None else "",
        "edits": story.memory.revision if story.memory is not None else 0,
        "sent_at": _iso(row.sent_at),
        "received_at": _iso(row.received_at),
    }


def _place(story: Story) -> Report:
    room, world = story.room, story.world
    return {
        "world": one_line(world.name, 80) if world is not None else "",
        "room": one_line(room.name, 80) if room is not None else "",
        "room_type": room.type.value if room is not None else "",
        "room_id": room.id if room is not None else None,
    }


def _run(row: Received, story: Story) -> Report:
    run = story.run
    if run is None:
        return {"run": None, "steps": [], "model_calls": [], "tokens": 0, "cost": 0.0}
    steps = [dict(step) for step in run.steps]
    calls = [dict(call) for call in run.model_calls]
    return {
        "run": {
            "id": run.id,
            "status": run.status,
            "error": one_line(run.error, TEXT_CHARACTERS),
            "waited_ms": _ms(row.received_at, run.started_at),
            "took_ms": _ms(run.started_at, run.ended_at),
            "together": [f"{ROW}{other}" for other in story.together],
        },
        "steps": steps,
        "model_calls": calls,
        "tokens": sum(_number(call, "prompt_tokens") + _number(call, "completion_tokens") for call in calls),
        "cost": sum(_number(call, "cost") for call in calls),
    }


def _action(step: StepRow) -> Report:
    return {
        "name": step.name,
        "round": step.round,
        "edition": step.edition,
        "state": step.state.value,
        "success": step.result.get("success"),
        "arguments": one_line(step.arguments, TEXT_CHARACTERS),
        "result": one_line(str(step.result.get("text") or ""), TEXT_CHARACTERS),
        "error": one_line(str(step.result.get("error") or ""), TEXT_CHARACTERS),
        "took_ms": _ms(step.created_at, step.ended_at) if step.ended_at is not None else None,
    }


def _number(values: Mapping[str, Any], key: str) -> Any:
    found = values.get(key, 0)
    return found if isinstance(found, int | float) else 0


def _ms(begun: datetime, ended: datetime) -> float:
    return round((ended - begun).total_seconds() * 1000, 1)


def _delivery(part: Part) -> Report:
    return {
        "outbox": part.seq,
        "operation": part.operation.value,
        "part": part.part + 1,
        "parts": part.parts,
        "destination": part.destination,
        "state": part.state.value,
        "platform_message_id": part.platform_message_id,
        "attempts": part.attempts,
        "error": one_line(part.error, TEXT_CHARACTERS),
        "not_before": _iso(part.not_before),
        "created_at": _iso(part.created_at),
        "sent_at": _iso(part.sent_at),
        "took_ms": _ms(part.created_at, part.sent_at) if part.sent_at is not None else None,
    }


# -- as lines -------------------------------------------------------------------------------------------


def as_lines(report: Report) -> Iterator[tuple[str, str]]:
    """A report for people: what each line is about, and the line."""
    message, where = report["message"], report["where"]
    text = message["text"]
    said = f'"{text}"' if text else "(its text is not kept)" if text is None else "(no text)"
    yield "message", f"{message['from']}: {said}" if message.get("from") else said
    yield "where", _where(where)
    if message.get("link"):
        yield "", message["link"]
    own = message.get("id") if message.get("id") != message.get("memory_id") else None
    ids = (("platform id", own), ("memory", message.get("memory_id")), ("", report.get("row")))
    shown = [f"{name} {value}" if name else f"{ROW}{value}" for name, value in ids if value]
    yield "ids", ", ".join(shown)
    yield "when", _when(report)
    attempts = report.get("attempts", 0)
    again = f" (attempt {attempts})" if attempts > 1 else ""
    yield "outcome", f"{report['outcome']}: {report['reason']}{again}".removesuffix(": ")
    if report.get("rule"):
        yield "rule", report["rule"]
    for setting in report.get("settings", ()):
        yield "setting", setting
    if report.get("way_out"):
        yield "way out", report["way_out"]
    yield from _run_lines(report)
    for action in report.get("actions", ()):
        yield "action", _action_line(action)
    for reply in report.get("replies", ()):
        yield "answer", f'"{reply["text"]}"'
    for delivery in report.get("deliveries", ()):
        yield "delivery", _delivery_line(delivery)


def _where(where: Report) -> str:
    if where.get("caller"):
        given = where.get("given", {})
        room = given.get("room_id") or where.get("room") or where.get("room_id")
        person = f", person {given['entity_id']}" if given.get("entity_id") else ""
        return f"{where['caller']}, room {room}{person}, agent {where['agent']}"
    room = where.get("room") or where.get("room_id") or ""
    place = " in ".join(filter(None, (str(room), where.get("world", ""))))
    kind = f" ({where['room_type']})" if where.get("room_type") else ""
    ids = "/".join(filter(None, (where.get("channel_id"), where.get("thread_id"))))
    table = f" = [{where['table']}]" if where.get("table") else ""
    agent = f", agent {where['agent']}" if where.get("agent") else ""
    return f"{place}{kind}{', ' if place else ''}channel {ids}, account {where['account']}{table}{agent}"


def _when(report: Report) -> str:
    message = report["message"]
    parts = []
    for name, key in (("sent", "sent_at"), ("received", "received_at")):
        if message.get(key):
            parts.append(f"{name} {when(datetime.fromisoformat(message[key]))}")
    if report.get("finished_at"):
        parts.append(f"ended {when(datetime.fromisoformat(report['finished_at']))}")
    if message.get("edits"):
        parts.append(f"edited {message['edits']} times")
    return ", ".join(parts)


def _run_lines(report: Report) -> Iterator[tuple[str, str]]:
    run = report.get("run")
    if run is None:
        return
    together = f", together with {', '.join(run['together'])}" if run["together"] else ""
    yield "turn", f"{run['status']}, run {run['id']}{together}"
    if run["error"]:
        yield "error", run["error"]
    yield "times", f"waited {run['waited_ms']:g} ms, turn {run['took_ms']:g} ms"
    for step in report["steps"]:
        notes = {key: value for key, value in step.items() if key not in ("name", "at", "ms") and value != []}
        told = ", ".join(f"{key}: {_shown(value)}" for key, value in notes.items())
        yield "step", f"{step.get('name')} {step.get('ms', 0):g} ms{f' ({told})' if told else ''}"
    for call in report["model_calls"]:
        yield "model", _call_line(call)
    if report["model_calls"]:
        cost = f"${report['cost']:.6f}" if report["cost"] else "cost not known"
        yield "in all", f"{report['tokens']} tokens, {cost}"


def _call_line(call: Mapping[str, Any]) -> str:
    name = " ".join(filter(None, (call.get("provider"), call.get("model"))))
    used = f"{_number(call, 'prompt_tokens')} + {_number(call, 'completion_tokens')} tokens"
    cost = f", ${call['cost']:.6f}" if call.get("cost") else ""
    error = f", failed: {_shown(call['error'])}" if call.get("error") else ""
    return f"{call.get('type')} {name}: {used}{cost}, {call.get('ms', 0):g} ms{error}"


def _shown(value: Any) -> str:
    return one_line(", ".join(map(str, value)) if isinstance(value, list) else str(value), 200)


def _action_line(action: Report) -> str:
    came = action["error"] or action["result"]
    failed = ", failed" if action["success"] is False else ""
    edition = f", after an edit ({action['edition']})" if action["edition"] else ""
    told = f": {came}" if came else ""
    return f"{action['name']} {action['arguments']} {action['state']}{failed}{edition}{told}"


def _delivery_line(delivery: Report) -> str:
    kind = _KINDS.get(delivery["operation"], "")
    which = f"{kind}part {delivery['part']} of {delivery['parts']} ({OUTBOX}{delivery['outbox']})"
    tries = f", {delivery['attempts']} attempts" if delivery["attempts"] > 1 else ""
    if delivery["state"] == "sent":
        took = f"{delivery['took_ms']:g} ms" if delivery["took_ms"] is not None else ""
        done = _DONE[delivery["operation"]]
        place = delivery["platform_message_id"] or "(no id)"
        if delivery["operation"] == Operation.REACT:
            place = "on the message"
        told = f"{done} {place} within {took}{tries}"
    else:
        error = f": {delivery['error']}" if delivery["error"] else ""
        later = f", not before {delivery['not_before']}" if delivery["not_before"] else ""
        told = f"{delivery['state']}{error}{tries}{later}"
    return f"{which} to {delivery['destination']} {told}"
