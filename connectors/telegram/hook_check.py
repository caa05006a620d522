"""What keeps updates from the webhook, by its address and by what Telegram says. Pure."""

from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import urlsplit

from telegram import WebhookInfo

from bot_host.connector import CheckLine, one_line
from connectors.telegram.config import TelegramConfig

PORTS: Final = (443, 80, 88, 8443)
"""https://core.telegram.org/bots/api#setwebhook"""
NAME: Final = "telegram webhook"
ADVICE: Final = (
    "see that web.public_url leads here from outside, by https with a certificate that browsers trust, on "
    "port 443, 80, 88 or 8443"
)
RECENT: Final = timedelta(hours=1)


def address_fault(url: str, config: TelegramConfig) -> str:
    """Why Telegram cannot call this address, with the way out; empty: nothing is wrong with it.

    A Bot API server of one's own may call any address.
    """
    if not url:
        return 'mode = "webhook" needs the web server: set web.enabled = true, or mode = "polling"'
    if config.api_base:
        return ""
    parts = urlsplit(url)
    if parts.scheme != "https":
        return (
            f"Telegram calls https addresses only, and the webhook's is {url}; set web.public_url to the "
            'https address of the proxy before this host, or mode = "polling"'
        )
    if parts.port not in (None, *PORTS):
        return (
            f"Telegram calls the ports 443, 80, 88 and 8443 only, and web.public_url has {parts.port}; let "
            'the proxy before this host listen on one of them, or set mode = "polling"'
        )
    return ""


def webhook_lines(info: WebhookInfo | None, url: str, config: TelegramConfig) -> list[CheckLine]:
    """What is found of a bot whose updates are brought."""
    fault = address_fault(url, config)
    if fault:
        detail, _, advice = fault.partition("; ")
        return [CheckLine(name=NAME, ok=False, detail=detail, advice=advice)]
    if info is None:
        return [CheckLine(name=NAME, ok=True, detail="the Bot API server does not say whether it is set")]
    if info.url != url:
        what = "another address is set" if info.url else "it is not set yet"
        return [
            CheckLine(
                name=NAME,
                ok=True,
                detail=f"{what}; {url} is set when the host starts",
                advice="see that no other program needs it" if info.url else "",
            )
        ]
    waiting = f"{info.pending_update_count} updates wait at Telegram"
    failed = info.last_error_date
    if failed is None:
        return [CheckLine(name=NAME, ok=True, detail=f"set to {url}; {waiting}")]
    why = one_line(info.last_error_message or "no reason", 200)
    return [
        CheckLine(
            name=NAME,
            ok=not info.pending_update_count or datetime.now(UTC) - failed > RECENT,
            detail=f"the last failure was at {failed:%Y-%m-%d %H:%M:%S} UTC: {why}; {waiting}",
            advice=f"if the host runs, {ADVICE}",
        )
    ]
