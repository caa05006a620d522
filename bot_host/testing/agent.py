"""An agent for the tests of one plugin, without the rest of the house."""

from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self, cast

from bot_host.contracts.plugin import Plugin
from bot_host.contracts.store import Store
from bot_host.kit.fetch import SafeFetcher
from bot_host.runtime import AgentOptions, AgentRuntime
from bot_host.runtime.media import made_media
from bot_host.runtime.requests import as_request, as_type, checked
from bot_host.types.character import Character
from bot_host.types.content import Media
from bot_host.types.errors import ModelError, StateError
from bot_host.types.models import ModelType, TextRequest, TextResult


class _NoStore:
    def __getattr__(self, name: str) -> Any:
        raise StateError("this FakeAgent has no store; give it one: FakeAgent(store=...)")


class FakeAgent(AgentRuntime):
    """An AgentRuntime that asks the model of highest priority once, and reads no environment.

    Use it as an async context manager: leaving it closes `exit_stack`, as a stopping agent does. `models`
    gives (priority, provider, handler) of each type, highest priority first. It needs no store as long as
    nothing is asked of one, and starts no task of its own.
    """

    def __init__(
        self,
        character: Character | None = None,
        *,
        settings: Mapping[str, Any] | None = None,
        store: Store | None = None,
        fetcher: SafeFetcher | None = None,
    ) -> None:
        self.settings: dict[str, Any] = dict(settings or {})
        self.saved: dict[str, bytes] = {}
        super().__init__(
            character or Character(name="Eliza", bio=["A test double."]),
            store=store or cast(Store, _NoStore()),
            settings=self.settings,
            options=AgentOptions(background=False),
            fetcher=fetcher,
            environ={},
        )

    def get_setting(self, key: str) -> Any | None:
        """From the character's secrets, its settings, then `settings`; never from the environment."""
        for source in (self._character.secrets, self._character.settings, self.settings):
            if source.get(key) is not None:
                return source[key]
        return None

    def set_setting(self, key: str, value: Any, secret: bool = False) -> None:
        """Into `settings`; nothing is audited."""
        self.settings[key] = value
        self._settings.set(key, value)

    async def save_media(
        self, data: bytes, *, file_name: str = "", title: str = "", voice: bool = False
    ) -> Media:
        """Into `saved`, by the name that the attachment has as its `file`."""
        media = made_media(data, file_name=file_name, title=title, voice=voice)
        name = f"{len(self.saved):032x}.bin"
        self.saved[name] = data
        return media.model_copy(update={"file": name})

    async def use_model(self, type: ModelType | str, params: Any, provider: str | None = None) -> Any:
        """Ask the registered model of highest priority, once. Raises ModelError."""
        type = as_type(type)
        offers = self.models[type]
        if not offers:
            raise ModelError(f"no plugin has registered a model for {type}")
        answer = checked(type, offers[0][1], await offers[0][2](self, as_request(type, params)))
        if isinstance(answer, TextResult) and not isinstance(params, TextRequest):
            return answer.text
        return answer

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()


async def run_plugin_tests(plugin: Plugin, agent: AgentRuntime) -> dict[str, BaseException | None]:
    """Run the checks that a plugin brings; each with what it failed by, or None."""
    results: dict[str, BaseException | None] = {}
    for name, test in plugin.tests.items():
        try:
            await test(agent)
            results[name] = None
        except Exception as error:  # noqa: BLE001 - the caller gets it
            results[name] = error
    return results
