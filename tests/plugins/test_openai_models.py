"""The openai plugin's other models: the real package against a fake server on loopback."""

import base64
import hashlib
import json
import math
import sys
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot_host.plugin import (
    Character,
    ChatMessage,
    DetokenizeRequest,
    EmbeddingBatchRequest,
    EmbeddingRequest,
    Fetched,
    FetchRefused,
    ImageDescriptionRequest,
    ImageRequest,
    ModelError,
    ModelEvent,
    ModelType,
    ObjectRequest,
    SafeFetcher,
    SpeechRequest,
    TextRequest,
    TextResult,
    TokenizeRequest,
    TranscriptionRequest,
)
from bot_host.plugins.openai import plugin
from bot_host.plugins.openai.config import DEFAULT_IMAGE, DEFAULT_TRANSCRIPTION, OpenAIConfig
from bot_host.plugins.openai.objects import NotAnObject, misfit, read_object
from bot_host.plugins.openai.tokens import Pieces, load_tokens
from bot_host.runtime.plugin_config import config_for
from bot_host.runtime.settings import Settings
from bot_host.testing import FakeAgent
from tests.fakes.openai import Answer, ApiError, FakeOpenAI, ModelRequest
from tests.fakes.openai_media import PIXEL
from tests.kit.fetching import Site

KEY = "sk-fake-0123456789abcdef"
NAMES = {
    "small": "fake-small",
    "large": "fake-large",
    "embedding": "fake-embedding",
    "image": "fake-image",
    "transcription": "fake-ears",
    "speech": "fake-voice",
}
PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
    "required": ["name", "age"],
}
DATA_URL = f"data:image/png;base64,{base64.b64encode(PIXEL).decode()}"


class Asker(FakeAgent):
    """A FakeAgent that reads addresses out of a table."""

    def __init__(self) -> None:
        super().__init__()
        self.pages: dict[str, bytes] = {}

    async def fetch(self, url: str, **limits: Any) -> Fetched:
        assert limits["max_bytes"]
        assert limits["timeout"]
        if url not in self.pages:
            raise FetchRefused("example.test is not on the public internet")
        return Fetched(url=url, status=200, content_type="image/png", body=self.pages[url])

    async def ask(self, kind: ModelType, request: Any) -> Any:
        return await self.use_model(kind, request)

    @property
    def offered(self) -> set[ModelType]:
        return {kind for kind in ModelType if self.models[kind]}


@pytest.fixture
async def fake() -> AsyncIterator[FakeOpenAI]:
    async with FakeOpenAI(key=KEY, models=tuple(NAMES.values())) as server:
        yield server


async def _open(agent: FakeAgent, fake: FakeOpenAI, **more: Any) -> None:
    assert plugin.init is not None
    await plugin.init({"api_key": KEY, "base_url": fake.url, **NAMES, **more}, agent)


@pytest.fixture
async def agent(fake: FakeOpenAI) -> AsyncIterator[Asker]:
    async with Asker() as one:
        await _open(one, fake)
        yield one


def _text(text: str = "Hello", **more: Any) -> TextRequest:
    return TextRequest(messages=(ChatMessage(role="user", content=text),), **more)


# ---- what is offered


async def test_all_kinds_are_offered(agent: Asker) -> None:
    assert agent.offered == set(ModelType) - {ModelType.AUDIO, ModelType.VIDEO}
    assert {agent.models[kind][0][1] for kind in agent.offered} == {"openai"}


async def test_nothing_is_offered_that_the_server_may_not_have(fake: FakeOpenAI) -> None:
    async with Asker() as agent:
        await _open(agent, fake, embedding="", image="", transcription="", speech="")
        missing = {
            ModelType.TEXT_EMBEDDING,
            ModelType.IMAGE,
            ModelType.TRANSCRIPTION,
            ModelType.TEXT_TO_SPEECH,
        }
        assert not missing & agent.offered
        assert ModelType.IMAGE_DESCRIPTION in agent.offered
    openai = OpenAIConfig(api_key=KEY)
    assert openai.name_of("image") == DEFAULT_IMAGE
    assert openai.name_of("transcription") == DEFAULT_TRANSCRIPTION
    assert openai.name_of("embedding") == "text-embedding-3-small"
    assert openai.name_of("speech") == ""


