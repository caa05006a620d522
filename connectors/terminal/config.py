"""The settings of the terminal chat."""

import sys

from bot_host.connector import ConnectorConfig


class TerminalConfig(ConnectorConfig):
    """`[connectors.terminal]`. `enabled = "auto"`: on when standard input is a terminal; true: a pipe too."""


def missing(config: ConnectorConfig) -> str:
    """Why the terminal chat is off; empty: it can start."""
    if config.enabled is not True and not _is_terminal():
        return "stdin is not a terminal; set enabled = true to read lines from a pipe"
    if sys.stdin is None or sys.stdin.closed:
        return "there is no stdin; start from a terminal or with a pipe"
    return ""


def _is_terminal() -> bool:
    # A process started without a standard input has None here.
    return sys.stdin is not None and not sys.stdin.closed and sys.stdin.isatty()
