"""`/api/v1/session`: signing a browser in with the web token."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from bot_host.web.auth import check_origin
from bot_host.web.errors import ApiError
from bot_host.web.hub import Hub
from bot_host.web.sessions import session_of, set_cookie


class SignIn(BaseModel):
    """What a browser shows."""

    model_config = ConfigDict(extra="forbid")

    token: Annotated[str, Field(min_length=1, max_length=4096)]
    """`web.token` of the configuration."""


async def _own_page(request: Request) -> None:
    check_origin(request)


def make_router(hub: Hub) -> APIRouter:
    """See the module."""
    router = APIRouter(prefix="/api/v1/session", tags=["session"], dependencies=[Depends(_own_page)])

    @router.get("")
    async def look(request: Request) -> dict[str, Any]:
        """Whether a token is needed here, and whether this browser has shown it."""
        return {"needed": hub.guard.wanted, "signed_in": not hub.guard.wanted or hub.guard.signed_in(request)}

    @router.post("", status_code=204)
    async def sign_in(request: Request, given: SignIn) -> Response:
        """Sign this browser in: a cookie that scripts cannot read, for two weeks."""
        if hub.guard.wanted and not await hub.guard.is_right(request, given.token.encode()):
            raise ApiError(401, "this is not the web token (web.token of the config)")
        secure = request.url.scheme == "https" or hub.config.public_url.startswith("https:")
        cookie = set_cookie(hub.guard.sessions.make(), secure=secure)
        return Response(status_code=204, headers={"Set-Cookie": cookie})

    @router.delete("", status_code=204)
    async def sign_out(request: Request) -> Response:
        """Sign this browser out."""
        hub.guard.sessions.end(session_of(request.headers.get("cookie", "")))
        gone = set_cookie("", secure=False, lasts_s=0)
        return Response(status_code=204, headers={"Set-Cookie": gone})

    return router
