"""Commands and choices through the whole host: gate, row, answer, and what stays of them."""

import asyncio
import json
import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest

from bot_host.plugin import (
    Agent,
    Choices,
    Command,
    CommandCall,
    Content,
    FormField,
    Option,
    OptionKind,
    Pick,
    Plugin,
    Role,
)
from bot_host.runtime import AgentOptions, Limits
from bot_host.testing import FakePlatform
from bot_host.types.commands import ChoiceUse, CommandUse, Completing
from bot_host.types.content import ChannelType, MentionContext, MentionType
from bot_host.types.errors import PluginError
from bot_host.types.ids import create_unique_uuid
from bot_host.types.inbound import InboundMessage
from bot_host.types.models import TextResult, ToolCall
from bot_host.types.outbound import Payload, Target
from bot_host.types.permissions import Permissions
from tests.host.conftest import House, Houses
from tests.host.test_host import inbox_of

GROUP: dict[str, Any] = {"room": "general", "type": ChannelType.GROUP}


class ButtonPlatform(FakePlatform):
    """A platform that shows choices, and whose commands wait for their answer."""

    platform: ClassVar[str] = "fake"

    def __init__(self) -> None:
        super().__init__(limit=4000)
        self.offered: list[Choices] = []

    def encode(self, content: Content, target: Target) -> list[Payload]:
        payloads = super().encode(content, target)
        if content.choices is not None:
            payloads[-1]["choices"] = content.choices.model_dump(mode="json")
            self.offered.append(content.choices)
        return payloads

    def can_show(self, choices: Choices) -> bool:
        return True

    def chosen(self, target: Target, label: str) -> list[Payload]:
        return [{"text": f"({label})"}]

    def unanswered(self, target: Target) -> list[Payload]:
        return [{"text": "(nothing)"}] if "interaction" in target.extra else []

    async def use(self, name: str, text: str = "", **how: Any) -> InboundMessage:
        """Somebody uses a command from the platform's list."""
        private = how.pop("private", False)
        arguments = how.pop("arguments", {})
        message = self.message(f"/{name} {text}".strip(), mention=True, **how)
        target = replace(message.target, extra={"interaction": message.message_id})
        message = replace(
            message,
            target=target,
            private=private,
            command=CommandUse(name=name, text=text, arguments=arguments),
        )
        await self.accept(message)
        return message

    async def click(self, *picks: int, **how: Any) -> InboundMessage:
        """Somebody clicks what was offered last."""
        fields = how.pop("fields", {})
        key = how.pop("key", "") or self.offered[-1].key
        message = self.message("a click", mention=True, **how)
        message = replace(message, choice=ChoiceUse(key=key, picks=picks, fields=fields))
        await self.accept(message)
        return message


class Counter:
    """A plugin with commands of its own."""

    def __init__(self) -> None:
        self.calls: list[CommandCall] = []
        self.hold = asyncio.Event()
        self.hold.set()
        self.begun = asyncio.Event()

    async def _count(self, agent: Agent, call: CommandCall) -> str:
        self.calls.append(call)
        self.begun.set()
        await self.hold.wait()
        return f"counted {call.arguments.get('by', 1)}"

    async def _colour(self, agent: Agent, call: CommandCall) -> Content | str:
        self.calls.append(call)
        if call.chosen:
            return f"you like {call.arguments['colour']}"
        picks = [Pick(label="Red", value="red"), Pick(label="Blue", value="blue", description="as the sea")]
        return Content(
            text="Which one?",
            choices=Choices(picks=picks, command="colour", argument="colour"),
        )

    async def _report(self, agent: Agent, call: CommandCall) -> Content | str:
        if call.chosen:
            return f"noted: {call.arguments['what']} ({call.arguments.get('where', 'nowhere')})"
        fields = [
            FormField(name="what", label="What"),
            FormField(name="where", label="Where", required=False),
        ]
        return Content(text="Tell me.", choices=Choices(title="Report", fields=fields, command="report"))

    async def _say(self, agent: Agent, call: CommandCall) -> Content:
        return Content(text="Shall I?", choices=Choices(picks=[Pick(label="Sing!", value="sing a song")]))

    async def _broken(self, agent: Agent, call: CommandCall) -> str:
        self.calls.append(call)
        raise RuntimeError("made so by the test")

    async def _silent(self, agent: Agent, call: CommandCall) -> None:
        self.calls.append(call)

    @property
    def plugin(self) -> Plugin:
        amount = Option(name="by", description="How much.", kind=OptionKind.INTEGER)
        hidden = Option(name="colour", description="Chosen.", hidden=True)
        form = tuple(Option(name=name, description="Filled in.", hidden=True) for name in ("what", "where"))
        return Plugin(
            name="counter",
            commands=(
                Command(name="count", description="Count.", handler=self._count, options=(amount,)),
                Command(name="colour", description="Choose.", handler=self._colour, options=(hidden,)),
                Command(name="report", description="Report.", handler=self._report, options=form),
                Command(name="sing", description="Sing.", handler=self._say),
                Command(name="broken", description="Break.", handler=self._broken),
                Command(name="silent", description="Say nothing.", handler=self._silent),
                Command(
                    name="admins", description="For some.", handler=self._count, required_role=Role.ADMIN
                ),
            ),
        )


