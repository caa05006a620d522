"""Agents over the API: who they are, changing that, what they were, and creating more of them."""

import asyncio
import tomllib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot_host.app.build import build, load
from bot_host.app.listen import listen
from bot_host.config.characters import load_character
from bot_host.config.schema import WebConfig
from bot_host.kit.logs import SecretMask
from bot_host.testing import ScriptedModel
from bot_host.types.character import Character
from bot_host.web.server import WebServer
from tests.web.conftest import Site, Sites

ADA = """\
# Who she is.
name = "Ada"
bio = ["Wrote the first program."]  # In 1843.

# Kept as it is.
[settings]
voice = "warm"
SERVICE_TOKEN = "hunter2"

[settings.secrets]
A = "hunter3"

[secrets]
B = "hunter4"
"""
BROWSER = {"Sec-Fetch-Site": "same-origin"}


class Homes:
    """A host of character files that can be started again."""

    def __init__(self, folder: Path, stack: AsyncExitStack) -> None:
        self.folder = folder
        self._stack = stack

    async def open(self) -> Site:
        """The host as it is configured, started."""
        loaded = load(self.folder / "config.toml", {}, {})
        built = await build(loaded, mask=SecretMask())
        config = WebConfig(port=0)
        web = WebServer(built.host, config, await listen(config), loaded=loaded)
        self._stack.push_async_callback(web.stop)
        self._stack.push_async_callback(built.host.stop, 5.0)
        await web.start()
        await built.start()
        built.host.start_connectors()
        client = await self._stack.enter_async_context(aiohttp.ClientSession())
        return Site(built.host, web, client, ScriptedModel(), built.host.get_agents()[0].agent_id)

    async def close(self, site: Site) -> None:
        """End a host, so that another one may follow."""
        await site.host.stop(5.0)
        await site.web.stop()


@pytest.fixture
async def homes(tmp_path: Path) -> AsyncIterator[Homes]:
    (tmp_path / "config.toml").write_text(
        '[models]\nprovider = "offline"\n'
        '[[agents]]\ncharacter = "ada.toml"\n[[agents]]\ncharacter = "bob.json"\n'
    )
    (tmp_path / "ada.toml").write_text(ADA)
    (tmp_path / "bob.json").write_text('{"name": "Bob", "postExamples": ["p"]}')
    async with AsyncExitStack() as stack:
        yield Homes(tmp_path, stack)


@pytest.fixture
async def home(homes: Homes) -> Site:
    return await homes.open()


async def put(site: Site, agent: str = "Ada", headers: dict[str, str] | None = None, **body: Any) -> Any:
    """Status and JSON of a PUT."""
    return (await site.ask("PUT", f"/api/v1/agents/{agent}", json=body, headers=headers or {}))[:2]


async def keys_of(site: Site, agent: str = "Ada") -> list[tuple[int, list[str], str, str]]:
    """The versions of an agent."""
    _, body, _ = await site.get(f"/api/v1/agents/{agent}/versions")
    return [(each["number"], each["keys"], each["by"], each["note"]) for each in body["items"]]


async def connected(site: Site, name: str) -> None:
    """Wait until an agent's connectors are connected."""
    states: set[str] = set()
    async with asyncio.timeout(20):
        while states != {"connected"}:
            _, body, _ = await site.get("/api/v1/agents")
            [agent] = [each for each in body["agents"] if each["name"] == name]
            states = {each["state"] for each in agent["connectors"]}


async def test_an_agent_is_told_with_its_character_and_no_secret(home: Site) -> None:
    status, body, headers = await home.get("/api/v1/agents/ada")
    assert (status, headers["Etag"]) == (200, '"1"')
    assert body["character"] == {
        "name": "Ada",
        "bio": ["Wrote the first program."],
        "settings": {"voice": "warm", "SERVICE_TOKEN": "***", "secrets": {"A": "***"}},
        "secrets": {"B": "***"},
    }
    assert tomllib.loads(body["text"]) == body["character"]
    assert (body["format"], body["edited"], body["file"]["name"]) == ("toml", [], "ada.toml")
    assert (body["file"]["changed"], body["created_here"]) == (False, False)
    status, bob, _ = await home.get("/api/v1/agents/bob")
    assert (bob["format"], '"postExamples"' in bob["text"]) == ("json", True)
    for path in ("", "/ada", "/ada/abilities", "/ada/versions", "/ada/versions/1"):
        assert "hunter" not in str((await home.get(f"/api/v1/agents{path}"))[1])


