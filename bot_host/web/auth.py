"""Who may ask: the token, and requests that a strange web page makes a browser send."""

import hashlib
import hmac
from urllib.parse import urlsplit

from starlette.requests import Request

from bot_host.config.schema import is_loopback
from bot_host.web.errors import ApiError


class Guard:
    """Lets a request pass, or refuses it. Without a token everybody on this machine may ask."""

    def __init__(self, token: str) -> None:
        # Digests have one length: the comparison tells nothing about the token's.
        self._digest = hashlib.sha256(token.encode()).digest() if token else None

    def check(self, request: Request) -> None:
        """Raises ApiError: 403 for another web page's request, 401 without the right token."""
        origin = request.headers.get("origin")
        if origin is not None and _place(origin) != request.headers.get("host", "").lower():
            raise ApiError(403, "requests from other web pages are not taken")
        if self._digest is None:
            return
        scheme, _, given = _raw(request, b"authorization").partition(b" ")
        digest = hashlib.sha256(given.strip()).digest()
        if not hmac.compare_digest(digest, self._digest) or scheme.lower() != b"bearer":
            raise ApiError(
                401,
                "the web token is needed, as a header: Authorization: Bearer TOKEN (web.token of the config)",
                headers={"WWW-Authenticate": "Bearer"},
            )


def _raw(request: Request, name: bytes) -> bytes:
    # Bytes as they came: a token may hold any text, and Starlette would read it as Latin-1.
    return next((value for key, value in request.scope["headers"] if key == name), b"")


def _place(origin: str) -> str:
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""


def names_this_machine(host_header: str, *, configured: str) -> bool:
    """Whether a Host header names this machine, as that of an honest client of a loopback address does.

    A page of another site whose name was made to point here (DNS rebinding) sends its own name.
    """
    try:
        name = urlsplit(f"//{host_header}").hostname or ""
    except ValueError:
        return False
    return is_loopback(name) or name.lower() == configured.strip().strip("[]").lower()
