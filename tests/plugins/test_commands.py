"""The commands that every agent has, asked for as text in a host with a platform of no network."""

import json
import re
import sqlite3
import zipfile
from pathlib import Path
from typing import Any

import pytest

from bot_host.plugins.commands import COMMANDS
from bot_host.plugins.commands.data import FORGOTTEN, NOT_COVERED
from bot_host.plugins.commands.telling import REASONS
from bot_host.types.content import ChannelType, Content
from bot_host.types.ids import create_unique_uuid
from bot_host.types.memory import MemoryType
from bot_host.types.outbound import Payload, Target
from bot_host.types.places import ParticipantState, Role
from tests.host.conftest import House, house, house_at

__all__ = ["house", "house_at"]

GROUP: dict[str, Any] = {"room": "general", "type": ChannelType.GROUP, "mention": True}


def person(house: House, key: str = "ada") -> str:
    return create_unique_uuid(house.agent_id, key)


async def ask(house: House, text: str, **how: Any) -> str:
    """The answer to a command."""
    before = len(house.platform.sent)
    await house.platform.say(text, **how)
    answer = (await house.platform.wait_sent(before + 1))[before]
    await house.host.finish_pending()
    return answer


async def make_admin(house: House, key: str = "ada") -> None:
    agent = house.host.get_agent(house.agent_id)
    await agent.set_role(create_unique_uuid(house.agent_id, "world"), person(house, key), Role.ADMIN)


def test_all_of_them_are_there() -> None:
    names = {command.name for command in COMMANDS}
    assert names == {
        *("ask", "reset", "why", "mute", "follow", "settings", "model"),
        *("whoami", "link", "unlink", "mydata", "forgetme"),
    }
    assert all(command.localizations.keys() == {"de", "fr", "es"} for command in COMMANDS)


def test_the_readme_names_all_of_them() -> None:
    page = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    table = page.partition("## In the chat")[2].partition("\n## ")[0]
    named = set(re.findall(r"`/(\w+)`", "".join(re.findall(r"(?m)^\| (`[^|]+) \|", table))))
    assert named == {command.name for command in COMMANDS}


class TestWhy:
    async def test_a_message_that_was_answered(self, house: House) -> None:
        await ask(house, "hello there")
        told = await ask(house, "/why")
        assert told.startswith("“hello there” (")
        assert told.endswith("was answered: in a private chat I answer everything.")

    async def test_one_that_was_not(self, house: House) -> None:
        await house.platform.say("among us", room="general", type=ChannelType.GROUP)
        told = await ask(house, "/why", **GROUP)
        assert told.endswith(f"was not answered: {REASONS['not addressed']}.")

    async def test_commands_are_not_what_is_asked_about(self, house: House) -> None:
        await ask(house, "hello there")
        await ask(house, "/model")
        assert (await ask(house, "/why")).startswith("“hello there”")
        assert (await ask(house, "/why")).startswith("“hello there”")

    async def test_one_that_failed(self, house: House) -> None:
        house.model.answers = [RuntimeError("made so by the test")]
        await ask(house, "hello")
        assert (await ask(house, "/why")).endswith("was not answered, as something went wrong on my side.")

    async def test_one_by_its_id_or_link(self, house: House) -> None:
        await house.platform.say("first", message_id="4711")
        await house.platform.say("second")
        await house.platform.wait_sent(2)
        assert (await ask(house, "/why 4711")).startswith("“first”")
        assert (await ask(house, "/why https://example.org/c/4711/?x=1")).startswith("“first”")

    async def test_of_other_rooms_nothing_is_told(self, house: House) -> None:
        await house.platform.say("a secret", message_id="4711", person="ben", room="ben")
        await house.platform.wait_sent()
        told = await ask(house, "/why 4711")
        assert told == "I know of no such message here."
        nothing = "Commands aside, I know of no message of yours here before this one."
        assert await ask(house, "/why") == nothing

    async def test_who_runs_the_bot_is_told_what_it_cost(self, house: House) -> None:
        house.host.get_agent(house.agent_id).owners.add(person(house))
        await ask(house, "hello")
        told = await ask(house, "/why")
        assert "It took 0." in told
        assert "- scripted scripted-large: 15 tokens" in told


