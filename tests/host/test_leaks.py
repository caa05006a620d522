"""Nobody hears what is not for their ears, whatever way it might take; and they hear what is.

Secrets of each kind are planted in each kind of room. Then somebody asks in each of them, in a real turn in
which the model looks for all that there is, by every provider and by all that a plugin may search. The
prompts, what the model was told and what went out are gone through for each secret: those that may not be
heard are not there, those that may be are. A provider or an action that is not in the tables fails: put it
there, with a secret of what it reads.
"""

import json
from collections.abc import AsyncIterator, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest

from bot_host.app.build import connector_specs
from bot_host.connector import ConnectorConfig
from bot_host.contracts.plugin import Plugin
from bot_host.host import BotHost
from bot_host.runtime import AgentOptions
from bot_host.runtime.plugins import find_plugins
from bot_host.store import make_store
from bot_host.testing import FakePlatform, ScriptedModel
from bot_host.types.character import Character
from bot_host.types.commands import CommandUse
from bot_host.types.inbound import InboundPlaces, WorldRef
from bot_host.types.knowledge import Component
from bot_host.types.models import TextRequest, TextResult, ToolCall
from tests import postgres
from tests.host.leaks import FOREIGN, SPOTS, TOPIC, House, everything, may_hear, must_hear, probing, secret

PROVIDERS: Final = {
    "CHARACTER": "the config",
    "INSTRUCTIONS": "what the caller of this turn gave",
    "ROOM": "name",
    "ANXIETY": "fixed words",
    "FACTS": "factentity factroom factworld factagent",
    "SUMMARY": "summary",
    "RELEVANT_MESSAGES": "said visitorsaid",
    "KNOWLEDGE": "passage; also tests/plugins/test_sources.py",
    "CHOICE": "tasks of the room that wait for a choice",
    "TIME": "the clock",
    "WORLD": "name",
    "ROLES": "roles in the room's own world",
    "SETTINGS": "the owner's, in private",
    "ENTITIES": "visitor contact",
    "RELATIONSHIPS": "tag",
    "PROVIDERS": "the list of them",
    "ATTACHMENTS": "read",
    "RECENT_MESSAGES": "said quoted visitorsaid",
    "ACTION_STATE": "what was done in this turn",
    "ACTIONS": "the list of them",
    "EVALUATORS": "the list of them",
    "LANGUAGE": "a setting of the room",
}
"""Every provider that comes with Bot Host, and what it draws on: kinds of secrets, or what holds none."""

ACTIONS: Final[dict[str, dict[str, Any] | str]] = {
    "PROBE": "the test's own",
    "REPLY": "no tool",
    "IGNORE": "says nothing",
    "NONE": "no tool",
    "FOLLOW_ROOM": "sets a state",
    "UNFOLLOW_ROOM": "sets a state",
    "MUTE_ROOM": "sets a state",
    "UNMUTE_ROOM": "sets a state",
    "SEND_MESSAGE": {"text": "hello", "room": "{room}"},
    "UPDATE_CONTACT": {"source": "email", "value": "a@b", "person": "{visitor}"},
    "CHOOSE_OPTION": "tasks of the room that wait for a choice",
    "UPDATE_ROLE": "by owners of the world",
    "UPDATE_SETTINGS": "by owners of the bot, in private",
    "GENERATE_IMAGE": "reads nothing",
    "FORGET_FACT": {"fact": "{fact}"},
    "REMEMBER": {"fact": "likes {drink}", "replaces": "{fact}"},
    "REMIND_ME": "writes a task of the person",
    "LIST_REMINDERS": {},
    "CHANGE_REMINDER": {"which": "{reminder}", "about": "tea"},
    "CANCEL_REMINDER": {"which": "{reminder}"},
    "SEARCH_KNOWLEDGE": "passages, as KNOWLEDGE; also tests/plugins/test_sources.py",
    "LEARN": "writes; by admins",
    "CONFIRM": "runs what the same person asked for in the same room",
}
"""Every action that comes with Bot Host: how it is asked for a secret of the board, or why it tells none."""

COMMANDS: Final[dict[str, str]] = {
    "ask": "a turn like any other",
    "reset": "hides what was said",
    "why": "of messages of this room: `test_why_tells_nothing_of_what_one_person_alone_saw`",
    "mute": "sets a state",
    "follow": "sets a state",
    "settings": "of this room",
    "model": "names of models",
    "whoami": "the person's own accounts, in private",
    "link": "a code",
    "unlink": "parts accounts",
    "mydata": "what is the person's: `tests/host/test_archive.py`",
    "forgetme": "deletes",
}
"""Every command that comes with Bot Host, and why it tells no secret."""

