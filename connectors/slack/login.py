"""What the answer to a login tells: who we are, and how late it is at Slack. Pure."""

import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any, Final

from bot_host.connector import ConnectorError, one_line
from connectors.slack.events import Self

CLOCK_S: Final = 5.0
"""`Date` counts whole seconds, and is as old as the way here takes."""


def clock_ahead_s(headers: Mapping[str, str]) -> float:
    """How far Slack's clock is ahead of ours, by an answer's `Date`; 0 when it is about the same."""
    told = next((value for name, value in headers.items() if name.lower() == "date"), "")
    try:
        ahead = parsedate_to_datetime(told).timestamp() - time.time()
    except (TypeError, ValueError):
        return 0.0
    return ahead if abs(ahead) > CLOCK_S else 0.0


def self_of(data: Any) -> Self:
    """Who we are, by the answer of `auth.test`. Raises ConnectorError when it does not say."""
    if not isinstance(data, dict) or not all(data.get(key) for key in ("team_id", "user_id")):
        raise ConnectorError("auth.test does not say who we are: is api_base a Slack Web API?")
    return Self(
        team_id=str(data["team_id"]),
        user_id=str(data["user_id"]),
        bot_id=str(data.get("bot_id") or ""),
        name=one_line(str(data.get("user") or "")),
        enterprise_id=str(data.get("enterprise_id") or ""),
    )
