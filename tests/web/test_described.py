"""The description of the API holds: every address is in it, and answers as it says, whatever is asked."""

import asyncio
import logging
import re
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import Case, CheckContext, GenerationMode, Response
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
)

from tests.web.conftest import Site, Sites

EXAMPLES = 8


async def described(site: Site) -> dict[str, Any]:
    status, found, _ = await site.get("/api/v1/openapi.json")
    assert status == 200
    return dict(found)


def operations(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (method.upper(), path, operation)
        for path, item in document["paths"].items()
        for method, operation in item.items()
    ]


async def test_every_address_says_what_it_does_and_how_it_refuses(site: Site) -> None:
    document = await described(site)
    found = operations(document)
    assert len({operation["operationId"] for _, _, operation in found}) == len(found)
    for method, path, operation in found:
        where = f"{method} {path}"
        assert re.fullmatch(r"[A-Z`].{5,120}", operation["summary"]), where
        assert len(operation["tags"]) == 1, where
        assert "422" not in operation["responses"], where
        assert "403" in operation["responses"], where
        if operation["security"]:
            assert {"401", "429", "503"} <= operation["responses"].keys(), where
        if "requestBody" in operation:
            assert {"400", "408", "413", "415"} <= operation["responses"].keys(), where
        for status, response in operation["responses"].items():
            if int(status) < 400:
                continue
            wanted = "application/json" if path.startswith("/v1/") else "application/problem+json"
            if path != "/health/ready":
                assert list(response["content"]) == [wanted], where
    assert document["components"]["securitySchemes"].keys() == {"bearer", "cookie"}


async def test_all_that_is_not_open_asks_for_the_token(site_at: Sites) -> None:
    async with site_at(token="right") as site:
        _, document, _ = await site.get("/api/v1/openapi.json", headers={"Authorization": "Bearer right"})
        for method, path, operation in operations(document):
            url = re.sub(r"\{[^}]*\}", "x", path)
            status, body, _ = await site.ask(method, url)
            if operation["security"]:
                assert (status, "token" in str(body)) == (401, True), f"{method} {path}"
            else:
                assert status != 401 or path == "/api/v1/session", f"{method} {path}"


def with_what_is_there(document: dict[str, Any]) -> dict[str, Any]:
    """The same, with names that are known in the addresses: else nearly all that is asked ends with 404."""
    paths = {}
    for path, item in document["paths"].items():
        # One agent is talked with. The other is changed, stopped and started.
        talking = path.endswith("/messages") or "/conversations" in path
        known = {"agent": "Eliza" if talking else "Other", "conversation": "known", "model": "Eliza"}
        for operation in item.values():
            operation["parameters"] = [
                each for each in operation.get("parameters", ()) if each["name"] not in known
            ]
        for name, value in known.items():
            path = path.replace(f"{{{name}}}", value)
        paths[path] = item
    document["paths"] = paths
    document["components"]["schemas"]["Completion"]["properties"]["model"] = {"enum": ["Eliza"]}
    return document


def refuses_what_is_wrong(ctx: CheckContext, response: Response, case: Case) -> bool | None:
    """As schemathesis checks it, which does not know that a body may be too large."""
    return None if response.status_code == 413 else negative_data_rejection(ctx, response, case)


CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    refuses_what_is_wrong,
]


def asked_as_described(document: dict[str, Any], url: str, mode: GenerationMode) -> list[str]:
    """What went wrong, of everything that can be asked."""
    faults = []
    for found in schemathesis.openapi.from_dict(document).get_all_operations():
        operation = found.ok()
        if operation.path.endswith("/events"):
            continue  # It has no end.
        given_nothing = not list(operation.iter_parameters()) and not list(operation.body)
        if given_nothing and mode is GenerationMode.NEGATIVE:
            continue  # There is nothing that could be wrong.

        @given(case=operation.as_strategy(generation_mode=mode))
        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        )
        def ask(case: Case) -> None:
            case.call_and_validate(base_url=url, checks=CHECKS, timeout=20)

        try:
            ask()
        except (Exception, BaseExceptionGroup) as error:
            faults.append(f"{operation.label}: {error}")
    return faults


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("mode", "known"),
    [(GenerationMode.POSITIVE, True), (GenerationMode.NEGATIVE, True), (GenerationMode.NEGATIVE, False)],
)
async def test_whatever_is_asked_is_answered_as_described(
    site_at: Sites, mode: GenerationMode, known: bool, caplog: pytest.LogCaptureFixture
) -> None:
    async with site_at(names=("Eliza", "Other")) as site:
        await ask_all(site, mode, known=known)
    assert [each.getMessage() for each in caplog.records if each.levelno >= logging.ERROR] == []


async def ask_all(site: Site, mode: GenerationMode, *, known: bool) -> None:
    await site.ask("POST", "/api/v1/agents/Eliza/conversations/known/messages", json={"text": "Hello"})
    document = await described(site)
    if known:
        document = with_what_is_there(document)
    faults = await asyncio.to_thread(asked_as_described, document, site.web.url, mode)
    assert not faults, "\n\n".join(faults)
