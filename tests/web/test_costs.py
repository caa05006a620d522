"""`/api/v1/costs`: what the models cost."""

import csv
import io
from typing import Any

import pytest

from bot_host.kit.clock import utc_now
from bot_host.types.costs import CostsBy
from bot_host.types.ids import new_id
from bot_host.types.turn import RunRecord
from bot_host.web.api.costs import _cell
from tests.web.conftest import Site, Sites

PRICED = {"provider": "openai", "prompt_tokens": 1000, "completion_tokens": 100, "cost": 0.25}


async def spend(site: Site, model: str, **more: Any) -> None:
    """A model call outside of rooms, today."""
    now = utc_now()
    call = {**PRICED, "model": model, **more}
    await site.host.store.count_use(
        RunRecord(
            id=new_id(),
            agent_id=site.agent_id,
            room_id=site.agent_id,
            started_at=now,
            ended_at=now,
            status="completed",
            model_calls=(call,),
        )
    )


async def test_what_a_conversation_cost_is_added_up(site: Site) -> None:
    today = str(utc_now().date())
    assert (await site.say("Hello"))[0] == 200
    for by in CostsBy:
        status, body, _ = await site.get(f"/api/v1/costs?by={by}")
        assert status == 200
        assert (body["total"]["calls"], body["total"]["prompt_tokens"]) == (1, 10)
        assert len(body["days"]) == 30
        assert body["days"][-1]["key"] == body["until"] == today
        assert body["items"][-1]["calls"] == 1
        assert body["rest"] is None
    status, body, _ = await site.get(f"/api/v1/costs?by=agent&agent=Eliza&since={today}")
    assert [(item["name"], item["key"]) for item in body["items"]] == [("Eliza", site.agent_id)]
    assert len(body["days"]) == 1


async def test_what_has_no_price_is_not_nothing(site: Site) -> None:
    await spend(site, "unknown", cost=0.0)
    total = (await site.get("/api/v1/costs"))[1]["total"]
    assert (total["cost"], total["unpriced"]) == (None, 1)
    await spend(site, "known")
    _, body, _ = await site.get("/api/v1/costs?by=model")
    assert (body["total"]["cost"], body["total"]["unpriced"]) == (0.25, 1)
    assert [(item["key"], item["cost"]) for item in body["items"]] == [("known", 0.25), ("unknown", None)]


async def test_what_is_beyond_the_list_is_added_up_as_the_rest(site: Site) -> None:
    for number in range(4):
        await spend(site, f"m{number}", cost=1.0 + number)
    _, body, _ = await site.get("/api/v1/costs?count=2")
    assert [item["key"] for item in body["items"]] == ["m3", "m2"]
    assert (body["rest"]["cost"], body["rest"]["calls"]) == (3.0, 2)
    _, body, _ = await site.get("/api/v1/costs?count=4")
    assert body["rest"] is None


async def test_the_same_as_a_file_in_which_nothing_is_a_formula(site: Site) -> None:
    await spend(site, "=HYPERLINK(1)")
    async with site.client.get(site.web.url + "/api/v1/costs.csv?by=model") as answer:
        assert answer.status == 200
        assert answer.content_type == "text/csv"
        assert "attachment; filename=" in answer.headers["Content-Disposition"]
        head, row = csv.reader(io.StringIO(await answer.text()))
    told = dict(zip(head, row, strict=True))
    assert (told["key"], told["calls"], told["cost"]) == ("'=HYPERLINK(1)", "1", "0.25")
    given, made = (None, 1, "a=b", "+1", "@x", "\tx"), ["", 1, "a=b", "'+1", "'@x", "'\tx"]
    assert [_cell(value) for value in given] == made


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("since=2026-02-01&until=2026-01-01", "since: 2026-02-01 is after 2026-01-01, the last day"),
        ("since=0001-01-01", "since: 3700 days at the most"),
        ("since=soon", "since: "),
        ("by=moon", "by: expected 'day', 'agent', 'room', 'person' or 'model'"),
        ("agents=Eliza", "agents: there is no such key"),
        ("count=0", "count: "),
    ],
)
async def test_what_cannot_be_meant_is_refused_in_words(site: Site, query: str, said: str) -> None:
    status, body, _ = await site.get(f"/api/v1/costs?{query}")
    assert (status, body["detail"][: len(said)]) == (400, said)


async def test_an_agent_that_is_not_there_is_named_and_the_oldest_day_is_no_fault(site: Site) -> None:
    status, body, _ = await site.get("/api/v1/costs?agent=Elisa")
    assert (status, "Eliza" in body["detail"]) == (404, True)
    assert (await site.get("/api/v1/costs?until=0001-01-01"))[0] == 200
    assert (await site.get("/api/v1/costs?until=9999-12-31"))[0] == 200


async def test_costs_are_for_those_who_may_ask(site_at: Sites) -> None:
    async with site_at(token="secret token") as site:
        assert (await site.get("/api/v1/costs"))[0] == 401
        assert (await site.get("/api/v1/costs.csv"))[0] == 401
