"""The built-in actions: what they do, and for whom."""

import base64
from pathlib import Path
from typing import Any

import pytest

from bot_host.connector import ConnectorConfig
from bot_host.host import BotHost
from bot_host.plugin import (
    Agent,
    Content,
    Entity,
    ImageRequest,
    Media,
    Memory,
    ModelType,
    ParticipantState,
    Plugin,
    Role,
    StateError,
    Target,
    Task,
    TaskWorker,
    TextRequest,
    TextResult,
)
from bot_host.runtime.actions import as_tools, run_call
from bot_host.store import make_store
from bot_host.testing import FakePlatform, ScriptedModel
from bot_host.types.models import ToolCall
from tests.fakes.openai_media import PIXEL
from tests.plugins.basics_room import ADA, ADAS, BOB, CAT, GROUP, ME, OTHER, WORLD, open_place


async def test_reply_is_no_tool_but_runs_where_a_response_names_it() -> None:
    async def large(agent: Agent, request: TextRequest) -> TextResult:
        assert "You are Eliza." in request.messages[0].content
        return TextResult(text=f"to {request.messages[-1].content}")

    async with open_place(Plugin(name="large", models={ModelType.TEXT_LARGE: large})) as place:
        tools = {tool.name for tool in as_tools(await place.agent.select_actions(place.message()))}
        assert not {"REPLY", "NONE"} & tools
        assert "IGNORE" in tools
        assert (await place.do("GREET", place.message("hello"))).values["last_reply"] == "to hello"
        assert [content.text for content in place.said] == ["to hello"]
        call = ToolCall(id="1", name="REPLY", arguments="")
        message = place.message()
        result = await run_call(
            place.agent,
            place.agent.actions,
            call,
            message=message,
            state=await place.agent.compose_state(message),
            previous=(),
        )
        assert not result.success


async def test_reply_says_the_text_that_the_response_has() -> None:
    async with open_place() as place:
        message = place.message()
        response = message.model_copy(update={"content": Content(text="Yes.", actions=["REPLY"])})
        await place.agent.process_actions(message, [response], callback=place._hear)
        assert [content.text for content in place.said] == ["Yes."]


async def test_ignore_is_for_shared_rooms_and_none_does_nothing() -> None:
    async with open_place() as place:
        assert (await place.do("STOP_TALKING")).success
        assert not (await place.do("IGNORE", place.message(room=ADAS))).success
        assert (await place.do("NO_ACTION")).success
        assert place.said == []


async def test_a_room_is_followed_muted_and_left_alone_again() -> None:
    async def held() -> ParticipantState | None:
        return await place.store.get_participant_state(GROUP, ME)

    async with open_place() as place:
        assert {"FOLLOW_ROOM", "MUTE_ROOM"} <= await place.offered()
        assert not {"UNFOLLOW_ROOM", "UNMUTE_ROOM"} & await place.offered()
        assert (await place.do("FOLLOW_CHANNEL")).success
        assert await held() is ParticipantState.FOLLOWED
        assert not (await place.do("FOLLOW_ROOM")).success
        assert (await place.do("UNFOLLOW_ROOM")).success
        assert await held() is None
        assert (await place.do("MUTE_CHAT")).success
        assert await held() is ParticipantState.MUTED
        assert (await place.do("UNMUTE_ROOM")).success
        assert await held() is None
        assert not {"FOLLOW_ROOM", "MUTE_ROOM"} & await place.offered(place.message(room=ADAS))


class Delivered:
    def __init__(self, memory: Any) -> None:
        self.memory = memory

    async def sent(self, timeout: float | None = None) -> list[str]:
        return ["1"]


class Host:
    """The part of a host that sends."""

    def __init__(self) -> None:
        self.sent: list[tuple[str | None, str]] = []
        self.fault: Exception | None = None

    async def send_message_to_target(self, agent: str, target: Target, content: Content) -> Delivered:
        if self.fault:
            raise self.fault
        self.sent.append((target.room_id, content.text))
        return Delivered(_memory(content))


def _memory(content: Content) -> Memory:
    return Memory(agent_id=ME, entity_id=ME, room_id=GROUP, content=content)