async def test_reasoning_and_completion(fake: FakeOpenAI, agent: Asker) -> None:
    kinds = (ModelType.TEXT_REASONING_SMALL, ModelType.TEXT_REASONING_LARGE, ModelType.TEXT_COMPLETION)
    for kind in kinds:
        result: TextResult = await agent.ask(kind, _text())
        assert result.text == "echo: Hello"
    assert [chat.model for chat in fake.chats] == ["fake-large"] * 3
    async with Asker() as other:
        await _open(other, fake, reasoning_small="fake-small", reasoning_large="fake-voice")
        for kind in kinds[:2]:
            await other.ask(kind, _text())
    assert [chat.model for chat in fake.chats[3:]] == ["fake-small", "fake-voice"]


async def test_a_character_s_own_models(fake: FakeOpenAI) -> None:
    character = Character(
        name="Own",
        secrets={"OPENAI_API_KEY": KEY, "OPENAI_LARGE_MODEL": "fake-ears"},
        settings={
            "OPENAI_LARGE_MODEL": "fake-voice",
            "OPENAI_BASE_URL": "http://127.0.0.1:1/v1",
            "OPENAI_SMALL_MODEL": "",
            "OPENAI_TTS_VOICE": 7,  # passed over
            "secrets": {"OPENAI_IMAGE_MODEL": "fake-image"},
        },
    )
    table = {**NAMES, "api_key": "sk-wrong-99887766554433", "base_url": fake.url, "image": ""}
    async with FakeAgent(character) as agent:
        await _open(agent, fake, **config_for(plugin, table, Settings(character, {}, {})))
        assert (await agent.use_model(ModelType.TEXT_LARGE, _text())).model == "fake-ears"
        assert (await agent.use_model(ModelType.TEXT_SMALL, _text())).model == "fake-small"
        await agent.use_model(ModelType.IMAGE, {"prompt": "a cat"})
        await agent.use_model(ModelType.TEXT_TO_SPEECH, {"text": "Hello"})
    assert fake.requests[-1].body["voice"] == "alloy"
    assert {request.headers["Authorization"] for request in fake.requests} == {f"Bearer {KEY}"}


# ---- objects


async def test_object(fake: FakeOpenAI, agent: Asker) -> None:
    fake.answer('{"name": "Ann", "age": 3}', '```json\n{"name": "Bo", "age": 4}\n```', "{}")
    request = ObjectRequest(prompt="Who?", schema=PERSON, temperature=0.5)
    assert await agent.ask(ModelType.OBJECT_LARGE, request) == {"name": "Ann", "age": 3}
    assert await agent.ask(ModelType.OBJECT_SMALL, request) == {"name": "Bo", "age": 4}
    assert await agent.ask(ModelType.OBJECT_SMALL, ObjectRequest(prompt="Anything")) == {}
    large, small, plain = fake.chats
    assert (large.model, small.model) == ("fake-large", "fake-small")
    assert large.body["response_format"]["json_schema"]["schema"] == PERSON
    assert large.body["temperature"] == 0.5
    assert large.last_user_text == "Who?"
    assert json.dumps(PERSON) in large.system_text
    assert plain.body["response_format"] == {"type": "json_object"}


async def test_object_is_repaired_once(fake: FakeOpenAI, agent: Asker) -> None:
    request = ObjectRequest(prompt="Who?", schema=PERSON)
    fake.answer('{"name": "Ann"}', '{"name": "Ann", "age": 3}')
    assert await agent.ask(ModelType.OBJECT_LARGE, request) == {"name": "Ann", "age": 3}
    repair = fake.chats[1]
    assert [m["role"] for m in repair.messages] == ["system", "user", "assistant", "user"]
    assert 'lacks "age"' in repair.last_user_text
    fake.answer("I would rather not.", '{"name": "Ann", "age": "old"}', '{"name": "never asked", "age": 1}')
    with pytest.raises(ModelError, match="must be of type integer") as caught:
        await agent.ask(ModelType.OBJECT_LARGE, request)
    assert not caught.value.retryable
    assert len(fake.chats) == 4


NO_SCHEMA = ApiError(400, "Invalid parameter: 'response_format' of type 'json_schema' is not supported", "x")