@pytest.fixture
def counter() -> Counter:
    return Counter()


@pytest.fixture
def platform() -> ButtonPlatform:
    return ButtonPlatform()


async def load(house: House, counter: Counter) -> None:
    await house.host.get_agent(house.agent_id).register_plugin(counter.plugin)


def said(house: House) -> list[str]:
    return [text for _, text, _ in house.platform.sent]


def prompts(house: House) -> list[str]:
    return [message.content for message in house.model.requests[-1].messages if message.role != "system"]


def rows(folder: Path, sql: str) -> list[Any]:
    database = sqlite3.connect(folder / "bot.db")
    try:
        return database.execute(sql).fetchall()
    finally:
        database.close()


class TestUse:
    async def test_a_command_is_carried_out_without_a_model(
        self, house_at: Houses, counter: Counter, platform: ButtonPlatform, tmp_path: Path
    ) -> None:
        async with house_at(platform=platform) as house:
            await load(house, counter)
            await platform.use("count", arguments={"by": 3}, **GROUP)
            assert await platform.wait_sent() == ["counted 3"]
            await house.host.finish_pending()
            assert house.model.requests == []
        assert inbox_of(tmp_path) == [("done", "answered", "command")]
        [(steps,)] = rows(tmp_path, "SELECT steps FROM runs")
        assert [step["name"] for step in json.loads(steps)] == ["gate", "command count"]
        assert rows(tmp_path, "SELECT name, arguments, state FROM steps") == [("/count", '{"by": 3}', "done")]

    @pytest.mark.parametrize("text", ["/count 3", "!count by:3", "/COUNT 3", "/count@fake_bot by=3"])
    async def test_as_text_it_is_the_same_command(self, house: House, counter: Counter, text: str) -> None:
        await load(house, counter)
        await house.platform.say(text)
        assert await house.platform.wait_sent() == ["counted 3"]

    async def test_in_a_shared_room_text_counts_when_it_turns_to_the_agent(
        self, house: House, counter: Counter, tmp_path: Path
    ) -> None:
        await load(house, counter)
        await house.platform.say("/count 1", **GROUP)
        await house.platform.say("/count 2", mention=True, **GROUP)
        assert await house.platform.wait_sent() == ["counted 2"]
        await house.host.finish_pending()
        assert [reason for _, _, reason in inbox_of(tmp_path)] == ["not addressed", "command"]

    async def test_in_a_thread_it_counts_where_the_agent_takes_part(
        self, house: House, counter: Counter, tmp_path: Path
    ) -> None:
        await load(house, counter)
        thread: dict[str, Any] = {"room": "thread", "type": ChannelType.THREAD}

        async def say(text: str) -> None:
            message = house.platform.message(text, **thread)
            message.content.mention_context = MentionContext(is_thread=True, mention_type=MentionType.THREAD)
            await house.platform.accept(message)

        await say("!count 1")
        await house.host.finish_pending()
        await house.platform.say("hello", mention=True, **thread)
        await house.platform.wait_sent()
        await say("!count 2")
        await say("!nothing 3")
        assert await house.platform.wait_sent(3) == ["echo: Ada: hello", "counted 2", "echo: Ada: !nothing 3"]
        await house.host.finish_pending()
        assert [reason for _, _, reason in inbox_of(tmp_path)][:3] == ["not addressed", "mention", "command"]

    async def test_a_slash_that_nobody_knows_is_a_message(self, house: House) -> None:
        await house.platform.say("/etc/passwd is a file")
        assert await house.platform.wait_sent() == ["echo: /etc/passwd is a file"]

    async def test_each_command_has_a_turn_of_its_own_in_its_place(
        self, house: House, counter: Counter
    ) -> None:
        await load(house, counter)
        house.model.hold.clear()
        await house.platform.say("first")
        await house.model.wait_asked()
        for text in ("second", "/count 1", "third", "fourth"):
            await house.platform.say(text)
        house.model.hold.set()
        assert await house.platform.wait_sent(4) == [
            "echo: first",
            "echo: second",
            "counted 1",
            "echo: fourth",
        ]

    async def test_a_redelivery_does_nothing(
        self, house_at: Houses, counter: Counter, platform: ButtonPlatform
    ) -> None:
        async with house_at(platform=platform) as house:
            await load(house, counter)
            message = await platform.use("count")
            await platform.wait_sent()
            await platform.accept(message)
            await house.host.finish_pending()
            assert len(counter.calls) == 1

    @pytest.mark.parametrize(
        ("name", "how", "line", "reason"),
        [
            ("nonsense", {}, "I know no command /nonsense (any more).", "unknown command"),
            (
                "count",
                {"arguments": {"by": "many"}},
                "by must be a whole number, not many.",
                "command written wrongly",
            ),
            ("ask", {}, "text is missing. It is written so: /ask TEXT", "command written wrongly"),
            ("mute", {}, "/mute works in a room of several people only.", "command not possible here"),
            (
                "mydata",
                GROUP,
                "Others would read that: write me /mydata directly.",
                "command not possible here",
            ),
            ("admins", GROUP, "/admins needs the role ADMIN here.", "command not allowed"),
            ("reset", GROUP, "/reset needs the role ADMIN here.", "command not allowed"),
        ],
    )
    async def test_what_is_not_done_has_its_reason_and_a_line(
        self,
        house_at: Houses,
        counter: Counter,
        platform: ButtonPlatform,
        tmp_path: Path,
        name: str,
        how: dict[str, Any],
        line: str,
        reason: str,
    ) -> None:
        async with house_at(platform=platform) as house:
            await load(house, counter)
            await platform.use(name, **how)
            assert await platform.wait_sent() == [line]
            await house.host.finish_pending()
            assert counter.calls == []
        assert inbox_of(tmp_path) == [("done", "ignored", reason)]

    async def test_the_config_says_who_may_use_what(
        self, house_at: Houses, counter: Counter, platform: ButtonPlatform, tmp_path: Path
    ) -> None:
        words = {"count": "admin", "model": "nobody", "reset": "everyone"}
        options = AgentOptions(permissions=Permissions.of(actions={}, commands=words))
        async with house_at(platform=platform, options=options) as house:
            await load(house, counter)
            for name in ("count", "model", "reset"):
                await platform.use(name, **GROUP)
            first, second, third = await platform.wait_sent(3)
            assert (first, second) == ("/count needs the role ADMIN here.", "/model is switched off.")
            assert third.startswith("We begin anew")
            [runner] = house.host.connectors
            names = [command.name for command in runner.commands()]
            assert "model" not in names
            assert "count" in names

    async def test_bots_use_none(self, house: House, counter: Counter) -> None:
        await load(house, counter)
        message = house.platform.message("/count 3")
        sender = replace(message.sender, is_bot=True)
        await house.platform.accept(replace(message, sender=sender))
        assert await house.platform.wait_sent() == ["echo: /count 3"]
        assert counter.calls == []

    async def test_one_that_fails_says_so_and_stops_nobody(
        self, house: House, counter: Counter, tmp_path: Path
    ) -> None:
        await load(house, counter)
        await house.platform.say("/broken")
        await house.platform.say("/count 1")
        first, second = await house.platform.wait_sent(2)
        assert first.startswith("Sorry, something went wrong")
        assert second == "counted 1"
        assert [outcome for _, outcome, _ in inbox_of(tmp_path)] == ["failed", "answered"]

    async def test_who_waits_for_nothing_is_told_that(
        self, house_at: Houses, counter: Counter, platform: ButtonPlatform
    ) -> None:
        async with house_at(platform=platform) as house:
            await load(house, counter)
            await platform.use("silent")
            assert await platform.wait_sent() == ["(nothing)"]
            await house.host.finish_pending()
            assert len(counter.calls) == 1
            assert (await house.store.audit_rows(host_runs=True)).violations == ()

    async def test_limits_hold_those_of_cost_only_where_a_model_is_asked(
        self, house_at: Houses, counter: Counter, tmp_path: Path
    ) -> None:
        options = AgentOptions(limits=Limits(tokens_per_day=1))
        async with house_at(options=options) as house:
            await load(house, counter)
            await house.platform.say("hello")
            await house.platform.wait_sent()
            await house.platform.say("/count 1")
            await house.platform.say("/model")
            texts = await house.platform.wait_sent(3)
            assert texts[1].startswith("I have said all that I may say today")
            assert texts[2].startswith("Answers come from scripted.")
            assert counter.calls == []

    async def test_a_caller_of_the_library_can_use_one(self, house: House, counter: Counter) -> None:
        await load(house, counter)
        person, room = create_unique_uuid(house.agent_id, "a"), create_unique_uuid(house.agent_id, "b")
        result = await house.host.handle_message(
            house.agent_id,
            {"entity_id": person, "room_id": room, "content": {"text": "/count 7"}},
        )
        assert result.processing is not None
        assert result.processing.text == "counted 7"


