"""`/api/v1/costs`: what the models cost, by day, agent, room, person and model."""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from datetime import date, timedelta
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from bot_host.kit.clock import utc_now
from bot_host.types.costs import CostsBy, Spent
from bot_host.types.ids import UUID
from bot_host.web.errors import ApiError
from bot_host.web.hub import Hub

MOST: Final = 200
MOST_IN_FILE: Final = 20_000
DAYS: Final = 30
MOST_DAYS: Final = 3700
SUMS: Final = ("calls", "failed", "unpriced", "prompt_tokens", "completion_tokens", "cost")
FILE_COLUMNS: Final = ("key", "name", "source", "agent", *SUMS)
NOTHING: Final = Spent(key="", calls=0, failed=0, unpriced=0, prompt_tokens=0, completion_tokens=0, cost=0.0)
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
"""What a table program takes for the beginning of a formula."""


class Period(BaseModel):
    """Which costs."""

    model_config = ConfigDict(extra="forbid")

    since: date | None = None
    """The first day (UTC); 30 days up to the last one if it is not given."""
    until: date | None = None
    """The last day (UTC), included; today if it is not given."""
    by: Literal["day", "agent", "room", "person", "model"] = "model"
    """What they are added up by."""
    agent: Annotated[str, Field(max_length=200)] = ""
    """Only this one's, by name or id."""


class CostsQuery(Period):
    """Which costs, and how long a list."""

    count: Annotated[int, Field(ge=1, le=MOST)] = 50
    """How many of the dearest agents, rooms, people or models; the others are added up in `rest`."""


def make_router(hub: Hub) -> APIRouter:
    """See the module."""
    router = APIRouter(prefix="/api/v1/costs", tags=["costs"], dependencies=[Depends(hub.guarded)])
    store = hub.host.store

    @router.get("")
    async def costs(query: Annotated[CostsQuery, Query()]) -> dict[str, Any]:
        """The cost of each day, of all, and of what it is to be added up by, the dearest first.

        `cost` is in US dollars and null where no call had a price; `unpriced` is how many had none.
        """
        since, until, agent_id = _chosen(hub, query)
        period: Any = {"since": str(since), "until": str(until), "agent_id": agent_id}
        found = await store.costs(CostsBy.DAY, **period, count=MOST_DAYS)
        total = _added(found)
        days = [_told(hub, each) for each in _each_day(found, since, until)]
        by = CostsBy(query.by)
        if by is CostsBy.DAY:
            return {**_head(query, since, until), "total": total, "days": days, "items": days, "rest": None}
        # One more than is shown: it says whether there is a rest.
        items = await store.costs(by, **period, count=query.count + 1)
        shown = items[: query.count] if len(items) > query.count else items
        return {
            **_head(query, since, until),
            "total": total,
            "days": days,
            "items": [_told(hub, each) for each in shown],
            "rest": _less(found, shown) if len(items) > query.count else None,
        }

    @router.get(".csv", response_class=Response)
    async def file(query: Annotated[Period, Query()]) -> Response:
        """The same as a table for a spreadsheet, with up to 20,000 rows."""
        since, until, agent_id = _chosen(hub, query)
        found = await store.costs(
            CostsBy(query.by), since=str(since), until=str(until), agent_id=agent_id, count=MOST_IN_FILE
        )
        name = f"costs-by-{query.by}-{since}-{until}.csv"
        return Response(
            _csv(_told(hub, each) for each in found),
            media_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )

    return router


def _chosen(hub: Hub, query: Period) -> tuple[date, date, UUID | None]:
    until = query.until or utc_now().date()
    month = timedelta(days=DAYS - 1)
    since = query.since or max(until, date.min + month) - month
    if since > until:
        raise ApiError(400, f"since: {since} is after {until}, the last day")
    if (until - since).days >= MOST_DAYS:
        raise ApiError(400, f"since: {MOST_DAYS} days at the most")
    return since, until, hub.agent(query.agent).agent_id if query.agent else None


def _head(query: Period, since: date, until: date) -> dict[str, Any]:
    return {"since": str(since), "until": str(until), "by": query.by}


def _each_day(found: Sequence[Spent], since: date, until: date) -> Iterable[Spent]:
    """With those days on which nothing was asked."""
    known = {each.key: each for each in found}
    for number in range((until - since).days + 1):
        day = str(since + timedelta(days=number))
        yield known.get(day) or replace(NOTHING, key=day)


def _sums(found: Sequence[Spent]) -> dict[str, Any]:
    return {name: sum(getattr(each, name) for each in found) for name in SUMS}


def _priced(sums: dict[str, Any]) -> dict[str, Any]:
    """Without a sum where no price is known: that is not nothing."""
    unknown = sums["unpriced"] and not sums["cost"]
    return sums | {"cost": None if unknown else round(sums["cost"], 9)}


def _added(found: Sequence[Spent]) -> dict[str, Any]:
    return _priced(_sums(found))


def _less(found: Sequence[Spent], shown: Sequence[Spent]) -> dict[str, Any]:
    """What is left of all when that is taken away which is shown."""
    of_all, of_shown = _sums(found), _sums(shown)
    return _priced({name: max(0, of_all[name] - of_shown[name]) for name in SUMS})


def _told(hub: Hub, spent: Spent) -> dict[str, Any]:
    told = _priced(asdict(spent))
    names = {agent.agent_id: agent.character.name for agent in hub.host.get_agents()}
    return told | {"agent": names.get(spent.agent_id, "") if spent.agent_id else ""}


def _csv(rows: Iterable[dict[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(FILE_COLUMNS)
    for row in rows:
        writer.writerow([_cell(row[name]) for name in FILE_COLUMNS])
    return text.getvalue()


def _cell(value: Any) -> Any:
    """As plain text: names come from platforms, and a table program would run what looks like a formula."""
    if value is None:
        return ""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