async def test_servers_without_schemas_are_asked_in_words(fake: FakeOpenAI, agent: Asker) -> None:
    def only_text(request: ModelRequest) -> Answer | ApiError:
        return (
            NO_SCHEMA if "response_format" in request.body else Answer('Sure! {"name": "Ann", "age": 3} :)')
        )

    fake.answer_with(only_text)
    request = ObjectRequest(prompt="Who?", schema=PERSON)
    for _ in range(2):
        assert await agent.ask(ModelType.OBJECT_LARGE, request) == {"name": "Ann", "age": 3}
    kinds = [chat.body.get("response_format", {}).get("type") for chat in fake.chats]
    assert kinds == ["json_schema", "json_object", None, None]


FITS: list[tuple[Any, Any, str]] = [
    (1, {"type": "integer"}, ""),
    (1.0, {"type": "integer"}, ""),
    (1.5, {"type": "integer"}, "integer"),
    (True, {"type": "integer"}, "integer"),
    (True, {"type": "boolean"}, ""),
    (None, {"type": ["string", "null"]}, ""),
    (1, {"type": ["string", "null"]}, "string or null"),
    ("a", {"enum": ["a", "b"]}, ""),
    ("c", {"enum": ["a", "b"]}, "one of"),
    ("c", {"const": "d"}, '"d"'),
    ([1, "a"], {"items": {"type": "number"}}, "[1]"),
    ({"a": {"b": 1}}, {"properties": {"a": {"properties": {"b": {"type": "string"}}}}}, "the object.a.b"),
    ({"a": 1}, {"additionalProperties": False}, 'must not have "a"'),
    ({"a": 1}, True, ""),
    (1, {"type": "no such type"}, ""),
]


@pytest.mark.parametrize(("value", "schema", "fault"), FITS)
def test_what_fits(value: Any, schema: Any, fault: str) -> None:
    found = misfit(value, schema)
    assert fault in found
    assert bool(fault) == bool(found)


@pytest.mark.parametrize("text", ["", "[]", "7", "{", "words", '{"a": ', "```json\n{\n```", "[" * 100_000])
def test_no_object(text: str) -> None:
    with pytest.raises(NotAnObject):
        read_object(text, {})


_TEXT = st.text(max_size=20)


@given(st.dictionaries(_TEXT, st.none() | st.booleans() | _TEXT | st.lists(_TEXT, max_size=3), max_size=4))
def test_any_object_is_found(value: dict[str, Any]) -> None:
    text = json.dumps(value)
    for form in ("{}", "```\n{}\n```", "```json\n{}\n```", "Here: {}"):
        assert read_object(form.replace("{}", text), {}) == value


# ---- embeddings


async def test_embedding(fake: FakeOpenAI, agent: Asker) -> None:
    vector = await agent.ask(ModelType.TEXT_EMBEDDING, EmbeddingRequest(text="hello\x00"))
    assert len(vector) == fake.dimensions
    assert math.isclose(sum(number * number for number in vector), 1.0, rel_tol=1e-6)
    [request] = fake.requests
    assert (request.body["input"], request.body["encoding_format"]) == ("hello", "float")
    assert request.model == "fake-embedding"
    with pytest.raises(ModelError, match="without words"):
        await agent.ask(ModelType.TEXT_EMBEDDING, EmbeddingRequest(text=" \n"))


async def test_a_long_text_is_cut_until_it_fits(fake: FakeOpenAI, agent: Asker) -> None:
    fake.media.longest = 1000
    await agent.ask(ModelType.TEXT_EMBEDDING, EmbeddingRequest(text="x" * 3500))
    assert [len(request.body["input"]) for request in fake.requests] == [3500, 1750, 875]
    with pytest.raises(ModelError, match="context length"):
        await agent.ask(ModelType.TEXT_EMBEDDING, EmbeddingRequest(text="x" * 100_000))
    assert len(fake.requests) == 3 + 5