class TestInterrupted:
    async def test_what_was_done_is_not_done_again(
        self, house_at: Houses, counter: Counter, tmp_path: Path
    ) -> None:
        async with house_at(grace=0.0) as house:
            await load(house, counter)
            counter.hold.clear()
            await house.platform.say("/count 1")
            await counter.begun.wait()
        counter.hold.set()
        async with house_at() as house:
            await load(house, counter)
            house.host.get_agent(house.agent_id)
            [text] = await house.platform.wait_sent()
            assert text.startswith("I was interrupted in the middle of /count and do not know")
            assert len(counter.calls) == 1


class TestChoices:
    async def test_a_click_is_the_use_of_the_command(
        self, house_at: Houses, counter: Counter, platform: ButtonPlatform, tmp_path: Path
    ) -> None:
        async with house_at(platform=platform) as house:
            await load(house, counter)
            await platform.use("colour")
            await platform.wait_sent()
            await platform.click(1)
            assert await platform.wait_sent(3) == ["Which one?", "(Blue)", "you like blue"]
            await house.host.finish_pending()
            assert house.model.requests == []
            assert (await house.store.audit_rows(host_runs=True)).violations == ()
        assert inbox_of(tmp_path)[1] == ("done", "answered", "choice")

    async def test_it_is_used_once(
        self, house_at: Houses, counter: Counter, platform: ButtonPlatform, tmp_path: Path
    ) -> None:
        async with house_at(platform=platform) as house:
            await load(house, counter)
            await platform.use("colour")
            await platform.wait_sent()
            first = await platform.click(0)
            await platform.wait_sent(3)
            await platform.accept(first)
            await platform.click(1)
            assert (await platform.wait_sent(4))[3] == "That has been answered already."
        assert [reason for _, _, reason in inbox_of(tmp_path)] == ["command", "choice", "choice over"]

    async def test_it_is_its_owners(
        self, house_at: Houses, counter: Counter, platform: ButtonPlatform, tmp_path: Path
    ) -> None:
        async with house_at(platform=platform) as house:
            await load(house, counter)
            await platform.use("colour", **GROUP)
            await platform.wait_sent()
            await platform.click(0, person="ben", **GROUP)
            await platform.click(0, **GROUP)
            assert (await platform.wait_sent(4))[1:] == [
                "That is for somebody else to choose.",
                "(Red)",
                "you like red",
            ]
        assert inbox_of(tmp_path)[1] == ("done", "ignored", "choice of somebody else")

    async def test_elsewhere_and_of_nothing_there_is_nothing_to_choose(
        self, house_at: Houses, counter: Counter, platform: ButtonPlatform
    ) -> None:
        async with house_at(platform=platform) as house:
            await load(house, counter)
            await platform.use("colour")
            await platform.wait_sent()
            await platform.click(0, room="elsewhere")
            await platform.click(0, key="nonsense")
            await platform.click(7)
            assert (await platform.wait_sent(4))[1:] == [
                "That is for somebody else to choose.",
                "That is no longer open.",
                "I do not offer that.",
            ]

    async def test_after_its_time_it_is_over(
        self, house_at: Houses, counter: Counter, platform: ButtonPlatform, tmp_path: Path
    ) -> None:
        async with house_at(platform=platform) as house:
            await load(house, counter)
            await platform.use("colour")
            await platform.wait_sent()
            await house.host.finish_pending()
            database = sqlite3.connect(tmp_path / "bot.db")
            database.execute("UPDATE choices SET expires_at = 1")
            database.commit()
            database.close()
            await platform.click(0)
            assert (await platform.wait_sent(2))[1] == "That came too late: it is no longer open."

    async def test_it_survives_a_restart(
        self, house_at: Houses, counter: Counter, platform: ButtonPlatform
    ) -> None:
        async with house_at(platform=platform) as house:
            await load(house, counter)
            await platform.use("colour")
            await platform.wait_sent()
        again = ButtonPlatform()
        again._count = 10
        async with house_at(platform=again) as house:
            await load(house, counter)
            await again.click(0, key=platform.offered[-1].key)
            assert await again.wait_sent(2) == ["(Red)", "you like red"]

    @pytest.mark.parametrize("answer", ["2", "blue", "Blue.", "2."])
    async def test_without_buttons_it_is_a_list_and_a_number_or_word_will_do(
        self, house: House, counter: Counter, answer: str
    ) -> None:
        await load(house, counter)
        await house.platform.say("/colour")
        await house.platform.say(answer)
        assert await house.platform.wait_sent(2) == [
            "Which one?\n\n1. Red\n2. Blue: as the sea\nAnswer with a number.",
            "you like blue",
        ]

    async def test_other_words_are_a_message(self, house: House, counter: Counter) -> None:
        await load(house, counter)
        await house.platform.say("/colour")
        await house.platform.say("neither, thank you")
        assert (await house.platform.wait_sent(2))[1] == "echo: neither, thank you"
        await house.platform.say("1")
        assert (await house.platform.wait_sent(3))[2] == "you like red"
        await house.platform.say("1")
        assert (await house.platform.wait_sent(4))[3] == "echo: 1"

    async def test_without_a_command_it_is_said(
        self, house_at: Houses, counter: Counter, platform: ButtonPlatform
    ) -> None:
        async with house_at(platform=platform) as house:
            await load(house, counter)
            await platform.use("sing")
            await platform.wait_sent()
            await platform.click(0)
            assert (await platform.wait_sent(3))[1:] == ["(Sing!)", "echo: sing a song"]

    async def test_a_form_fills_in_the_command(
        self, house_at: Houses, counter: Counter, platform: ButtonPlatform
    ) -> None:
        async with house_at(platform=platform) as house:
            await load(house, counter)
            await platform.use("report")
            await platform.wait_sent()
            await platform.click(fields={"what": "a leak", "other": "x"})
            assert (await platform.wait_sent(3))[2] == "noted: a leak (nowhere)"

    async def test_a_form_in_words(self, house: House, counter: Counter) -> None:
        await load(house, counter)
        await house.platform.say("/report")
        await house.platform.say("What: a leak\nWhere: the roof")
        assert await house.platform.wait_sent(2) == [
            "Tell me.\n\nAnswer with these lines:\nWhat:\nWhere: (may stay empty)",
            "noted: a leak (the roof)",
        ]

    async def test_a_hidden_option_cannot_be_written(self, house: House, counter: Counter) -> None:
        await load(house, counter)
        await house.platform.say("/colour red")
        assert (await house.platform.wait_sent())[0].startswith("Which one?")

    async def test_an_action_that_needs_a_yes_shows_buttons(
        self, house_at: Houses, platform: ButtonPlatform
    ) -> None:
        pays: list[str] = []

        def call(name: str) -> TextResult:
            return TextResult(text="", model="m", tool_calls=(ToolCall(id="1", name=name, arguments="{}"),))

        answers = (call("PAY"), "asked", call("CONFIRM"), "paid")
        async with house_at(platform=platform, answers=answers) as house:
            await house.host.get_agent(house.agent_id).register_plugin(_payer(pays))
            await platform.say("pay")
            await platform.wait_sent(2)
            assert [pick.label for pick in platform.offered[0].picks] == ["Yes", "No"]
            await platform.click(0)
            assert (await platform.wait_sent(4))[2:] == ["(Yes)", "paid"]
            assert pays == ["paid"]


