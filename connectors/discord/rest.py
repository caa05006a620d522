"""Requests to Discord's REST API, through discord.py's own client and its rate-limit handling.

A client of its own, apart from the gateway's: `discord.Client.close` closes the REST session too, and
sending must work while the gateway is reconnecting and after it was closed.
"""

import asyncio
import json
import logging
from typing import Any, Final, TypeVar

import aiohttp
import discord
import discord.http
from discord.http import Route

from bot_host.connector import ConnectorError

log = logging.getLogger(__name__)

LOGIN_TIMEOUT_S: Final = 30.0
CLOSE_TIMEOUT_S: Final = 5.0
MAX_RATE_LIMIT_S: Final = 30.0
"""Longer rate limits raise `discord.RateLimited`; 30 is the least that discord.py takes."""

Json = dict[str, Any]
C = TypeVar("C", bound=discord.Client)

# The voice libraries are an extra; `voice.needs` says when they are missed, discord.py would at each start.
discord.VoiceClient.warn_nacl = False
discord.VoiceClient.warn_dave = False


async def _read_answer(response: aiohttp.ClientResponse) -> Json | str:
    """As discord.py's own, for servers and proxies that say less than Discord, or say it differently.

    discord.py takes a content type with a parameter (`; charset=utf-8`) for no JSON, and each 429 without
    the header `Via` for Cloudflare's, whatever the body says.
    """
    text = await response.text(encoding="utf-8")
    if response.content_type != "application/json":
        return text
    answer: Json = json.loads(text)
    if response.status == 429 and not response.headers.get("Via") and isinstance(answer, dict):
        wait = answer.get("retry_after")
        if isinstance(wait, int | float):
            raise discord.RateLimited(float(wait))
    return answer


discord.http.json_or_text = _read_answer


class LoginClient(discord.Client):
    """discord.py's client, which logs in also where the application is not told, or only in part."""

    flags_known = False
    """Whether the application's flags were told; if not, they read as 0."""

    async def application_info(self) -> discord.AppInfo:
        """The application, as far as anybody here asks: id, name, flags."""
        told: Any = {}
        try:
            told = await self.http.application_info()
        except (discord.Forbidden, discord.NotFound) as error:
            log.info("discord: the application is not told (%s)", describe(error))
        me = self.user
        assert me is not None
        told = told if isinstance(told, dict) else {}
        self.flags_known = isinstance(told.get("flags"), int)
        owner: Any = {"id": me.id, "username": me.name, "discriminator": "0", "avatar": None}
        known: Any = {
            "id": told.get("id") or me.id,
            "name": str(told.get("name") or me.name),
            "description": "",
            "icon": None,
            "bot_public": True,
            "bot_require_code_grant": False,
            "owner": owner,
            "verify_key": "",
            "flags": told["flags"] if self.flags_known else 0,
        }
        return discord.AppInfo(self._connection, known)


class Rest:
    """One account's REST session. Logs in at the first request; can be closed and used again."""

    def __init__(self, token: str) -> None:
        self._token = token
        self._client: LoginClient | None = None
        self._logging_in = asyncio.Lock()

    async def log_in(self) -> LoginClient:
        """The logged-in client (its `user` and `application` are set).

        Raises discord.LoginFailure for a wrong token, ConnectorError when Discord cannot be reached.
        """
        async with self._logging_in:
            if self._client is None:
                self._client = await log_in(
                    # It never opens a gateway; with fewer intents discord.py logs a warning.
                    LoginClient(intents=discord.Intents(guilds=True), max_ratelimit_timeout=MAX_RATE_LIMIT_S),
                    self._token,
                )
            return self._client

    async def request(
        self,
        method: str,
        path: str,
        *,
        timeout: float,
        json: Json | list[Json] | None = None,
        params: Json | None = None,
        form: list[Json] | None = None,
        files: list[discord.File] | None = None,
        **ids: str,
    ) -> Any:
        """One request; `ids` fill the names in `path`; `form` goes as multipart, with `files`.

        discord.py waits for short rate limits itself.

        Raises what `log_in` raises, discord.HTTPException, discord.RateLimited, aiohttp.ClientError,
        OSError, and TimeoutError after `timeout` seconds.
        """
        client = await self.log_in()
        more: Json = {}
        if json is not None:
            more["json"] = json
        if params is not None:
            more["params"] = params
        if form is not None:
            more |= {"form": form, "files": files}
            for file in files or ():
                # It may have been sent before: discord.py winds back only what it sends again itself.
                file.reset()
        async with asyncio.timeout(timeout):
            return await client.http.request(Route(method, path, **ids), **more)

    async def close(self) -> None:
        """Close the session. Idempotent."""
        client, self._client = self._client, None
        if client is not None:
            await close_client(client)


async def log_in(client: C, token: str) -> C:
    """`client`, logged in; closed when that failed. Raises as `Rest.log_in`."""
    try:
        async with asyncio.timeout(LOGIN_TIMEOUT_S):
            await client.login(token)
    except discord.LoginFailure:
        await close_client(client)
        raise
    except (discord.DiscordException, aiohttp.ClientError, OSError, KeyError, TypeError, ValueError) as error:
        # Besides network trouble, an answer may not be Discord's at all (a proxy's page, say).
        await close_client(client)
        raise ConnectorError(f"Discord does not answer: {describe(error)}") from error
    except BaseException:
        await close_client(client)
        raise
    return client


async def close_client(client: discord.Client) -> None:
    """Close a client's gateway and REST session, without waiting long for the other side."""
    try:
        async with asyncio.timeout(CLOSE_TIMEOUT_S):
            await client.close()
    except TimeoutError:
        await client.http.close()


def describe(error: BaseException) -> str:
    """An error in a few words, for logs; discord.py's and aiohttp's texts hold no secrets."""
    if isinstance(error, discord.HTTPException):
        return f"HTTP {error.status}" + (f", code {error.code}" if error.code else "")
    if isinstance(error, TimeoutError):
        return "no answer in time"
    text = str(error).split("\n")[0][:200]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