async def test_many_embeddings_are_one_request(fake: FakeOpenAI, agent: Asker) -> None:
    request = EmbeddingBatchRequest(texts=("one", "two", "three"))
    vectors = await agent.ask(ModelType.TEXT_EMBEDDING_BATCH, request)
    alone = [await agent.ask(ModelType.TEXT_EMBEDDING, EmbeddingRequest(text=text)) for text in request.texts]
    assert vectors == alone
    assert [each.body["input"] for each in fake.requests] == [["one", "two", "three"], "one", "two", "three"]
    # One that is too long is cut alone: the others keep all their words.
    fake.media.longest = 10
    fake.requests.clear()
    request = EmbeddingBatchRequest(texts=("short", "x" * 15))
    assert len(await agent.ask(ModelType.TEXT_EMBEDDING_BATCH, request)) == 2
    assert [each.body["input"] for each in fake.requests] == [["short", "x" * 15], "short", "x" * 15, "x" * 7]
    with pytest.raises(ModelError, match="without words"):
        await agent.ask(ModelType.TEXT_EMBEDDING_BATCH, EmbeddingBatchRequest(texts=("one", " ")))
    one_for_two = {"data": [{"index": 0, "embedding": [1.0]}], "usage": {}}
    fake.media.fail(ApiError(200, body=json.dumps(one_for_two)))
    with pytest.raises(ModelError, match="1 embeddings for 2 texts"):
        await agent.ask(ModelType.TEXT_EMBEDDING_BATCH, EmbeddingBatchRequest(texts=("one", "two")))


async def test_another_model_of_the_same_server_can_be_asked(fake: FakeOpenAI, agent: Asker) -> None:
    request = EmbeddingRequest(text="hello", model="fake-small")
    await agent.ask(ModelType.TEXT_EMBEDDING, request)
    assert fake.requests[-1].model == "fake-small"
    with pytest.raises(ModelError, match="fake-gone"):
        await agent.ask(ModelType.TEXT_EMBEDDING, EmbeddingRequest(text="hello", model="fake-gone"))


async def test_errors_of_other_calls(fake: FakeOpenAI, agent: Asker) -> None:
    fake.media.fail(ApiError(429, "slow", headers={"Retry-After": "7"}))
    with pytest.raises(ModelError, match="too many requests") as slow:
        await agent.ask(ModelType.TEXT_EMBEDDING, EmbeddingRequest(text="x"))
    assert (slow.value.retryable, slow.value.after_s) == (True, 7.0)
    fake.media.fail(ApiError(200, body="<html>hello</html>", content_type="text/html"), times=2)
    for kind, request in (
        (ModelType.TEXT_EMBEDDING, EmbeddingRequest(text="x")),
        (ModelType.IMAGE, ImageRequest(prompt="x")),
    ):
        with pytest.raises(ModelError, match="unknown shape"):
            await agent.ask(kind, request)
    fake.media.fail(ApiError(200, body='{"data": []}'), times=2)
    with pytest.raises(ModelError, match="unknown shape"):
        await agent.ask(ModelType.TEXT_EMBEDDING, EmbeddingRequest(text="x"))
    with pytest.raises(ModelError, match="no picture"):
        await agent.ask(ModelType.IMAGE, ImageRequest(prompt="x"))
    fake.media.fail(ApiError(200, body='{"data": [{"embedding": [1, NaN]}]}'))
    with pytest.raises(ModelError, match="without numbers"):
        await agent.ask(ModelType.TEXT_EMBEDDING, EmbeddingRequest(text="x"))
    async with Asker() as other:
        await _open(other, fake, image="fake-imagge")
        with pytest.raises(ModelError, match=r"models\.openai\.image.*did you mean fake-image"):
            await other.ask(ModelType.IMAGE, ImageRequest(prompt="x"))
        assert KEY not in str(slow.value)


# ---- pictures


async def test_image(fake: FakeOpenAI, agent: Asker) -> None:
    pictures = await agent.ask(ModelType.IMAGE, ImageRequest(prompt="a cat", count=2, size="512x512"))
    assert pictures == [{"url": DATA_URL}] * 2
    body = fake.requests[0].body
    assert (body["prompt"], body["n"], body["size"], body["model"]) == ("a cat", 2, "512x512", "fake-image")
    fake.media.pictures = "url"
    assert await agent.ask(ModelType.IMAGE, ImageRequest(prompt="a cat")) == [
        {"url": "https://pictures.test/one.png"}
    ]


