"""python-telegram-bot's requests on aiohttp, and faults that say whether a request may have arrived.

A third of the CPU time per call of the library's own HTTPXRequest. No error made here contains an address:
the path of every Bot API address is the token.
"""

import asyncio
import io
import json
from typing import Any
from urllib.request import getproxies, proxy_bypass

import aiohttp
from telegram.error import NetworkError, TelegramError
from telegram.request import BaseRequest, RequestData
from yarl import URL

from bot_host.connector import FetchFailed, FetchRefused

CONNECT_TIMEOUT_S = 10.0
READ_TIMEOUT_S = 20.0
WRITE_TIMEOUT_S = 20.0
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}


class NotSent(NetworkError):
    """No connection: the request has certainly not arrived."""


class NoAnswer(NetworkError):
    """The request left us, and no whole answer came: it may have been carried out."""


class AiohttpRequest(BaseRequest):
    """One pool of connections. Opened by its first request, closed by `shutdown`."""

    def __init__(self, *, connections: int) -> None:
        self._connections = connections
        self._session: aiohttp.ClientSession | None = None
        self._proxy: str | None = None

    @property
    def read_timeout(self) -> float:
        return READ_TIMEOUT_S

    async def initialize(self) -> None:
        """Nothing to do before the first request."""

    async def shutdown(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _open(self, url: str) -> aiohttp.ClientSession:
        if self._session is None:
            self._proxy = _proxy_for(url)
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=self._connections),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"User-Agent": self.USER_AGENT},
            )
        return self._session

    async def do_request(
        self,
        url: str,
        method: str,
        request_data: RequestData | None = None,
        read_timeout: Any = BaseRequest.DEFAULT_NONE,
        write_timeout: Any = BaseRequest.DEFAULT_NONE,
        connect_timeout: Any = BaseRequest.DEFAULT_NONE,
        pool_timeout: Any = BaseRequest.DEFAULT_NONE,
    ) -> tuple[int, bytes]:
        """Raises NotSent or NoAnswer."""
        read_s, connect_s = (
            _seconds(read_timeout, READ_TIMEOUT_S),
            _seconds(connect_timeout, CONNECT_TIMEOUT_S),
        )
        timeout = aiohttp.ClientTimeout(
            total=connect_s + _seconds(write_timeout, WRITE_TIMEOUT_S) + read_s,
            connect=connect_s,
            sock_read=read_s,
        )
        try:
            async with self._open(url).request(
                method,
                url,
                **_body(request_data),
                timeout=timeout,
                proxy=self._proxy,
                allow_redirects=False,
            ) as response:
                payload = await response.read()
        except (
            aiohttp.ClientConnectorError,
            aiohttp.ConnectionTimeoutError,
            aiohttp.ClientHttpProxyError,
        ) as error:
            raise NotSent(f"cannot reach the Bot API ({_describe(error)})") from None
        except (aiohttp.ClientError, TimeoutError, asyncio.IncompleteReadError, OSError) as error:
            raise NoAnswer(f"no answer from the Bot API ({type(error).__name__})") from None
        if method == "POST" and response.status < 300 and b'"result"' not in payload:
            return _refusal_status(payload), payload
        return response.status, payload

    async def read(self, url: str, *, max_bytes: int) -> bytes:
        """What is at an address of the Bot API. Raises FetchRefused for more than that, and FetchFailed."""
        timeout = aiohttp.ClientTimeout(connect=CONNECT_TIMEOUT_S, sock_read=READ_TIMEOUT_S)
        found = bytearray()
        try:
            async with self._open(url).get(
                url, timeout=timeout, proxy=self._proxy, allow_redirects=False
            ) as response:
                if response.status != 200:
                    raise FetchFailed(f"Telegram answers with {response.status}", status=response.status)
                async for chunk in response.content.iter_chunked(1 << 16):
                    found += chunk
                    if len(found) > max_bytes:
                        raise FetchRefused(f"it is larger than {max_bytes:,} bytes")
        except (aiohttp.ClientError, TimeoutError, asyncio.IncompleteReadError, OSError) as error:
            # None of these in words: they may show the address.
            raise FetchFailed(f"Telegram does not answer: {type(error).__name__}") from None
        return bytes(found)

    @staticmethod
    def parse_json_payload(payload: bytes) -> dict[str, Any]:
        """As the library's own, which would log what it cannot read and trip over other shapes."""
        try:
            answer = json.loads(payload.decode("utf-8", "replace"))
        except (ValueError, RecursionError):
            answer = None
        if not isinstance(answer, dict):
            raise TelegramError("Invalid server response")
        if "description" in answer:
            answer["description"] = str(answer["description"])
        given = answer.get("parameters")
        if given is not None:
            pairs = given.items() if isinstance(given, dict) else ()
            answer["parameters"] = {name: value for name, value in pairs if isinstance(value, int)}
        return answer


def _refusal_status(payload: bytes) -> int:
    """The `error_code` of a refusal that a gateway passed on with a success's status. Raises NoAnswer."""
    try:
        answer = json.loads(payload)
    except (ValueError, RecursionError):
        answer = None
    code = answer.get("error_code") if isinstance(answer, dict) and answer.get("ok") is False else None
    if not isinstance(code, int) or not 400 <= code <= 599:
        raise NoAnswer("the Bot API's answer is not an answer")
    return code


def _seconds(given: Any, default: float) -> float:
    return float(given) if isinstance(given, int | float) else default


def _describe(error: aiohttp.ClientError) -> str:
    code = getattr(error, "os_error", None)
    return (
        f"{type(error).__name__}: {code.strerror}"
        if code is not None and code.strerror
        else type(error).__name__
    )


def _proxy_for(url: str) -> str | None:
    """HTTPS_PROXY and its kin; not aiohttp's `trust_env`, which reads ~/.netrc at each request."""
    address = URL(url)
    if not address.host or proxy_bypass(address.host):
        return None
    return getproxies().get(address.scheme)


def _body(data: RequestData | None) -> dict[str, Any]:
    """The arguments of aiohttp that carry the parameters."""
    if data is None or not (data.parameters or data.contains_files):
        return {}
    if not data.contains_files:
        return {"data": data.url_encoded_parameters().encode(), "headers": _FORM}
    # Percent signs in place of letters would be shown as they are.
    form = aiohttp.FormData(quote_fields=False, default_to_multipart=True)
    for name, value in data.json_parameters.items():
        form.add_field(name, value)
    for name, (file_name, given, mime_type) in data.multipart_data.items():
        # aiohttp warns of large bytes, which it would send in one go.
        content = io.BytesIO(given) if isinstance(given, bytes) else given
        form.add_field(name, content, filename=file_name, content_type=mime_type)
    return {"data": form}
