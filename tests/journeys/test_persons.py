"""A person with two accounts, through the real program: linked, handed over, erased."""

import json
import re
import sqlite3
import zipfile
from pathlib import Path
from typing import Any

from tests.journeys.party import Party, party
from tests.journeys.seats import DM

CODE = re.compile(r"[A-HJ-NP-Z2-9]{4}(?:-[A-HJ-NP-Z2-9]{4}){2}")


async def command(p: Party, *words: str) -> tuple[int, str, str]:
    """A command beside the host: its exit code, what it printed, and what it complained of."""
    async with p.command(*words) as process:
        code = await process.end()
        return code, process.text, process.all_log


async def as_json(p: Party, *words: str) -> Any:
    code, text, log = await command(p, *words, "--json")
    assert code == 0, log
    return json.loads(text)


def dump(folder: Path) -> str:
    database = sqlite3.connect(folder / "data" / "bot_host.db")
    try:
        return "\n".join(database.iterdump())
    finally:
        database.close()


async def test_two_accounts_are_linked_handed_over_and_erased(tmp_path: Path) -> None:
    async with party(tmp_path, "discord", "telegram") as p:
        discord, telegram = p.seats
        async with p.host() as host:
            await discord.say(DM, "my cat is called Ptolemy")
            await discord.wait_reply(DM)
            await telegram.say(DM, "mine is Cato")
            await telegram.wait_reply(DM)
            assert (await command(p, "links", "list"))[1] == "Nobody has linked accounts.\n"
            await discord.say(DM, "!link")
            found = CODE.search(await discord.wait_reply(DM, 2))
            assert found
            assert found[0].replace("-", "") not in host.all_log
            await telegram.say(DM, f"/link {found[0]}")
            assert (await telegram.wait_reply(DM, 2)).startswith("Linked with Ada (discord ")
            assert "entered the code" in await discord.wait_reply(DM, 3)
            [both] = (await as_json(p, "links", "list"))["persons"]
            assert len(both) == 2
            [ada, _] = sorted(both, key=lambda each: "(discord " not in each["name"])
            on_discord = ada["entity_id"]

            code, _, log = await command(p, "person", "export", "Ada")
            assert (code, "2 people fit" in log, on_discord in log) == (1, True, True)
            code, text, log = await command(p, "person", "export", on_discord, "--linked", "--out", "a.zip")
            assert (code, text.startswith("a.zip: ")) == (0, True), log
            with zipfile.ZipFile(tmp_path / "a.zip") as archive:
                held = "\n".join(archive.read(name).decode() for name in archive.namelist())
            assert "Ptolemy" in held
            assert "Cato" in held
            assert (tmp_path / "a.zip").stat().st_mode & 0o077 == 0
            code, _, log = await command(p, "person", "export", on_discord, "--out", "a.zip")
            assert (code, "a.zip is there already" in log) == (1, True)

            async with p.command("person", "erase", on_discord) as process:
                await process.say("n")
                assert await process.end() == 1
            assert "Ptolemy" in dump(tmp_path)
            [receipt] = (await as_json(p, "person", "erase", on_discord, "--yes"))["erased"]
            assert receipt["entity_id"] == on_discord
            assert receipt["rows"]["person_links"] == 1
            left = dump(tmp_path)
            assert "Ptolemy" not in left
            assert on_discord not in left
            assert "Cato" in left
            assert (await command(p, "links", "list"))[1] == "Nobody has linked accounts.\n"
            assert (await command(p, "person", "erase", "Nobody"))[0] == 1
            await discord.say(DM, "hello again")
            assert await discord.wait_reply(DM, 4) == "echo: hello again"
            assert (await as_json(p, "verify"))["violations"] == []
            assert await host.stop() == 0
            assert "Traceback" not in host.all_log


async def test_all_linked_accounts_are_forgotten_at_once_by_their_wish(tmp_path: Path) -> None:
    async with party(tmp_path, "telegram", "discord") as p, p.host() as host:
        telegram, discord = p.seats
        await telegram.say(DM, "/link")
        found = CODE.search(await telegram.wait_reply(DM))
        assert found
        await discord.say(DM, f"!link {found[0]}")
        await discord.wait_reply(DM)
        await telegram.wait_reply(DM, 2)
        await discord.say(DM, "my cat is called Ptolemy")
        await discord.wait_reply(DM, 2)
        [both] = (await as_json(p, "links", "list"))["persons"]
        await telegram.say(DM, "/forgetme")
        question = await telegram.wait_reply(DM, 3)
        assert "2 accounts: this one alone, or all of them?" in question
        await telegram.say(DM, "forget all my accounts")
        last = await telegram.wait_reply(DM, 4)
        assert last.startswith("I forget you now.")
        assert "2 entities" in last
        await host.wait_log("a person was erased at their own wish")
        left = dump(tmp_path)
        assert "Ptolemy" not in left
        assert not any(each["entity_id"] in left for each in both)
        assert await host.stop() == 0


async def test_links_are_removed_by_an_admin(tmp_path: Path) -> None:
    async with party(tmp_path, "telegram", "discord") as p, p.host() as host:
        telegram, discord = p.seats
        assert (await command(p, "links", "remove", "nobody"))[0] == 1
        await telegram.say(DM, "/link")
        found = CODE.search(await telegram.wait_reply(DM))
        assert found
        await discord.say(DM, f"!link {found[0]}")
        await discord.wait_reply(DM)
        [both] = (await as_json(p, "links", "list"))["persons"]
        one, other = (each["entity_id"] for each in both)
        assert (await as_json(p, "links", "remove", one))["parted_from"] == [other]
        assert (await as_json(p, "links", "list"))["persons"] == []
        assert (await command(p, "links", "remove", one))[0] == 1
        await discord.say(DM, "!whoami")
        assert "No other account of yours is linked." in await discord.wait_reply(DM, 2)
        assert await host.stop() == 0