async def test_image_description(fake: FakeOpenAI, agent: Asker) -> None:
    agent.pages["https://cdn.test/cat.png"] = PIXEL
    fake.answer('{"title": "A dot", "description": "One pixel."}')
    found = await agent.ask(
        ModelType.IMAGE_DESCRIPTION, ImageDescriptionRequest(image_url="https://cdn.test/cat.png")
    )
    assert found == {"title": "A dot", "description": "One pixel."}
    [chat] = fake.chats
    assert chat.model == "fake-small"
    text, picture = chat.messages[-1]["content"]
    assert text["type"] == "text"
    assert "Describe this image" in text["text"]
    # The server never learns the address: it must not fetch what strangers post.
    assert picture == {"type": "image_url", "image_url": {"url": DATA_URL}}
    assert "cdn.test" not in json.dumps(chat.body)


async def test_a_description_without_the_form_is_taken(fake: FakeOpenAI) -> None:
    async with Asker() as agent:
        await _open(agent, fake, vision="fake-large")
        fake.answer("A red square\non white.")
        request = ImageDescriptionRequest(image_url=DATA_URL, prompt="What is it?")
        found = await agent.ask(ModelType.IMAGE_DESCRIPTION, request)
    assert found == {"title": "A red square on white.", "description": "A red square\non white."}
    assert fake.chats[0].model == "fake-large"
    assert fake.chats[0].last_user_text == "What is it?"


async def test_what_is_no_picture_is_not_shown(fake: FakeOpenAI, agent: Asker) -> None:
    agent.pages["https://cdn.test/page"] = b"<html>"
    for url in ("https://cdn.test/page", "data:text/html;base64,PGh0bWw+"):
        with pytest.raises(ModelError, match="not a picture"):
            await agent.ask(ModelType.IMAGE_DESCRIPTION, ImageDescriptionRequest(image_url=url))
    with pytest.raises(ModelError, match="not on the public internet") as caught:
        await agent.ask(ModelType.IMAGE_DESCRIPTION, ImageDescriptionRequest(image_url="http://10.0.0.1/"))
    assert not caught.value.retryable
    assert fake.requests == []


async def test_pictures_come_over_the_safe_fetcher(fake: FakeOpenAI) -> None:
    async with Site() as site:
        site.page("/cat", body=PIXEL, headers={"Content-Type": "image/png"})
        site.redirect("/inside", "http://169.254.169.254/latest/")
        fetcher = SafeFetcher(allow_hosts=[f"127.0.0.1:{site.port}"])
        async with FakeAgent(fetcher=fetcher) as agent:
            await _open(agent, fake)
            for path, what in (
                ("cat", ""),
                ("inside", "not on the public internet"),
                ("none", "HTTP status 404"),
            ):
                url = f"http://127.0.0.1:{site.port}/{path}"
                work = agent.use_model(ModelType.IMAGE_DESCRIPTION, {"image_url": url})
                if what:
                    with pytest.raises(ModelError, match=what):
                        await work
                else:
                    assert (await work)["description"].startswith("echo: Describe")
    [chat] = fake.chats
    assert chat.messages[-1]["content"][1]["image_url"]["url"] == DATA_URL


# ---- sound


async def test_transcription(fake: FakeOpenAI, agent: Asker) -> None:
    ogg = b"OggS" + bytes(60)
    heard = await agent.ask(ModelType.TRANSCRIPTION, TranscriptionRequest(audio=ogg, file_name="voice.oga"))
    assert heard == "voice.ogg, 64 bytes"
    assert (fake.requests[0].model, fake.requests[0].body["file"]) == ("fake-ears", ogg)
    fake.media.heard = " Hello \x00there.\n"
    request = TranscriptionRequest(audio=b"\x01\x02unknown", file_name="clip.mp3")
    assert await agent.ask(ModelType.TRANSCRIPTION, request) == "Hello there."
    assert fake.requests[1].body["file_name"] == "clip.mp3"
    with pytest.raises(ModelError, match="empty file"):
        await agent.ask(ModelType.TRANSCRIPTION, TranscriptionRequest(audio=b""))
    with pytest.raises(ModelError, match="file format"):
        await agent.ask(ModelType.TRANSCRIPTION, TranscriptionRequest(audio=b"x", file_name="x.exe"))


