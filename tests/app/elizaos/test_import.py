"""What an elizaOS database holds is here afterwards, once, and under the same ids."""

import json
from datetime import timedelta

import pytest

from bot_host.runtime import AgentRuntime
from bot_host.store import Database
from bot_host.types.character import Character
from bot_host.types.content import ChannelType, MediaType
from bot_host.types.errors import StateError
from bot_host.types.ids import create_unique_uuid, new_id
from bot_host.types.knowledge import Audience
from bot_host.types.memory import Memory, MemoryType
from bot_host.types.places import ParticipantState, Role
from tests.app.elizaos.conftest import Here
from tests.elizaos import NOON, Eliza, agent


async def all_of(store: Database, eliza: Eliza) -> list[Memory]:
    """Oldest first."""
    return (await store.list_memories(eliza.agent_id, count=10_000))[::-1]


async def test_each_kind_of_row_of_each_generation_is_here(any_eliza: Eliza, either: Here) -> None:
    eliza = any_eliza
    world = await eliza.world("111", metadata={"ownership": {"ownerId": eliza.id("77")}, "tone": "dry"})
    room = await eliza.room("222", world_id=world, name="general", metadata={"topic": "dogs"})
    ada = await eliza.person("77", "Ada", names=["Ada", "ada_l", ""])
    await eliza.join(room, ada)
    await eliza.join(room, eliza.agent_id, state="FOLLOWED")
    asked = await eliza.say(
        room,
        ada,
        "look at Rex",
        key="333",
        content={
            "channelType": "GROUP",
            "mentionContext": {"isMention": True, "isReply": False, "mentionType": "platform_mention"},
            "attachments": [
                {"id": "a", "url": "https://x.example/rex.png", "contentType": "image", "text": ""}
            ],
            "simple": True,
        },
        metadata={"type": "message", "discordMessageId": "333", "fromBot": False},
        vector=True,
    )
    await eliza.say(room, eliza.agent_id, "What a dog!", content={"inReplyTo": asked, "thought": "nice"})
    about = {"entity_id": ada, "agent_id": eliza.agent_id, "room_id": room, "world_id": world}
    component = new_id()
    await eliza.put("components", id=component, **about, type="profile", data={"likes": "dogs"},
                    source_entity_id=eliza.agent_id)  # fmt: skip
    await eliza.put("relationships", source_entity_id=ada, target_entity_id=eliza.agent_id,
                    agent_id=eliza.agent_id, tags=["friend"], metadata={"interactions": 2})  # fmt: skip
    await eliza.put("tasks", name="POST", agent_id=eliza.agent_id)
    report = await either.take(eliza)
    assert report.skipped == []
    assert {kind: (tally.read, tally.new) for kind, tally in report.tallies.items()} == {
        "agents": (1, 1),
        "worlds": (1, 1),
        "rooms": (2, 2),
        "people": (1, 1),
        "participants": (3, 3),
        "memories": (2, 2),
        "components": (1, 1),
        "relationships": (1, 1),
        "tasks": (1, 0),
    }
    async with either.store() as store:
        found_world = await store.find_world(world)
        assert found_world is not None
        assert found_world.platform == "discord"
        assert found_world.metadata["elizaos"]["tone"] == "dry"
        assert found_world.role_of(ada) is Role.NONE
        found_room = await store.find_room(room)
        assert found_room is not None
        assert (found_room.world_id, found_room.channel_id, found_room.type) == (
            world,
            "222",
            ChannelType.GROUP,
        )
        assert (found_room.name, found_room.source) == ("general", "discord")
        person = await store.find_entity(ada)
        assert person is not None
        assert person.names == ("Ada", "ada_l")
        assert person.metadata["discord"]["user_name"] == "ada"
        assert [each.id for each in await store.find_entities_by_name(eliza.agent_id, "ADA_L")] == [ada]
        there = {each.entity_id: each.state for each in await store.get_participants(room)}
        assert there == {ada: None, eliza.agent_id: ParticipantState.FOLLOWED}
        first, second = await store.get_memories(room)
        assert (first.id, first.entity_id, first.type) == (asked, ada, MemoryType.MESSAGE)
        assert first.created_at == NOON + timedelta(minutes=1)
        assert first.content.text == "look at Rex"
        assert first.content.channel_type is ChannelType.GROUP
        assert first.content.mention_context is not None
        assert first.content.mention_context.is_mention
        assert first.content.attachments[0].content_type is MediaType.IMAGE
        assert first.content.model_dump()["simple"] is True
        assert first.metadata["source_id"] == "333"
        assert first.metadata["elizaos"]["discordMessageId"] == "333"
        assert first.world_id == world
        assert (second.content.in_reply_to, second.content.thought) == (asked, "nice")
        [kept] = await store.get_components(eliza.agent_id, ada)
        assert (kept.id, kept.data, kept.world_id) == (component, {"likes": "dogs"}, world)
        [known] = await store.get_relationships(eliza.agent_id, ada)
        assert (known.tags, known.audience) == (("friend",), Audience.ENTITY)
        assert [job.id for job in await store.next_embedding_jobs(eliza.agent_id, 10)] == [asked]
        [kept_agent] = await store.get_agents()
        assert kept_agent.id == eliza.agent_id