class TestRooms:
    async def test_mute_and_follow(self, house: House) -> None:
        room = create_unique_uuid(house.agent_id, "general")
        for text, state in (
            ("/mute", ParticipantState.MUTED),
            ("/mute off", None),
            ("/follow", ParticipantState.FOLLOWED),
            ("/follow off:1", None),
        ):
            told = await ask(house, text, **GROUP)
            assert await house.store.get_participant_state(room, house.agent_id) is state
            # On Slack they are called otherwise: what is told holds on every platform.
            assert ("`off`" in told, "/" in told) == (state is not None, False)

    async def test_reset_needs_an_admin_among_several(self, house: House) -> None:
        assert await ask(house, "/reset", **GROUP) == "/reset needs the role ADMIN here."
        await make_admin(house)
        await ask(house, "hello", **GROUP)
        assert (await ask(house, "/reset", **GROUP)).startswith("We begin anew")
        await ask(house, "again", **GROUP)
        said = [m.content for m in house.model.requests[-1].messages if m.role != "system"]
        assert said == ["Ada: again"]

    async def test_settings_are_shown_and_changed(self, house: House) -> None:
        assert await ask(house, "/settings") == (
            "Settings of this room:\n- language: whatever people write in"
        )
        assert "- language: Klingon" in await ask(house, "/settings language:Klingon")
        await ask(house, "hello")
        assert "Answer in this language: Klingon." in house.model.requests[-1].messages[0].content
        assert "whatever people write in" in await ask(house, "/settings language:off")

    async def test_only_an_admin_changes_those_of_several(self, house: House) -> None:
        told = await ask(house, "/settings mention_only:no", **GROUP)
        assert told.startswith("Only the role ADMIN changes settings here. Settings of this room:")
        await make_admin(house)
        assert "- mention_only: no" in await ask(house, "/settings mention_only:no", **GROUP)
        house.model.decisions = ["RESPOND"]
        said = await ask(house, "anybody?", room="general", type=ChannelType.GROUP)
        assert said == "echo: Ada: anybody?"

    async def test_the_model_is_told(self, house: House) -> None:
        await ask(house, "hello")
        assert (await ask(house, "/model")).endswith("The last one here was written by scripted-large.")


class TestData:
    async def test_mydata_is_all_that_there_is_as_a_file(
        self, house: House, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        made: list[Content] = []
        encode = house.platform.encode

        def keep(content: Content, target: Target) -> list[Payload]:
            made.append(content)
            return encode(content, target)

        monkeypatch.setattr(house.platform, "encode", keep)
        await ask(house, "my cat is called Ptolemy")
        told = await ask(house, "/mydata")
        assert told.startswith("What I have of you: 1 entities, ")
        [media] = made[-1].attachments
        with zipfile.ZipFile(tmp_path / "media" / str(media.file)) as archive:
            assert "- fake id: ada" in archive.read("summary.md").decode()
            rows = json.loads(archive.read("fake-ada/memories.json"))
        assert "my cat is called Ptolemy" in [row["content"]["text"] for row in rows]

    async def test_forgetme_asks_first_and_no_is_no(self, house: House) -> None:
        await ask(house, "my cat is called Ptolemy")
        told = await ask(house, "/forgetme")
        assert told.startswith("Shall Eliza forget you?")
        assert "1. Forget me\n2. Keep it" in told
        assert await ask(house, "2") == "Nothing was deleted."
        assert await house.store.find_entity(person(house)) is not None

    async def test_forgetme_leaves_nothing(self, house: House, tmp_path: Path) -> None:
        await ask(house, "my cat is called Ptolemy")
        await house.platform.say("and mine Cato", person="ben", room="ben")
        await house.platform.wait_sent(2)
        await ask(house, "/forgetme")
        assert (await ask(house, "forget me")).startswith(FORGOTTEN)
        assert await house.store.find_entity(person(house)) is None
        assert await house.store.pending_count() == 0
        assert await house.store.unsent_count() == 0
        assert await house.store.find_entity(person(house, "ben")) is not None
        audited = await house.store.audit_rows(host_runs=True)
        assert audited.violations == ()
        database = sqlite3.connect(tmp_path / "bot.db")
        dump = "\n".join(database.iterdump())
        database.close()
        assert "Ptolemy" not in dump
        assert person(house) not in dump
        assert "Cato" in dump
        # And one begins anew.
        assert await ask(house, "hello") == "echo: hello"

    async def test_with_the_person_their_exports_go(self, house: House, tmp_path: Path) -> None:
        await ask(house, "/mydata")
        [theirs] = (tmp_path / "media").iterdir()
        await house.platform.say("/mydata", person="ben", room="ben")
        await house.platform.wait_sent(4)
        await house.host.finish_pending()
        await ask(house, "/forgetme")
        assert (await ask(house, "forget me")).startswith(FORGOTTEN)
        [bens] = (tmp_path / "media").iterdir()
        assert bens != theirs
        assert await house.store.entity_files(person(house, "ben")) == {bens.name}

    async def test_by_a_caller_of_the_library_too(self, house: House) -> None:
        async def say(text: str) -> str:
            message = {"entity_id": person(house), "room_id": person(house, "x"), "content": {"text": text}}
            result = await house.host.handle_message(house.agent_id, message)
            assert result.processing is not None
            return result.processing.text

        await say("hello")
        await say("/forgetme")
        last = await say("Forget me")
        assert last.startswith(f"{FORGOTTEN}\nDeleted, or emptied of you: 1 entities, ")
        assert last.endswith(NOT_COVERED)
        assert await house.store.find_entity(person(house)) is None


async def test_their_answers_are_no_messages_of_the_room(house: House) -> None:
    await ask(house, "/model")
    memories = await house.store.list_memories(house.agent_id)
    answers = [memory for memory in memories if memory.entity_id == house.agent_id]
    assert [memory.type for memory in answers] == [MemoryType.CUSTOM]
