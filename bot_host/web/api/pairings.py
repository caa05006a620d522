"""`/api/v1/pairings`: strangers who asked to be let in, where dm_policy is "pairing"."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Path
from starlette.responses import Response

from bot_host.kit.clock import utc_now
from bot_host.runtime.pairing import pair, to_dict
from bot_host.web.errors import ApiError
from bot_host.web.hub import Hub

BY: Final = "console"
"""On the record, as who decided."""

Code = Annotated[str, Path(max_length=40, description="The code that the stranger was given.")]
_Word = Annotated[str, Path(max_length=200)]


def make_router(hub: Hub) -> APIRouter:
    """See the module."""
    router = APIRouter(prefix="/api/v1/pairings", tags=["pairings"], dependencies=[Depends(hub.guarded)])
    store = hub.host.store

    @router.get("")
    async def pairings() -> dict[str, Any]:
        """Open requests with their codes, who was let in, and who was turned down."""
        answer = await pair(store, ["list"], by=BY)
        return {"items": [to_dict(each) for each in answer.pairings]}

    @router.post("/{code}/approve")
    async def approve(code: Code) -> dict[str, Any]:
        """Let whoever was given the code in. The host tells them."""
        return await decide("approve", code)

    @router.post("/{code}/deny")
    async def deny(code: Code) -> dict[str, Any]:
        """Turn whoever was given the code down: they get no other one, and are not told."""
        return await decide("deny", code)

    @router.delete("/{account}/{user_id}", status_code=204)
    async def revoke(account: _Word, user_id: _Word) -> Response:
        """Make a stranger again of somebody who was let in or turned down."""
        if not await store.forget_pairing(account, user_id, by=BY, now=utc_now()):
            raise ApiError(404, "nobody of this id was let in or turned down")
        return Response(status_code=204)

    async def decide(verb: str, code: str) -> dict[str, Any]:
        answer = await pair(store, [verb, code], by=BY)
        if not answer.ok:
            raise ApiError(409 if answer.pairings else 404, answer.text)
        return {"text": answer.text, "pairing": to_dict(answer.pairings[0])}

    return router
