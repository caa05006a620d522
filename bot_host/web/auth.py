"""Who may ask: the token, a browser that signed in with it, and never what a strange page makes it send."""

import hashlib
import hmac
from urllib.parse import urlsplit

from starlette.requests import Request

from bot_host.config.schema import is_loopback
from bot_host.web.errors import ApiError
from bot_host.web.sessions import Sessions, session_of
from bot_host.web.throttle import Throttle


class Guard:
    """Lets a request pass, or refuses it. Without a token everybody on this machine may ask."""

    def __init__(self, token: str) -> None:
        # Digests have one length: the comparison tells nothing about the token's.
        self._digest = hashlib.sha256(token.encode()).digest() if token else None
        self._throttle = Throttle()
        self.sessions = Sessions(token)

    @property
    def wanted(self) -> bool:
        """Whether a token is needed at all."""
        return self._digest is not None

    async def check(self, request: Request) -> None:
        """Raises ApiError: 403 for another web page's request, 401 without the right token, 429."""
        check_origin(request)
        if self._digest is None or self.signed_in(request):
            return
        scheme, _, given = _raw(request, b"authorization").partition(b" ")
        if scheme.lower() != b"bearer" or not await self.is_right(request, given.strip()):
            raise ApiError(
                401,
                "the web token is needed, as a header: Authorization: Bearer TOKEN (web.token of the config)",
                headers={"WWW-Authenticate": "Bearer"},
            )

    def signed_in(self, request: Request) -> bool:
        """Whether a browser shows a session."""
        session = session_of(request.headers.get("cookie", ""))
        return bool(session) and self.sessions.knows(session)

    async def is_right(self, request: Request, given: bytes) -> bool:
        """Whether this is the token; a wrong one takes its time. Raises ApiError 429."""
        address = request.client.host if request.client is not None else ""
        async with self._throttle.attempt(address) as attempt:
            digest = hashlib.sha256(given).digest()
            right = self._digest is not None and hmac.compare_digest(digest, self._digest)
            attempt.wrong = bool(given) and not right
        return right


def check_origin(request: Request) -> None:
    """Raises ApiError 403 for a request that the page of another site makes a browser send.

    `Origin` is sent with all that may change something; `Sec-Fetch-Site` with all requests, of browsers
    that know it (W3C Fetch Metadata), and says the same of those that carry no Origin.
    """
    origin = request.headers.get("origin")
    site = request.headers.get("sec-fetch-site", "none")
    strange = origin is not None and _place(origin) != request.headers.get("host", "").lower()
    if strange or site not in ("same-origin", "none"):
        raise ApiError(403, "requests from other web pages are not taken")


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
