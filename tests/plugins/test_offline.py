"""The offline model."""

import time
from itertools import pairwise

import pytest

from bot_host.plugin import ChatMessage, ModelError, ModelType, TextRequest, TextResult, ToolSpec
from bot_host.plugins.offline import PRIORITY, plugin
from bot_host.plugins.offline.engine import answer
from bot_host.plugins.offline.reflect import reflect
from bot_host.plugins.offline.rules import RULES
from bot_host.testing import FakeAgent


def _talk(*lines: str) -> list[str]:
    """Our side of a conversation."""
    history: list[ChatMessage] = []
    said = []
    for line in lines:
        history.append(ChatMessage(role="user", content=line))
        said.append(answer(history))
        history.append(ChatMessage(role="assistant", content=said[-1]))
    return said


async def _use(request: TextRequest, type: ModelType = ModelType.TEXT_LARGE) -> TextResult:
    async with FakeAgent() as agent:
        assert plugin.init is not None
        await plugin.init({}, agent)
        return await agent.use_model(type, request)


@pytest.mark.parametrize(
    ("words", "turned"),
    [
        ("I love your bot", "you love my bot"),
        ("you hate me", "I hate you"),
        ("afraid of you", "afraid of me"),
        ("think you are right", "think I am right"),
        ("are you my friend", "am I your friend"),
        ("were you with me when I was ill", "was I with you when you were ill"),
        ("I’m sure you’ll help myself", "you're sure I'll help yourself"),
        ("go home with you", "go home with me"),
        ("what you said to me", "what I said to you"),
        ("i am mine and you're yours", "you are yours and I'm mine"),
        ("meine Mühle, мой дом", "meine Mühle, мой дом"),
        ("", ""),
    ],
)
def test_reflect(words: str, turned: str) -> None:
    assert reflect(words) == turned


def test_a_dozen_turns_stay_lively() -> None:
    said = _talk(
        "Hello",
        "My name is Anna",
        "I'm worried about my exam",
        "I can't sleep at night",
        "It rained all week",
        "The trees lost their leaves",
        "Nothing happens",
        "My sister thinks you are silly",
        "I want to travel to Spain with you",
        "yes",
        "yes",
        "yes",
        "The sun sets",
        "The moon rises",
    )
    assert len(set(said)) == len(said)
    assert any("your exam" in line for line in said[4:7])
    assert "with me" in said[8]
    assert not any("{0}" in line for line in said)


def test_remembers_name_and_topic() -> None:
    said = _talk("call me Bob please", "I love my garden", "what is my name?", "do you remember what I said?")
    assert "Bob" in said[0]
    assert "please" not in said[0]
    assert said[2] == "You told me: Bob."
    assert "garden" in said[3]
    assert "not told me your name" in _talk("what's my name?")[0]


@pytest.mark.parametrize(
    ("line", "topic"),
    [
        ("I want to set up a bot", "your wish to set up a bot"),
        ("I need a holiday", "your wish for a holiday"),
        ("I feel tired", "feeling tired"),
        ("I found a coin", "how you found a coin"),
    ],
)
def test_topics_stand_well_in_a_sentence(line: str, topic: str) -> None:
    assert (
        _talk(line, "do you remember what I said?")[1] == f"You spoke of {topic}. Shall we go on from there?"
    )


def test_a_question_to_us_is_not_turned_into_broken_words() -> None:
    said = _talk("what do you think?", "did you like it?", "would you go there?", "have you been there?")
    assert not any("yourself: do you" in line or "I been" in line for line in said)


def test_same_conversation_same_answers() -> None:
    lines = ["hi", "I feel tired", "I feel tired", "I feel tired", "why?", "why?"]
    assert _talk(*lines) == _talk(*lines)
    assert len(set(_talk(*lines)[1:4])) == 3


def test_a_long_conversation_does_not_get_stuck() -> None:
    said = _talk(*["the grass grows"] * 80)
    assert len(set(said)) > 5
    assert all(one != other for one, other in pairwise(said))


@pytest.mark.parametrize(
    "question",
    ["are you a bot?", "What are you?", "who are you", "Are you human", "help", "how do I use a real model?",
     "where do I put my API key", "How can I connect ollama?"],
)  # fmt: skip
def test_says_what_it_is_and_how_to_get_a_real_model(question: str) -> None:
    said = _talk(question)[0]
    assert "OPENAI_API_KEY" in said
    assert "base_url in [models.openai] of config.toml" in said