async def test_speech(fake: FakeOpenAI, agent: Asker) -> None:
    sound = await agent.ask(ModelType.TEXT_TO_SPEECH, SpeechRequest(text="Hello"))
    assert sound == fake.media.sound
    body = fake.requests[0].body
    assert (body["model"], body["voice"], body["response_format"]) == ("fake-voice", "alloy", "opus")
    await agent.ask(ModelType.TEXT_TO_SPEECH, SpeechRequest(text="x" * 9000, voice="marin", format="mp3"))
    assert len(fake.requests[1].body["input"]) == 4096
    assert fake.requests[1].body["voice"] == "marin"
    fake.media.sound_type = "application/json"
    with pytest.raises(ModelError, match="something else than sound"):
        await agent.ask(ModelType.TEXT_TO_SPEECH, SpeechRequest(text="Hello"))
    with pytest.raises(ModelError, match="nothing to say"):
        await agent.ask(ModelType.TEXT_TO_SPEECH, SpeechRequest(text=" "))


async def test_the_configured_voice(fake: FakeOpenAI) -> None:
    async with Asker() as agent:
        await _open(agent, fake, voice="cedar")
        await agent.ask(ModelType.TEXT_TO_SPEECH, SpeechRequest(text="Hello"))
    assert fake.requests[0].body["voice"] == "cedar"


# ---- sampling


async def test_sampling(fake: FakeOpenAI, agent: Asker) -> None:
    request = _text(top_p=0.5, seed=7, stop=("END",), presence_penalty=0.0, top_k=40, min_p=0.1)
    await agent.ask(ModelType.TEXT_LARGE, request)
    sent = {name: fake.chats[0].body.get(name) for name in ("top_p", "seed", "stop", "presence_penalty")}
    assert sent == {"top_p": 0.5, "seed": 7, "stop": ["END"], "presence_penalty": 0.0}
    assert (fake.chats[0].body["top_k"], fake.chats[0].body["min_p"]) == (40, 0.1)
    await agent.ask(ModelType.TEXT_LARGE, _text())
    assert not {"top_p", "seed", "stop", "top_k", "presence_penalty"} & set(fake.chats[1].body)


async def test_refused_sampling_is_left_out(fake: FakeOpenAI, agent: Asker) -> None:
    fake.refuse["top_p"] = ApiError(400, "Unsupported parameter: 'top_p' is not supported.", param="top_p")
    fake.refuse["min_p"] = ApiError(400, "Unrecognized request argument supplied: `min_p`", "x")
    for _ in range(2):
        await agent.ask(ModelType.TEXT_LARGE, _text(top_p=0.5, min_p=0.1, seed=7))
    assert len(fake.chats) == 4
    assert fake.chats[-1].body["seed"] == 7


# ---- prices


@pytest.mark.parametrize("stream", [False, True])
async def test_cost(fake: FakeOpenAI, *, stream: bool) -> None:
    async def on_chunk(_: str) -> None:
        return None

    prices = {"fake-large": {"input": 2.0, "output": 10.0}}
    async with Asker() as agent:
        await _open(agent, fake, prices=prices)
        fake.answer(Answer("priced", usage=(1000, 500)), Answer("not priced", usage=(1000, 500)))
        priced = await agent.ask(ModelType.TEXT_LARGE, _text(on_chunk=on_chunk if stream else None))
        unknown = await agent.ask(ModelType.TEXT_SMALL, _text())
    assert priced.usage.cost == pytest.approx(0.007)
    assert unknown.usage.cost == 0.0


def test_wrong_prices() -> None:
    for wrong in ({"x": {"inptu": 1}}, {"x": {"input": -1}}, {"x": 1}):
        with pytest.raises(ValueError, match="prices"):
            OpenAIConfig.model_validate({"prices": wrong})


