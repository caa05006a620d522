"""All that models can be asked with, and the settings that go along."""

from typing import Any

import pytest

from bot_host.plugin import Agent, Plugin
from bot_host.runtime.agent import AgentRuntime
from bot_host.runtime.requests import as_request
from bot_host.types.character import Character
from bot_host.types.errors import ModelError, StateError
from bot_host.types.events import ModelEvent
from bot_host.types.models import (
    REQUESTS,
    ChatMessage,
    ModelType,
    ObjectRequest,
    TextRequest,
    TextResult,
    Usage,
)
from tests.runtime.conftest import Agents

LARGE, SMALL = ModelType.TEXT_LARGE, ModelType.TEXT_SMALL


class Asked:
    """A model of any kind that keeps what it is asked, and answers as it is told."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.requests: list[Any] = []

    async def __call__(self, agent: Agent, request: Any) -> Any:
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.mark.parametrize(
    ("type", "given", "found"),
    [
        (LARGE, {"prompt": "hi"}, {"messages": (ChatMessage(role="user", content="hi"),)}),
        (LARGE, "hi", {"messages": (ChatMessage(role="user", content="hi"),)}),
        (
            LARGE,
            {"system": "be kind", "prompt": "hi", "maxTokens": 5, "stopSequences": ["x"], "topP": 0.5},
            {
                "messages": (
                    ChatMessage(role="system", content="be kind"),
                    ChatMessage(role="user", content="hi"),
                ),
                "max_tokens": 5,
                "stop": ("x",),
                "top_p": 0.5,
            },
        ),
        (
            LARGE,
            {"messages": [{"role": "user", "content": "hi"}], "stop": "x"},
            {"messages": (ChatMessage(role="user", content="hi"),), "stop": ("x",)},
        ),
        (ModelType.TEXT_EMBEDDING, "hi", {"text": "hi"}),
        (ModelType.TEXT_EMBEDDING, None, {"text": ""}),
        (ModelType.TEXT_EMBEDDING, {"text": "hi"}, {"text": "hi"}),
        (ModelType.TEXT_TOKENIZER_ENCODE, {"prompt": "hi", "modelType": "X"}, {"text": "hi"}),
        (ModelType.TEXT_TOKENIZER_DECODE, {"tokens": [1]}, {"tokens": [1]}),
        (ModelType.IMAGE, {"prompt": "a cat", "n": 2}, {"prompt": "a cat", "count": 2}),
        (ModelType.IMAGE_DESCRIPTION, "https://x.test/a.png", {"image_url": "https://x.test/a.png"}),
        (ModelType.IMAGE_DESCRIPTION, {"imageUrl": "https://x.test/"}, {"image_url": "https://x.test/"}),
        (ModelType.TRANSCRIPTION, b"sound", {"audio": b"sound"}),
        (ModelType.TEXT_TO_SPEECH, "hi", {"text": "hi"}),
        (ModelType.AUDIO, {"prompt": "rain"}, {"prompt": "rain"}),
        (ModelType.VIDEO, "waves", {"prompt": "waves"}),
        (ModelType.OBJECT_SMALL, {"prompt": "x", "schema": {}}, {"prompt": "x", "schema": {}}),
    ],
)
def test_what_may_be_given(type: ModelType, given: Any, found: dict[str, Any]) -> None:
    request = as_request(type, given)
    assert isinstance(request, REQUESTS[type])
    assert {key: getattr(request, key) for key in found} == found


@pytest.mark.parametrize(
    ("type", "given", "says"),
    [
        (LARGE, {"promt": "hi", "prompt": "x"}, "takes no promt"),
        (LARGE, {}, "expected a prompt"),
        (LARGE, 3, "expected a TextRequest"),
        (ModelType.IMAGE, {"prompt": "x", "sise": "1"}, 'did you mean "size"'),
        (ModelType.TRANSCRIPTION, {}, "audio"),
    ],
)
def test_what_may_not(type: ModelType, given: Any, says: str) -> None:
    with pytest.raises(StateError, match=says):
        as_request(type, given)


def test_every_type_has_a_request_and_elizaos_names_are_aliases() -> None:
    assert set(REQUESTS) == set(ModelType)
    assert (ModelType.SMALL, ModelType.MEDIUM, ModelType.LARGE) == (SMALL, LARGE, LARGE)
    assert ModelType["TEXT_REASONING_SMALL"].value == "REASONING_SMALL"


async def with_model(agents: Agents, model: Asked, *types: ModelType, **character: Any) -> AgentRuntime:
    plugin = Plugin(name="m", models=dict.fromkeys(types, model))
    agent = agents(plugin, character=Character(name="Eliza", **character))
    await agent.start()
    return agent


async def test_a_mapping_gets_a_str_and_a_request_a_result(agents: Agents) -> None:
    agent = await with_model(agents, Asked(TextResult(text="hi", model="m")), LARGE)
    assert await agent.use_model(LARGE, {"prompt": "x"}) == "hi"
    result = await agent.use_model(LARGE, TextRequest(messages=()))
    assert (result.text, result.model) == ("hi", "m")


async def test_a_handler_may_answer_with_bare_text(agents: Agents) -> None:
    agent = await with_model(agents, Asked("bare"), LARGE)
    assert (await agent.use_model(LARGE, TextRequest(messages=()))).text == "bare"


@pytest.mark.parametrize(
    "asked",
    [
        ModelType.TEXT_SMALL,
        ModelType.TEXT_REASONING_SMALL,
        ModelType.TEXT_REASONING_LARGE,
        ModelType.TEXT_COMPLETION,
    ],
)
async def test_other_tiers_stand_in(agents: Agents, asked: ModelType) -> None:
    agent = await with_model(agents, Asked("from large"), LARGE)
    assert await agent.use_model(asked, {"prompt": "x"}) == "from large"
    assert agent.get_model(asked) is None
    assert agent.get_model(LARGE) is not None


@pytest.mark.parametrize("asked", sorted(set(ModelType) - {LARGE}))
async def test_a_kind_that_nobody_offers(agents: Agents, asked: ModelType) -> None:
    agent = agents()
    await agent.start()
    with pytest.raises(StateError, match="has no model of type") as caught:
        await agent.use_model(asked, {"prompt": "x"} if "TEXT" in REQUESTS[asked].__name__.upper() else "x")
    assert caught.value.agent == "Eliza"


async def test_a_named_provider_is_asked_or_it_is_an_error(agents: Agents) -> None:
    agent = agents()
    agent.register_model(LARGE, Asked("a"), "a", 5)
    agent.register_model(LARGE, Asked("b"), "b")
    assert await agent.use_model(LARGE, "x", "b") == "b"
    assert await agent.use_model(LARGE, "x") == "a"
    with pytest.raises(StateError, match="c offers no model of type TEXT_LARGE; those who do: a, b"):
        await agent.use_model(LARGE, "x", "c")


SETTINGS = {
    "TEXT_LARGE_TEMPERATURE": 0,
    "DEFAULT_TEMPERATURE": 0.9,
    "DEFAULT_MAX_TOKENS": "100",
    "TEXT_LARGE_TOP_P": "nonsense",
    "DEFAULT_TOP_P": 0.5,
    "DEFAULT_SEED": True,
    "MODEL_FREQ_PENALTY": "0.25",
    "TEXT_REASONING_SMALL_TEMPERATURE": "0.1",
    "REASONING_LARGE_TEMPERATURE": 0.2,
}


async def test_settings_of_the_character_go_along(agents: Agents) -> None:
    model = Asked("x")
    agent = await with_model(agents, model, LARGE, settings=SETTINGS)
    await agent.use_model(LARGE, "x")
    asked = model.requests[-1]
    assert (asked.temperature, asked.max_tokens, asked.top_p) == (0.0, 100, 0.5)
    assert isinstance(asked.max_tokens, int)
    assert (asked.seed, asked.frequency_penalty, asked.presence_penalty) == (None, 0.25, None)
    await agent.use_model(LARGE, {"prompt": "x", "temperature": 0.7})
    assert model.requests[-1].temperature == 0.7
    await agent.use_model(ModelType.TEXT_REASONING_SMALL, "x")
    assert model.requests[-1].temperature == 0.1
    await agent.use_model(ModelType.TEXT_REASONING_LARGE, "x")
    assert model.requests[-1].temperature == 0.2
    agent.set_setting("TEXT_LARGE_TEMPERATURE", 0.3)
    await agent.use_model(LARGE, "x")
    assert model.requests[-1].temperature == 0.3


@pytest.mark.parametrize(
    ("type", "answer"),
    [
        (LARGE, 3),
        (ModelType.OBJECT_LARGE, "text"),
        (ModelType.IMAGE, None),
    ],
)
async def test_an_answer_of_another_kind_is_an_error(agents: Agents, type: ModelType, answer: Any) -> None:
    agent = await with_model(agents, Asked(answer), type)
    with pytest.raises(ModelError, match="with something else"):
        await agent.use_model(type, "x")


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ([], "no embedding"),
        ("text", "no embedding"),
        ([1.0, "a"], "no embedding"),
        ([1.0, float("nan")], "of 2 that has no finite"),
        ([1.0, float("inf"), 0.0], "of 3 that has no finite"),
        ([0.0] * 4, "of 4 zeros"),
    ],
)
async def test_a_vector_that_points_nowhere_is_an_error(agents: Agents, answer: Any, told: str) -> None:
    agent = await with_model(agents, Asked(answer), ModelType.TEXT_EMBEDDING)
    with pytest.raises(ModelError, match=told):
        await agent.use_model(ModelType.TEXT_EMBEDDING, "x")
    agent = await with_model(agents, Asked([[1.0], answer]), ModelType.TEXT_EMBEDDING_BATCH)
    with pytest.raises(ModelError, match=told):
        await agent.use_model(ModelType.TEXT_EMBEDDING_BATCH, {"texts": ("x", "y")})


async def test_a_fault_of_a_handler_is_a_model_error_and_the_next_is_asked(agents: Agents) -> None:
    agent = agents()
    agent.register_model(LARGE, Asked(KeyError("choices")), "broken", 5)
    run_id = agent.start_run("room")
    with pytest.raises(ModelError, match="broken: KeyError") as caught:
        await agent.use_model(LARGE, "x")
    assert (caught.value.agent, caught.value.room, caught.value.run) == ("Eliza", "room", run_id)
    agent.end_run()
    agent.register_model(LARGE, Asked("fine"), "other")
    assert await agent.use_model(LARGE, "x") == "fine"


async def test_model_used_is_told(agents: Agents) -> None:
    told: list[ModelEvent] = []
    usage = Usage(prompt_tokens=3, completion_tokens=4, cost=0.5)
    agent = await with_model(agents, Asked(TextResult(text="x", model="big", usage=usage)), LARGE)
    agent.on(ModelEvent, told.append)
    await agent.use_model(LARGE, "x")
    [event] = told
    assert (event.model_type, event.provider, event.model, event.prompt_tokens, event.cost) == (
        "TEXT_LARGE",
        "m",
        "big",
        3,
        0.5,
    )


# -- objects from text

SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}


async def test_objects_come_from_the_text_model_where_there_is_no_other(agents: Agents) -> None:
    model = Asked('Sure:\n```json\n{"n": 3}\n```')
    agent = await with_model(agents, model, LARGE)
    found = await agent.use_model(
        ModelType.OBJECT_LARGE, ObjectRequest(prompt="how many?", schema=SCHEMA, temperature=0.0)
    )
    assert found == {"n": 3}
    assert '"required": ["n"]' in model.requests[0].messages[0].content
    assert model.requests[0].temperature == 0.0


async def test_an_object_that_does_not_fit_is_asked_for_once_more(agents: Agents) -> None:
    model = Asked('{"n": "three"}', '{"n": 3}')
    agent = await with_model(agents, model, SMALL)
    assert await agent.use_model(ModelType.OBJECT_SMALL, {"prompt": "x", "schema": SCHEMA}) == {"n": 3}
    assert "n: expected integer, found string" in model.requests[1].messages[-1].content
    model.answers = ["none", "still none"]
    with pytest.raises(ModelError, match="no JSON object was found"):
        await agent.use_model(ModelType.OBJECT_SMALL, {"prompt": "x", "schema": SCHEMA})
    assert len(model.requests) == 4


async def test_an_object_model_is_asked_first_and_stands_in_for_the_other(agents: Agents) -> None:
    model = Asked({"n": 1})
    agent = await with_model(agents, model, ModelType.OBJECT_LARGE)
    assert await agent.use_model(ModelType.OBJECT_SMALL, {"prompt": "x"}) == {"n": 1}
    assert isinstance(model.requests[0], ObjectRequest)


# -- generate_text


async def test_generate_text_speaks_as_the_character(agents: Agents) -> None:
    model = Asked("hi")
    agent = await with_model(
        agents, model, LARGE, SMALL, bio=["Likes tea."], style={"all": ["Be short."]}, system="You are E."
    )
    assert (await agent.generate_text("hello")).text == "hi"
    system, user = model.requests[0].messages
    assert system.content == "You are E.\n\nAbout Eliza:\n- Likes tea.\n\nHow to write:\n- Be short."
    assert user.content == "hello"
    await agent.generate_text("hello", {"include_character": False, "max_tokens": 3})
    assert len(model.requests[1].messages) == 1
    assert model.requests[1].max_tokens == 3
    with pytest.raises(StateError, match="needs some text"):
        await agent.generate_text("  ")
    with pytest.raises(StateError, match="colour"):
        await agent.generate_text("x", {"colour": 1})
