"""Floor 6: many agents. Orchestrator, inbox, lanes, outbox, connector supervision."""

from bot_host.host.orchestrator import BotHost

__all__ = ["BotHost"]
