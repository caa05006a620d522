"""Models that fail in all the ways that their servers do: a recorded outcome each, and a line for who asked.

The real provider against the fake server, through the whole house; with and without a platform that shows the
answer while it is written.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bot_host.connector import ConnectorConfig, Target, TextStream
from bot_host.contracts.plugin import Action, ActionCall, ActionResult, Agent, Plugin
from bot_host.host import BotHost
from bot_host.pipeline import respond as respond_module
from bot_host.pipeline.respond import REPLY_CHARACTERS
from bot_host.runtime import AgentOptions
from bot_host.runtime import models as models_module
from bot_host.store import make_store
from bot_host.testing import FakePlatform
from tests.fakes.openai import Answer, ApiError, FakeOpenAI, FakeToolCall
from tests.host.test_host import inbox_of


class Shown(TextStream):
    def __init__(self) -> None:
        self.text = ""
        self.abandoned = False

    async def write(self, chunk: str) -> None:
        self.text += chunk

    async def abandon(self) -> None:
        self.abandoned = True


class StreamingPlatform(FakePlatform):
    """Shows answers while they are written."""

    def __init__(self) -> None:
        super().__init__(limit=10**9)
        self.streams: list[Shown] = []

    def open_stream(self, target: Target, *, memory_id: str) -> Shown:
        self.streams.append(Shown())
        return self.streams[-1]


class Scene:
    def __init__(self, host: BotHost, platform: FakePlatform, model: FakeOpenAI, folder: Path) -> None:
        self.host = host
        self.platform = platform
        self.model = model
        self.folder = folder
        self.done: list[dict[str, Any]] = []

    async def outcome(self, text: str = "Hello") -> tuple[str, str, list[str]]:
        """Of a direct message: outcome, reason, and what was sent for it."""
        before = len(self.platform.sent)
        await self.platform.say(text)
        await self.host.finish_pending()
        state, outcome, reason = inbox_of(self.folder)[-1]
        assert state == "done"
        return outcome or "", reason or "", [text for _, text, _ in self.platform.sent[before:]]


Scenes = Callable[..., AbstractAsyncContextManager[Scene]]


@pytest.fixture(params=[False, True], ids=["whole", "streamed"])
def scene_with(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scenes:
    monkeypatch.setattr(models_module, "backoff", lambda attempt, **_: 0.0)

    @asynccontextmanager
    async def open_scene(*, silence: float = 20.0, **options: Any) -> AsyncIterator[Scene]:
        async with FakeOpenAI() as model:
            platform = StreamingPlatform() if request.param else FakePlatform(limit=10**9)
            host = BotHost(store=make_store("sqlite:///bot.db", base=tmp_path), data_dir=tmp_path)
            scene = Scene(host, platform, model, tmp_path)

            async def pay(agent: Agent, call: ActionCall) -> ActionResult:
                scene.done.append(dict(call.arguments))
                return ActionResult(text="Paid.")

            sum_ = {"type": "object", "properties": {"sum": {"type": "integer"}}, "required": ["sum"]}
            pays = Action(name="PAY", description="Pay.", handler=pay, parameters=sum_)
            server = {
                "api_key": model.key,
                "base_url": model.url,
                "small": "fake-small",
                "large": "fake-large",
                "timeout": silence,
            }
            try:
                [agent_id] = await host.add_agents(
                    [
                        {
                            "character": {"name": "Eliza"},
                            "plugins": ["basics", "openai", Plugin(name="pays", actions=(pays,))],
                            "plugin_configs": {"openai": server},
                            "options": AgentOptions(**options),
                        }
                    ],
                    test_mode=True,
                )
                await host.start_agents()
                host.add_connector(platform, ConnectorConfig(), name="fake", agent_id=agent_id)
                host.start_connectors()
                yield scene
            finally:
                await host.stop(1.0)

    return open_scene


@pytest.mark.parametrize(
    "fault",
    [
        "drop",
        "html",
        "bad_json",
        "no_choices",
        "null_choices",
        "null_content",
        "break",
        "no_finish",
        "bad_sse",
        "error_in_stream",
    ],
)
async def test_what_is_no_answer_ends_as_a_recorded_failure_that_is_told(
    fault: Any, scene_with: Scenes
) -> None:
    async with scene_with() as scene:
        if fault == "error_in_stream" and not isinstance(scene.platform, StreamingPlatform):
            return  # Only a stream can break off with an error object.
        for _ in range(models_module.TRIES):
            scene.model.fault(fault)
        outcome, reason, said = await scene.outcome()
        assert outcome == "failed"
        assert reason
        [line] = said
        assert line.startswith("Sorry")
        assert "127.0.0.1" not in line
        scene.model.forget()  # A stream of which something was shown is not begun again.
        assert await scene.outcome("And now?") == ("answered", "direct message", ["echo: And now?"])
        if isinstance(scene.platform, StreamingPlatform):
            first, second = scene.platform.streams
            assert first.abandoned
            assert (second.text, second.abandoned) == ("echo: And now?", False)


@pytest.mark.parametrize("fault", ["break_after_finish", "no_done", "whole"])
async def test_what_is_an_answer_all_the_same_is_taken(fault: Any, scene_with: Scenes) -> None:
    async with scene_with() as scene:
        scene.model.fault(fault, "one two three")
        assert await scene.outcome() == ("answered", "direct message", ["one two three"])


@pytest.mark.parametrize("fault", ["hang", "hang_mid_stream"])
async def test_a_silent_server_is_given_up_and_the_room_goes_on(fault: Any, scene_with: Scenes) -> None:
    async with scene_with(silence=0.3) as scene:
        for _ in range(models_module.TRIES):
            scene.model.fault(fault)
        outcome, reason, [line] = await scene.outcome()
        assert (outcome, line[:5]) == ("failed", "Sorry")
        assert "silent" in reason or "broke" in reason
        scene.model.forget()
        assert (await scene.outcome("And now?"))[0] == "answered"


async def test_a_turn_that_takes_too_long_is_cut(scene_with: Scenes) -> None:
    async with scene_with(turn_timeout=0.3) as scene:
        scene.model.fault("hang")
        outcome, reason, [line] = await scene.outcome()
        assert (outcome, reason) == ("failed", "the turn took longer than 0.3 s")
        assert line.startswith("Sorry")
        assert (await scene.outcome("And now?"))[0] == "answered"


async def test_a_model_that_takes_all_of_the_turns_time_counts_as_silent(scene_with: Scenes) -> None:
    async with scene_with(turn_timeout=0.6) as scene:
        for _ in range(models_module.BREAK_AFTER):
            scene.model.fault("hang")
            assert (await scene.outcome())[1] == "the turn took longer than 0.6 s"
        asked = len(scene.model.requests)
        outcome, reason, _ = await scene.outcome()
        assert outcome == "failed"
        assert "has failed 5 times in a row and was not asked" in reason
        assert len(scene.model.requests) == asked


async def test_who_stops_a_turn_says_nothing_of_the_model(scene_with: Scenes) -> None:
    async with scene_with(stop_words=["stop"]) as scene:
        for number in range(models_module.BREAK_AFTER):
            scene.model.fault("hang")
            await scene.platform.say("Hello")
            await scene.model.wait_for_requests(number + 1)
            await scene.platform.say("stop")
            await scene.host.finish_pending()
        assert (await scene.outcome("And now?"))[0] == "answered"


@pytest.mark.parametrize("text", ["", " \n\t "])
async def test_nothing_said_is_a_failure_not_a_silence(text: str, scene_with: Scenes) -> None:
    async with scene_with() as scene:
        scene.model.answer(*[text] * models_module.TRIES)
        outcome, reason, [line] = await scene.outcome()
        assert (outcome, line[:5]) == ("failed", "Sorry")
        assert "nothing" in reason


async def test_an_answer_of_a_megabyte_is_cut(scene_with: Scenes) -> None:
    async with scene_with() as scene:
        text = "word " * 200_000
        scene.model.answer(
            Answer(text, chunks=tuple(text[at : at + 4096] for at in range(0, len(text), 4096)))
        )
        outcome, _, [said] = await scene.outcome()
        assert outcome == "answered"
        assert len(said) == REPLY_CHARACTERS
        assert said.startswith("word word")
        assert said.endswith("…")
        if isinstance(scene.platform, StreamingPlatform):
            assert len(scene.platform.streams[0].text) == REPLY_CHARACTERS


async def test_arguments_that_are_no_json_go_back_to_the_model(scene_with: Scenes) -> None:
    async with scene_with() as scene:
        for broken in ('{"sum": 5', "pay five", "[5]", '{"sum": 5}}', "null"):
            scene.model.answer(Answer(None, (FakeToolCall("PAY", broken),)), "Could not.")
            assert (await scene.outcome())[0] == "answered"
            asked, told = scene.model.chats[-1].messages[-2:]
            assert isinstance(json.loads(asked["tool_calls"][0]["function"]["arguments"]), dict)
            assert told["content"].startswith("error: the arguments of PAY are not a JSON object")
        assert scene.done == []


async def test_arguments_without_end_are_not_run_and_not_sent_back(
    scene_with: Scenes, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The fake streams arguments by seven characters.
    monkeypatch.setattr(respond_module, "ARGUMENT_CHARACTERS", 5000)
    async with scene_with() as scene:
        for arguments in (
            {"sum": 5, "why": "x" * 20_000},
            '{"sum": 5}' + " " * 20_000 + "x",
        ):
            scene.model.answer(Answer(None, (FakeToolCall("PAY", arguments),)), "Could not.")
            assert (await scene.outcome())[0] == "answered"
            assert len(json.dumps(scene.model.chats[-1].body)) < 20_000
        assert scene.done == []


async def test_an_action_that_is_not_there_is_told_to_the_model(scene_with: Scenes) -> None:
    async with scene_with() as scene:
        scene.model.answer(Answer("Hm.", (FakeToolCall("PAYY", {"sum": 5}),)), "Could not.")
        assert await scene.outcome() == ("answered", "direct message", ["Hm.\n\nCould not."])
        assert "there is no action called PAYY" in scene.model.chats[-1].messages[-1]["content"]


async def test_a_model_that_only_ever_wants_actions_ends(scene_with: Scenes) -> None:
    async with scene_with(max_steps=3) as scene:
        scene.model.answer_with(lambda _: Answer(None, (FakeToolCall("PAY", {"sum": 5}),)))
        outcome, reason, [line] = await scene.outcome()
        assert (outcome, reason) == ("failed", "the model gave an empty answer")
        assert "check before you ask again" in line
        assert len(scene.done) == 2  # None was offered in the last round, so none is run.


async def test_a_failure_after_some_words_were_shown_is_told_once(scene_with: Scenes) -> None:
    async with scene_with() as scene:
        scene.model.answer(Answer("Let me see.", (FakeToolCall("PAY", {"sum": 5}),)))
        scene.model.fail(ApiError(500), times=models_module.TRIES)
        outcome, _, said = await scene.outcome()
        assert outcome == "failed"
        assert len(said) == 1
        assert "may be done already" in said[0]
        assert scene.done == [{"sum": 5}]


async def test_rooms_do_not_wait_for_one_whose_model_hangs(scene_with: Scenes) -> None:
    async with scene_with() as scene:
        scene.model.fault("hang")
        await scene.platform.say("slow", room="slow")
        await scene.model.wait_for_requests(1)
        await scene.platform.say("quick", room="quick")
        assert await scene.platform.wait_sent() == ["echo: quick"]
        await asyncio.wait_for(scene.host.stop(0.1), 20)
