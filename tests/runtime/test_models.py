"""Priority, retries of what is safe, the next provider, the breaker, the run's record."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from bot_host.runtime import models as models_module
from bot_host.runtime.models import BREAK_AFTER, BREAK_SECONDS, LAST_RESORT, TRIES, Models
from bot_host.runtime.runs import Run, use_run
from bot_host.testing import FakeAgent
from bot_host.types.errors import ModelError, StateError
from bot_host.types.models import ModelType, TextRequest, TextResult, Usage

LARGE = ModelType.TEXT_LARGE


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models_module, "backoff", lambda attempt, **_: 0.0)


class Handler:
    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.calls = 0

    async def __call__(self, agent: object, request: TextRequest) -> TextResult:
        self.calls += 1
        answer = self.answers.pop(0) if self.answers else "fine"
        if isinstance(answer, Exception):
            raise answer
        if request.on_chunk is not None:
            await request.on_chunk("chunk")
            if callable(answer):
                answer()
        return TextResult(text=str(answer), model="m", usage=Usage(prompt_tokens=3, completion_tokens=4))


def models_with(*handlers: tuple[str, Callable[..., Any], int]) -> Models:
    models = Models()
    for provider, handler, priority in handlers:
        models.register(LARGE, handler, provider=provider, priority=priority)
    return models


REQUEST = TextRequest(messages=())


async def test_the_highest_priority_is_asked_first() -> None:
    models = models_with(("low", Handler("low"), -1), ("high", Handler("high"), 5))
    assert (await models.use(FakeAgent(), LARGE, REQUEST)).text == "high"
    assert models.providers(LARGE) == ["high", "low"]


async def test_no_model_at_all_says_what_to_do() -> None:
    with pytest.raises(StateError, match=r'models.provider = "offline"'):
        await Models().use(FakeAgent(), LARGE, REQUEST)


async def test_a_type_may_be_its_name_and_an_unknown_one_names_the_nearest() -> None:
    models = Models()
    models.register("TEXT_LARGE", Handler("large"), provider="a")
    models.register("text_reasoning_small", Handler("thought"), provider="b")
    assert await models.use(FakeAgent(), "text_large", "hi") == "large"
    assert await models.use(FakeAgent(), "LARGE", "hi") == "fine"
    assert models.providers("REASONING_SMALL") == ["b"]
    assert models.get("TEXT_REASONING_SMALL") is models.get(ModelType.TEXT_REASONING_SMALL) is not None
    with pytest.raises(StateError, match="is no type of model") as caught:
        await models.use(FakeAgent(), "TEXT_LARG", "hi")
    assert 'did you mean "TEXT_LARGE"?' in str(caught.value)
    assert caught.value.agent == "Eliza"
    for wrong in ("TEXT_LARG", "NOPE", 5, None):
        for ask in (models.get, models.providers):
            with pytest.raises(StateError, match="is no type of model"):
                ask(wrong)  # type: ignore[arg-type]
    with pytest.raises(StateError, match="is no type of model"):
        models.register("NOPE", Handler(), provider="a")


async def test_a_passing_fault_is_tried_again_and_a_lasting_one_is_not() -> None:
    passing = Handler(ModelError("busy", retryable=True), "now")
    assert (await models_with(("a", passing, 0)).use(FakeAgent(), LARGE, REQUEST)).text == "now"
    lasting = Handler(ModelError("key refused"))
    with pytest.raises(ModelError, match="key refused"):
        await models_with(("a", lasting, 0)).use(FakeAgent(), LARGE, REQUEST)
    assert lasting.calls == 1


async def test_a_provider_that_asks_for_a_long_wait_has_failed() -> None:
    limited = Handler(ModelError("limited", retryable=True, after_s=120.0))
    models = models_with(("a", limited, 1), ("b", Handler("from b"), 0))
    assert (await models.use(FakeAgent(), LARGE, REQUEST)).text == "from b"
    assert limited.calls == 1


async def test_the_next_provider_answers_when_one_fails() -> None:
    broken = Handler(*[ModelError("down", retryable=True)] * 3)
    models = models_with(("a", broken, 1), ("b", Handler("from b"), 0))
    assert (await models.use(FakeAgent(), LARGE, REQUEST)).text == "from b"
    assert broken.calls == 3


async def test_a_stream_that_broke_is_not_begun_again() -> None:
    def break_off() -> None:
        raise ModelError("connection lost", retryable=True)

    handler = Handler(break_off)
    seen: list[str] = []

    async def on_chunk(chunk: str) -> None:
        seen.append(chunk)

    with pytest.raises(ModelError, match="connection lost"):
        await models_with(("a", handler, 0)).use(
            FakeAgent(), LARGE, TextRequest(messages=(), on_chunk=on_chunk)
        )
    assert seen == ["chunk"]
    assert handler.calls == 1


async def test_a_stream_that_broke_is_not_continued_by_the_next_provider() -> None:
    def break_off() -> None:
        raise ModelError("connection lost")

    seen: list[str] = []

    async def on_chunk(chunk: str) -> None:
        seen.append(chunk)

    first, second = Handler(break_off), Handler("from b")
    models = models_with(("a", first, 1), ("b", second, 0))
    with pytest.raises(ModelError, match="connection lost"):
        await models.use(FakeAgent(), LARGE, TextRequest(messages=(), on_chunk=on_chunk))
    assert (seen, second.calls) == (["chunk"], 0)
    # What failed before its first chunk has shown nothing.
    first.answers = [ModelError("busy")]
    assert (
        await models.use(FakeAgent(), LARGE, TextRequest(messages=(), on_chunk=on_chunk))
    ).text == "from b"


async def test_a_stream_that_can_be_taken_back_is_begun_again_and_continued_by_others() -> None:
    def break_off() -> None:
        raise ModelError("connection lost", retryable=True)

    shown: list[str] = []

    async def on_chunk(chunk: str) -> None:
        shown.append(chunk)

    async def on_restart() -> None:
        shown.append("<again>")

    first, second = Handler(break_off, break_off, break_off), Handler("from b")
    models = models_with(("a", first, 1), ("b", second, 0))
    request = TextRequest(messages=(), on_chunk=on_chunk, on_restart=on_restart)
    assert (await models.use(FakeAgent(), LARGE, request)).text == "from b"
    assert shown == ["chunk", "<again>"] * first.calls + ["chunk"] * second.calls


async def test_a_last_resort_is_no_fail_over_and_stands_back_for_stand_ins() -> None:
    offline, broken = Handler("demonstration"), Handler(ModelError("down"))
    models = models_with(("offline", offline, LAST_RESORT), ("mine", broken, 0))
    models.register(ModelType.TEXT_SMALL, offline, provider="offline", priority=LAST_RESORT)
    with pytest.raises(ModelError, match="down"):
        await models.use(FakeAgent(), LARGE, REQUEST)
    assert (await models.use(FakeAgent(), ModelType.TEXT_SMALL, REQUEST)).text == "fine"
    assert offline.calls == 0
    assert (await models.use(FakeAgent(), LARGE, REQUEST, "offline")).text == "demonstration"
    alone = models_with(("offline", offline, LAST_RESORT))
    assert (await alone.use(FakeAgent(), ModelType.TEXT_SMALL, REQUEST)).text == "fine"
    with pytest.raises(StateError, match="those who do: offline"):
        await alone.use(FakeAgent(), LARGE, REQUEST, "nobody")


async def test_a_provider_that_keeps_failing_is_left_out_while_there_is_another() -> None:
    broken = Handler(*[ModelError("down")] * 50)
    models = models_with(("a", broken, 1), ("b", Handler(), 0))
    for _ in range(BREAK_AFTER + 3):
        assert (await models.use(FakeAgent(), LARGE, REQUEST)).text == "fine"
    assert broken.calls == BREAK_AFTER


def down(*, outage: bool = True) -> ModelError:
    return ModelError("no connection", retryable=True, outage=outage)


async def fail(models: Models, calls: int) -> None:
    for _ in range(calls):
        with pytest.raises(ModelError, match="no connection"):
            await models.use(FakeAgent(), LARGE, REQUEST)


def let_the_break_pass(models: Models) -> None:
    for entry in models._by_type[LARGE]:
        entry.open_until -= BREAK_SECONDS


async def test_an_only_provider_that_is_down_is_not_run_over() -> None:
    broken = Handler(*[down()] * (BREAK_AFTER * TRIES + 1), "back", "again")
    models = models_with(("a", broken, 0))
    await fail(models, BREAK_AFTER)
    asked = broken.calls
    with pytest.raises(ModelError, match=r"a has failed 5 times in a row and was not asked") as refused:
        await models.use(FakeAgent(), LARGE, REQUEST)
    assert refused.value.outage
    assert broken.calls == asked == BREAK_AFTER * TRIES

    let_the_break_pass(models)
    await fail(models, 1)
    assert broken.calls == asked + 1  # One try finds out.
    with pytest.raises(ModelError, match="was not asked"):
        await models.use(FakeAgent(), LARGE, REQUEST)

    let_the_break_pass(models)
    assert (await models.use(FakeAgent(), LARGE, REQUEST)).text == "back"
    assert (await models.use(FakeAgent(), LARGE, REQUEST)).text == "again"


async def test_one_call_at_a_time_finds_out_whether_a_provider_is_back() -> None:
    asked, answer = asyncio.Event(), asyncio.Event()

    async def slow(agent: object, request: TextRequest) -> TextResult:
        if failures:
            raise failures.pop()
        asked.set()
        await answer.wait()
        return TextResult(text="back")

    failures = [down()] * (BREAK_AFTER * TRIES)
    models = models_with(("a", slow, 0))
    await fail(models, BREAK_AFTER)
    let_the_break_pass(models)
    probe = asyncio.ensure_future(models.use(FakeAgent(), LARGE, REQUEST))
    await asked.wait()
    with pytest.raises(ModelError, match="was not asked"):
        await models.use(FakeAgent(), LARGE, REQUEST)
    answer.set()
    assert (await probe).text == "back"


async def test_what_only_some_requests_fail_by_closes_the_provider_to_nobody() -> None:
    broken = Handler(*[down(outage=False)] * (BREAK_AFTER * TRIES), "fine")
    models = models_with(("a", broken, 0))
    await fail(models, BREAK_AFTER)
    assert (await models.use(FakeAgent(), LARGE, REQUEST)).text == "fine"


async def test_a_provider_that_was_silent_for_long_is_not_waited_for_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(models_module, "LONGEST_WAIT", 0.0)
    silent = Handler(*[down()] * TRIES)
    models = models_with(("a", silent, 1), ("b", Handler("from b"), 0))
    assert (await models.use(FakeAgent(), LARGE, REQUEST)).text == "from b"
    assert silent.calls == 1


async def test_calls_are_on_the_run_with_their_tokens_and_errors() -> None:
    run = Run(run_id="r", agent_id="a", room_id="x")
    with use_run(run):
        await models_with(("a", Handler(ModelError("busy", retryable=True), "ok"), 0)).use(
            FakeAgent(), LARGE, REQUEST
        )
    first, second = run.record("completed").model_calls
    assert first["error"] == "busy"
    assert (second["provider"], second["prompt_tokens"], second["completion_tokens"]) == ("a", 3, 4)
