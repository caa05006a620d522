"""The local_embeddings plugin: onnxruntime and tokenizers themselves, with a tiny model."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot_host.plugin import ConfigError, EmbeddingBatchRequest, EmbeddingRequest, ModelError, ModelType
from bot_host.plugins.local_embeddings import PRIORITY, plugin
from bot_host.testing import FakeAgent
from tests.fakes.onnx_model import write_model

WORDS = {"cat": [1.0, 0.0, 0.0], "dog": [0.0, 1.0, 0.0], "fish": [0.0, 0.0, 3.0]}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_model(tmp_path / "tiny", WORDS)


@pytest.fixture
async def agent() -> AsyncIterator[FakeAgent]:
    async with FakeAgent() as agent:
        yield agent


async def load(agent: FakeAgent, folder: Path, **more: Any) -> None:
    assert plugin.init is not None
    await plugin.init({"folder": str(folder), **more}, agent)


async def vector(agent: FakeAgent, text: str, **more: Any) -> list[float]:
    found: list[float] = await agent.models.use(
        agent, ModelType.TEXT_EMBEDDING, EmbeddingRequest(text=text, **more)
    )
    return [round(number, 3) for number in found]


async def test_a_text_s_vector_is_the_mean_of_its_tokens(agent: FakeAgent, folder: Path) -> None:
    await load(agent, folder)
    assert await vector(agent, "cat") == [1.0, 0.0, 0.0]
    assert await vector(agent, "cat dog") == [0.707, 0.707, 0.0]
    # Of length 1, however long the model's are; NUL is no word.
    assert await vector(agent, " fish\x00 ") == [0.0, 0.0, 1.0]
    request = EmbeddingBatchRequest(texts=("cat", "dog cat dog", *["fish"] * 20))
    many = await agent.models.use(agent, ModelType.TEXT_EMBEDDING_BATCH, request)
    # What the shorter ones are filled up with does not count.
    assert [[round(n, 3) for n in each] for each in many[:2]] == [[1.0, 0.0, 0.0], [0.447, 0.894, 0.0]]
    assert many[2:] == [[0.0, 0.0, 1.0]] * 20
    with pytest.raises(ModelError, match="without words"):
        await vector(agent, " \x00")


@pytest.mark.parametrize(("pooling", "wanted"), [("cls", [1.0, 0.0, 0.0]), ("max", [0.707, 0.707, 0.0])])
async def test_other_ways_to_make_one_of_many(
    agent: FakeAgent, tmp_path: Path, pooling: str, wanted: list[float]
) -> None:
    await load(agent, write_model(tmp_path / "m", WORDS, pooling=pooling))
    assert await vector(agent, "cat dog dog") == wanted


async def test_what_is_too_long_is_cut_at_the_end(agent: FakeAgent, folder: Path) -> None:
    await load(agent, folder, max_tokens=8)
    assert await vector(agent, "cat " * 8 + "dog " * 1000) == [1.0, 0.0, 0.0]


async def test_the_model_s_own_length_counts_too(agent: FakeAgent, folder: Path) -> None:
    (folder / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": 2}))
    await load(agent, folder)
    assert await vector(agent, "cat cat dog dog") == [1.0, 0.0, 0.0]


async def test_it_stands_behind_a_provider_s_own_and_names_its_file(agent: FakeAgent, folder: Path) -> None:
    told: list[Any] = []
    agent.on("MODEL_USED", told.append)
    await load(agent, folder)
    assert [(priority, who) for priority, who, _ in agent.models[ModelType.TEXT_EMBEDDING]] == [
        (PRIORITY, "local_embeddings")
    ]
    await vector(agent, "cat")
    name = told[0].model
    assert name.startswith("tiny@")
    assert (told[0].prompt_tokens, told[0].cost) == (0, 0.0)
    assert await vector(agent, "dog", model=name) == [0.0, 1.0, 0.0]
    with pytest.raises(ModelError, match=f"has {name}, not another"):
        await vector(agent, "dog", model="another")
    # Another file in the same folder is another model.
    async with FakeAgent() as other:
        other.on("MODEL_USED", told.append)
        await load(other, write_model(folder.parent / "b" / "tiny", {"cat": [1.0, 1.0]}))
        await vector(other, "cat")
    assert told[-1].model.startswith("tiny@")
    assert told[-1].model != name


async def test_what_is_looked_for_does_not_wait_for_a_long_batch(agent: FakeAgent, folder: Path) -> None:
    await load(agent, folder)
    request = EmbeddingBatchRequest(texts=("cat " * 200,) * 2000)
    batch = asyncio.create_task(agent.models.use(agent, ModelType.TEXT_EMBEDDING_BATCH, request))
    await asyncio.sleep(0)
    assert await vector(agent, "dog") == [0.0, 1.0, 0.0]
    assert not batch.done()
    assert len(await batch) == 2000


async def test_without_a_folder_it_offers_nothing(agent: FakeAgent) -> None:
    assert plugin.init is not None
    await plugin.init({}, agent)
    assert agent.models.providers(ModelType.TEXT_EMBEDDING) == []


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (("onnx/model.onnx", None), "has no model.onnx"),
        (("tokenizer.json", None), "has no tokenizer.json"),
        (("onnx/model.onnx", b"not a model"), "cannot be read"),
        (("tokenizer.json", b"{}"), "cannot be read"),
        (("1_Pooling/config.json", b"{"), "1_Pooling/config.json cannot be read"),
    ],
)
async def test_a_folder_that_is_no_model_s_is_named(
    agent: FakeAgent, folder: Path, spoil: tuple[str, bytes | None], told: str
) -> None:
    name, data = spoil
    (folder / name).unlink() if data is None else (folder / name).write_bytes(data)
    with pytest.raises(ConfigError, match=told) as caught:
        await load(agent, folder)
    assert "models.local_embeddings.folder" in str(caught.value)
    assert plugin.check is not None
    [line] = await plugin.check({"folder": str(folder)})
    assert (line.ok, told in line.detail) == (False, True)


async def test_check(folder: Path) -> None:
    assert plugin.check is not None
    [line] = await plugin.check({"folder": str(folder)})
    assert line.ok
    assert line.detail.endswith("works, 3 dimensions")
    [line] = await plugin.check({})
    assert (line.ok, line.detail) == (True, "off: no folder")


async def test_without_the_extra_it_says_what_to_install(
    agent: FakeAgent, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "bot_host.plugins.local_embeddings.model", raising=False)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ConfigError, match=r"pip install \"bot-host\[local-embeddings\]\""):
        await load(agent, folder)
