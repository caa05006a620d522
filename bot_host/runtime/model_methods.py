"""The agent's methods for models (elizaos.md 2.10)."""

from collections.abc import Mapping
from typing import Any, cast, overload

from bot_host.contracts.plugin import Agent, ModelHandler
from bot_host.runtime.base import AgentBase
from bot_host.runtime.models import Models
from bot_host.runtime.text import generate_text
from bot_host.types.models import ModelType, TextRequest, TextResult
from bot_host.types.windows import WindowOf


class ModelMethods(AgentBase):
    """Offering models, and asking them."""

    def __init__(self) -> None:
        self.models = Models()

    def get_model(self, type: ModelType | str) -> ModelHandler | None:
        """The handler that is asked first, or None."""
        return self.models.get(type)

    def get_model_providers(self, type: ModelType | str) -> list[str]:
        """The names of who offers such a model, first asked first."""
        return self.models.providers(type)

    def register_model(
        self,
        type: ModelType | str,
        handler: ModelHandler,
        provider: str,
        priority: int = 0,
        *,
        window: WindowOf | None = None,
    ) -> None:
        """Offer a model; the highest priority is asked first. Raises StateError for an unknown type.

        `window` tells how much fits into a text model.
        """
        self.models.register(type, handler, provider=provider, priority=priority, window=window)

    @overload
    async def use_model(
        self, type: ModelType | str, params: TextRequest, provider: str | None = None
    ) -> TextResult: ...
    @overload
    async def use_model(self, type: ModelType | str, params: Any, provider: str | None = None) -> Any: ...
    async def use_model(self, type: ModelType | str, params: Any, provider: str | None = None) -> Any:
        """Ask a model: by priority, with retries, then the next provider. Raises ModelError, StateError."""
        return await self.models.use(cast(Agent, self), type, params, provider)

    async def generate_text(self, input: str, options: Mapping[str, Any] | None = None) -> TextResult:
        """Text for a bare prompt, in the character's voice (elizaos.md 2.10-12). See `runtime.text`."""
        return await generate_text(cast(Agent, self), input, **(options or {}))