_DISCORD, _SLACK, _TELEGRAM = (
    f"tests/connectors/test_{name}.py::test_"
    for name in ("discord_reading", "slack_reading", "telegram_telling")
)
CONNECTORS: Final[dict[str, dict[str, str]]] = {
    "discord": {
        "READ_CHANNEL": f"{_DISCORD}a_member_cannot_have_a_channel_read_that_they_cannot_see",
        "SEARCH_MESSAGES": f"{_DISCORD}who_may_read_it_gets_it_in_private_and_not_before_others",
        "SUMMARIZE_CONVERSATION": f"{_DISCORD}who_may_read_it_gets_it_in_private_and_not_before_others",
        "DOWNLOAD_MEDIA": f"{_DISCORD}the_files_of_a_message_are_read_and_go_out_with_the_answer",
        "LIST_CHANNELS": f"{_DISCORD}the_server_its_channels_and_members_are_told_of",
        "SERVER_INFO": f"{_DISCORD}the_server_its_channels_and_members_are_told_of",
        "CHANNEL_INFO": f"{_DISCORD}the_server_its_channels_and_members_are_told_of",
        "GET_USER_INFO": f"{_DISCORD}the_server_its_channels_and_members_are_told_of",
    },
    "slack": {
        "READ_CHANNEL": f"{_SLACK}a_member_cannot_have_a_private_channel_read_that_they_are_not_in",
        "SEARCH_MESSAGES": f"{_SLACK}who_is_in_it_gets_it_in_private_and_not_before_others",
        "SUMMARIZE_CONVERSATION": f"{_SLACK}who_is_in_it_gets_it_in_private_and_not_before_others",
        "LIST_CHANNELS": f"{_SLACK}channels_are_listed_with_what_one_needs_to_know",
        "GET_USER_INFO": f"{_SLACK}people_are_told_of_and_names_that_fit_several_name_nobody",
    },
    "telegram": {
        "CHAT_INFO": f"{_TELEGRAM}another_chat_is_told_of_in_private_only",
        "GET_USER_INFO": f"{_TELEGRAM}people_are_told_of_by_name_and_not_what_they_hide",
        "DOWNLOAD_MEDIA": f"{_TELEGRAM}files_of_another_chat_stay_there",
    },
}
"""Connectors' actions that read the platform itself, by the rights of who asks, and where that is proven."""
WRITING: Final = {
    *("CHANGE_TOPIC", "CREATE_POLL", "CREATE_THREAD", "CREATE_TOPIC", "DELETE_MESSAGE", "EDIT_MESSAGE"),
    *("PIN_MESSAGE", "UNPIN_MESSAGE", "REACT_TO_MESSAGE", "SEND_DM", "SEND_TO_CHAT", "UPLOAD_FILE"),
    *("JOIN_VOICE", "LEAVE_VOICE"),
}
"""Connectors' actions that read nothing."""

PLACES: Final = [(spot, spot.person) for spot in SPOTS.values()] + [
    (SPOTS["lobby"], "bob"),
    (SPOTS["board"], "visitor-board"),
]
IDS: Final = [f"{person} in {spot.key}" for spot, person in PLACES]


class Nosy(ScriptedModel):
    """A model that looks for everything before it answers."""

    async def _large(self, agent: Any, request: TextRequest) -> TextResult:
        told = [message for message in request.messages if message.role == "tool"]
        if not told and not self.answers and any(tool.name == "PROBE" for tool in request.tools):
            self.answers.append(_calls("PROBE"))
        return await super()._large(agent, request)


def _calls(name: str, **arguments: Any) -> TextResult:
    call = ToolCall(id="c1", name=name, arguments=json.dumps(arguments))
    return TextResult(text="", tool_calls=(call,), model="nosy")


@pytest.fixture(params=["sqlite", "postgresql"])
async def url(request: pytest.FixtureRequest) -> AsyncIterator[str]:
    if request.param == "sqlite":
        yield "sqlite:///bot.db"
        return
    async with postgres.lent_database() as made:
        yield made