async def test_the_list_says_what_each_one_is_about(home: Site) -> None:
    await home.say("Hello", agent="Ada")
    _, body, _ = await home.get("/api/v1/agents")
    ada, bob = body["agents"]
    assert (ada["name"], ada["status"], ada["models"], ada["today"]["turns"]) == (
        "Ada",
        "active",
        ["offline"],
        1,
    )
    assert ("basics" in ada["plugins"], bob["today"]) == (True, {"turns": 0, "tokens": 0, "cost": 0.0})
    assert [each["name"] for each in ada["connectors"]] == ["web"]


async def test_a_change_counts_at_once_and_after_a_restart_until_the_file_changes(homes: Homes) -> None:
    home = await homes.open()
    _, before, _ = await home.get("/api/v1/agents/ada")
    wanted = {**before["character"], "system": "You are Ada.", "topics": ["engines"]}
    status, body = await put(home, character=wanted, version=1, headers=BROWSER, note="clearer")
    assert (status, body["version"], body["edited"], body["backup"]) == (200, 2, ["system", "topics"], "")
    agent = home.host.get_agents()[0]
    assert agent.character.system == "You are Ada."
    assert (agent.character.secrets, agent.get_setting("SERVICE_TOKEN")) == ({"B": "hunter4"}, "hunter2")
    assert agent.get_setting("A") == "hunter3"
    assert (homes.folder / "ada.toml").read_text() == ADA
    assert await keys_of(home) == [(2, ["system", "topics"], "console", "clearer"), (1, [], "file", "")]
    await homes.close(home)

    home = await homes.open()
    _, body, _ = await home.get("/api/v1/agents/ada")
    assert (body["character"], body["version"]) == (wanted, 2)
    await homes.close(home)

    (homes.folder / "ada.toml").write_text(ADA.replace("first", "very first"))
    home = await homes.open()
    _, body, _ = await home.get("/api/v1/agents/ada")
    assert (body["character"]["bio"], body["edited"]) == (["Wrote the very first program."], [])
    assert (await keys_of(home))[0] == (3, ["bio", "system", "topics"], "file", "")


async def test_into_the_file_keeps_its_comments_and_secrets_and_a_copy(homes: Homes) -> None:
    home = await homes.open()
    _, body, _ = await home.get("/api/v1/agents/ada")
    text = body["text"].replace("Wrote the first program.", "Analyses engines.")
    status, body = await put(home, text=text, into_file=True, version=1)
    assert (status, body["edited"], body["file"]["changed"]) == (200, [], False)
    told = tomllib.loads((homes.folder / "ada.toml").read_text())
    assert told == tomllib.loads(ADA.replace("Wrote the first program.", "Analyses engines."))
    assert "# Who she is.\n" in (homes.folder / "ada.toml").read_text()
    assert "# Kept as it is.\n[settings]\n" in (homes.folder / "ada.toml").read_text()
    assert Path(body["backup"]).read_text() == ADA
    assert home.host.get_agents()[0].get_setting("B") == "hunter4"
    assert await keys_of(home) == [(2, ["bio"], "api", "written into ada.toml"), (1, [], "file", "")]
    await homes.close(home)
    home = await homes.open()
    _, body, _ = await home.get("/api/v1/agents/ada")
    assert (body["character"]["bio"], body["version"]) == (["Analyses engines."], 2)


async def test_a_change_back_to_what_the_file_says_ends_what_was_changed(homes: Homes) -> None:
    home = await homes.open()
    _, before, _ = await home.get("/api/v1/agents/ada")
    await home.ask("PATCH", "/api/v1/agents/ada", json={"character": {"bio": ["One."]}})
    status, body = await put(home, character=before["character"], into_file=True)
    assert (status, body["version"], body["edited"]) == (200, 3, [])
    assert (homes.folder / "ada.toml").read_text() == ADA
    # The file says just what it said when the agent was started: a change beside it holds on.
    await home.ask("PATCH", "/api/v1/agents/ada", json={"character": {"bio": ["Two."]}})
    await homes.close(home)
    home = await homes.open()
    _, body, _ = await home.get("/api/v1/agents/ada")
    assert (body["character"]["bio"], body["edited"], body["version"]) == (["Two."], ["bio"], 4)


