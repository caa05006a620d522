"""Signed words that say nothing: links that let somebody install the app, and the `state` of an installation.

Nothing is kept of them until they are used: the signature is made with the app's client secret.
"""

import base64
import hashlib
import hmac
import secrets
import time
from dataclasses import dataclass
from typing import Final, Literal

from bot_host.connector import ConnectorConfig
from connectors.slack.config import SlackConfig

LINK_S: Final = 24 * 3600
"""What a link of `slack-install` is good for."""
STATE_S: Final = 600
"""What somebody may take at Slack's page."""

Kind = Literal["link", "state"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """A ticket whose signature is right."""

    nonce: str
    """Its own name: used up once."""
    expires_at: int
    """In seconds since 1970."""
    link: str
    """Of a state: the nonce of the link that it began with; empty: none was needed."""

    @property
    def is_old(self) -> bool:
        """Whether its time is over."""
        return self.expires_at < time.time()


def invite(config: ConnectorConfig, base: str) -> str:
    """An address at which somebody may install the app once; empty: none is needed, or it is no such app.

    `base`: where the web server is reached.
    """
    assert isinstance(config, SlackConfig)
    if not config.client_id or not config.client_secret or config.install == "off":
        return ""
    address = f"{base}/slack/install"
    return f"{address}?ticket={Tickets(config).link()}" if config.install == "link" else address


class Tickets:
    """Makes and reads the tickets of one app."""

    def __init__(self, config: SlackConfig) -> None:
        self._key = hashlib.sha256(f"bot-host/{config.client_id}/{config.client_secret}".encode()).digest()
        self.app = hashlib.sha256(config.client_id.encode()).hexdigest()[:8]
        """Which app a ticket is for, where several share an address."""

    def link(self) -> str:
        """For one installation, by whomever has it."""
        return self._sign("link", secrets.token_urlsafe(16), int(time.time()) + LINK_S, "", "")

    def state(self, *, link: str, cookie: str) -> str:
        """For one installation, by the browser that has the cookie."""
        return self._sign("state", secrets.token_urlsafe(16), int(time.time()) + STATE_S, link, cookie)

    def is_mine(self, text: str) -> bool:
        """Whether a ticket is, or claims to be, one of this app's."""
        return text.split(".")[0] == self.app

    def read_link(self, text: str) -> Ticket | None:
        """A link that this app has given out; None: it has not."""
        return self._read("link", text, "")

    def read_state(self, text: str, *, cookie: str) -> Ticket | None:
        """A state that this app gave to the browser with the cookie; None: it has not."""
        return self._read("state", text, cookie)

    def _sign(self, kind: Kind, nonce: str, expires_at: int, link: str, cookie: str) -> str:
        said = ".".join((self.app, nonce, str(expires_at), link))
        return f"{said}.{self._mac(kind, said, cookie)}"

    def _mac(self, kind: Kind, said: str, cookie: str) -> str:
        mac = hmac.new(self._key, f"{kind}\n{cookie}\n{said}".encode(), hashlib.sha256).digest()
        return base64.urlsafe_b64encode(mac).rstrip(b"=").decode("ascii")

    def _read(self, kind: Kind, text: str, cookie: str) -> Ticket | None:
        said, _, mac = text.rpartition(".")
        if not hmac.compare_digest(mac.encode(), self._mac(kind, said, cookie).encode()):
            return None
        _, nonce, expires_at, link = said.split(".")
        return Ticket(nonce=nonce, expires_at=int(expires_at), link=link)
