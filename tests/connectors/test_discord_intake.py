"""Discord events on their way to the disk: together where they wait together, in order, none lost."""

import json
from pathlib import Path
from typing import Any

import pytest

from bot_host.testing.connector import RecordingHost
from bot_host.types.inbound import InboundDelete, InboundEdit, InboundEvent, InboundMessage
from connectors.discord.config import DiscordConfig
from connectors.discord.intake import TOGETHER, Intake
from connectors.discord.rest import Rest

ME = {"id": "1", "username": "hostbot", "discriminator": "0", "bot": True}
ADA = {"id": "7", "username": "ada", "discriminator": "0"}
POISON = "poison"


class Host(RecordingHost):
    """Notes what came together; refuses for good whatever holds the poison."""

    def __init__(self, data_dir: Path) -> None:
        super().__init__(data_dir)
        self.groups: list[int] = []

    async def accept(self, *events: InboundEvent) -> None:
        if any(isinstance(event, InboundMessage) and event.content.text == POISON for event in events):
            raise ValueError("made so by the test")
        self.groups.append(len(events))
        await super().accept(*events)


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


def _frame(event: str, **data: Any) -> str:
    return json.dumps({"op": 0, "t": event, "s": 1, "d": data})


def _message(number: int, text: str = "") -> str:
    said = {
        "id": str(1000 + number),
        "channel_id": "50",
        "author": ADA,
        "content": text or f"message {number}",
    }
    return _frame("MESSAGE_CREATE", **said, timestamp="2026-01-01T00:00:00+00:00", type=0)


async def _run(host: Host, *frames: str) -> None:
    config = DiscordConfig(token="a.b.c")
    intake = Intake(
        host=host, rest=Rest(config.token), config=config, stopping=lambda: False, retry_base_s=0.01
    )
    for frame in (_frame("READY", user=ME, guilds=[]), *frames):
        assert intake.offer(frame)
    await intake.finish()
    await intake.run()
    await intake.drained()


def _texts(host: Host) -> list[str]:
    return [message.content.text for message in host.messages]


async def test_messages_that_wait_together_are_stored_together(host: Host) -> None:
    await _run(host, *(_message(number) for number in range(TOGETHER + 5)))
    assert host.groups == [TOGETHER, 5]
    assert _texts(host) == [f"message {number}" for number in range(TOGETHER + 5)]
    assert host.marks["channel:50"] == 1000 + TOGETHER + 4


async def test_edits_and_deletes_keep_their_place(host: Host) -> None:
    edit = json.loads(_message(0, "changed"))["d"] | {"edited_timestamp": "2026-01-01T00:00:05+00:00"}
    await _run(
        host,
        _message(0),
        _frame("MESSAGE_UPDATE", **edit),
        _message(1),
        _frame("MESSAGE_DELETE", id="1001", channel_id="50"),
    )
    assert [type(event) for event in host.events] == [
        InboundMessage,
        InboundEdit,
        InboundMessage,
        InboundDelete,
    ]


async def test_what_was_read_is_stored_before_other_events_are_handled(host: Host) -> None:
    await _run(host, _message(0), _frame("USER_UPDATE", **ME | {"username": "renamed"}), _message(1))
    assert host.groups == [1, 1]
    assert host.account is not None
    assert host.account.name == "renamed"


async def test_one_that_cannot_be_stored_takes_no_other_along(
    host: Host, caplog: pytest.LogCaptureFixture
) -> None:
    await _run(host, _message(0), _message(1, POISON), _message(2))
    assert _texts(host) == ["message 0", "message 2"]
    assert [record.getMessage() for record in caplog.records if record.levelname == "WARNING"] == [
        "discord: skipped a malformed event of kind MESSAGE_CREATE (ValueError)"
    ]


async def test_a_full_disk_holds_up_the_whole_group(host: Host) -> None:
    host.fail_next = 2
    await _run(host, _message(0), _message(1))
    assert _texts(host) == ["message 0", "message 1"]