async def test_a_new_name_in_the_file_is_the_same_agent_after_a_restart(homes: Homes) -> None:
    home = await homes.open()
    _, body, _ = await home.get("/api/v1/agents/bob")
    wanted = {**body["character"], "name": "Robert"}
    status, body = await put(home, "bob", character=wanted, into_file=True)
    assert (status, body["name"], body["character"]["id"]) == (200, "Robert", body["id"])
    assert load_character(homes.folder / "bob.json").agent_id == body["id"]
    await homes.close(home)
    home = await homes.open()
    assert [each.agent_id for each in home.host.get_agents()][1] == body["id"]
    assert (await home.get("/api/v1/agents/Robert"))[1]["version"] == 2


async def test_a_file_that_was_changed_meanwhile_is_told(homes: Homes) -> None:
    home = await homes.open()
    (homes.folder / "ada.toml").write_text(ADA.replace("first", "very first"))
    _, body, _ = await home.get("/api/v1/agents/ada")
    assert (body["file"]["changed"], body["file"]["fault"]) == (True, "")
    (homes.folder / "ada.toml").write_text("name = ")
    _, body, _ = await home.get("/api/v1/agents/ada")
    assert "broken TOML" in body["file"]["fault"]


async def test_a_change_to_an_old_version_is_a_conflict(home: Site) -> None:
    assert (await put(home, character={"name": "Ada", "bio": ["One."]}, version=1))[0] == 200
    for into_file in (False, True):
        status, body = await put(
            home, character={"name": "Ada", "bio": ["Two."]}, version=1, into_file=into_file
        )
        assert (status, body["code"]) == (409, "conflict")
        assert "this is version 2, the change was made to version 1" in body["detail"]
    status, body = await put(home, headers={"If-Match": '"1"'}, character={"name": "Ada"})
    assert status == 409
    assert (await put(home, headers={"If-Match": "first"}, character={"name": "Ada"}))[0] == 400
    assert (await put(home, headers={"If-Match": 'W/"2"'}, character={"name": "Ada"}))[0] == 200
    assert home.host.get_agents()[0].character.bio == []


async def test_some_keys_can_be_changed_alone(home: Site) -> None:
    status, body, headers = await home.ask(
        "PATCH", "/api/v1/agents/ada", json={"character": {"topics": ["engines"]}, "version": 1}
    )
    assert (status, headers["Etag"], body["edited"]) == (200, '"2"', ["topics"])
    assert body["character"]["bio"] == ["Wrote the first program."]
    status, body, _ = await home.ask("PATCH", "/api/v1/agents/ada", json={"character": {"topic": ["x"]}})
    assert (status, "topic: unknown key" in body["detail"]) == (400, True)


async def test_the_same_character_makes_no_version(home: Site) -> None:
    _, body, _ = await home.get("/api/v1/agents/ada")
    assert (await put(home, text=body["text"]))[1]["version"] == 1


@pytest.mark.parametrize(
    ("wanted", "detail"),
    [
        ({"name": ""}, "name: expected at least one character"),
        ({"name": "Bob"}, "there is an agent called 'Bob' already"),
        ({"name": "Ada", "bios": []}, 'bios: unknown key (did you mean "bio"?)'),
        ({"name": "Ada", "id": "3f2504e0-4f89-41d3-9a0c-0305e82c3301"}, "the id of Ada cannot be changed"),
        ({"name": "Ada", "secrets": {"B": "sk-1"}}, "secrets.B: secrets are not taken here"),
        ({"name": "Ada", "secrets": {"C": "***"}}, "secrets.C: secrets are not taken here"),
        ({"name": "Ada", "settings": {"secrets": {"A": "sk-1"}}}, "settings.secrets.A: secrets are not"),
        ({"name": "Ada", "settings": {"x": {"y_key": "***"}}}, "settings.x.y_key: *** stands for a secret"),
    ],
)
@pytest.mark.parametrize("into_file", [False, True])
async def test_what_does_not_fit_is_refused_in_the_words_of_check(
    home: Site, wanted: dict[str, Any], detail: str, into_file: bool
) -> None:
    status, body = await put(home, character=wanted, into_file=into_file)
    assert (status, detail in body["detail"]) == (400, True), body
    assert "sk-1" not in str(body)
    assert len(await keys_of(home)) == 1


async def test_either_values_or_a_text_are_given(home: Site) -> None:
    for wrong in ({}, {"character": {"name": "Ada"}, "text": 'name = "Ada"'}):
        assert (await put(home, **wrong))[1]["detail"] == "give either character or text"