def test_demonstration_is_named() -> None:
    assert all("demonstration" in line for line in _talk("are you a bot", "help", "what are you?"))


@pytest.mark.parametrize(
    "text",
    ["", "   \n", "🎉", "12345", "Привет, как дела?", "你好吗", "مرحبا بك", "Z̸̡̛a̷l̶g̵o̷ t̸e̵x̶t̶", "a\ud800b\x00c",
     "?" * 500, "x" * 100_000, "my " * 40_000, "use api " * 20_000, "I want to " * 10_000,
     "because " * 20_000, "{0} {1} %s"],
)  # fmt: skip
def test_any_text_has_an_answer(text: str) -> None:
    said = _talk(text, text)
    assert all(line.strip() for line in said)
    assert said[0] != said[1]
    assert max(map(len, said)) < 600


def test_work_is_bounded() -> None:
    """A history of 200 messages of 100,000 characters costs no more than its last part."""
    history = [ChatMessage(role="user", content="use " * 25_000)] * 200
    began = time.process_time()
    answer(history)
    assert time.process_time() - began < 5


def test_other_scripts_are_said_back() -> None:
    assert "Привет" in _talk("Привет, как дела?")[0]


def test_every_rule_can_speak() -> None:
    for rule in RULES:
        assert all(template.format("x") for template in rule.templates)


@pytest.mark.parametrize(
    ("last", "word"),
    [
        ("Ann: eliza, are you there?", "RESPOND"),
        ("Ann: what does Eliza think", "RESPOND"),
        ("Ann: Elizabeth is here", "IGNORE"),
        ("Ann: hello Bob", "IGNORE"),
        ("Eliza: hello Bob", "IGNORE"),
        ("", "IGNORE"),
        ("Eliza: ", "IGNORE"),
    ],
)
async def test_should_respond(last: str, word: str) -> None:
    messages = (
        ChatMessage(role="system", content="TASK: SHOULD_RESPOND\nName: Eliza\nShould Eliza say something?"),
        ChatMessage(role="user", content=f"Bob: Eliza, hi\n{last}"),
    )
    result = await _use(TextRequest(messages=messages, max_tokens=16), ModelType.TEXT_SMALL)
    assert result.text == word


async def test_streams_by_words_and_ignores_tools() -> None:
    got: list[str] = []

    async def take(chunk: str) -> None:
        got.append(chunk)

    tool = ToolSpec(name="A", description="", parameters={"type": "object", "properties": {}})
    messages = (
        ChatMessage(role="system", content="s" * 8),
        ChatMessage(role="user", content="Ann: hello", name="Ann"),
    )
    result = await _use(TextRequest(messages=messages, on_chunk=take, tools=(tool,)))
    assert "".join(got) == result.text
    assert result.text.startswith("Hello!")
    assert len(got) == len(result.text.split())
    assert result.tool_calls == ()
    assert result.model == "offline"
    assert result.usage.prompt_tokens == 5
    assert result.usage.completion_tokens == -(-len(result.text) // 4)


async def test_no_messages_at_all() -> None:
    assert (await _use(TextRequest(messages=()))).text


async def test_registers_below_others_and_says_so(caplog: pytest.LogCaptureFixture) -> None:
    async with FakeAgent() as agent:
        assert plugin.init is not None
        with caplog.at_level("INFO", logger="bot_host"):
            await plugin.init({}, agent)
        for kind in (ModelType.TEXT_SMALL, ModelType.TEXT_LARGE):
            assert [(priority, provider) for priority, provider, _ in agent.models[kind]] == [
                (PRIORITY, "offline")
            ]
    assert "demonstration" in caplog.text
    assert "OPENAI_API_KEY" in caplog.text


async def test_tokens_are_estimated() -> None:
    text = "Grüße, 世界! 👋"
    async with FakeAgent() as agent:
        assert plugin.init is not None
        await plugin.init({}, agent)
        tokens = await agent.use_model(ModelType.TEXT_TOKENIZER_ENCODE, {"prompt": text})
        assert len(tokens) == 6
        assert await agent.use_model(ModelType.TEXT_TOKENIZER_DECODE, {"tokens": tokens}) == text
        with pytest.raises(ModelError, match="no tokens"):
            await agent.use_model(ModelType.TEXT_TOKENIZER_DECODE, {"tokens": [-1]})