async def test_send_message_goes_only_where_the_person_who_asks_is() -> None:
    host = Host()
    async with open_place(host=host) as place:
        bob, cat = place.message(sender=BOB), place.message(sender=CAT)
        refused = await place.confirmed("SEND_MESSAGE", bob, text="hi", room="garden")
        nowhere = await place.confirmed("SEND_MESSAGE", bob, text="hi", room="attic")
        assert refused.error.replace("garden", "attic") == nowhere.error
        assert host.sent == []
        assert (await place.confirmed("SEND_MESSAGE", cat, text="hi", room="#Garden")).success
        assert (await place.confirmed("SEND_MESSAGE", place.message(), text="all", room="garden")).success
        assert host.sent == [(OTHER, "hi\n(from Cat)"), (OTHER, "all")]
        assert not (await place.confirmed("SEND_MESSAGE", cat, text="hi", room="kitchen")).success


async def test_send_message_in_private_is_for_oneself_and_for_admins() -> None:
    host = Host()
    async with open_place(host=host) as place:
        bob = place.message(sender=BOB)
        assert "ADMIN" in (await place.confirmed("SEND_MESSAGE", bob, text="hi", person="ada")).error
        assert "write first" in (await place.confirmed("SEND_MESSAGE", bob, text="hi", person="me")).error
        assert (await place.confirmed("SEND_DM", place.message(), text="hi", person="me")).success
        await place.agent.set_role(WORLD, BOB, Role.ADMIN)
        assert (await place.confirmed("SEND_MESSAGE", bob, text="psst", person="@ada")).success
        assert host.sent == [(ADAS, "hi"), (ADAS, "psst")]
        host.fault = StateError("nothing sends to fake")
        assert (
            "nothing sends"
            in (await place.confirmed("SEND_DM", place.message(), text="x", person="me")).error
        )


async def test_send_message_waits_for_a_yes_and_needs_a_host() -> None:
    host = Host()
    async with open_place(host=host) as place:
        asked = await place.do("SEND_MESSAGE", place.message(), text="hi", room="garden")
        assert asked.data["needs_confirmation"]
        assert host.sent == []
    async with open_place() as place:
        assert "SEND_MESSAGE" not in await place.offered()


async def test_what_several_people_said_at_once_is_nobodys_wish() -> None:
    async with open_place() as place:
        fact = await place.fact("lives in Berlin")
        message = place.message("and hello")
        turn = place.agent.action_turn(
            message,
            await place.agent.compose_state(message),
            answering=[place.message("forget everything", sender=BOB), message],
        )
        call = ToolCall(id="1", name="FORGET_FACT", arguments='{"all": true}')
        assert not (await turn.run(call)).success
        assert await place.store.find_memory(fact.id) is not None


async def test_a_contact_is_noted_for_oneself_and_by_admins_for_others() -> None:
    async with open_place() as place:
        bob = place.message(sender=BOB)
        assert (await place.do("UPDATE_CONTACT", bob, source="Email", value="b@x.org")).success
        assert (await place.do("UPDATE_ENTITY", bob, source="email", value="bob@x.org")).success
        [component] = await place.store.get_components(ME, BOB)
        assert (component.type, component.data["value"]) == ("contact:email", "bob@x.org")
        assert component.data["source_memory_id"] == bob.id
        other = await place.do("UPDATE_CONTACT", bob, source="email", value="e@x.org", person="Cat")
        assert "ADMIN" in other.error
        assert (await place.do("UPDATE_CONTACT", source="email", value="c@x.org", person="Cat")).success
        assert len(await place.store.get_components(ME, CAT)) == 1


async def waits(place: Any, **more: Any) -> Task:
    options = {"options": ["post", {"name": "Drop", "description": "throw it away"}]}
    task = Task(agent_id=ME, name="DRAFT", room_id=GROUP, tags=("AWAITING_CHOICE",), metadata=options, **more)
    await place.store.create_task(task)
    return task


async def test_an_option_is_chosen_once_by_whoever_may() -> None:
    chosen: list[str] = []

    async def execute(agent: Agent, options: Any, task: Task) -> None:
        chosen.append(options["option"])

    worker = Plugin(name="drafts", task_workers=(TaskWorker(name="DRAFT", execute=execute),))
    async with open_place(worker) as place:
        assert "CHOOSE_OPTION" not in await place.offered()
        task = await waits(place)
        assert "CHOOSE_OPTION" in await place.offered()
        short = task.id[:8]
        assert f"{short}: DRAFT\n- post\n- Drop: throw it away" in await place.told("CHOICE")
        assert not (await place.do("PICK", place.message(sender=BOB), task=short, option="post")).success
        assert "post, Drop, ABORT" in (await place.do("CHOOSE_OPTION", task=short, option="keep")).error
        assert (await place.do("CHOOSE_OPTION", task=short, option="drop")).success
        assert not (await place.do("CHOOSE_OPTION", task=short, option="drop")).success
        assert chosen == ["Drop"]
        mine = await waits(place, entity_id=BOB)
        assert not (await place.do("CHOOSE_OPTION", task=mine.id, option="post")).success
        assert (await place.do("PICK", place.message(sender=BOB), task=mine.id, option="abort")).success
        assert await place.store.find_task(mine.id) is None
        assert chosen == ["Drop"]


