"""The loggers that slack-sdk and slack-bolt write to."""

import logging
import re
from typing import Final

_TICKET: Final = re.compile(r"(ticket=)[^&\s'\"]+")

MOST: Final = 500


class _Quiet(logging.Filter):
    """Passing faults are told by the connector: here they are one warning, without traceback and ticket."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg = " ".join(_TICKET.sub(r"\1***", record.getMessage()).split())[:MOST]
        record.args = ()
        record.exc_info = record.exc_text = None
        if record.levelno == logging.ERROR:
            record.levelno, record.levelname = logging.WARNING, logging.getLevelName(logging.WARNING)
        return True


def _make(name: str, level: int) -> logging.Logger:
    # With the level NOTSET slack-sdk takes itself for being debugged and formats each request and response.
    logger = logging.getLogger(name)
    logger.setLevel(level)
    if not logger.filters:
        logger.addFilter(_Quiet())
    return logger


SDK_LOG: Final = _make("connectors.slack.sdk", logging.WARNING)
BOLT_LOG: Final = _make("connectors.slack.bolt", logging.ERROR)
