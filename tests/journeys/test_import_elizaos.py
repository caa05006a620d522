"""From elizaOS to here: the command, and then the next message goes on where they were."""

import json
from pathlib import Path

from tests.elizaos import elizaos
from tests.journeys.party import Party, party
from tests.journeys.seats import DM, GROUP, DiscordSeat


async def command(p: Party, *words: str) -> tuple[int, str]:
    """A command: its exit code and all that it said."""
    async with p.command(*words) as process:
        code = await process.end()
        return code, process.text + process.all_log


async def test_the_next_message_goes_on_where_elizaos_was(tmp_path: Path) -> None:
    async with elizaos(bio=["A patient listener"]) as eliza, party(tmp_path, "discord") as p:
        [seat] = p.seats
        assert isinstance(seat, DiscordSeat)
        guild = str(seat.channels[GROUP].guild.id)
        group, dm = str(seat.channels[GROUP].id), str(seat.channels[DM].id)
        world = await eliza.world(guild, metadata={"ownership": {"ownerId": eliza.id(str(seat.ada.id))}})
        there = await eliza.room(group, world_id=world)
        private = await eliza.room(dm, type="DM", world_id=await eliza.world(dm))
        ada = await eliza.person(str(seat.ada.id), "Ada")
        for room in (there, private):
            await eliza.join(room, ada, eliza.agent_id)
        asked = await eliza.say(there, ada, "My dog is called Rex", key="100")
        await eliza.say(there, eliza.agent_id, "What a name for a dog!", content={"inReplyTo": asked})
        await eliza.say(private, ada, "I am afraid of geese", key="101")
        code, text = await command(p, "import-elizaos", eliza.url, "--dry-run", "--json")
        assert code == 0, text
        assert json.loads(text)["rows"]["memories"]["new"] == 3
        code, text = await command(p, "import-elizaos", eliza.url)
        assert code == 0, text
        assert "discord: 2 of 2 rooms and 1 of 1 people" in text
        async with p.host() as host:
            await seat.say(GROUP, "what was he called?", mention=True)
            assert (await seat.wait_reply(GROUP)).startswith("echo: ")
            in_group = [(each["role"], each["content"]) for each in p.model.chats[-1].messages[1:]]
            assert ("user", "Ada: My dog is called Rex") in in_group
            assert ("assistant", "What a name for a dog!") in in_group
            assert not any("geese" in said for _, said in in_group)
            await seat.say(DM, "and what am I afraid of?")
            assert (await seat.wait_reply(DM)).startswith("echo: ")
            in_private = [each["content"] for each in p.model.chats[-1].messages[1:]]
            assert in_private[0] == "I am afraid of geese"
            code, text = await command(p, "import-elizaos", eliza.url)
            assert code == 1
            assert "a host is running" in text
            assert await host.stop() == 0
        code, text = await command(p, "verify")
        assert code == 0, text
        await eliza.say(there, ada, "said meanwhile")
        code, text = await command(p, "import-elizaos", eliza.url, "--agent", "eliza", "--json")
        assert code == 0, text
        rows = json.loads(text)["rows"]
        assert {kind: tally["new"] for kind, tally in rows.items() if tally["new"]} == {"memories": 1}


async def test_what_cannot_be_taken_over_is_an_exit_code(tmp_path: Path) -> None:
    async with elizaos() as eliza, party(tmp_path) as p:
        ada = await eliza.person("77", "Ada")
        lost = await eliza.say(eliza.agent_id, ada, "hello", room_id=None)
        code, text = await command(p, "import-elizaos", eliza.url)
        assert code == 1, text
        assert f"memories {lost}: its room is not there" in text
        code, text = await command(p, "import-elizaos", ".eliza/.elizadb")
        assert code == 1
        assert "PGlite" in text
        assert "Traceback" not in text