async def test_run_again_nothing_is_doubled_and_what_is_here_stays(eliza: Eliza, either: Here) -> None:
    world = await eliza.world("111")
    room = await eliza.room("222", world_id=world, name="general")
    ada = await eliza.person("77", "Ada")
    for _ in range(3):
        await eliza.join(room, ada)
    await eliza.join(room, ada, state="MUTED")
    said = [await eliza.say(room, ada, f"number {number}") for number in range(5)]
    first = await either.take(eliza)
    assert first.tally("participants").new == 2
    async with either.store() as store:
        changed = await store.find_room(room)
        assert changed is not None
        await store.set_participant_state(eliza.agent_id, room, ada, None)
        await store.delete_memories([said[0]])
    await eliza.say(room, ada, "and one more")
    again = await either.take(eliza)
    assert {kind: (tally.new, tally.known) for kind, tally in again.tallies.items()} == {
        "agents": (0, 1),
        "worlds": (0, 1),
        "rooms": (0, 2),
        "people": (0, 1),
        "participants": (0, 2),
        "memories": (2, 4),
    }
    async with either.store() as store:
        texts = [memory.content.text for memory in await store.get_memories(room)]
        assert texts == ["number 0", *(f"number {number}" for number in range(1, 5)), "and one more"]
        assert await store.get_participant_state(room, ada) is None


async def test_a_dry_run_counts_and_writes_nothing(eliza: Eliza, here: Here) -> None:
    room = await eliza.room("222")
    ada = await eliza.person("77", "Ada")
    await eliza.join(room, ada)
    await eliza.say(room, ada, "hello")
    about = {"agent_id": eliza.agent_id, "entity_id": ada, "room_id": room}
    await eliza.put("components", **about, type="profile")
    pair = {"source_entity_id": ada, "target_entity_id": eliza.agent_id}
    await eliza.put("relationships", agent_id=eliza.agent_id, **pair)
    looked = await here.take(eliza, dry_run=True)
    assert {path.name for path in here.folder.iterdir()} == {"config.toml"}
    done = await here.take(eliza)
    assert {k: t.new for k, t in looked.tallies.items()} == {k: t.new for k, t in done.tallies.items()}
    await eliza.say(room, ada, "hello again")
    looked = await here.take(eliza, dry_run=True)
    assert (looked.tally("memories").new, looked.tally("memories").known) == (1, 1)
    assert all(tally.new == 0 for kind, tally in looked.tallies.items() if kind != "memories")
    async with here.store() as store:
        assert len(await store.get_memories(room)) == 1


