"""A browser's session: a cookie that the token alone can make, so that nothing needs to be kept."""

import hashlib
import hmac
import secrets
import time
from http.cookies import CookieError, SimpleCookie
from typing import Final

COOKIE: Final = "bot_host_session"
LASTS_S: Final = 14 * 24 * 3600
"""So long a browser stays signed in."""
ENDED_KEPT: Final = 1024
"""Sessions that were signed out and are remembered as over, for as long as the process lives."""


class Sessions:
    """Makes and knows cookies. Another token, and all that were made with the old one are over."""

    def __init__(self, token: str) -> None:
        self._key = hmac.digest(token.encode(), b"bot-host browser session", hashlib.sha256)
        self._ended: dict[str, None] = {}

    def make(self) -> str:
        """A new session's value: until when it lasts, a random part, and the proof that both are ours."""
        said = f"{int(time.time()) + LASTS_S}.{secrets.token_urlsafe(16)}"
        return f"{said}.{self._proof(said)}"

    def knows(self, value: str) -> bool:
        """Whether it is one of ours, not over, and not signed out."""
        said, _, proof = value.rpartition(".")
        until = said.partition(".")[0]
        if not (until.isascii() and until.isdigit() and len(until) < 16):
            return False
        good = hmac.compare_digest(proof.encode(), self._proof(said).encode())
        return good and int(until) > time.time() and value not in self._ended

    def end(self, value: str) -> None:
        """Sign out."""
        if self.knows(value):
            self._ended[value] = None
            while len(self._ended) > ENDED_KEPT:
                del self._ended[next(iter(self._ended))]

    def _proof(self, said: str) -> str:
        return hmac.new(self._key, said.encode(), hashlib.sha256).hexdigest()


def session_of(cookie_header: str) -> str:
    """The session's value in a Cookie header; empty: there is none."""
    try:
        found = SimpleCookie(cookie_header).get(COOKIE)
    except CookieError:
        return ""
    return found.value if found is not None else ""


def set_cookie(value: str, *, secure: bool, lasts_s: int = LASTS_S) -> str:
    """A Set-Cookie header. Scripts cannot read it, and other sites' pages do not send it."""
    flags = "; Secure" if secure else ""
    return f"{COOKIE}={value}; Path=/; Max-Age={lasts_s}; HttpOnly; SameSite=Strict{flags}"