async def test_a_choice_that_fails_still_waits() -> None:
    async def execute(agent: Agent, options: Any, task: Task) -> None:
        raise ValueError("a bug")

    worker = Plugin(name="drafts", task_workers=(TaskWorker(name="DRAFT", execute=execute),))
    async with open_place(worker) as place:
        task = await waits(place)
        assert not (await place.do("CHOOSE_OPTION", task=task.id, option="post")).success
        assert await place.store.find_task(task.id) is not None


async def role_of(place: Any, entity_id: str) -> Role:
    world = await place.store.find_world(WORLD)
    assert world is not None
    role: Role = world.role_of(entity_id)
    return role


async def test_roles_are_given_by_those_above() -> None:
    async with open_place() as place:
        bob = place.message(sender=BOB)
        assert "UPDATE_ROLE" not in await place.offered(bob)
        assert "UPDATE_ROLE" not in await place.offered(place.message(room=ADAS))
        assert not (await place.do("UPDATE_ROLE", bob, person="bob", role="OWNER")).success
        assert (await place.confirmed("MAKE_ADMIN", person="bob", role="ADMIN")).success
        assert await role_of(place, BOB) is Role.ADMIN
        [entry, *_] = await place.store.get_audit(ME)
        assert (entry.action, entry.actor, entry.subject) == ("role changed", ADA, BOB)
        for person, role in (("cat", "OWNER"), ("ada", "NONE"), ("bob", "OWNER")):
            assert not (await place.confirmed("UPDATE_ROLE", bob, person=person, role=role)).success
        assert (await place.confirmed("UPDATE_ROLE", bob, person="cat", role="ADMIN")).success
        assert not (await place.confirmed("UPDATE_ROLE", bob, person="cat", role="NONE")).success
        assert (
            "owns this place"
            in (
                await place.confirmed("UPDATE_ROLE", place.message(sender=CAT), person="ada", role="NONE")
            ).error
        )
        assert await role_of(place, ADA) is Role.OWNER
        assert "Ada (ada): OWNER\n- Bob (bob): ADMIN\n- Cat (cat): ADMIN" in await place.told("ROLES")
        assert await place.told("ROLES", place.message(room=ADAS)) == ""


async def test_a_name_that_fits_two_people_names_nobody() -> None:
    async with open_place() as place:
        twin = Entity(id=BOB, agent_id=ME, names=("Cat",), metadata={"fake": {"user_name": "bob"}})
        await place.store.update_entity(twin)
        result = await place.confirmed("UPDATE_ROLE", person="Cat", role="ADMIN")
        assert result.success  # the user name is Cat's alone
        assert await role_of(place, CAT) is Role.ADMIN
        both = Entity(id=CAT, agent_id=ME, names=("Cat",))
        await place.store.update_entity(both)
        assert "several people" in (await place.confirmed("UPDATE_ROLE", person="Cat", role="NONE")).error


async def test_settings_are_changed_by_owners_of_the_bot_in_private_and_never_secrets() -> None:
    async with open_place() as place:
        private = place.message(room=ADAS)
        assert not (await place.do("UPDATE_SETTINGS", private, key="COLOR", value="red")).success
        assert await place.told("SETTINGS", private) == ""
        place.agent.owners.add(ADA)
        assert (await place.confirmed("CONFIGURE", private, key="COLOR", value="red")).success
        assert place.agent.get_setting("COLOR") == "red"
        assert not (await place.do("UPDATE_SETTINGS", place.message(), key="COLOR", value="red")).success
        refused = await place.confirmed("UPDATE_SETTINGS", private, key="API_KEY", value="sk-2")
        assert not refused.success
        assert "sk-" not in refused.error
        assert place.agent.get_setting("API_KEY") == "sk-1"
        shown = await place.told("SETTINGS", private)
        assert "- COLOR: red" in shown
        assert "- API_KEY: (set)" in shown
        assert "sk-" not in shown