async def test_many_memories_come_in_batches_and_in_order(eliza: Eliza, either: Here) -> None:
    room = await eliza.room("222")
    ada = await eliza.person("77", "Ada")
    await eliza.connection.execute(
        "INSERT INTO memories (id, type, created_at, content, entity_id, agent_id, room_id) "
        "SELECT gen_random_uuid(), 'messages', timestamp '2026-01-01' + n * interval '1 second', "
        "jsonb_build_object('text', n::text), $1, $2, $3 FROM generate_series(1, 1234) n",
        ada,
        eliza.agent_id,
        room,
    )
    report = await either.take(eliza)
    assert report.tally("memories").new == 1234
    async with either.store() as store:
        found = await store.get_memories(room, count=2000)
    assert [memory.content.text for memory in found] == [str(number) for number in range(1, 1235)]


class TestMemories:
    async def test_each_table_is_a_kind_of_ours(self, eliza: Eliza, here: Here) -> None:
        room = await eliza.room("222")
        ada = await eliza.person("77", "Ada")
        me = eliza.agent_id
        document = await eliza.say(
            me, me, "All of it", table="documents", metadata={"type": "document", "timestamp": 1}
        )
        piece = {"type": "fragment", "documentId": document, "position": 0}
        # Older than its document, as a clock that was set back makes it.
        early = NOON.replace(tzinfo=None) - timedelta(days=1)
        await eliza.say(me, me, "A piece", table="knowledge", metadata=piece, created_at=early)
        gone = {"type": "fragment", "documentId": new_id(), "position": 0}
        await eliza.say(room, me, "A lost piece", table="knowledge", metadata=gone)
        await eliza.say(room, me, "Secret", table="documents", metadata={"type": "document", "timestamp": 1})
        await eliza.say(room, ada, "a cat", table="descriptions")
        await eliza.say(room, me, "notes", table="custom")
        await eliza.say(room, me, "whatever", table="my_plugin")
        await eliza.say(room, me, "piece of old", table="memories", metadata=piece)
        await eliza.say(room, me, "Action REPLY ran", content={"type": "action_result"})
        await eliza.say(room, me, "", content={"actions": ["IGNORE"], "thought": "not for me"})
        await eliza.say(room, ada, "hello")
        report = await here.take(eliza)
        assert report.skipped == []
        async with here.store() as store:
            found = {m.content.text: m for m in await all_of(store, eliza)}
        assert {text: memory.type.value for text, memory in found.items()} == {
            "All of it": "document",
            "A piece": "fragment",
            "A lost piece": "fragment",
            "Secret": "document",
            "a cat": "description",
            "notes": "custom",
            "whatever": "custom",
            "piece of old": "fragment",
            "Action REPLY ran": "custom",
            "": "custom",
            "hello": "message",
        }
        assert found["A piece"].source_memory_id == document
        assert found["A lost piece"].source_memory_id is None
        assert found["All of it"].audience is Audience.AGENT
        assert found["Secret"].audience is Audience.ROOM

    async def test_documents_are_listed_told_of_and_removed_like_any_other(
        self, eliza: Eliza, either: Here
    ) -> None:
        room, me = await eliza.room("222"), eliza.agent_id
        ada = await eliza.person("77", "Ada")
        of = {"type": "document", "timestamp": 1, "filename": "hours.md"}
        document = await eliza.say(me, me, "Open at ten", table="documents", metadata=of)
        piece = {"type": "fragment", "documentId": document, "position": 0}
        await eliza.say(me, me, "The shop opens at ten", table="knowledge", metadata=piece)
        await eliza.say(me, me, "Nothing of it", table="documents", metadata=of)
        await eliza.say(room, ada, "hello")
        assert (await either.take(eliza)).tally("knowledge").new == 1
        assert (await either.take(eliza)).tally("knowledge").new == 0
        async with either.store() as store:
            [source] = await store.get_sources(me)
            assert (source.title, source.fragments, source.state) == ("hours.md", 1, "ready")
            agent = AgentRuntime(Character(id=me, name="Eliza", bio=["Helps."]), store=store)
            [passage] = await agent.search_knowledge(room, "when does the shop open?")
            assert (passage.name, passage.text) == ("hours.md", "The shop opens at ten")
            await store.remove_sources([source.id])
            assert await store.find_memory(document) is None

    async def test_facts_stay_where_they_were_learned(self, eliza: Eliza, here: Here) -> None:
        ada, ben = await eliza.person("77", "Ada"), await eliza.person("78", "Ben")
        group, dm = await eliza.room("222"), await eliza.room("333", type="DM")
        party = await eliza.room("444", type="DM")
        await eliza.join(group, ada, ben, eliza.agent_id)
        await eliza.join(dm, ada, eliza.agent_id)
        await eliza.join(party, ada, ben, eliza.agent_id)
        for room, text in ((group, "in the group"), (dm, "in private"), (party, "among three")):
            await eliza.say(room, eliza.agent_id, text, table="facts")
        await here.take(eliza)
        async with here.store() as store:
            facts = {m.content.text: (m.entity_id, m.audience) for m in await all_of(store, eliza)}
        assert facts == {
            "in the group": (eliza.agent_id, Audience.ROOM),
            "in private": (ada, Audience.ENTITY),
            "among three": (eliza.agent_id, Audience.ROOM),
        }

    async def test_content_in_every_shape(self, eliza: Eliza, here: Here) -> None:
        room = await eliza.room("222")
        ada = await eliza.person("77", "Ada")
        twice = json.dumps(json.dumps({"text": "written twice", "inReplyTo": "nonsense"}))
        strange = {
            "text": None,
            "actions": "REPLY",
            "attachments": [{"url": 5, "contentType": "hologram"}, "no object"],
            "mentionContext": {"mentionType": "by thought"},
            "choices": {"evil": True},
            "quotes": "ours",
            "channelType": "dm",
        }
        for key, content in (("1", twice), ("2", json.dumps(strange)), ("3", '"just text"')):
            await eliza.put("memories", id=eliza.id(key), type="messages", content=content, entity_id=ada,
                            agent_id=eliza.agent_id, room_id=room)  # fmt: skip
        report = await here.take(eliza)
        assert report.skipped == []
        async with here.store() as store:
            one, two, three = [await store.find_memory(eliza.id(key)) for key in "123"]
        assert one is not None
        assert two is not None
        assert three is not None
        assert (one.content.text, one.content.in_reply_to) == ("written twice", None)
        assert (two.content.text, two.content.actions) == ("", ["REPLY"])
        assert (two.content.channel_type, two.content.choices) == (ChannelType.DM, None)
        assert [media.id for media in two.content.attachments] == ["0"]
        assert three.content.text == "just text"

    async def test_metadata_gives_nobody_anything(self, eliza: Eliza, here: Here) -> None:
        """Keys of ours in elizaOS's metadata are those of some plugin, not what they mean here."""
        room = await eliza.room("222", metadata={"settings": {"answer": "always"}, "begins_at": "2030-01-01"})
        ada = await eliza.person("77", "Ada")
        told = {"platform_role": "OWNER", "source_account": "discord:1", "failure": True, "fromBot": True}
        said = await eliza.say(room, ada, "hello", metadata=told)
        await here.take(eliza)
        async with here.store() as store:
            memory, found = await store.find_memory(said), await store.find_room(room)
        assert memory is not None
        assert found is not None
        assert memory.metadata == {"from_bot": True, "elizaos": told}
        assert found.setting("answer") is None
        assert not found.is_past(NOON)


