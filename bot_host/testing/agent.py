"""An agent for the tests of one plugin, without the rest of the house."""

from collections.abc import Mapping
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Any, Self

from bot_host.contracts.plugin import ModelHandler
from bot_host.contracts.store import Store
from bot_host.types.character import Character
from bot_host.types.errors import ModelError, StateError
from bot_host.types.ids import UUID
from bot_host.types.models import ModelType, TextRequest, TextResult


class FakeAgent:
    """An `Agent` that keeps the models it is given and asks the one of highest priority.

    Use it as an async context manager: leaving it closes `exit_stack`, as a stopping agent does.
    `models` maps each type to (priority, provider, handler), highest priority first.
    """

    def __init__(
        self,
        character: Character | None = None,
        *,
        settings: Mapping[str, Any] | None = None,
        store: Store | None = None,
    ) -> None:
        self._character = character or Character(name="Eliza", bio=["A test double."])
        self._store = store
        self._exit_stack = AsyncExitStack()
        self.settings: dict[str, Any] = dict(settings or {})
        self.models: dict[ModelType, list[tuple[int, str, ModelHandler]]] = {}

    @property
    def agent_id(self) -> UUID:
        return self._character.agent_id

    @property
    def character(self) -> Character:
        return self._character

    @property
    def store(self) -> Store:
        """The store that was given. Raises StateError when there is none."""
        if self._store is None:
            raise StateError("this FakeAgent has no store; give it one: FakeAgent(store=...)")
        return self._store

    @property
    def exit_stack(self) -> AsyncExitStack:
        return self._exit_stack

    def get_setting(self, key: str) -> Any | None:
        """From the character's secrets, its settings, then `settings`; never from the environment."""
        for source in (self._character.secrets, self._character.settings, self.settings):
            if source.get(key) is not None:
                return source[key]
        return None

    async def use_model(self, type: ModelType, params: TextRequest) -> TextResult:
        """Ask the registered model of highest priority, once. Raises ModelError."""
        offers = self.models.get(type)
        if not offers:
            raise ModelError(f"no plugin has registered a model for {type}")
        return await offers[0][2](self, params)

    def register_model(
        self, type: ModelType, handler: ModelHandler, *, provider: str, priority: int = 0
    ) -> None:
        offers = self.models.setdefault(type, [])
        offers.append((priority, provider, handler))
        offers.sort(key=lambda offer: -offer[0])

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._exit_stack.aclose()