async def test_tokens_and_cost_of_all_kinds_are_on_the_run(fake: FakeOpenAI) -> None:
    price = {"input": 1_000_000.0, "output": 1_000_000.0}
    fake.answer(
        Answer("no object", usage=(10, 1)), Answer("{}", usage=(20, 2)), Answer('{"title": ""}', usage=(5, 5))
    )
    told: list[ModelEvent] = []
    async with FakeAgent() as agent:
        await _open(agent, fake, prices=dict.fromkeys(NAMES.values(), price))
        agent.on("MODEL_USED", told.append)
        # The runtime's own way: a FakeAgent's use_model keeps no records.
        use = partial(agent.models.use, agent)
        await use(ModelType.OBJECT_LARGE, {"prompt": "Who?"})
        await use(ModelType.IMAGE_DESCRIPTION, {"image_url": DATA_URL})
        await use(ModelType.TEXT_EMBEDDING, {"text": "x" * 40})
        await use(ModelType.IMAGE, {"prompt": "a cat"})
        await use(ModelType.TRANSCRIPTION, {"audio": b"OggS" + bytes(60)})
        await use(ModelType.TEXT_TO_SPEECH, {"text": "Hello"})
    assert [(e.model, e.prompt_tokens, e.completion_tokens, e.cost) for e in told] == [
        ("fake-large", 30, 3, 33.0),
        ("fake-small", 5, 5, 10.0),
        ("fake-embedding", 10, 0, 10.0),
        ("fake-image", 10, 100, 110.0),
        ("fake-ears", 0, 0, 0.0),
        ("", 0, 0, 0.0),
    ]


# ---- check


async def test_check_tries_what_is_set(fake: FakeOpenAI) -> None:
    assert plugin.check is not None
    config = {
        "api_key": KEY,
        "base_url": fake.url,
        **NAMES,
        "vision": "fake-small",
        "reasoning_large": "fake-x",
    }
    lines = await plugin.check(config)
    assert [(line.name, line.ok) for line in lines] == [
        ("model openai small and vision", True),
        ("model openai large", True),
        ("model openai reasoning_large", False),
        ("model openai embedding", True),
    ]
    assert "models.openai.reasoning_large" in lines[2].advice
    assert fake.requests[-1].path == "/v1/embeddings"


# ---- tokens


async def test_tokens(agent: Asker) -> None:
    text = "Grüße, 世界! 👋"
    tokens = await agent.ask(ModelType.TEXT_TOKENIZER_ENCODE, TokenizeRequest(text=text))
    assert await agent.ask(ModelType.TEXT_TOKENIZER_DECODE, DetokenizeRequest(tokens=tokens)) == text
    with pytest.raises(ModelError, match="no tokens"):
        await agent.ask(ModelType.TEXT_TOKENIZER_DECODE, DetokenizeRequest(tokens=[-1]))


@given(st.text(alphabet=st.characters(exclude_characters="\x00", codec="utf-8")))
def test_tokens_there_and_back(text: str) -> None:
    pieces = Pieces()
    tokens = pieces.encode(text)
    assert pieces.decode(tokens) == text
    size = len(text.encode())
    assert -(-size // 4) <= len(tokens) <= size
    for cut in range(len(tokens) + 1):
        assert text.startswith(pieces.decode(tokens[:cut]))
        assert text.endswith(pieces.decode(tokens[cut:]))


@pytest.mark.parametrize("tokens", [[0], [1], [-5], [2**80], [0x01FF], [0x0261], ["a"], [None]])
def test_numbers_that_are_no_tokens(tokens: list[Any]) -> None:
    with pytest.raises(ModelError):
        Pieces().decode(tokens)


TIKTOKEN = """
class _Encoding:
    def encode(self, text, disallowed_special="all"):
        assert disallowed_special == ()
        return [ord(c) for c in text]
    def decode(self, tokens):
        return "".join(chr(t) for t in tokens)
def get_encoding(name):
    assert name == "o200k_base"
    return _Encoding()
"""


def test_tiktoken_is_used_only_with_its_vocabulary_at_hand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tiktoken.py").write_text(TIKTOKEN)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delenv("DATA_GYM_CACHE_DIR", raising=False)
    monkeypatch.delenv("TIKTOKEN_CACHE_DIR", raising=False)
    assert isinstance(load_tokens(), Pieces)
    cache = tmp_path / "cache"
    cache.mkdir()
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(cache))
    assert isinstance(load_tokens(), Pieces)
    url = b"https://openaipublic.blob.core.windows.net/encodings/o200k_base.tiktoken"
    (cache / hashlib.sha1(url).hexdigest()).write_text("x")
    tokens = load_tokens()
    assert tokens.encode("a<|endoftext|>") == [ord(c) for c in "a<|endoftext|>"]
    assert tokens.decode([97, 98]) == "ab"
    with pytest.raises(ModelError):
        tokens.decode([-1])
    sys.modules.pop("tiktoken")