def _payer(pays: list[str]) -> Plugin:
    from bot_host.plugin import Action, ActionCall, ActionResult

    async def pay(agent: Agent, call: ActionCall) -> ActionResult:
        pays.append("paid")
        return ActionResult(text="paid")

    return Plugin(name="payer", actions=(Action(name="PAY", description="Pay.", handler=pay, confirm=True),))


class TestPrompts:
    async def test_a_reset_leaves_what_was_said_out_of_prompts(self, house: House) -> None:
        await house.platform.say("my name is Ada")
        await house.platform.wait_sent()
        await house.platform.say("/reset")
        assert (await house.platform.wait_sent(2))[1].startswith("We begin anew")
        await house.platform.say("who am I?")
        await house.platform.wait_sent(3)
        assert prompts(house) == ["who am I?"]
        memories = await house.store.list_memories(house.agent_id)
        assert "my name is Ada" in [memory.content.text for memory in memories]

    async def test_what_is_for_one_person_enters_no_prompt(
        self, house_at: Houses, platform: ButtonPlatform
    ) -> None:
        async with house_at(platform=platform) as house:
            await platform.use("model", private=True, **GROUP)
            await platform.wait_sent()
            await platform.say("hello", mention=True, **GROUP)
            await platform.wait_sent(2)
            assert prompts(house) == ["Ada: hello"]

    async def test_as_text_neither(self, house: House) -> None:
        await house.platform.say("/model")
        await house.platform.wait_sent()
        await house.platform.say("hello")
        await house.platform.wait_sent(2)
        assert prompts(house) == ["hello"]

    async def test_others_are_known_afterwards(self, house: House, counter: Counter) -> None:
        await load(house, counter)
        await house.platform.say("/count 3")
        await house.platform.wait_sent()
        await house.platform.say("how much?")
        await house.platform.wait_sent(2)
        assert prompts(house) == ["/count 3", "counted 3", "how much?"]

    async def test_ask_is_an_ordinary_turn(
        self, house_at: Houses, platform: ButtonPlatform, tmp_path: Path
    ) -> None:
        async with house_at(platform=platform) as house:
            await platform.use("ask", arguments={"text": "what is rain?"}, **GROUP)
            assert await platform.wait_sent() == ["echo: Ada: what is rain?"]
            await house.host.finish_pending()
        assert inbox_of(tmp_path) == [("done", "answered", "command")]


