"""The terminal: chat with the first agent where the host was started. No SDK, no token."""

from bot_host.connector import Connector, ConnectorConfig, ConnectorSpec
from connectors.terminal.config import TerminalConfig, missing


def _create(config: ConnectorConfig) -> Connector:
    # Here and not above: reading the config must cost no more than its own module.
    from connectors.terminal.client import TerminalConnector

    assert isinstance(config, TerminalConfig)
    return TerminalConnector(config)


connector = ConnectorSpec(platform="terminal", config=TerminalConfig, missing=missing, create=_create)

__all__ = ["connector"]
