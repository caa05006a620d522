"""What a running host is doing: connectors, lanes, queues, and how what came in has ended."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from bot_host.host.base import HostBase
from bot_host.host.health import memory_usage
from bot_host.host.runner import Runner
from bot_host.kit.clock import utc_now
from bot_host.types.ids import UUID
from bot_host.types.ledger import Figures, LastError, Queue
from bot_host.types.vectors import EmbeddingStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectorStatus:
    """One connector, on or not."""

    name: str
    """The config's table: `discord`, `telegram[2]`."""
    platform: str
    account: str
    """`platform:id`; empty: it has not logged in yet."""
    label: str
    """How people see the bot."""
    link: str
    """Where people find it or invite it; empty where there is no such address."""
    agent: str
    state: str
    since: datetime
    """In this state."""
    error: str
    """What keeps it from being connected."""
    last_error: str
    """Since the start of the host, also when it is over."""
    last_error_at: datetime | None
    reconnects: int
    """How often the connection was lost and came back, since the start."""
    events: int
    """Inbound, of any kind, since the start."""
    last_event_at: datetime | None
    held_until: datetime | None
    """Nothing goes out by it before; None: it sends."""
    held_because: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneStatus:
    """Lanes of one kind: rooms that are answered, or destinations that are sent to."""

    working: int
    waiting: int
    """In line; others wait in the database."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostStatus:
    """A host at one moment."""

    at: datetime
    started_at: datetime
    pid: int
    memory_bytes: int
    agents: tuple[tuple[UUID, str, bool], ...]
    """Id, name, and whether it is started."""
    embeddings: Mapping[UUID, EmbeddingStatus]
    """By agent: how the vectors of those that are started are."""
    connectors: tuple[ConnectorStatus, ...]
    rooms: LaneStatus
    destinations: LaneStatus
    figures: Figures | None
    """Of all its databases; None: they are not open."""

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""
        values = {
            "at": self.at,
            "started_at": self.started_at,
            "pid": self.pid,
            "memory_bytes": self.memory_bytes,
            "agents": [
                {
                    "id": id,
                    "name": name,
                    "started": started,
                    "embeddings": asdict(self.embeddings[id]) if id in self.embeddings else None,
                }
                for id, name, started in self.agents
            ],
            "connectors": [asdict(each) for each in self.connectors],
            "lanes": {"rooms": asdict(self.rooms), "destinations": asdict(self.destinations)},
            **(figures_as_dict(self.figures) if self.figures is not None else {}),
        }
        plain: dict[str, Any] = _plain(values)
        return plain


def figures_as_dict(figures: Figures) -> dict[str, Any]:
    """The figures of a database, as `status` and the API show them."""
    balance = figures.balance()
    events: dict[str, dict[str, int]] = {}
    reasons: dict[str, dict[str, int]] = {"ignored": {}, "skipped": {}}
    for tally in figures.tallies:
        if tally.kind == "message":
            if tally.end == "ignored":
                _add(reasons["ignored"], tally.reason, tally.count)
            continue
        _add(events.setdefault(tally.kind.value, {}), tally.end, tally.count)
        if tally.kind == "skip" and tally.reason:
            _add(reasons["skipped"], tally.reason, tally.count)
    values = {
        "messages": {**asdict(balance), "balanced": balance.balanced},
        **reasons,
        "events": events,
        "inbox": {**asdict(figures.inbox), "last_error": _error(figures.inbox_error, "row")},
        "outbox": {**asdict(figures.outbox), "last_error": _error(figures.outbox_error, "outbox")},
    }
    plain: dict[str, Any] = _plain(values)
    return plain


def _add(counts: dict[str, int], key: str, count: int) -> None:
    counts[key] = counts.get(key, 0) + count


def _error(error: LastError | None, prefix: str) -> dict[str, Any] | None:
    if error is None:
        return None
    return {"row": f"{prefix}:{error.seq}", "where": error.where, "error": error.error, "at": error.at}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(part) for part in value]
    return value.isoformat() if isinstance(value, datetime) else value


def together(figures: Sequence[Figures]) -> Figures:
    """The figures of several databases as those of one. Their accounts differ."""
    return Figures(
        tallies=tuple(tally for each in figures for tally in each.tallies),
        accounts=tuple(note for each in figures for note in each.accounts),
        inbox=_sum([each.inbox for each in figures]),
        outbox=_sum([each.outbox for each in figures]),
        inbox_error=_newest([each.inbox_error for each in figures]),
        outbox_error=_newest([each.outbox_error for each in figures]),
    )


def _sum(queues: Sequence[Queue]) -> Queue:
    return Queue(
        waiting=sum(queue.waiting for queue in queues),
        under_way=sum(queue.under_way for queue in queues),
        oldest_at=min((queue.oldest_at for queue in queues if queue.oldest_at is not None), default=None),
    )


def _newest(errors: Sequence[LastError | None]) -> LastError | None:
    return max((error for error in errors if error is not None), key=lambda error: error.at, default=None)


class StatusMethods(HostBase):
    """See `BotHost`."""

    async def figures(self) -> Figures:
        """How much came in and how it ended, what waits, how accounts are; of all databases of this host.

        Counted while it happens: it costs no walk through the rows. Raises StoreError.
        """
        return together([await desk.store.figures() for desk in self._desks if desk.opened])

    async def status(self) -> HostStatus:
        """What the host is doing now. Raises StoreError."""
        opened = any(desk.opened for desk in self._desks)
        return HostStatus(
            at=utc_now(),
            started_at=self._started_at,
            pid=os.getpid(),
            memory_bytes=memory_usage(),
            agents=tuple((each.agent_id, each.character.name, each.started) for each in self.get_agents()),
            embeddings={
                each.agent_id: await each.embedding_status(fresh=False)
                for each in self.get_agents()
                if opened and each.started
            },
            connectors=tuple(self._connector_status(runner) for runner in self._connectors),
            rooms=LaneStatus(
                working=sum(desk.lanes.running for desk in self._desks),
                waiting=sum(desk.lanes.waiting for desk in self._desks),
            ),
            destinations=LaneStatus(
                working=sum(desk.sender.lanes.running for desk in self._desks),
                waiting=sum(desk.sender.lanes.waiting for desk in self._desks),
            ),
            figures=await self.figures() if opened else None,
        )

    def _connector_status(self, runner: Runner) -> ConnectorStatus:
        account = runner.account
        holds = [desk.sender.hold_of(account.key) for desk in self._desks] if account is not None else []
        held = max((hold for hold in holds if hold is not None), key=lambda hold: hold.until, default=None)
        return ConnectorStatus(
            name=runner.name,
            platform=runner.connector.platform,
            account=account.key if account is not None else "",
            label=account.name if account is not None else "",
            link=account.link if account is not None else "",
            agent=runner.agent_name,
            state=runner.state.value,
            since=runner.since,
            error=self._mask(runner.error),
            last_error=self._mask(runner.last_error),
            last_error_at=runner.last_error_at,
            reconnects=max(0, runner.connections - 1),
            events=runner.events,
            last_event_at=runner.last_event_at,
            held_until=held.until if held is not None else None,
            held_because=self._mask(held.why) if held is not None else "",
        )
