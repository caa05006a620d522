"""OpenAI, and every server that speaks its Chat Completions API (Ollama, vLLM, llama.cpp, OpenRouter …)."""

import asyncio
import importlib
import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from pydantic import ValidationError

from bot_host.plugin import Agent, CheckLine, ConfigError, ModelHandler, ModelType, Plugin
from bot_host.plugins.openai.config import SETTINGS, OpenAIConfig

if TYPE_CHECKING:
    from bot_host.plugins.openai.client import OpenAIModels

log = logging.getLogger(__name__)

SIZES = {
    ModelType.TEXT_SMALL: "small",
    ModelType.TEXT_LARGE: "large",
    ModelType.TEXT_REASONING_SMALL: "reasoning_small",
    ModelType.TEXT_REASONING_LARGE: "reasoning_large",
    ModelType.TEXT_COMPLETION: "large",
}
"""The text models, and the keys that name them."""
_UNSET = "no key and no server; set OPENAI_API_KEY, or base_url in [models.openai] of config.toml"


def _open(settings: OpenAIConfig) -> "tuple[OpenAIModels, dict[ModelType, ModelHandler]]":
    """Import the SDK and make its client. Takes more than a second: call it in a thread."""
    module = importlib.import_module("bot_host.plugins.openai.offers")
    return cast("tuple[OpenAIModels, dict[ModelType, ModelHandler]]", module.open_models(settings))


async def _init(config: Mapping[str, Any], agent: Agent) -> None:
    """Register all that the server offers. Raises ConfigError when there is neither key nor server."""
    try:
        settings = OpenAIConfig.model_validate(dict(config))
    except ValidationError as error:
        raise ConfigError(_explain(error)) from None
    if not settings.is_set:
        raise ConfigError(f"openai: {_UNSET}")
    models, offers = await asyncio.to_thread(_open, settings)
    agent.exit_stack.push_async_callback(models.close)
    for kind, handler in offers.items():
        size = SIZES.get(kind)
        window = models.windows.of(size) if size else None
        agent.register_model(kind, handler, provider="openai", window=window)
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
    module = await asyncio.to_thread(importlib.import_module, "bot_host.plugins.openai.probe")
    return cast("Sequence[CheckLine]", await module.check(settings))


def _explain(error: ValidationError) -> str:
    """Each wrong key with what is wrong, and no value: one of them is the API key."""
    faults = (f"models.openai.{'.'.join(str(p) for p in e['loc'])}: {e['msg']}" for e in error.errors())
    return "; ".join(faults)


plugin = Plugin(
    name="openai",
    description="Models of OpenAI, or of any server that speaks its API",
    config=OpenAIConfig,
    settings=SETTINGS,
    init=_init,
    check=_check,
    priority=-50,
)