async def test_versions_are_told_with_their_difference_and_restored(home: Site) -> None:
    await home.ask("PATCH", "/api/v1/agents/ada", json={"character": {"bio": ["One."]}})
    await home.ask("PATCH", "/api/v1/agents/ada", json={"character": {"bio": ["Two."], "topics": ["x"]}})
    _, body, _ = await home.get("/api/v1/agents/ada/versions/2")
    assert (body["against"], body["character"]["bio"]) == (1, ["One."])
    marked = [(each["mark"], each["text"].strip()) for each in body["difference"]]
    assert ("gone", '"Wrote the first program.",') in marked
    assert ("new", '"One.",') in marked
    _, body, _ = await home.get("/api/v1/agents/ada/versions/1", params={"against": 3})
    assert ("gone", '"Two.",') in [(each["mark"], each["text"].strip()) for each in body["difference"]]
    assert (await home.get("/api/v1/agents/ada/versions/1"))[1]["difference"] == []
    status, body, _ = await home.ask(
        "POST", "/api/v1/agents/ada/versions/1/restore", json={"version": 3}, headers=BROWSER
    )
    assert (status, body["version"], body["edited"]) == (200, 4, [])
    agent = home.host.get_agents()[0]
    assert (agent.character.bio, agent.character.topics) == (["Wrote the first program."], [])
    assert agent.get_setting("SERVICE_TOKEN") == "hunter2"
    assert (await keys_of(home))[0] == (4, ["bio", "topics"], "console", "as in version 1")
    status, body, _ = await home.ask("POST", "/api/v1/agents/ada/versions/2/restore", json={"version": 3})
    assert status == 409
    for path in ("9", "0", "-1", "99999999999"):
        assert (await home.get(f"/api/v1/agents/ada/versions/{path}"))[0] == 404
    assert (await home.get("/api/v1/agents/ada/versions/1", params={"against": 9}))[0] == 404


async def test_versions_come_by_pages(home: Site) -> None:
    for number in range(4):
        await home.ask("PATCH", "/api/v1/agents/ada", json={"character": {"bio": [f"{number}"]}})
    seen, after = [], ""
    while True:
        _, body, _ = await home.get("/api/v1/agents/ada/versions", params={"count": 2, "after": after})
        seen += [each["number"] for each in body["items"]]
        after = body["next"]
        if not after:
            break
    assert seen == [5, 4, 3, 2, 1]


async def test_checking_says_all_that_is_wrong_or_shows_both_forms(home: Site) -> None:
    _, body, _ = await home.ask("POST", "/api/v1/characters/check", json={"text": 'name = ""\nbios = 1\n'})
    assert body["ok"] is False
    assert body["faults"][1:] == [
        'name: expected at least one character, found text ""',
        'bios: unknown key (did you mean "bio"?); known are ' + ", ".join(Character.model_fields),
    ]
    _, body, _ = await home.ask(
        "POST", "/api/v1/characters/check", json={"character": {"name": "X", "bio": "b"}, "format": "json"}
    )
    assert (body["ok"], body["character"], '"bio": [' in body["text"]) == (
        True,
        {"name": "X", "bio": ["b"]},
        True,
    )
    _, body, _ = await home.ask(
        "POST",
        "/api/v1/characters/check",
        params={"agent": "ada"},
        json={"character": {"name": "Ada", "secrets": {"NEW": "sk-1"}}},
    )
    assert (body["ok"], "secrets.NEW" in body["faults"][0]) == (False, True)


async def test_an_agent_is_stopped_and_started(home: Site) -> None:
    status, body, _ = await home.ask("POST", "/api/v1/agents/ada/stop")
    assert (status, body["status"]) == (200, "inactive")
    _, body, _ = await home.get("/api/v1/agents/ada")
    assert (body["status"], body["version"]) == ("inactive", 1)
    # It can be changed while it is stopped.
    status, body, _ = await home.ask("PATCH", "/api/v1/agents/ada", json={"character": {"bio": ["Rests."]}})
    assert (status, body["version"]) == (200, 2)
    status, body, _ = await home.ask("POST", "/api/v1/agents/ada/start")
    assert (status, body["status"]) == (200, "active")
    assert home.host.get_agents()[0].character.bio == ["Rests."]
    status, body = await home.say("Hello", agent="Ada")
    assert status == 200


