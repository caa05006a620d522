"""An agent of elizaOS as a character file: all that it says, no secret, and nobody's file overwritten."""

import json

from bot_host.config.characters import load_character
from tests.app.elizaos.conftest import Here
from tests.elizaos import Eliza, agent, elizaos

CHARACTER = {
    "username": "liza",
    "system": "You are kind.",
    "bio": ["A listener", "from 1966"],
    "message_examples": [[{"name": "{{user1}}", "content": {"text": "hi"}}]],
    "post_examples": ["a post"],
    "topics": ["feelings"],
    "adjectives": ["patient"],
    "knowledge": ["a fact", {"path": "docs/a.md"}],
    "plugins": ["@elizaos/plugin-sql", "@elizaos/plugin-openai"],
    "style": {"all": ["short"], "chat": [], "post": ["long"]},
    "settings": {
        "avatar": "a.png",
        "secrets": {"OPENAI_API_KEY": "sk-hidden-1"},
        "DISCORD_API_TOKEN": "hidden-2",
        "discord": {"shouldIgnoreBotMessages": True, "apiToken": "hidden-3"},
    },
}


async def test_it_says_all_but_secrets(here: Here) -> None:
    async with elizaos(name="Dr. Eliza", **CHARACTER) as eliza:
        report = await here.take(eliza)
    path = here.folder / "characters" / "dr-eliza.json"
    character = load_character(path)
    assert character.agent_id == eliza.agent_id
    assert (character.username, character.system, character.bio) == (
        "liza",
        "You are kind.",
        CHARACTER["bio"],
    )
    assert (character.topics, character.adjectives) == (["feelings"], ["patient"])
    assert (character.post_examples, character.style.post) == (["a post"], ["long"])
    assert character.message_examples[0][0].content["text"] == "hi"
    assert character.knowledge == CHARACTER["knowledge"]
    assert character.plugins == CHARACTER["plugins"]
    assert character.settings == {"avatar": "a.png", "discord": {"shouldIgnoreBotMessages": True}}
    told = "\n".join(report.as_lines()) + json.dumps(report.to_dict()) + path.read_text()
    assert "hidden" not in told
    assert "OPENAI_API_KEY" in told
    assert "discord.apiToken" in told
    assert '[[agents]]\n      character = "characters/dr-eliza.json"' in told
    async with here.store() as store:
        [kept] = await store.get_agents()
    assert "hidden" not in kept.character.model_dump_json()
    assert kept.character.bio == CHARACTER["bio"]


async def test_no_file_is_overwritten(eliza: Eliza, here: Here) -> None:
    folder = here.folder / "characters"
    folder.mkdir()
    mine = folder / "eliza.json"
    mine.write_text('{"id": "00000000-0000-0000-0000-000000000001", "name": "Eliza", "bio": "mine"}')
    before = mine.read_text()
    report = await here.take(eliza)
    other = folder / f"eliza-{eliza.agent_id[:8]}.json"
    assert f"wrote {other}" in report.notes
    edited = other.read_text().replace("Eliza", "Eliza!")
    other.write_text(edited)
    report = await here.take(eliza)
    assert f"kept {other}" in report.notes
    assert (mine.read_text(), other.read_text()) == (before, edited)
    other.write_text("broken")
    report = await here.take(eliza)
    assert f"Eliza: no character file: {other}: there is another agent's file of that name" in report.notes


async def test_one_that_is_configured_already(eliza: Eliza, here: Here) -> None:
    await here.take(eliza)
    here.configure('[[agents]]\ncharacter = "characters/eliza.json"\n')
    report = await here.take(eliza)
    assert "[[agents]]" not in "\n".join(report.as_lines())
    (here.folder / "mine.json").write_text('{"name": "Eliza", "bio": "mine"}')
    here.configure('[[agents]]\ncharacter = "mine.json"\n')
    report = await here.take(eliza)
    mine = here.folder / "mine.json"
    assert f"Eliza is in the configuration already, with {mine}: that stays" in report.notes
    mine.write_text('{"id": "00000000-0000-0000-0000-000000000001", "name": "Eliza", "bio": "mine"}')
    report = await here.take(eliza)
    assert any(f'set id = "{eliza.agent_id}" in its [[agents]] table' in note for note in report.notes)


async def test_a_character_that_cannot_be_read_is_told_of_and_the_rows_come(eliza: Eliza, here: Here) -> None:
    odd = await agent(eliza.connection, eliza.url, "Odd\nname", topics={"not": "a list"})
    room = await odd.room("222")
    await odd.say(room, await odd.person("77", "Ada"), "hello")
    report = await here.take(eliza, wanted=[odd.agent_id])
    assert any("no character file, since" in note and "topics" in note for note in report.notes)
    assert report.tally("memories").new == 1
    assert not (here.folder / "characters").exists()
