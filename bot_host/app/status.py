"""`status`: how the host is: its connectors, lanes and queues, and the last error of each."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from bot_host.app.build import connector_specs, off_reason
from bot_host.app.embedding_status import embedding_lines
from bot_host.app.folders import process_lock, with_hint
from bot_host.app.pulse import STALE_SECONDS, read_pulse
from bot_host.app.retention import in_words
from bot_host.app.verify import balance_line
from bot_host.config.schema import Loaded
from bot_host.contracts.connector import ConnectorState
from bot_host.host.status import figures_as_dict
from bot_host.kit.clean import one_line
from bot_host.kit.clock import utc_now
from bot_host.store import make_store
from bot_host.types.errors import StoreError
from bot_host.types.ledger import AccountNote, Figures
from bot_host.types.outbound import ClosedRoom
from bot_host.types.retention import RETENTION_MARKS, SWEPT_AT

LONG_SECONDS: Final = 600.0
"""A message or part that waits longer than this is in trouble."""


CLOSED_SHOWN: Final = 10
"""Closed rooms that are listed one by one."""


@dataclass(slots=True, kw_only=True)
class Looked:
    """What is known of a host from outside."""

    now: datetime
    running: bool
    pid: str = ""
    age_s: float | None = None
    """Of the host's own figures; None: there are none."""
    live: Mapping[str, Any] = field(default_factory=dict)
    """What the host says of itself (`HostStatus.to_dict`); empty when it does not run."""
    figures: Figures | None = None
    closed: list[ClosedRoom] = field(default_factory=list)
    """Rooms that take nothing, until somebody writes there."""
    configured: frozenset[str] = frozenset()
    """The connectors' tables in the configuration."""
    off: dict[str, str] = field(default_factory=dict)
    """Those that it keeps off, and why."""
    kept: str = ""
    """How long rows are kept, in words."""
    swept_at: datetime | None = None
    """When old ones were last deleted."""
    problems: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """What `status --json` prints."""
        return {
            "healthy": not self.problems,
            "problems": self.problems,
            "running": self.running,
            "pid": self.pid if self.running else None,
            "figures_age_s": self.age_s,
            "connectors": self.connectors(),
            "off": self.off,
            "agents": self.live.get("agents", []),
            "lanes": self.live.get("lanes"),
            "memory_bytes": self.live.get("memory_bytes"),
            "started_at": self.live.get("started_at"),
            **(figures_as_dict(self.figures) if self.figures is not None else {}),
            "retention": {
                "kept": self.kept,
                "swept_at": self.swept_at.isoformat() if self.swept_at else None,
            },
            "closed_rooms": [
                {
                    "destination": room.destination,
                    "room_id": room.room_id,
                    "reason": room.reason,
                    "closed_at": room.closed_at.isoformat(),
                }
                for room in self.closed
            ],
        }

    def connectors(self) -> list[dict[str, Any]]:
        """As the running host has them, else as they were noted last; only those that are configured."""
        if self.live.get("connectors"):
            return [{**each, "last_event_at": self._last_event(each)} for each in self.live["connectors"]]
        newest: dict[str, AccountNote] = {}
        for note in self.figures.accounts if self.figures is not None else ():
            known = newest.get(note.name)
            if note.name in self.configured and (known is None or known.since < note.since):
                newest[note.name] = note
        return [
            {
                "name": note.name,
                "account": note.account if ":" in note.account else "",
                "label": note.label,
                "state": note.state,
                "since": note.since.isoformat(),
                "error": "",
                "last_error": note.error,
                "last_error_at": note.error_at.isoformat() if note.error_at is not None else None,
                "last_event_at": self._last_event({"account": note.account}),
            }
            for note in newest.values()
        ]

    def _last_event(self, connector: Mapping[str, Any]) -> str | None:
        """Of this run of the host, else of the database."""
        if connector.get("last_event_at"):
            return str(connector["last_event_at"])
        tallies = self.figures.tallies if self.figures is not None else ()
        times = [each.last_at for each in tallies if each.account == connector["account"]]
        return max(times).isoformat() if times else None