async def test_what_it_can_do_is_told(home: Site) -> None:
    _, body, _ = await home.get("/api/v1/agents/ada/abilities")
    assert {"REPLY", "MUTE_ROOM"} <= {each["name"] for each in body["actions"]}
    who = {each["name"]: each["who"] for each in body["actions"]}
    assert (who["REPLY"], who["UPDATE_ROLE"]) == ("everyone", "admins")
    assert {"type": "TEXT_LARGE", "providers": ["offline"]} in body["models"]
    assert all(body[kind] for kind in ("providers", "evaluators", "commands", "plugins"))


async def test_an_agent_is_created_talks_and_is_there_after_a_restart(homes: Homes) -> None:
    home = await homes.open()
    status, body, _ = await home.ask(
        "POST", "/api/v1/agents", json={"character": {"name": "Zoë Ω", "bio": ["New."]}}
    )
    assert (status, body["status"], body["created_here"], body["version"]) == (201, "active", True, 1)
    path = Path(body["file"]["path"])
    assert (path.parent, path.name) == (homes.folder / "data" / "agents", f"zoe-{body['id'][:8]}.toml")
    assert (await home.say("Hello", agent="Zoë Ω"))[0] == 200
    await connected(home, "Zoë Ω")
    status, _, _ = await home.ask(
        "POST", f"/api/v1/agents/{body['id']}/conversations/a/messages", json={"text": "Hi"}
    )
    assert status == 202
    for wrong in (
        {"name": "zoë ω"},
        {"name": ""},
        {"name": "Q", "secrets": {"A": "b"}},
        {"name": "Q", "plugins": ["nope"]},
    ):
        assert (await home.ask("POST", "/api/v1/agents", json={"character": wrong}))[0] == 400, wrong
    assert len(list(path.parent.iterdir())) == 1
    assert (await put(home, body["id"], character={"name": "Zoë", "bio": ["Newer."]}, into_file=True))[
        0
    ] == 200
    await homes.close(home)

    home = await homes.open()
    _, found, _ = await home.get(f"/api/v1/agents/{body['id']}")
    assert (found["name"], found["character"]["bio"], found["created_here"]) == ("Zoë", ["Newer."], True)
    assert (await home.ask("DELETE", f"/api/v1/agents/{body['id']}"))[0] == 204
    assert (await home.get(f"/api/v1/agents/{body['id']}"))[0] == 404
    assert not path.exists()
    await homes.close(home)
    home = await homes.open()
    assert len(home.host.get_agents()) == 2


async def test_only_what_was_created_here_is_deleted(home: Site) -> None:
    status, body, _ = await home.ask("DELETE", "/api/v1/agents/ada")
    assert (status, "is in the configuration" in body["detail"]) == (409, True)


async def test_an_agent_that_answers_on_a_platform_is_not_deleted(homes: Homes) -> None:
    folder = homes.folder / "data" / "agents"
    folder.mkdir(parents=True)
    (folder / "cy.toml").write_text('name = "Cy"\n')
    with (homes.folder / "config.toml").open("a") as config:
        config.write('[connectors.terminal]\nenabled = true\nagent = "Cy"\n')
    home = await homes.open()
    status, body, _ = await home.ask("DELETE", "/api/v1/agents/cy")
    assert (status, "Cy answers on terminal" in body["detail"]) == (409, True)


async def test_a_host_of_code_has_agents_without_files(site: Site) -> None:
    _, body, _ = await site.get("/api/v1/agents/Eliza")
    assert (body["file"], body["created_here"], body["version"]) == (None, False, 1)
    status, body = await put(site, "Eliza", character={"name": "Eliza"}, into_file=True)
    assert (status, "comes from no file" in body["detail"]) == (400, True)
    assert (await put(site, "Eliza", character={"name": "Eliza", "bio": ["x"]}))[0] == 200
    status, body, _ = await site.ask("POST", "/api/v1/agents", json={"character": {"name": "Q"}})
    assert (status, "made by code" in body["detail"]) == (409, True)


async def test_an_agent_that_was_never_started_is_shown(site_at: Sites) -> None:
    async with site_at(started=False) as site:
        status, body, _ = await site.get("/api/v1/agents/Eliza")
        assert (status, body["version"], body["status"]) == (200, 0, "inactive")
        assert (await site.get("/api/v1/agents"))[0] == 200
