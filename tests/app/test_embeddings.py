"""Who makes an agent's vectors, by the config."""

from pathlib import Path

import pytest

from bot_host.app.agents import hosted_agents
from bot_host.app.build import build, load
from bot_host.app.check import check
from bot_host.config.schema import Loaded
from bot_host.contracts.connector import CheckLine
from bot_host.kit.logs import SecretMask
from bot_host.types.errors import ConfigError
from bot_host.types.models import ModelType
from tests.fakes.onnx_model import write_model

OPENAI = '[models.openai]\napi_key = "sk-fake"\n'
SERVER = '[models.openai]\nbase_url = "http://127.0.0.1:9/v1"\nlarge = "big"\n'
LOCAL = '[models.local_embeddings]\nfolder = "tiny"\n'


def configured(folder: Path, text: str) -> Loaded:
    write_model(folder / "tiny", {"cat": [1.0, 0.0]})
    path = folder / "config.toml"
    path.write_text(f"{text}\n[web]\nenabled = false\n", encoding="utf-8")
    return load(path, {}, {})


async def told(loaded: Loaded) -> CheckLine:
    lines = [finding.line async for finding in check(loaded)]
    return next(line for line in lines if line.name == "embeddings")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", "none: memories are searched by their words, not by meaning"),
        (LOCAL, "{folder}/tiny, on this machine"),
        (SERVER, "none: memories are searched by their words, not by meaning"),
        (SERVER + 'embedding = "small-vectors"\n' + LOCAL, "small-vectors at 127.0.0.1:9"),
        (SERVER + LOCAL, "{folder}/tiny, on this machine"),
        ('[models]\nembedding = "off"\n' + LOCAL, 'off: models.embedding = "off"'),
        (
            '[models]\nembedding = "local_embeddings"\n' + SERVER + 'embedding = "small-vectors"\n' + LOCAL,
            "{folder}/tiny, on this machine",
        ),
    ],
)
async def test_check_says_who_makes_vectors(tmp_path: Path, text: str, wanted: str) -> None:
    line = await told(configured(tmp_path, text))
    assert (line.ok, line.detail) == (True, wanted.format(folder=tmp_path))


async def test_it_is_who_makes_them(tmp_path: Path) -> None:
    text = '[models]\nembedding = "local_embeddings"\n' + OPENAI + LOCAL
    built = await build(configured(tmp_path, text), mask=SecretMask())
    async with built.host:
        await built.start()
        [agent] = built.host.get_agents()
        assert agent.models.providers(ModelType.TEXT_EMBEDDING) == ["openai", "local_embeddings"]
        assert (await agent.embedding_status()).provider == "local_embeddings"


async def test_off_is_nobody(tmp_path: Path) -> None:
    built = await build(configured(tmp_path, '[models]\nembedding = "off"\n' + OPENAI), mask=SecretMask())
    async with built.host:
        await built.start()
        [agent] = built.host.get_agents()
        assert (await agent.embedding_status()).provider == ""


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ('[models]\nembedding = "local_embeddings"\n', "set models.local_embeddings.folder"),
        ('[models]\nembedding = "local_embedings"\n' + LOCAL, 'found "local_embedings"'),
    ],
)
def test_what_cannot_be_is_an_error(tmp_path: Path, text: str, wanted: str) -> None:
    with pytest.raises(ConfigError, match=wanted):
        list(hosted_agents(configured(tmp_path, text)))
