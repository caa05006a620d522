"""What callers give along with a message is checked before anything is written."""

from pathlib import Path
from typing import Any

import pytest

from bot_host.host import BotHost
from bot_host.types.errors import ConfigError, StateError
from bot_host.types.ids import new_id
from tests.host.conftest import House
from tests.host.test_asking import said
from tests.host.test_host import inbox_of

FAULTS: list[tuple[dict[str, Any], str]] = [
    ({"timeout": "5"}, "timeout: expected seconds, more than 0, found '5'"),
    ({"timeout": 0}, "timeout: expected seconds"),
    ({"timeout": True}, "timeout: expected seconds"),
    ({"timeout": float("nan")}, "timeout: expected seconds"),
    ({"max_retries": "x"}, "max_retries: expected a whole number, 0 or more, found 'x'"),
    ({"max_retries": -1}, "max_retries: expected a whole number"),
    ({"max_retries": 1.5}, "max_retries: expected a whole number"),
    ({"max_multi_step_iterations": 0}, "max_multi_step_iterations: expected a whole number, 1 or more"),
    ({"use_multi_step": "no"}, "use_multi_step: expected True or False, found 'no'"),
]


@pytest.mark.parametrize(("options", "says"), FAULTS)
async def test_options_that_do_not_fit_are_named_and_nothing_is_written(
    house: House, tmp_path: Path, options: dict[str, Any], says: str
) -> None:
    with pytest.raises(StateError, match=says):
        await house.host.handle_message(house.agent_id, said("hi"), **options)
    assert inbox_of(tmp_path) == []


@pytest.mark.parametrize(
    ("message", "says"),
    [
        (None, "the message: expected a mapping with entity_id, room_id and content, .* found NoneType"),
        (5, "the message: expected a mapping"),
        ({}, "the message has no entity_id"),
        ({**said("hi"), "metadata": 5}, "the message's metadata: expected a mapping, found int"),
        ({**said("hi"), "room_id": "kitchen"}, "the message's room_id is not a UUID"),
    ],
)
async def test_messages_that_are_none_are_refused(house: House, message: Any, says: str) -> None:
    with pytest.raises(StateError, match=says):
        await house.host.handle_message(house.agent_id, message)


async def test_a_message_in_elizaos_spelling(house: House) -> None:
    message = {"entityId": new_id(), "roomId": new_id(), "content": {"text": "hi"}}
    assert (await house.host.handle_message(house.agent_id, message)).processing.text == "echo: hi"


async def test_an_entry_that_does_not_fit_fails_alone(house: House) -> None:
    entries: list[Any] = [
        {"agent_id": house.agent_id, "message": said("good")},
        5,
        {"message": said("nobody")},
        {"agent_id": house.agent_id, "message": said("typo"), "optoins": {}},
        {"agent_id": house.agent_id, "message": said("typo"), "options": {"time_out": 5}},
        {"agent_id": house.agent_id, "message": said("list"), "options": [5]},
        {"agent_id": house.agent_id},
        {"agentId": house.agent_id, "message": said("fine"), "options": {"maxRetries": 1}},
    ]
    results = await house.host.handle_messages(entries)
    said_of = [each.result.processing.text if each.result else str(each.error) for each in results]  # type: ignore[union-attr]
    assert said_of[0] == "echo: good"
    assert said_of[1] == "expected a mapping with agent_id and message, found int"
    assert said_of[2] == "the entry has no agent_id"
    assert said_of[3].startswith("an entry: unknown 'optoins' (did you mean \"options\"?)")
    assert said_of[4].startswith("the options: unknown 'time_out' (did you mean \"timeout\"?)")
    assert said_of[5] == "options: expected a mapping, found list"
    assert said_of[6].startswith("the message: expected a mapping")
    assert said_of[7] == "echo: fine"


async def test_an_agent_that_is_no_mapping_is_refused() -> None:
    async with BotHost() as host:
        with pytest.raises(ConfigError, match="an agent: expected a mapping with a character, found str"):
            await host.add_agents("Ada")  # type: ignore[arg-type]


async def test_targets_and_contents_as_mappings(house: House) -> None:
    agent = house.host.get_agent(house.agent_id)
    target: Any = {"source": "fake", "channelId": "general"}
    content: Any = {"text": "Hello there."}
    await (await agent.send_message_to_target(target, content)).sent(20)
    await (await house.host.send_message_to_target(house.agent_id, target, "Me again.")).sent(20)
    assert [(to.channel_id, text) for to, text, _ in house.platform.sent] == [
        ("general", "Hello there."),
        ("general", "Me again."),
    ]
    faults: list[tuple[Any, Any, str]] = [
        ({"source": "fake", "chanel_id": "x"}, content, "a target has no 'chanel_id' .did you mean"),
        ({"channel_id": "x"}, content, "the target's source: Field required"),
        (None, content, "expected a Target or a mapping, found NoneType"),
        (target, {"text": 5}, "the content's text: "),
    ]
    for to, what, says in faults:
        with pytest.raises(StateError, match=says):
            await house.host.send_message_to_target(house.agent_id, to, what)