class TestWhatCannotBeTaken:
    async def test_a_row_that_makes_no_sense_is_skipped_and_named(self, eliza: Eliza, here: Here) -> None:
        room = await eliza.room("222")
        ada = await eliza.person("77", "Ada")
        deep = "[" * 2000 + "]" * 2000
        rows = {
            "its content is no JSON object": {"content": "[1]"},
            "its time is none that a calendar has": {"created_at": "20000-01-01"},
            "none that a calendar has": {"created_at": "0001-06-01"},
            "its room is not there": {"room_id": None},
            "who it is about is not there": {"entity_id": None},
            "its metadata is no JSON object": {"metadata": "[1]"},
            "it has no time": {"created_at": "infinity"},
            "nested too deep": {"metadata": deep},
        }
        ids = {}
        for reason, values in rows.items():
            ids[reason] = id = new_id()
            given = {"content": '{"text": "x"}', "entity_id": ada, "room_id": room, "metadata": "{}",
                     "created_at": "2026-01-01", **values}  # fmt: skip
            await eliza.connection.execute(
                "INSERT INTO memories (id, type, created_at, content, entity_id, agent_id, room_id, "
                "metadata) VALUES ($1, 'messages', $2::text::timestamp, $3, $4, $5, $6, $7)",
                id, given["created_at"], given["content"], given["entity_id"], eliza.agent_id,
                given["room_id"], given["metadata"],
            )  # fmt: skip
        good = await eliza.say(room, ada, "a good one")
        report = await here.take(eliza)
        told = {line.split(":")[0]: line for line in report.skipped}
        skipped = {reason for reason, id in ids.items() if reason in told.get(f"memories {id}", "")}
        assert skipped == rows.keys()
        assert report.tally("memories").skipped == len(rows)
        async with here.store() as store:
            assert await store.find_memory(good) is not None

    async def test_only_twenty_are_named_and_all_are_counted(self, eliza: Eliza, here: Here) -> None:
        ada = await eliza.person("77", "Ada")
        for number in range(25):
            await eliza.say(eliza.agent_id, ada, str(number), room_id=None)
        report = await here.take(eliza)
        assert (len(report.skipped), report.all_skipped) == (20, 25)
        assert "  … and 5 more" in report.as_lines()

    async def test_one_that_the_database_refuses_holds_up_no_other(self, eliza: Eliza, either: Here) -> None:
        """Nothing says that this agent knows somebody of another one, but a row without its agent's name."""
        other = await agent(eliza.connection, eliza.url, "Other")
        stranger = await other.person("88", "Zoe")
        room = await eliza.room("222")
        ada = await eliza.person("77", "Ada")
        await eliza.join(room, ada)
        await eliza.put("participants", entity_id=stranger, room_id=room)
        report = await either.take(eliza, wanted=["Eliza"])
        assert (report.tally("participants").new, report.tally("participants").skipped) == (2, 1)
        assert "does not know the agent, room or entity" in report.skipped[0]