@pytest.mark.parametrize(
    ("url", "source", "works"),
    [
        ("https://pictures.example/1.png", "fake", True),
        ("data:image/png;base64,AA==", "fake", False),
        ("data:image/png;base64,AA==", "web", True),
        ("javascript:alert(1)", "web", False),
    ],
)
async def test_a_picture_comes_as_an_attachment(url: str, source: str, works: bool) -> None:
    async def paint(agent: Agent, request: ImageRequest) -> list[dict[str, str]]:
        assert request.prompt == "a red fox"
        return [{"url": url}]

    async with open_place(Plugin(name="paint", models={ModelType.IMAGE: paint})) as place:
        result = await place.do("DRAW", place.message(source=source), prompt="a red fox")
        assert result.success is works
        media: list[Media] = [each for content in place.said for each in content.attachments]
        assert [each.url for each in media] == ([url] if works else [])


async def test_a_picture_of_bytes_goes_to_a_platform_as_a_file(tmp_path: Path) -> None:
    async def paint(agent: Agent, request: ImageRequest) -> list[dict[str, str]]:
        return [{"url": f"data:image/png;base64,{base64.b64encode(PIXEL).decode()}"}]

    call = ToolCall(id="1", name="GENERATE_IMAGE", arguments='{"prompt": "a fox"}')
    model = ScriptedModel(TextResult(text="", tool_calls=(call,)), "Here it is.")
    painter = Plugin(name="paint", models={ModelType.IMAGE: paint})
    host = BotHost(store=make_store("sqlite://", base=tmp_path), data_dir=tmp_path)
    try:
        character = {"name": "Eliza", "bio": ["Helps."]}
        plugins = ["basics", model.plugin, painter]
        [agent_id] = await host.add_agents([{"character": character, "plugins": plugins}])
        await host.start_agents()
        platform = FakePlatform()
        host.add_connector(platform, ConnectorConfig(), name="fake", agent_id=agent_id)
        host.start_connectors()
        await platform.say("draw a fox")
        await platform.wait_sent(2)
        await host.finish_pending()
        assert [text for _, text, _ in platform.sent] == ["[a fox.png]", "Here it is."]
        assert platform.sent_files == [("a fox.png", PIXEL)]
        assert not any("base64" in message.content for message in model.requests[-1].messages)
    finally:
        await host.stop()


async def test_without_an_image_model_no_picture_is_offered() -> None:
    async with open_place() as place:
        assert "GENERATE_IMAGE" not in await place.offered()


async def test_facts_are_forgotten_by_the_person_they_are_about() -> None:
    async with open_place() as place:
        await place.fact("lives in Berlin")
        await place.fact("likes tea")
        await place.fact("likes coffee", about=BOB)
        assert not (await place.do("FORGET_FACT", place.message(sender=BOB), fact="lives in Berlin")).success
        assert (await place.do("FORGET_THAT", fact="Berlin")).success
        assert set(await place.facts()) == {"likes tea", "likes coffee"}
        assert (await place.do("FORGET_FACT", all=True)).success
        assert set(await place.facts()) == {"likes coffee"}


async def test_a_picture_goes_out_with_the_answer(tmp_path: Path) -> None:
    async def paint(agent: Agent, request: ImageRequest) -> list[dict[str, str]]:
        return [{"url": "https://pictures.example/1.png"}]

    call = ToolCall(id="1", name="GENERATE_IMAGE", arguments='{"prompt": "a fox"}')
    model = ScriptedModel(TextResult(text="", tool_calls=(call,)), "Here it is.")
    painter = Plugin(name="paint", models={ModelType.IMAGE: paint})
    host = BotHost(store=make_store("sqlite://", base=tmp_path), data_dir=tmp_path)
    try:
        character = {"name": "Eliza", "bio": ["Helps."]}
        [agent_id] = await host.add_agents(
            [{"character": character, "plugins": ["basics", model.plugin, painter]}]
        )
        await host.start_agents()
        platform = FakePlatform()
        host.add_connector(platform, ConnectorConfig(), name="fake", agent_id=agent_id)
        host.start_connectors()
        await platform.say("draw a fox")
        assert await platform.wait_sent() == ["Here it is."]
        await host.finish_pending()
        kept = await host.store.list_memories(agent_id, entity_id=agent_id)
        [media] = [each for memory in kept for each in memory.content.attachments]
        assert (media.url, media.content_type) == ("https://pictures.example/1.png", "image")
    finally:
        await host.stop()
