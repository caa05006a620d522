"""Floor 4: one agent. Registries, models, state, actions, settings."""

from bot_host.runtime.agent import AgentOptions, AgentRuntime

__all__ = ["AgentOptions", "AgentRuntime"]
