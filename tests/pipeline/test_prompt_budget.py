"""What fits into the model: what goes first, what stays, what the record says of it."""

from collections.abc import Sequence
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from bot_host.connector import ConnectorConfig
from bot_host.host import BotHost
from bot_host.kit.tokens import MARGIN, estimate
from bot_host.pipeline.prompt import HISTORY_TOKENS, OVERHEAD, SHORT, Part, Prompt, Said
from bot_host.plugin import Action, ActionResult, ModelWindow, Plugin
from bot_host.testing import FakePlatform
from bot_host.types.character import Character
from bot_host.types.models import ChatMessage, ToolCall, ToolSpec
from bot_host.types.turn import RunRecord
from bot_host.types.windows import ANSWER_TOKENS
from tests.fakes.openai import ApiError, FakeOpenAI, ModelRequest


def user(text: str, *, asked: bool = False) -> Said:
    return Said(message=ChatMessage(role="user", content=text), asked=asked)


def window(tokens: int, **more: Any) -> ModelWindow:
    """One whose prompt may have so many tokens, the estimate's margin and the answer's share apart."""
    prompt = int(tokens / (1 - MARGIN))
    return ModelWindow(context_tokens=min(prompt * 4 // 3, prompt + ANSWER_TOKENS), **more)


def size(messages: tuple[ChatMessage, ...]) -> int:
    return sum(OVERHEAD + estimate(message.content) for message in messages)


NAMES = {"large": "fake-large", "small": "fake-small"}
PARTS = [
    Part(name="CHARACTER", text="You are Ada. " * 10),
    Part(name="FACTS", text="fact " * 100),
    Part(name="KNOWLEDGE", text="page " * 100),
    Part(name="TIME", text="It is late."),
]


async def test_a_prompt_with_room_is_left_alone() -> None:
    said = [user(f"message {n}") for n in range(50)] + [user("why?", asked=True)]
    fitted = await Prompt(PARTS, said).fit()
    assert [each.message for each in said] == list(fitted.messages[1:])
    assert fitted.messages[0].content == "\n\n".join(part.text for part in PARTS)
    assert (fitted.left_out, fitted.history) == ((), 50)


async def test_knowledge_goes_before_facts_and_the_character_stays() -> None:
    said = [user(f"message {n} " + "x" * 40) for n in range(50)] + [user("why?", asked=True)]
    names = []
    for tokens in (1200, 500, 300, 75):
        fitted = await Prompt(PARTS, said, window=lambda tokens=tokens: window(tokens)).fit()
        assert fitted.messages[0].content.startswith("You are Ada. You are")
        assert fitted.messages[-1].content == "why?"
        assert size(fitted.messages) <= tokens
        names.append(tuple(name for name in fitted.left_out if name.isupper()))
    assert names == [(), ("KNOWLEDGE",), ("KNOWLEDGE", "FACTS"), ("KNOWLEDGE", "FACTS", "TIME")]


async def test_the_history_is_paid_for_each_time_and_has_a_limit_of_its_own() -> None:
    said = [user(f"{n} " + "word " * 1000) for n in range(40)] + [user("why?", asked=True)]
    fitted = await Prompt(PARTS, said, window=lambda: ModelWindow(context_tokens=1_000_000)).fit()
    assert 0.8 * HISTORY_TOKENS < size(fitted.messages[1:]) <= HISTORY_TOKENS + 10
    assert fitted.left_out == (f"{40 - fitted.history} messages of the history",)


async def test_results_of_this_turn_count_and_the_oldest_is_shortened_first() -> None:
    rounds = []
    for n in range(3):
        call = ToolCall(id=str(n), name="READ", arguments="{}")
        rounds.append(ChatMessage(role="assistant", content="", tool_calls=(call,)))
        rounds.append(ChatMessage(role="tool", content=f"{n} " + "page " * 400, tool_call_id=str(n)))
    said = [user("before"), user("why?", asked=True)]
    fitted = await Prompt(PARTS[:1], said, window=lambda: window(2000)).fit(rounds)
    results = [len(message.content) for message in fitted.messages if message.role == "tool"]
    assert results[0] < SHORT + 100 < results[1] == results[2]
    assert len(fitted.messages) == 3 + len(rounds), "no call without its result"
    assert fitted.left_out == ("parts of 1 results",)


async def test_tools_count_too() -> None:
    tool = ToolSpec(name="READ", description="Reads. " * 100, parameters={"type": "object"})
    said = [*(user("word " * 60) for _ in range(10)), user("why?", asked=True)]
    without = await Prompt(PARTS[:1], said, window=lambda: window(1500)).fit()
    with_them = await Prompt(PARTS[:1], said, window=lambda: window(1500)).fit((), [tool] * 2)
    assert with_them.history < without.history == 10


async def test_the_models_own_tokens_are_counted_before_anything_is_left_out() -> None:
    said = [*(user("word " * 60) for _ in range(10)), user("why?", asked=True)]
    counted: list[str] = []

    def count(text: str) -> int:
        counted.append(text)
        return len(text.split())

    near = window(900, count=count)
    fitted = await Prompt(PARTS[:1], said, window=lambda: near).fit()
    assert fitted.left_out == ()
    assert counted
    counted.clear()
    await Prompt(PARTS[:1], said, window=lambda: ModelWindow(count=count)).fit()
    assert counted == [], "there was room anyway"


@given(
    parts=st.lists(st.integers(1, 2000), min_size=1, max_size=5),
    history=st.lists(st.integers(0, 3000), max_size=30),
    asked=st.lists(st.integers(1, 20_000), min_size=1, max_size=3),
    results=st.lists(st.integers(0, 5000), max_size=4),
    tokens=st.integers(1500, 30_000),
)
async def test_whatever_comes_it_fits_and_the_question_is_there(
    parts: list[int], history: list[int], asked: list[int], results: list[int], tokens: int
) -> None:
    names = ["CHARACTER", "FACTS", "KNOWLEDGE", "SUMMARY", "TIME"]
    said = [user(f"h{n} " + "ab " * length) for n, length in enumerate(history)]
    said += [user(f"q{n} " + "ab " * length, asked=True) for n, length in enumerate(asked)]
    rounds = [ChatMessage(role="tool", content="ab " * length, tool_call_id="1") for length in results]
    prompt = Prompt(
        [Part(name=name, text="ab " * length) for name, length in zip(names, parts, strict=False)],
        said,
        window=lambda: window(tokens),
    )
    fitted = await prompt.fit(rounds)
    assert size(fitted.messages) <= tokens
    told = [message for message in fitted.messages if message.role == "user"]
    assert [message.content[:2] for message in told[-len(asked) :]] == [f"q{n}" for n in range(len(asked))]
    kept = [message.content for message in told[: -len(asked)]]
    assert kept == [each.message.content for each in said[: len(history)]][len(history) - len(kept) :]
    missing = len(history) - len(kept)
    assert (f"{missing} messages of the history" in fitted.left_out) == bool(missing)


# ---- in a turn


async def talk(
    fake: FakeOpenAI, *said: str, plugins: Sequence[Plugin] = (), **settings: Any
) -> tuple[FakePlatform, list[RunRecord]]:
    platform = FakePlatform()
    host = BotHost()
    try:
        [agent_id] = await host.add_agents(
            [
                {
                    "character": Character(name="Ada", bio=["Helps."]),
                    "plugins": ["basics", "openai", *plugins],
                    "plugin_configs": {
                        "openai": {"base_url": fake.url, "api_key": fake.key, **NAMES, **settings}
                    },
                }
            ]
        )
        await host.start_agents()
        host.add_connector(platform, ConnectorConfig(), name="fake", agent_id=agent_id)
        host.start_connectors()
        runs = []
        for text in said:
            await platform.accept(platform.message(text))
            await host.finish_pending()
        rooms = await host.store.get_rooms(agent_id)
        runs = await host.store.get_runs(rooms[0].id, count=10)
        return platform, runs
    finally:
        await host.stop()


def prompt_size(request: ModelRequest) -> int:
    return sum(len(str(message["content"])) for message in request.messages)


def context_of(characters: int) -> Any:
    """A server into whose model so many characters fit, and that does not say how many tokens that is."""

    def answer(request: ModelRequest) -> ApiError | str:
        if prompt_size(request) > characters:
            return ApiError(400, "Your input exceeds the context window of this model.", "invalid", "x")
        return "I see"

    return answer


def model_notes(run: RunRecord) -> list[dict[str, Any]]:
    return [step for step in run.steps if step["name"] == "model"]


async def test_a_server_that_says_too_long_is_asked_once_more_with_less() -> None:
    async with FakeOpenAI() as fake:
        fake.answer_with(context_of(30_000))
        platform, runs = await talk(fake, *("tell me " + "more " * 2500 for _ in range(4)))
        assert [text for text in await platform.wait_sent(4) if text != "I see"] == []
    [(first, second), *_] = [notes for run in runs if (notes := model_notes(run))]
    assert "exceeds the context window" in first["error"]
    assert "messages of the history" in second["left_out"][0]


async def test_what_still_does_not_fit_fails_with_a_way_out() -> None:
    async with FakeOpenAI() as fake:
        fake.answer_with(context_of(10))
        _, [run] = await talk(fake, "hello")
        assert len(fake.chats) == 2
    assert "does not fit into fake-large" in run.error
    assert "context_tokens in [models.openai]" in run.error


async def test_a_small_window_from_the_settings_is_kept_from_the_first_request_on() -> None:
    async with FakeOpenAI() as fake:
        _, runs = await talk(fake, *("tell me " + "more " * 300 for _ in range(4)), context_tokens=3000)
        sizes = [sum(estimate(str(m["content"])) + OVERHEAD for m in r.messages) for r in fake.chats]
    assert max(sizes) <= 3000 * 0.75
    [newest, *_] = [notes for run in runs if (notes := model_notes(run))]
    assert any("messages of the history" in note for note in newest[0]["left_out"])


async def test_a_long_result_does_not_burst_the_next_round() -> None:
    async def read(*_: Any) -> ActionResult:
        return ActionResult(text="page " * 4000)

    reader = Plugin(name="reader", actions=(Action(name="READ", description="Reads.", handler=read),))
    async with FakeOpenAI() as fake:
        fake.call_tool("READ")
        _, [run] = await talk(fake, "read it", plugins=[reader], context_tokens=4000)
        [_, second] = fake.chats
    assert [m["role"] for m in second.messages] == ["system", "user", "assistant", "tool"]
    assert sum(estimate(str(m["content"])) + OVERHEAD for m in second.messages) <= 3000
    assert model_notes(run)[1]["left_out"] == ["parts of 1 results"]
