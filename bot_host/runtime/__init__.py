"""Floor 4: one agent. Registries, models, state, actions, settings."""

from bot_host.runtime.agent import AgentRuntime
from bot_host.runtime.config import AgentOptions, Limits, RuntimeConfig

__all__ = ["AgentOptions", "AgentRuntime", "Limits", "RuntimeConfig"]
