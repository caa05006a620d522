"""Bot Host: one process that hosts AI agents and lets people talk with them.

Names are resolved when they are first used, so that `import bot_host` loads nothing heavy.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bot_host.config.characters import load_character
    from bot_host.host import BotHost
    from bot_host.runtime import AgentOptions, AgentRuntime
    from bot_host.runtime.plugins import (
        build_character_plugins,
        load_plugin,
        resolve_plugin_dependencies,
        resolve_plugins,
    )
    from bot_host.runtime.settings import set_allowed_env_vars
    from bot_host.store import make_store
    from bot_host.types.character import Character
    from bot_host.types.content import ChannelType, Content, Media
    from bot_host.types.errors import BotHostError
    from bot_host.types.ids import create_unique_uuid, string_to_uuid
    from bot_host.types.memory import Memory, MemoryType
    from bot_host.types.models import ModelType
    from bot_host.types.outbound import Target

__version__ = "0.1.0"

_HOMES = {
    "AgentOptions": "bot_host.runtime",
    "AgentRuntime": "bot_host.runtime",
    "BotHost": "bot_host.host",
    "BotHostError": "bot_host.types.errors",
    "ChannelType": "bot_host.types.content",
    "Character": "bot_host.types.character",
    "Content": "bot_host.types.content",
    "Media": "bot_host.types.content",
    "Memory": "bot_host.types.memory",
    "MemoryType": "bot_host.types.memory",
    "ModelType": "bot_host.types.models",
    "Target": "bot_host.types.outbound",
    "build_character_plugins": "bot_host.runtime.plugins",
    "create_unique_uuid": "bot_host.types.ids",
    "load_character": "bot_host.config.characters",
    "load_plugin": "bot_host.runtime.plugins",
    "make_store": "bot_host.store",
    "resolve_plugin_dependencies": "bot_host.runtime.plugins",
    "resolve_plugins": "bot_host.runtime.plugins",
    "set_allowed_env_vars": "bot_host.runtime.settings",
    "string_to_uuid": "bot_host.types.ids",
}

__all__ = [
    "AgentOptions",
    "AgentRuntime",
    "BotHost",
    "BotHostError",
    "ChannelType",
    "Character",
    "Content",
    "Media",
    "Memory",
    "MemoryType",
    "ModelType",
    "Target",
    "build_character_plugins",
    "create_unique_uuid",
    "load_character",
    "load_plugin",
    "make_store",
    "resolve_plugin_dependencies",
    "resolve_plugins",
    "set_allowed_env_vars",
    "string_to_uuid",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'bot_host' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
