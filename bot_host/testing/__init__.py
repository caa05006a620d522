"""Floor 7: doubles for people who write plugins and connectors."""

from bot_host.store.plugin_kept import retention_gaps
from bot_host.store.plugin_people import erase_gaps
from bot_host.testing.agent import FakeAgent, run_plugin_tests
from bot_host.testing.connector import RecordingHost
from bot_host.testing.model import ScriptedModel
from bot_host.testing.platform import FakePlatform

__all__ = [
    "FakeAgent",
    "FakePlatform",
    "RecordingHost",
    "ScriptedModel",
    "erase_gaps",
    "retention_gaps",
    "run_plugin_tests",
]
