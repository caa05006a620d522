"""`/api/v1/overview` and `/api/v1/pairings`: what was done lately, and what needs somebody."""

from datetime import timedelta
from typing import Any

from bot_host.kit.clock import utc_now
from bot_host.types.errors import ModelError
from bot_host.types.ids import new_id
from bot_host.types.outbound import ClosedRoom, Target
from bot_host.types.pairing import Pairing
from bot_host.types.turn import RunRecord
from tests.web.conftest import Site, Sites


async def look(site: Site) -> dict[str, Any]:
    status, body, _ = await site.get("/api/v1/overview")
    assert status == 200
    found: dict[str, Any] = body
    return found


async def knock(site: Site, name: str = "Ada", code: str = "ABCDEFGH") -> None:
    """A stranger asks to be let in."""
    now = utc_now()
    request = Pairing(
        account="telegram:77",
        user_id=name.lower(),
        agent_id=site.agent_id,
        entity_id=new_id(),
        name=name,
        target=Target(source="telegram", channel_id=name, account="telegram:77"),
        code=code,
        asked_at=now,
        expires_at=now + timedelta(hours=1),
    )
    await site.host.store.knock(request, [])


async def use(site: Site, *calls: dict[str, Any]) -> None:
    """Model calls that ended just now."""
    now = utc_now()
    run = RunRecord(
        id=new_id(),
        agent_id=site.agent_id,
        room_id=site.agent_id,
        started_at=now,
        ended_at=now,
        status="completed",
        model_calls=calls,
    )
    await site.host.store.count_use(run)


async def test_the_last_hour_and_the_last_day_are_counted(site: Site) -> None:
    before = await look(site)
    assert (before["hour"]["messages"], before["day"]["cost"]) == (0, 0)
    await site.say("Hello")
    found = await look(site)
    for time in ("hour", "day"):
        told = found[time]
        assert (told["messages"], told["answered"], told["failed"], told["calls"]) == (1, 1, 0, 1)
        assert (told["tokens"], told["cost"], told["unpriced"]) == (15, None, 1)
    await use(site, {"provider": "openai", "model": "m", "prompt_tokens": 1, "cost": 0.5})
    assert (await look(site))["hour"]["cost"] == 0.5
    assert (found["failed"], found["closed"], found["pairings"], found["failing_models"]) == ([], [], [], [])
    [web] = [each for each in found["status"]["connectors"] if each["platform"] == "web"]
    assert (web["account"], web["reconnects"], web["link"]) == ("", 0, "")


async def test_a_message_that_could_not_be_answered_leads_to_its_run(site: Site) -> None:
    site.model.answers.append(ModelError("the key is refused", retryable=False))
    await site.say("Hello", user_name="Ada")
    found = await look(site)
    assert (found["hour"]["failed"], found["day"]["failed_calls"]) == (1, 1)
    [message] = found["failed"]
    assert (message["person"], message["source"]) == ("Ada", "web")
    [run] = await site.host.store.get_runs(message["room_id"])
    assert message["run_id"] == run.id
    assert "the key is refused" in message["reason"]


async def test_models_that_fail_are_named_as_long_as_they_do(site: Site) -> None:
    good, bad = {"provider": "openai", "model": "m"}, {"provider": "openai", "error": "no answer"}
    await use(site, *[good] * 20, bad)
    assert (await look(site))["failing_models"] == []
    await use(site, bad, {"provider": "other"})
    assert (await look(site))["failing_models"] == [{"provider": "openai", "failed": 2, "calls": 22}]


async def test_rooms_that_take_nothing_are_shown(site: Site) -> None:
    closed = ClosedRoom(
        destination="discord:9/c",
        account="discord:9",
        agent_id=site.agent_id,
        room_id=None,
        reason="Missing Access",
        closed_at=utc_now(),
    )
    await site.host.store.close_room(closed)
    [found] = (await look(site))["closed"]
    assert (found["destination"], found["reason"], found["name"]) == ("discord:9/c", "Missing Access", "")


async def test_a_stranger_who_waits_is_let_in_or_turned_down(site: Site) -> None:
    await knock(site)
    await knock(site, "Zoe", "ZYXWVUTS")
    assert [each["name"] for each in (await look(site))["pairings"]] == ["Ada", "Zoe"]
    status, body, _ = await site.ask("POST", "/api/v1/pairings/abcd-efgh/approve")
    assert (status, body["pairing"]["state"], body["pairing"]["decided_by"]) == (200, "approved", "console")
    assert body["text"] == "Ada (telegram ada) is let in, and is told so."
    assert (await site.ask("POST", "/api/v1/pairings/ZYXWVUTS/deny"))[0] == 200
    assert (await look(site))["pairings"] == []
    _, body, _ = await site.get("/api/v1/pairings")
    assert {each["name"]: each["state"] for each in body["items"]} == {"Ada": "approved", "Zoe": "denied"}


async def test_what_was_decided_stands_until_it_is_taken_back(site: Site) -> None:
    await knock(site)
    await site.ask("POST", "/api/v1/pairings/ABCDEFGH/deny")
    status, body, _ = await site.ask("POST", "/api/v1/pairings/ABCDEFGH/approve")
    assert (status, "turned down" in body["detail"]) == (409, True)
    status, body, _ = await site.ask("POST", "/api/v1/pairings/NOSUCH/approve")
    assert (status, "No open request has this code" in body["detail"]) == (404, True)
    assert (await site.ask("DELETE", "/api/v1/pairings/telegram:77/ada"))[0] == 204
    assert (await site.ask("DELETE", "/api/v1/pairings/telegram:77/ada"))[0] == 404
    assert (await site.get("/api/v1/pairings"))[1] == {"items": []}


async def test_only_those_who_may_are_told_and_heard(site_at: Sites) -> None:
    async with site_at(token="secret token") as site:
        for method, path in (
            ("GET", "overview"),
            ("GET", "pairings"),
            ("POST", "pairings/ABCDEFGH/approve"),
            ("DELETE", "pairings/telegram:77/ada"),
        ):
            assert (await site.ask(method, f"/api/v1/{path}"))[0] == 401


async def test_another_sites_page_lets_nobody_in(site: Site) -> None:
    await knock(site)
    elsewhere = {"Origin": "http://evil.example"}
    assert (await site.ask("POST", "/api/v1/pairings/ABCDEFGH/approve", headers=elsewhere))[0] == 403
    assert len((await look(site))["pairings"]) == 1