class Asked:
    """A planted house, and a model that is watched."""

    def __init__(self, house: House, model: Nosy, other: ScriptedModel, found: list[str]) -> None:
        self.house = house
        self.model = model
        self.other = other
        """The other agent's."""
        self.found = found
        """What the probe found."""

    async def ask(self, spot: Any, person: str, text: str = "what do you know of zanzibar?") -> str:
        """Say something there, as a turn; all that the model saw in it and all that went out."""
        self.model.requests.clear()
        self.found.clear()
        platform = self.house.platform
        before = len(platform.sent)
        await platform.accept(self.house.message(spot, text, person=person, mention=True))
        await platform.wait_sent(before + 1)
        seen = [repr(request.messages) for request in self.model.requests]
        return "\n".join([*seen, *self.found, *(text for _, text, _ in platform.sent[before:])])


@pytest.fixture
async def asked(url: str, tmp_path: Path) -> AsyncIterator[Asked]:
    """Opened for each test, as what is asked is remembered too."""
    host = BotHost(store=make_store(url, base=tmp_path), data_dir=tmp_path)
    model, other = Nosy(), ScriptedModel()
    found: list[str] = []
    plugin = Plugin(name="probing", actions=(probing(found),))
    platforms = FakePlatform(limit=1_000_000), FakePlatform(account_id="2")
    try:
        ids = await host.add_agents(
            [
                {
                    "character": Character(name="Eliza", bio=["Helps."]),
                    "plugins": ["basics", "reminders", plugin, model.plugin],
                    # So short that each room has more to it than stands in the prompt.
                    "options": AgentOptions(conversation_length=2),
                },
                {"character": Character(name="Other"), "plugins": ["basics", "reminders", other.plugin]},
            ]
        )
        await host.start_agents()
        for agent_id, platform, name in zip(ids, platforms, ("fake", "fake2"), strict=True):
            host.add_connector(platform, ConnectorConfig(), name=name, agent_id=agent_id)
        host.start_connectors()
        house = House(host, *platforms)
        await house.plant()
        yield Asked(house, model, other, found)
    finally:
        await host.stop(5.0)


def words_of(seen: str) -> set[tuple[str, str]]:
    return {(spot.key, kind) for spot, kind, word in everything() if word in seen}


def expected(rule: Any, spot: Any, person: str) -> set[tuple[str, str]]:
    return {(where.key, kind) for where, kind, _ in everything() if rule(spot, person, where, kind)}


@pytest.mark.parametrize(("spot", "person"), PLACES, ids=IDS)
async def test_a_turn_sees_what_its_hearers_may_know_and_nothing_else(
    asked: Asked, spot: Any, person: str
) -> None:
    seen = words_of(await asked.ask(spot, person))
    assert sorted(seen - expected(may_hear, spot, person)) == []
    assert sorted(expected(must_hear, spot, person) - seen) == []


async def test_what_is_narrowed_is_heard_no_more_from_then_on(asked: Asked) -> None:
    lobby, hall, house = SPOTS["lobby"], SPOTS["hall"], asked.house
    assert (lobby.key, "said") in words_of(await asked.ask(hall, "bob"))
    await house.platform.accept(InboundPlaces(world=WorldRef(key="guild"), readable=("feed", "hall")))
    told = words_of(await asked.ask(hall, "bob"))
    assert {kind for key, kind in told if key == lobby.key} == {"factagent", "passage"}
    assert ("feed", "said") in told
    # Parted accounts are two persons again.
    assert ("adasdm", "factentity") in words_of(await asked.ask(SPOTS["adelesdm"], "adele"))
    await house.store.unlink(house.id_of("adele"), by="test")
    told = words_of(await asked.ask(SPOTS["adelesdm"], "adele"))
    assert {kind for key, kind in told if key == "adasdm"} == {"factagent"}


async def test_another_agent_of_the_host_knows_nothing_of_it(asked: Asked) -> None:
    platform = asked.house.foreign
    await platform.accept(asked.house.message(FOREIGN, "what do you know of zanzibar?", mention=True))
    await platform.wait_sent()
    [request] = asked.other.requests
    assert {key for key, _ in words_of(repr(request.messages))} == {FOREIGN.key}


READERS: Final = {name: how for name, how in ACTIONS.items() if isinstance(how, dict)}


