"""Floor 7: doubles for people who write plugins and connectors."""

from bot_host.testing.agent import FakeAgent
from bot_host.testing.connector import RecordingHost

__all__ = ["FakeAgent", "RecordingHost"]
