"""`/api/v1/runs`: what came in and what became of it; `why` by HTTP."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel, ConfigDict, Field

from bot_host.app.reports import OUTBOX, ROW
from bot_host.contracts.store import Store
from bot_host.kit.clean import clean_text, one_line
from bot_host.types.content import Content
from bot_host.types.ids import UUID, is_uuid
from bot_host.types.ledger import EventEnd, EventKind, SkippedMessage
from bot_host.types.runs import Inbound, Looked, Place, Unasked, Wanted
from bot_host.types.turn import Outcome
from bot_host.web.errors import ApiError
from bot_host.web.hub import Hub
from bot_host.web.pages import COUNT, CURSOR_LENGTH, MOST, read, write
from bot_host.web.run_report import RunReports

TEXT_CHARACTERS: Final = 300
NAME_CHARACTERS: Final = 80
REASONS: Final = 200
_Word = Annotated[str, Field(max_length=200)]


class _Page(BaseModel):
    """What all lists of messages take."""

    model_config = ConfigDict(extra="forbid")

    agent: _Word = ""
    """Its name or id."""
    account: _Word = ""
    """`discord:123`; a platform alone means all of its accounts."""
    since: datetime | None = None
    count: Annotated[int, Field(ge=1, le=MOST)] = COUNT
    after: Annotated[str, Field(max_length=CURSOR_LENGTH)] = ""
    """`next` of the page before; empty: the first page."""


class SkippedQuery(_Page):
    """Which of what was not let in."""

    reason: _Word = ""
    """A part of it."""


class UnaskedQuery(_Page):
    """Which of what was said unasked."""

    text: _Word = ""
    """A part of it."""


class RunsQuery(_Page):
    """Which messages."""

    room: Annotated[str, Field(max_length=36)] = ""
    """Its id."""
    person: Annotated[str, Field(max_length=36)] = ""
    """The id of the entity that said it."""
    outcome: Literal["", "answered", "ignored", "superseded", "failed", "waiting"] = ""
    reason: _Word = ""
    """A part of it."""
    text: _Word = ""
    """A part of it."""


def make_router(hub: Hub) -> APIRouter:
    """See the module."""
    router = APIRouter(prefix="/api/v1/runs", tags=["runs"], dependencies=[Depends(hub.guarded)])
    reports = RunReports(hub)
    store = hub.host.store

    @router.get("")
    async def runs(query: Annotated[RunsQuery, Query()]) -> dict[str, Any]:
        """Messages that came in, the newest first, each with its outcome, time and cost.

        A look goes back through so many rows at the most: `next` without items means that nothing was found
        down to `back_to`, and where to look on.
        """
        wanted = _wanted(
            hub,
            query,
            room_id=_id("room", query.room),
            entity_id=_id("person", query.person),
            outcome=query.outcome,
            reason=clean_text(query.reason),
            text=clean_text(query.text),
        )
        looked = await store.list_inbound(wanted, after=_place(query.after), count=query.count)
        return reports.hide(_page(looked, _inbound))

    @router.get("/unasked")
    async def unasked(query: Annotated[UnaskedQuery, Query()]) -> dict[str, Any]:
        """What agents said although nobody had asked: schedules, tasks, plugins, callers of the API."""
        wanted = _wanted(hub, query, text=clean_text(query.text))
        looked = await store.list_unasked(wanted, after=_place(query.after), count=query.count)
        return reports.hide(_page(looked, _unasked))

    @router.get("/skipped")
    async def skipped(query: Annotated[SkippedQuery, Query()]) -> dict[str, Any]:
        """What connectors did not let in, and why; the newest 10,000 are kept, by their keys alone."""
        if query.agent:
            raise ApiError(400, "agent: what is not let in has no agent; narrow it by account")
        wanted = _wanted(hub, query, reason=clean_text(query.reason))
        looked = await store.list_skipped(wanted, after=_place(query.after), count=query.count)
        return _page(looked, _skipped)

    @router.get("/choices")
    async def choices() -> dict[str, Any]:
        """What the lists can be narrowed by: agents, accounts, and the reasons that there were."""
        return await _choices(hub, store)

    @router.get("/{id:path}")
    async def one(
        id: Annotated[
            str,
            Path(
                max_length=1000,
                description="A run's id, a memory's, a platform's link or id, `row:N`, `outbox:N`.",
            ),
        ],
    ) -> dict[str, Any]:
        """All about one message: what was said, the outcome with its rule, steps, prompts, deliveries."""
        return await reports.tell(id)

    return router


def _wanted(hub: Hub, query: _Page, **more: Any) -> Wanted:
    return Wanted(
        agent_id=hub.agent(query.agent).agent_id if query.agent else None,
        account=clean_text(query.account),
        since=_utc(query.since) if query.since is not None else None,
        **more,
    )


def _utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        return moment.replace(tzinfo=UTC)
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ApiError(400, "since: expected a time of the years 1 to 9999") from None


def _id(name: str, text: str) -> UUID | None:
    if text and not is_uuid(text):
        raise ApiError(400, f"{name}: expected an id, as 01234567-89ab-cdef-0123-456789abcdef")
    return text.lower() or None


def _place(after: str) -> Place | None:
    place = read(after, str, int)
    if place is None:
        return None
    try:
        at = datetime.fromisoformat(place[0])
    except ValueError:
        at = None
    if at is None or at.tzinfo is None or not 0 <= place[1] < 2**62:
        raise ApiError(400, "after: this is no cursor of this list; take `next` of the page before")
    return Place(at=_utc(at), seq=place[1])


def _page(looked: Looked, show: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
    last = looked.next
    return {
        "items": [show(row) for row in looked.rows],
        "next": write([last.at.isoformat(), last.seq]) if last is not None else None,
        "back_to": looked.back_to.isoformat() if looked.back_to is not None else None,
    }


def _text(content: dict[str, Any] | None) -> str | None:
    if content is None:
        return None
    files = Content.model_validate(content).attachments
    names = (one_line(each.file_name or each.content_type or "file", 60) for each in files)
    words = one_line(str(content.get("text", "")), TEXT_CHARACTERS)
    return " ".join([words, *(f"[{name}]" for name in names)]).strip()


def _inbound(row: Inbound) -> dict[str, Any]:
    begun, ended = row.started_at, row.ended_at
    return {
        "id": f"{ROW}{row.seq}",
        "run_id": row.run_id,
        "agent": {"id": row.agent_id, "name": one_line(row.agent_name, NAME_CHARACTERS)},
        "account": row.account,
        "platform": row.account.partition(":")[0],
        "room": _room(row.room_id, row.room_name),
        "room_type": row.room_type.value if row.room_type is not None else None,
        "sender": (
            {"id": row.entity_id, "name": one_line(row.sender, NAME_CHARACTERS)}
            if row.entity_id is not None
            else None
        ),
        "text": _text(row.content),
        "outcome": row.outcome or ("running" if row.running else "waiting"),
        "reason": one_line(row.reason, TEXT_CHARACTERS),
        "attempts": row.attempts,
        "received_at": row.received_at.isoformat(),
        "finished_at": row.finished_at.isoformat() if row.finished_at is not None else None,
        "waited_ms": _ms(row.received_at, begun) if begun is not None else None,
        "took_ms": _ms(begun, ended) if begun is not None and ended is not None else None,
        "model_calls": len(row.model_calls),
        "tokens": _sum(row, "prompt_tokens") + _sum(row, "completion_tokens"),
        "cost": _sum(row, "cost"),
    }


def _sum(row: Inbound, key: str) -> Any:
    values = (call.get(key, 0) for call in row.model_calls)
    return sum(value for value in values if isinstance(value, int | float))


def _ms(begun: datetime, ended: datetime) -> float:
    return round((ended - begun).total_seconds() * 1000, 1)


def _room(room_id: UUID | None, name: str) -> dict[str, Any] | None:
    return {"id": room_id, "name": one_line(name, NAME_CHARACTERS)} if room_id is not None else None


def _unasked(row: Unasked) -> dict[str, Any]:
    return {
        "id": f"{OUTBOX}{row.seq}",
        "agent": {"id": row.agent_id, "name": one_line(row.agent_name, NAME_CHARACTERS)},
        "account": row.account,
        "platform": row.account.partition(":")[0],
        "destination": row.destination,
        "room": _room(row.room_id, row.room_name),
        "parts": row.parts,
        "text": _text(row.content),
        "state": row.state.value,
        "error": one_line(row.error, TEXT_CHARACTERS),
        "created_at": row.created_at.isoformat(),
        "sent_at": row.sent_at.isoformat() if row.sent_at is not None else None,
    }


def _skipped(row: SkippedMessage) -> dict[str, Any]:
    return {
        "id": row.event_key,
        "account": row.account,
        "platform": row.account.partition(":")[0],
        "event_key": row.event_key,
        "reason": row.reason,
        "at": row.at.isoformat(),
    }


async def _choices(hub: Hub, store: Store) -> dict[str, Any]:
    figures = await store.figures()
    counted: dict[tuple[str, str], int] = {}
    for tally in figures.tallies:
        ended = tally.kind is EventKind.MESSAGE and tally.end in [*Outcome]
        refused = tally.kind is EventKind.SKIP and tally.end == EventEnd.HANDLED
        if tally.reason and (ended or refused):
            key = ("skipped" if refused else tally.end, tally.reason)
            counted[key] = counted.get(key, 0) + tally.count
    often: Sequence[tuple[tuple[str, str], int]] = sorted(counted.items(), key=lambda each: -each[1])
    return {
        "agents": [{"id": agent.agent_id, "name": agent.character.name} for agent in hub.host.get_agents()],
        "accounts": [
            {"account": note.account, "name": note.name, "label": note.label} for note in figures.accounts
        ],
        "reasons": [
            {"outcome": end, "reason": reason, "count": count} for (end, reason), count in often[:REASONS]
        ],
    }