@pytest.mark.parametrize("name", READERS)
async def test_an_action_does_not_say_whether_a_secret_is_there(asked: Asked, name: str) -> None:
    """Bob asks in the hall for what is known in the board, and for what nobody knows: he is told the same."""
    board, told = SPOTS["board"], []
    words = {
        "room": secret(board, "name"),
        "visitor": secret(board, "visitor"),
        "fact": f"{TOPIC} {secret(board, 'factroom')}",
        "reminder": secret(board, "reminder"),
        "drink": "tea",
    }
    for given in (words, {**dict.fromkeys(words, "xmadeupx"), "drink": "milk"}):
        platform = asked.house.platform
        before = len(platform.sent)
        results = await _run(asked, _calls(name, **_filled(READERS[name], given)), "please")
        if "Answer yes to confirm" in platform.sent[-1][1]:
            results += await _run(asked, _calls("CONFIRM"), "yes")
        results += [text for _, text, _ in platform.sent[before:]]
        assert results != ["done"], "the action was not run"
        told.append([_without(result, given.values()) for result in results])
    assert told[0] == told[1]
    assert not [kind for key, kind in words_of(repr(told)) if key == "board"]


async def _run(asked: Asked, call: TextResult, text: str) -> list[str]:
    """What the model is told after it has called something for Bob, in the hall."""
    asked.model.answers = [call, "done"]
    await asked.ask(SPOTS["hall"], "bob", text)
    asked.model.answers.clear()
    return [each.content for each in asked.model.requests[-1].messages if each.role == "tool"]


def _filled(arguments: dict[str, Any], words: dict[str, str]) -> dict[str, Any]:
    return {key: value.format(**words) for key, value in arguments.items()}


def _without(text: str, words: Iterable[str]) -> str:
    for word in words:
        text = text.replace(word, "…")
    return text


def _builtin() -> tuple[Plugin, ...]:
    return tuple(find_plugins(["basics", "reminders"]))


def test_every_provider_and_action_has_a_row() -> None:
    providers = {provider.name for plugin in _builtin() for provider in plugin.providers}
    assert providers == set(PROVIDERS), "say what it draws on, and plant a secret of that in tests/host/leaks"
    actions = {action.name for plugin in _builtin() for action in plugin.actions}
    assert actions | {"CONFIRM", "PROBE"} == set(ACTIONS), (
        "say how it is asked for a secret, or why it tells none"
    )


def test_every_secret_is_heard_somewhere_and_not_everywhere() -> None:
    """Else the tables above would prove nothing."""
    for spot, kind, word in everything():
        ears = [may_hear(where, person, spot, kind) for where, person in PLACES]
        assert any(ears) or spot is FOREIGN or kind == "alone" or spot.private, word
        assert not all(ears) or kind == "factagent", word


@pytest.mark.parametrize("connector", CONNECTORS)
def test_what_connectors_read_goes_by_the_rights_of_who_asks(connector: str) -> None:
    rows = CONNECTORS[connector]
    actions = set(connector_specs()[connector].actions)
    assert actions - WRITING == set(rows), "say by which test it tells nobody what they may not read"
    for proof in rows.values():
        path, _, name = proof.partition("::")
        assert f"def {name}(" in Path(path).read_text(encoding="utf-8")


def test_every_command_has_a_row() -> None:
    commands = {command.name for plugin in _builtin() for command in plugin.commands}
    assert commands == set(COMMANDS), "say why it tells no secret"


async def test_why_tells_nothing_of_what_one_person_alone_saw(asked: Asked) -> None:
    lobby, platform = SPOTS["lobby"], asked.house.platform
    said = replace(asked.house.message(lobby, f"{TOPIC} xephemeralx"), private=True)
    await platform.accept(replace(said, unanswered="only to be remembered"))
    for person, told in (("bob", False), ("ada", True)):
        use = CommandUse(name="why", arguments={"message": said.message_id})
        why = asked.house.message(lobby, "/why", person=person, mention=True)
        before = len(platform.sent)
        await platform.accept(replace(why, command=use))
        await platform.wait_sent(before + 1)
        assert ("xephemeralx" in platform.sent[-1][1]) is told


async def test_what_people_are_given_of_theirs_has_nothing_that_others_said(asked: Asked) -> None:
    """Dora has said nothing: others know her, and how to reach Bob is what Ada noted."""
    house = asked.house
    await house.store.create_component(
        Component(
            agent_id=house.agent_id,
            entity_id=house.id_of("dora"),
            type="contact:email",
            data={"value": "xnotedx"},
            room_id=house.id_of("adasdm"),
            source_entity_id=house.id_of("ada"),
        )
    )
    given = repr(await house.store.export_entity(house.id_of("dora")))
    assert house.id_of("dora") in given
    assert words_of(given) == set()
    assert "xnotedx" not in given
    bobs = words_of(repr(await house.store.export_entity(house.id_of("bob"))))
    assert {key for key, _ in bobs} == {"bobsdm", "hall"}
    assert "quoted" not in {kind for _, kind in bobs}