async def look(loaded: Loaded) -> Looked:
    """Look at the lock, at what the host wrote of itself, and into the database. Raises OSError."""
    lock = process_lock(loaded)
    names = [entry.table.removeprefix("connectors.") for entry in loaded.config.connectors]
    looked = Looked(
        now=utc_now(),
        running=lock.is_taken,
        configured=frozenset(names),
        kept=in_words(loaded.config.retention),
    )
    if looked.running:
        looked.pid = lock.holder
        looked.live = read_pulse(loaded.config.data_dir, pid=looked.pid) or {}
        if looked.live.get("at"):
            looked.age_s = (looked.now - datetime.fromisoformat(looked.live["at"])).total_seconds()
    try:
        async with make_store(loaded.config.database.url, base=loaded.folder, read_only=True) as store:
            looked.figures = await store.figures()
            looked.closed = await store.closed_rooms()
            swept = await store.find_mark(RETENTION_MARKS, SWEPT_AT)
            looked.swept_at = datetime.fromtimestamp(swept, UTC) if swept else None
    except StoreError as error:
        looked.problems.append(with_hint(error, loaded))
    specs = connector_specs()
    on = {connector["name"] for connector in looked.live.get("connectors", ())}
    for name, entry in zip(names, loaded.config.connectors, strict=True):
        why = off_reason(specs[entry.platform], entry.config)
        # What is typed at, left at `auto`, hangs on the input of the host, which is not that of this process.
        known = entry.config.enabled is False or entry.platform != "terminal"
        if why and known and name not in on:
            looked.off[name] = why
    looked.problems.extend(problems_of(looked, loaded))
    return looked


def problems_of(looked: Looked, loaded: Loaded) -> Iterator[str]:
    """What is wrong, one sentence each."""
    if not looked.running:
        yield "the host is not running"
    else:
        yield from _live_problems(looked, loaded)
    if looked.figures is None:
        return
    for what, queue, see in (
        ("a message waits for its turn", looked.figures.inbox, "why"),
        ("an answer waits to be sent", looked.figures.outbox, "the last error below"),
    ):
        waited = (looked.now - queue.oldest_at).total_seconds() if queue.oldest_at is not None else 0.0
        if looked.running and waited > LONG_SECONDS:
            yield f"{what} for {span(waited)}: see {see}"
    balance = looked.figures.balance()
    if not balance.balanced:
        yield f"not every message is accounted for ({balance_line(balance)}): run verify"


def _live_problems(looked: Looked, loaded: Loaded) -> Iterator[str]:
    if not looked.live:
        yield f"the host (process {looked.pid}) has not said yet how it is: it starts, or hangs in its start"
        return
    if looked.live.get("database_error"):
        yield f"the host's database does not answer: {looked.live['database_error']}"
        return
    if looked.age_s is None or looked.age_s > STALE_SECONDS:
        age = span(looked.age_s or 0.0)
        yield f"the host (process {looked.pid}) has not said for {age} how it is: it hangs, or is overloaded"
    for agent in looked.live["agents"]:
        if not agent["started"]:
            yield f"the agent {agent['name']} is not started"
    there = set()
    for connector in looked.live["connectors"]:
        there.add(connector["name"])
        # One that has stopped came to its end: a pipe, or a terminal that was left.
        if connector["state"] not in (ConnectorState.CONNECTED, ConnectorState.STOPPED):
            yield f"{connector['name']} is {connector['state']}{_why(connector['error'])}"
    for entry in loaded.config.connectors:
        name = entry.table.removeprefix("connectors.")
        # What a terminal or pipe switches on is another one for each process.
        wanted = entry.config.enabled is True or any(connector_specs()[entry.platform].secrets(entry.config))
        if wanted and name not in there and name not in looked.off:
            yield f"{name} is configured and does not run: see the log, or start the host again"


def _why(error: str) -> str:
    return f": {one_line(error, 300)}" if error else ""


def span(seconds: float) -> str:
    """A time span in few words: `2 h 3 min`."""
    whole = max(0, round(seconds))
    for size, unit, smaller, small in ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= size:
            rest = whole % size // smaller
            return f"{whole // size} {unit}" + (f" {rest} {small}" if rest else "")
    return f"{whole} s"


