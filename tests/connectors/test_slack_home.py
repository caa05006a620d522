"""Slack's App Home through the real slack-bolt against the fake."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bot_host.connector import (
    AgentCard,
    Allowance,
    ChannelType,
    CommandSpec,
    CommandUse,
    InboundMessage,
    Localized,
    Skipped,
    StoreError,
)
from bot_host.testing.connector import RecordingHost
from connectors.slack.home_view import home_of
from connectors.slack.home_words import ENGLISH, WORDS
from tests.connectors.slack_helpers import Running, running
from tests.fakes.slack import FakeSlack, FakeUser, Json

SPECS = [
    CommandSpec(
        name="settings", description="How I am.", localizations={"de": Localized(description="Wie ich bin.")}
    ),
    CommandSpec(name="mydata", description="All.", private=True),
    CommandSpec(name="forgetme", description="Gone.", private=True),
    CommandSpec(name="mute", description="Hush & be <still>.", private=True),
]
CARD = AgentCard(
    name="Eliza",
    about="She listens.",
    allowances=(
        Allowance(kind="messages", used=2, most=10),
        Allowance(kind="tokens", used=1_200, most=100_000),
        Allowance(kind="cost", used=0.5, most=2),
    ),
)


def text_of(view: Json) -> str:
    """All that somebody reads, and what stands on what they can press."""
    lines = []
    for block in view["blocks"]:
        elements = [*block.get("elements", ()), block.get("accessory") or {}]
        lines += [each["text"] for each in (block.get("text"),) if each]
        for each in elements:
            told = each.get("text")
            lines.append(told["text"] if isinstance(told, dict) else told or "")
    return "\n".join(line for line in lines if line)


def actions_of(view: Json) -> list[str]:
    elements = [each for b in view["blocks"] for each in (*b.get("elements", ()), b.get("accessory") or {})]
    return [each["action_id"] for each in elements if "action_id" in each]


class Stage:
    """A connector that is online, and who looks at its home."""

    def __init__(self, slack: FakeSlack, bot: Running) -> None:
        self.slack, self.bot = slack, bot
        bot.host.known_commands = SPECS
        bot.host.agent_card = CARD
        self.ada: FakeUser = slack.add_user("ada", display_name="Ada")

    async def shown(self, count: int = 1) -> Json:
        """What was published as the `count`th."""
        await self.slack.wait_until(lambda: len(self.slack.published) >= count)
        return self.slack.published[count - 1]

    async def open(self) -> Json:
        count = len(self.slack.published) + 1
        await self.slack.open_home(self.ada)
        return await self.shown(count)

    async def used(self) -> InboundMessage:
        return (await self.bot.host.wait_for(InboundMessage))[-1]


@asynccontextmanager
async def stage_at(folder: Path, **config: Any) -> AsyncIterator[Stage]:
    async with FakeSlack() as slack, running(slack, folder, **config) as bot:
        yield Stage(slack, bot)


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with stage_at(tmp_path) as one:
        yield one


class TestShown:
    async def test_who_it_is_what_it_does_and_what_is_left(self, stage: Stage) -> None:
        view = await stage.open()
        assert view["user_id"] == stage.ada.id
        assert text_of(view).splitlines() == [
            "Eliza",
            "She listens.",
            ENGLISH.how_direct,
            f"*{ENGLISH.commands}*",
            "`/settings` How I am.",
            "`/mydata` All.",
            "`/forgetme` Gone.",
            "`/bot_mute` Hush &amp; be &lt;still&gt;.",
            f"*{ENGLISH.usage}*",
            "• 8 of 10 answers to you this minute",
            "• 98,800 of 100,000 tokens for everybody today",
            "• $1.50 of $2.00 for everybody today",
            f"*{ENGLISH.settings}*",
            ENGLISH.language,
            f"*{ENGLISH.data}*",
            "What do you hold about me?",
            "Forget me",
        ]
        assert actions_of(view) == ["h:settings", "h:mydata", "h:forgetme"]

    async def test_nobody_becomes_known_by_looking(self, stage: Stage) -> None:
        await stage.open()
        await stage.slack.wait_acked()
        assert stage.bot.host.messages == []
        assert [event for event in stage.bot.host.events if not isinstance(event, Skipped)] == []
        assert stage.slack.posts() == []

    async def test_in_their_own_language(self, stage: Stage) -> None:
        stage.slack.locales[stage.ada.id] = "de-DE"
        text = text_of(await stage.open())
        assert "`/settings` Wie ich bin." in text
        assert WORDS["de"].forget in text
        assert ENGLISH.forget not in text

    async def test_it_takes_the_place_of_what_they_see(self, stage: Stage) -> None:
        first = await stage.open()
        await stage.open()
        assert stage.slack.calls_of("views.publish")[-1].args["hash"] == first["hash"]
        stage.slack.fail("views.publish", "hash_conflict")
        await stage.open()
        assert [bool(call.args.get("hash")) for call in stage.slack.calls_of("views.publish")] == [
            False, True, True, False
        ]  # fmt: skip

    async def test_the_messages_tab_is_no_home(self, stage: Stage) -> None:
        await stage.slack.wait_acked(await stage.slack.open_home(stage.ada, tab="messages"))
        await stage.open()
        assert len(stage.slack.calls_of("views.publish")) == 1

    async def test_a_home_that_is_not_switched_on_harms_nothing(self, stage: Stage) -> None:
        stage.slack.fail("views.publish", "not_enabled")
        await stage.slack.open_home(stage.ada)
        await stage.slack.wait_answered("views.publish")
        assert text_of(await stage.open()).startswith("Eliza")

    async def test_a_store_that_cannot_be_read_harms_nothing(self, tmp_path: Path) -> None:
        class Broken(RecordingHost):
            async def card(self, person: str, room: str) -> AgentCard:
                self.waits.append(f"{person} {room}")
                if len(self.waits) == 1:
                    raise StoreError("no")
                return await super().card(person, room)

        host = Broken(tmp_path)
        async with FakeSlack() as slack, running(slack, tmp_path, host=host) as bot:
            stage = Stage(slack, bot)
            await slack.wait_acked(await slack.open_home(stage.ada))
            await stage.open()
            im = slack.add_im(stage.ada)
            assert host.waits[-1] == f"slack-user-{stage.ada.id} slack-room-{im.id}"

    def test_slack_takes_the_largest(self) -> None:
        many = [CommandSpec(name=f"c{n}", description="&" * 100) for n in range(100)]
        view = home_of(
            AgentCard(name="x" * 500, about="<" * 300, language="Klingon"),
            [*many, *SPECS],
            channel="D1",
            locale="",
            direct=True,
        )
        assert len(view["blocks"]) <= 100
        assert max(len(b["text"]["text"]) for b in view["blocks"] if "text" in b) <= 3000
        assert "Klingon" in str(view)


class TestWhoIsNotLetIn:
    async def test_who_is_denied_sees_a_line(self, tmp_path: Path) -> None:
        async with stage_at(tmp_path, deny=["U0STRANGE1"]) as stage:
            stage.ada = stage.slack.add_user("eve", id="U0STRANGE1")
            assert text_of(await stage.open()).splitlines() == ["Eliza", ENGLISH.refused]
            assert stage.bot.host.messages == []

    async def test_who_is_not_approved_of_sees_how_to_be(self, tmp_path: Path) -> None:
        async with stage_at(tmp_path, dm_policy="pairing") as stage:
            assert text_of(await stage.open()).splitlines() == ["Eliza", ENGLISH.stranger]
            assert stage.bot.host.messages == []
            stage.bot.host.paired.add(stage.ada.id)
            assert ENGLISH.forget in text_of(await stage.open())

    async def test_where_direct_messages_are_off_there_is_nothing_to_press(self, tmp_path: Path) -> None:
        async with stage_at(tmp_path, dm_policy="off") as stage:
            view = await stage.open()
            assert ENGLISH.how in text_of(view)
            assert actions_of(view) == []

    async def test_who_was_let_in_and_is_no_more_sees_it_when_they_press(self, stage: Stage) -> None:
        stage.slack.homes[stage.ada.id] = home_of(
            CARD, SPECS, channel=stage.slack.add_im(stage.ada).id, locale="", direct=True
        ) | {"id": "V1", "hash": "h"}
        async with running(stage.slack, stage.bot.host.data_dir, deny=[stage.ada.id]) as other:
            other.host.known_commands = SPECS
            await stage.bot.connector.stop_intake()
            await stage.slack.wait_until(lambda: len(stage.slack.socket_mode.open_sockets) == 1)
            await stage.slack.press_home(stage.ada, "h:mydata")
            assert ENGLISH.refused in text_of(await stage.shown())
            assert other.host.messages == []


class TestUsed:
    async def test_a_button_is_a_command_in_the_direct_messages(self, stage: Stage) -> None:
        await stage.open()
        stage.bot.host.open_gate.clear()
        envelope = await stage.slack.press_home(stage.ada, "h:mydata")
        await stage.bot.received()
        assert envelope.acked_at is None
        stage.bot.host.open_gate.set()
        await stage.slack.wait_acked(envelope)
        used = await stage.used()
        im = stage.slack.add_im(stage.ada)
        assert used.command == CommandUse(name="mydata")
        assert (used.room.key, used.room.type) == (f"slack-room-{im.id}", ChannelType.DM)
        assert (used.sender.platform_id, used.private) == (stage.ada.id, True)
        assert "lane" not in used.target.extra

    async def test_a_language_is_a_setting(self, stage: Stage) -> None:
        view = await stage.open()
        [select] = [b["accessory"] for b in view["blocks"] if "accessory" in b]
        assert select["initial_option"]["text"]["text"] == ENGLISH.any_language
        await stage.slack.press_home(stage.ada, "h:settings", picked="Deutsch")
        assert (await stage.used()).command == CommandUse(name="settings", arguments={"language": "Deutsch"})
        await stage.slack.press_home(stage.ada, "h:settings", picked=ENGLISH.any_language)
        used = (await stage.bot.host.wait_for(InboundMessage, 2))[-1]
        assert used.command == CommandUse(name="settings", arguments={"language": "off"})

    async def test_it_is_shown_anew_when_that_is_done(self, stage: Stage) -> None:
        await stage.open()
        await stage.slack.press_home(stage.ada, "h:settings", picked="Deutsch")
        used = await stage.used()
        stage.bot.host.agent_card = AgentCard(name="Eliza", language="Deutsch")
        stage.bot.connector.turn_over(used.target)
        view = await stage.shown(2)
        [select] = [b["accessory"] for b in view["blocks"] if "accessory" in b]
        assert select["initial_option"]["value"] == "Deutsch"
        assert ENGLISH.done in text_of(view)
        # The next look at it has nothing to tell.
        assert ENGLISH.done not in text_of(await stage.open())

    async def test_what_was_used_elsewhere_shows_no_home(self, stage: Stage) -> None:
        general = stage.slack.add_channel("general")
        await stage.slack.command(general, stage.ada, "/bot_mute")
        stage.bot.connector.turn_over((await stage.used()).target)
        await stage.open()
        assert len(stage.slack.published) == 1

    async def test_a_command_that_is_gone_takes_its_button_along(self, stage: Stage) -> None:
        await stage.open()
        stage.bot.host.known_commands = SPECS[:1]
        envelope = await stage.slack.press_home(stage.ada, "h:mydata")
        assert actions_of(await stage.shown(2)) == ["h:settings"]
        await stage.slack.wait_acked(envelope)
        assert stage.bot.host.messages == []

    async def test_a_malformed_press_is_skipped(self, stage: Stage) -> None:
        payload = {
            "type": "block_actions",
            "container": {"type": "view"},
            "actions": [{"action_id": "h:mydata", "type": "button", "block_id": "x"}],
            "user": {"id": "U1"},
        }
        await stage.slack.socket_mode.deliver(stage.slack.socket_mode.add("interactive", payload))
        await stage.slack.wait_acked()
        skipped = (await stage.bot.host.wait_for(Skipped))[-1]
        assert skipped.reason == "malformed: block_actions of a home"
