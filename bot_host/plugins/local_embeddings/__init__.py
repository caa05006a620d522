"""Vectors of texts without network: a sentence-transformers model as ONNX, from a folder on this machine.

Needs the extra `local-embeddings`. The model's files are the admin's to bring: nothing is ever downloaded.
"""

import asyncio
import importlib
import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, cast

from bot_host.plugin import (
    Agent,
    CheckLine,
    ConfigError,
    EmbeddingBatchRequest,
    EmbeddingRequest,
    ModelError,
    ModelType,
    Plugin,
    Usage,
    note_usage,
)
from bot_host.plugins.local_embeddings.config import LocalEmbeddingsConfig

if TYPE_CHECKING:
    from bot_host.plugins.local_embeddings.model import LocalModel

log = logging.getLogger(__name__)

PRIORITY: Final = -10
"""Below a provider that offers embeddings of its own; `models.embedding` chooses otherwise."""
_MISSING: Final = 'onnxruntime and tokenizers are not installed: pip install "bot-host[local-embeddings]"'


def _open(config: LocalEmbeddingsConfig) -> "LocalModel":
    """Load the model, or take the one that another agent has. Takes seconds: call it in a thread."""
    try:
        module = importlib.import_module("bot_host.plugins.local_embeddings.model")
    except ImportError as error:
        raise ConfigError(f"local_embeddings: {_MISSING} ({error})") from error
    return cast("LocalModel", module.open_model(config))


async def _init(config: Mapping[str, Any], agent: Agent) -> None:
    """Offer the model. Raises ConfigError when the extra is not installed, or the folder is no model's."""
    settings = LocalEmbeddingsConfig.model_validate(dict(config))
    if not settings.folder:
        return
    model = await asyncio.to_thread(_open, settings)

    async def many(_agent: Agent, request: EmbeddingBatchRequest) -> list[list[float]]:
        _refuse_other(model, request.model)
        vectors = await model.vectors(request.texts)
        # No tokens: what the machine does itself is not what `tokens_per_day` is for.
        note_usage(Usage(), model=model.name)
        return vectors

    async def one(agent: Agent, request: EmbeddingRequest) -> list[float]:
        return (await many(agent, EmbeddingBatchRequest(texts=(request.text,), model=request.model)))[0]

    agent.register_model(ModelType.TEXT_EMBEDDING, one, provider=plugin.name, priority=PRIORITY)
    agent.register_model(ModelType.TEXT_EMBEDDING_BATCH, many, provider=plugin.name, priority=PRIORITY)
    log.info("embeddings by %s on this machine, %d dimensions", model.name, model.dimensions)


def _refuse_other(model: "LocalModel", asked: str) -> None:
    if asked and asked != model.name:
        raise ModelError(f"local_embeddings has {model.name}, not {asked}")


async def _check(config: Mapping[str, Any]) -> Sequence[CheckLine]:
    name = "model local_embeddings"
    settings = LocalEmbeddingsConfig.model_validate(dict(config))
    if not settings.folder:
        return [CheckLine(name=name, ok=True, detail="off: no folder")]
    try:
        model = await asyncio.to_thread(_open, settings)
        [vector] = await model.vectors(["ok"])
    except (ConfigError, ModelError) as error:
        return [
            CheckLine(name=name, ok=False, detail=str(error), advice="see models.local_embeddings.folder")
        ]
    return [CheckLine(name=name, ok=True, detail=f"{model.name} works, {len(vector)} dimensions")]


plugin = Plugin(
    name="local_embeddings",
    description="Vectors of texts by a model on this machine, without network",
    config=LocalEmbeddingsConfig,
    init=_init,
    check=_check,
    priority=-50,
)
