"""An admin has the agent know documents while it runs; people ask on Discord, and see the sources."""

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests import documents
from tests.fakes.openai import Answer
from tests.journeys.party import Party, party
from tests.journeys.seats import DM, GROUP
from tests.kit.fetching import Site

ASK = "when does the shop open on holidays?"
AGENT = """
[[agents]]
[agents.knowledge]
check_seconds = 1
allow_hosts = ["127.0.0.1:{port}"]
"""


def answer(request: Any) -> Answer | None:
    """A model that says what the first passage says, and cites it, and one that there is not."""
    system = str(request.messages[0]["content"])
    for line in system.splitlines():
        if line.startswith("| ") and "opens at" in line:
            number = system[: system.index(line)].rpartition("\n[")[2].partition("]")[0]
            return Answer(f"{line.removeprefix('| ')} [{number}] Always [99].")
    return Answer("I do not know.")


async def command(p: Party, *words: str) -> tuple[int, str, str]:
    async with p.command("knowledge", *words) as process:
        code = await process.end()
        return code, process.text, process.all_log


async def listed(p: Party) -> dict[str, dict[str, Any]]:
    code, text, log = await command(p, "list", "--json")
    assert code == 0, log
    return {Path(each["location"]).name: each for each in json.loads(text)["sources"]}


class Asking:
    """Asks again until the answer is what it is to be: the host looks at the rows by itself."""

    def __init__(self, p: Party, place: str = DM) -> None:
        self.seat, self.place, self.count = p.seats[0], place, 0

    async def once(self) -> str:
        self.count += 1
        await self.seat.say(self.place, ASK, mention=self.place == GROUP)
        return await self.seat.wait_reply(self.place, self.count)

    async def until(self, part: str) -> str:
        while part not in (said := await self.once()):
            assert self.count < 500, said
            # The host looks every few seconds, however quickly it answers meanwhile.
            await asyncio.sleep(0.05)
        return said


@pytest.mark.slow
async def test_documents_are_known_while_the_host_runs_and_cited(tmp_path: Path) -> None:
    async with Site() as site, party(tmp_path, "discord", extra=AGENT.format(port=site.port)) as p:
        p.model.answer_with(answer)
        (tmp_path / "handbook.pdf").write_bytes(documents.pdf("On holidays the shop opens at ten."))
        (tmp_path / "site").mkdir()
        (tmp_path / "site" / "roses.md").write_text("# Roses\n\nThey need sun.")
        site.page(
            "/cake.html", text="<title>Cake</title><h1>Cake</h1><p>Of apples.", content_type="text/html"
        )
        async with p.host() as host:
            asking = Asking(p)
            assert await asking.once() == "I do not know."
            url = f"http://127.0.0.1:{site.port}/cake.html"
            code, text, log = await command(p, "add", "handbook.pdf", "site", url)
            assert code == 0, log
            assert "handbook.pdf  (handbook, 1 part)" in text
            assert "roses.md  (Roses, 1 part)" in text
            assert "cake.html  (Cake, 1 part)" in text
            said = await asking.until("ten")
            assert said == "On holidays the shop opens at ten. [1] Always.\n\n[1] handbook > Page 1"

            (tmp_path / "handbook.pdf").write_bytes(documents.pdf("On holidays the shop opens at eleven."))
            assert "opens at eleven. [1]" in await asking.until("eleven")
            assert not any("at ten" in str(chat.messages[0]) for chat in p.model.chats[-1:])

            site.page("/cake.html", text="<title>Shop</title><p>On holidays the shop opens at noon.</p>")
            assert (await command(p, "remove", "handbook.pdf"))[0] == 0
            assert await asking.until("I do not know") == "I do not know."
            code, text, _ = await command(p, "add", url, "--title", "The shop's page")
            assert (code, "The shop's page, 1 part" in text) == (0, True)
            said = await asking.until("noon")
            assert said.endswith(f"\n\n[1] [The shop's page]({url})")

            code, _, log = await command(p, "add", "none.md")
            assert (code, "there is no " in log) == (1, True)
            assert {name: each["fragments"] for name, each in (await listed(p)).items()} == {
                "site": 0, "roses.md": 1, "cake.html": 1,
            }  # fmt: skip
            assert await host.stop() == 0
            assert "Traceback" not in host.all_log


@pytest.mark.slow
async def test_a_worlds_knowledge_is_told_in_that_world_and_nowhere_else(tmp_path: Path) -> None:
    async with party(tmp_path, "discord", extra=AGENT.format(port=1)) as p:
        p.model.answer_with(answer)
        (tmp_path / "hours.md").write_text("On holidays the shop opens at ten.")
        async with p.host() as host:
            there, alone = Asking(p, GROUP), Asking(p, DM)
            assert await there.once() == "I do not know."
            code, _, log = await command(p, "add", "hours.md", "--world", "nowhere")
            assert (code, "there is no world" in log) == (1, True)
            world = log.split("there is: ")[1].split(" (")[0].split(",")[0]
            assert (await command(p, "add", "hours.md", "--world", world))[0] == 0
            assert "[1] hours" in await there.until("ten")
            assert await alone.once() == "I do not know."
            assert "opens at" not in json.dumps(p.model.chats[-1].messages)
            assert await host.stop() == 0


@pytest.mark.slow
async def test_what_the_character_names_is_known_at_the_start(tmp_path: Path) -> None:
    async with party(tmp_path, "discord") as p:
        (tmp_path / "characters").mkdir()
        character = tmp_path / "characters" / "ada.toml"
        character.write_text('name = "Ada"\nknowledge = [{path = "hours.docx"}]\n')
        (tmp_path / "characters" / "hours.docx").write_bytes(
            documents.docx(("Heading1", "Hours"), ("", "On holidays the shop opens at ten."))
        )
        p.write_config('[[agents]]\ncharacter = "characters/ada.toml"\n')
        p.model.answer_with(answer)
        async with p.host() as host:
            assert (await Asking(p).until("ten")).endswith("\n\n[1] Hours")
            code, _, log = await command(p, "remove", os.fspath(tmp_path / "characters" / "hours.docx"))
            assert (code, "take it out of the character file" in log) == (1, True)
            assert await host.stop() == 0
        character.write_text('name = "Ada"\n')
        async with p.host() as host:
            await host.wait_log("knowledge: 1 sources are taken out of the character, and forgotten")
            assert await listed(p) == {}
            assert await host.stop() == 0