class TestLoading:
    @pytest.mark.parametrize(
        ("command", "why"),
        [
            (Command(name="Bad Name", description="x", handler=Counter()._count), "its name is 1 to 32"),
            (Command(name="ok", description="", handler=Counter()._count), "a description has 1 to 100"),
            (Command(name="ok", description="x"), "handler must be a function"),
            (Command(name="ok", description="x", says="text"), "says must name an option"),
            (
                Command(
                    name="ok",
                    description="x",
                    handler=Counter()._count,
                    options=(
                        Option(name="a", description="x"),
                        Option(name="b", description="x", required=True),
                    ),
                ),
                "required options come first",
            ),
        ],
    )
    async def test_a_wrong_one_is_told_when_it_is_loaded(
        self, house: House, command: Command, why: str
    ) -> None:
        agent = house.host.get_agent(house.agent_id)
        with pytest.raises(PluginError, match=why):
            await agent.register_plugin(Plugin(name="wrong", commands=(command,)))

    async def test_a_name_that_is_taken_is_an_error_that_names_both(self, house: House) -> None:
        agent = house.host.get_agent(house.agent_id)
        mine = Command(name="why", description="x", handler=Counter()._count)
        with pytest.raises(PluginError, match="mine: the command why is basics's already"):
            await agent.register_plugin(Plugin(name="mine", commands=(mine,)))


async def test_options_are_completed_for_who_types(house: House) -> None:
    async def towns(agent: Agent, asked: Completing) -> Sequence[str]:
        return [town for town in ("Ulm", "Bonn", "x" * 200) if asked.typed.casefold() in town.casefold()]

    command = Command(
        name="weather",
        description="x",
        handler=Counter()._count,
        options=(
            Option(name="town", description="x", complete=towns),
            Option(name="unit", description="x", choices=("metric", "imperial")),
        ),
    )
    agent = house.host.get_agent(house.agent_id)
    await agent.register_plugin(Plugin(name="weather", commands=(command,)))
    [runner] = house.host.connectors
    ask = runner.complete
    assert await ask(Completing(command="weather", option="town", typed="ul")) == ["Ulm"]
    assert await ask(Completing(command="weather", option="town", typed="")) == ["Ulm", "Bonn"]
    assert await ask(Completing(command="weather", option="unit", typed="imp")) == ["imperial"]
    assert await ask(Completing(command="nonsense", option="unit", typed="imp")) == []