class TestAgents:
    async def test_only_those_that_are_named(self, eliza: Eliza, here: Here) -> None:
        other = await agent(eliza.connection, eliza.url, "Other")
        for one in (eliza, other):
            room = await one.room("222")
            await one.say(room, await one.person("77", "Ada"), f"hello {one.name}")
        with pytest.raises(
            StateError, match=r'no agent "Elisa" \(did you mean "Eliza"\?\); it has Eliza \(b850'
        ):
            await here.take(eliza, wanted=["Elisa"])
        await here.take(eliza, wanted=["OTHER"])
        async with here.store() as store:
            assert [each.id for each in await store.get_agents()] == [other.agent_id]
            [memory] = await store.get_memories(other.id("222"))
            assert memory.content.text == "hello Other"
        await here.take(eliza, wanted=[eliza.agent_id])
        async with here.store() as store:
            assert len(await store.get_agents()) == 2
            assert len(await store.get_memories(other.id("222"))) == 1

    async def test_somebody_whom_two_agents_share_is_known_to_each(self, eliza: Eliza, here: Here) -> None:
        other = await agent(eliza.connection, eliza.url, "Other")
        zoe = await eliza.person("88", "Zoe")
        room = await other.room("222")
        said = await other.say(room, zoe, "hello")
        report = await here.take(eliza)
        assert report.skipped == []
        async with here.store() as store:
            memory = await store.find_memory(said)
            assert memory is not None
            copy = await store.find_entity(memory.entity_id)
        assert memory.entity_id == create_unique_uuid(other.agent_id, zoe)
        assert copy is not None
        assert (copy.agent_id, copy.names) == (other.agent_id, ("Zoe",))

    async def test_an_agent_that_lives_here_already_stays_as_it_is(self, eliza: Eliza, here: Here) -> None:
        await here.take(eliza)
        (here.folder / "characters" / "eliza.json").unlink()
        async with here.store() as store:
            before = await store.get_agents()
        await eliza.connection.execute("UPDATE agents SET system = 'other'")
        report = await here.take(eliza)
        async with here.store() as store:
            assert await store.get_agents() == before
        assert report.tally("agents").known == 1
