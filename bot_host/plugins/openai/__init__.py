"""OpenAI, and every server that speaks its Chat Completions API (Ollama, vLLM, llama.cpp, OpenRouter …)."""

import asyncio
import importlib
import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from pydantic import ValidationError

from bot_host.plugin import Agent, CheckLine, ConfigError, ModelType, Plugin
from bot_host.plugins.openai.config import OpenAIConfig

if TYPE_CHECKING:
    from bot_host.plugins.openai import client as client_module

log = logging.getLogger(__name__)

_UNSET = "no key and no server; set OPENAI_API_KEY, or base_url in [models.openai] of config.toml"


async def _load() -> "type[client_module.OpenAIModels]":
    """Import the SDK in a thread: it takes more than a second."""
    module = await asyncio.to_thread(importlib.import_module, "bot_host.plugins.openai.client")
    return cast("type[client_module.OpenAIModels]", module.OpenAIModels)


async def _init(config: Mapping[str, Any], agent: Agent) -> None:
    """Register both text models. Raises ConfigError when there is neither key nor server."""
    try:
        settings = OpenAIConfig.model_validate(dict(config))
    except ValidationError as error:
        raise ConfigError(_explain(error)) from None
    if not settings.is_set:
        raise ConfigError(f"openai: {_UNSET}")
    models = (await _load())(settings)
    agent.exit_stack.push_async_callback(models.close)
    agent.register_model(ModelType.TEXT_SMALL, models.small, provider="openai")
    agent.register_model(ModelType.TEXT_LARGE, models.large, provider="openai")
    log.info(
        "models from %s: %s (large), %s (small)",
        settings.place,
        settings.name_of("large"),
        settings.name_of("small"),
    )


async def _check(config: Mapping[str, Any]) -> Sequence[CheckLine]:
    try:
        settings = OpenAIConfig.model_validate(dict(config))
    except ValidationError as error:
        return [CheckLine(name="model openai", ok=False, detail=_explain(error), advice="mend config.toml")]
    if not settings.is_set:
        return [CheckLine(name="model openai", ok=False, detail="no key and no server", advice=_UNSET)]
    module = await asyncio.to_thread(importlib.import_module, "bot_host.plugins.openai.client")
    return cast("Sequence[CheckLine]", await module.check(settings))


def _explain(error: ValidationError) -> str:
    """Each wrong key with what is wrong, and no value: one of them is the API key."""
    faults = (f"models.openai.{'.'.join(str(p) for p in e['loc'])}: {e['msg']}" for e in error.errors())
    return "; ".join(faults)


plugin = Plugin(
    name="openai",
    description="Text models of OpenAI, or of any server that speaks its API",
    config=OpenAIConfig,
    init=_init,
    check=_check,
    priority=-50,
)