# -- as lines -------------------------------------------------------------------------------------------


def as_lines(looked: Looked) -> Iterator[tuple[str, str]]:
    """For people: what each line is about, and the line."""

    def ago(moment: str | None) -> str:
        return (
            f"{span((looked.now - datetime.fromisoformat(moment)).total_seconds())} ago"
            if moment
            else "never"
        )

    yield "host", _host_line(looked, ago(looked.live.get("started_at")))
    for agent in looked.live.get("agents", ()):
        yield "agent", f"{agent['name']}{'' if agent['started'] else ', not started'}"
        for line in embedding_lines(agent.get("embeddings")):
            yield "vectors", line
    for connector in looked.connectors():
        state = connector["state"] if looked.running else f"was {connector['state']}"
        who = f" as {one_line(connector['label'], 60)}" if connector["label"] else ""
        account = f" ({connector['account']})" if connector["account"] else ""
        events = f", last event {ago(connector['last_event_at'])}"
        error = ""
        if connector["last_error"]:
            error = f", last error {ago(connector['last_error_at'])}{_why(connector['last_error'])}"
        yield connector["name"], f"{state}{who}{account}, since {ago(connector['since'])}{events}{error}"
        held = _hold(connector, looked.now)
        if held:
            yield "", held
    for name, why in looked.off.items():
        yield name, f"off: {why}"
    if looked.live.get("lanes"):
        rooms, places = looked.live["lanes"]["rooms"], looked.live["lanes"]["destinations"]
        yield "lanes", f"{rooms['working']} rooms at work, {rooms['waiting']} in line"
        yield "sending", f"{places['working']} destinations at work, {places['waiting']} in line"
    if looked.figures is not None:
        yield from _figure_lines(looked.figures, ago)
    if looked.kept:
        when = looked.swept_at.isoformat() if looked.swept_at else None
        yield "retention", f"{looked.kept}; last swept {ago(when)}"
    for room in looked.closed[:CLOSED_SHOWN]:
        why = _why(room.reason)
        yield "closed", f"{room.destination} takes nothing since {ago(room.closed_at.isoformat())}{why}"
    if len(looked.closed) > CLOSED_SHOWN:
        yield "", f"and {len(looked.closed) - CLOSED_SHOWN} more rooms: status --json has them all"


def _hold(connector: Mapping[str, Any], now: datetime) -> str:
    until = datetime.fromisoformat(connector["held_until"]) if connector.get("held_until") else now
    if until <= now:
        return ""
    left, why = span((until - now).total_seconds()), one_line(connector["held_because"], 300)
    return f"waits until {until:%Y-%m-%d %H:%M:%S} UTC ({left}) before it sends, because: {why}"


def _host_line(looked: Looked, started: str) -> str:
    if not looked.running:
        return "not running" + ("; this is what its database holds" if looked.figures is not None else "")
    if not looked.live or looked.age_s is None:
        return f"process {looked.pid} holds the database"
    memory = (looked.live.get("memory_bytes") or 0) / 1_000_000
    age = span(looked.age_s)
    return f"running (process {looked.pid}), started {started}, {memory:.0f} MB; figures {age} old"


def _figure_lines(figures: Figures, ago: Any) -> Iterator[tuple[str, str]]:
    for name, queue, error in (
        ("inbox", figures.inbox, figures.inbox_error),
        ("outbox", figures.outbox, figures.outbox_error),
    ):
        oldest = (
            f", the oldest came {ago(queue.oldest_at.isoformat())}" if queue.oldest_at is not None else ""
        )
        yield name, f"{queue.waiting} wait, {queue.under_way} under way{oldest}"
        if error is not None:
            row = f"{'row' if name == 'inbox' else 'outbox'}:{error.seq}"
            yield "", f"last error {ago(error.at.isoformat())} ({row}, {error.where}){_why(error.error)}"
    yield "messages", balance_line(figures.balance())
    told = figures_as_dict(figures)
    for name in ("ignored", "skipped"):
        counts = sorted(told[name].items(), key=lambda item: -item[1])
        if counts:
            yield name, ", ".join(f"{reason} {count}" for reason, count in counts[:8])
